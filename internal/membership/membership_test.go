package membership

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kith/event"
	"kith/internal/cold/coldtest"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/expr"
	"kith/internal/expr/exprtest"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
	"kith/internal/view"
)

// world is a log, a state folded from it, and an engine that follows.
type world struct {
	t      testing.TB
	log    *logmem.Log
	store  state.Store
	runner *pipeline.Runner
	clock  *sys.Manual
	engine *Engine
	cfg    Config
	docs   Documents
	fields expr.Projection
	n      int

	records []record.Record
	users   int // user ids that one person may have
}

func newWorld(t testing.TB, partitions int) *world { return newWorldOn(t, partitions, mem.New()) }

// restless is a state of whose history some is elsewhere, more after every commit.
func restless(seed uint64) *coldtest.Restless {
	return coldtest.NewRestless(mem.New(), &coldtest.Memory{}, seed)
}

func newWorldOn(t testing.TB, partitions int, store state.Store) *world {
	w := &world{
		t: t, log: logmem.New(partitions), store: store, clock: sys.NewManual(time.UnixMilli(exprtest.Midnight)),
		docs: Documents{Traits: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}},
	}
	keys := identity.NewKeyring([]byte("k"))
	w.interpret(keys, 1)
	w.cfg = Config{
		State: w.store, History: keyed.Index{}, Log: w.log, Keys: keys, Partitions: partitions, Clock: w.clock,
		Identity:    func() *identity.Config { return w.runner.Interpreter.Identity },
		Projection:  func() expr.Projection { return w.fields },
		Definitions: func(context.Context) (Documents, error) { return w.docs.copy(), nil },
		Fields: func(_ context.Context, fields []expr.Field) (expr.Projection, error) {
			for _, f := range fields {
				if !slices.Contains(w.fields, f) {
					w.fields = append(w.fields[:len(w.fields):len(w.fields)], f)
				}
			}
			return w.fields, nil
		},
	}
	w.open()
	return w
}

// interpret lets the state be made under rules by which a person may have so many
// user ids.
func (w *world) interpret(keys *identity.Keyring, users int) {
	rules := identity.DefaultConfig()
	rule := rules.Rules["user_id"]
	rule.Limit.Count = users
	rules.Rules["user_id"] = rule
	w.users = users
	w.runner = &pipeline.Runner{
		Log: w.log, State: w.store, Stages: &pipeline.Stages{History: keyed.Index{}}, Clock: w.clock,
		Interpreter: &pipeline.Interpreter{Identity: rules, Keys: keys, Fields: func() expr.Projection { return w.fields }},
		Config:      pipeline.Config{BatchRecords: 3},
	}
	if _, err := w.runner.Prepare(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func (d *Documents) copy() Documents {
	out := Documents{Traits: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}}
	for k, v := range d.Traits {
		out.Traits[k] = v
	}
	for k, v := range d.Segments {
		out.Segments[k] = v
	}
	return out
}

// open starts the engine as after a restart.
func (w *world) open() {
	e, err := Open(context.Background(), w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	e.limits = limits{facts: 5, timers: 2, fill: 2}
	w.engine = e
}

// send accepts a call, received now.
func (w *world) send(partition int32, kind event.Type, at int64, body string) {
	w.n++
	r := record.Record{
		Kind:  record.Event,
		Stamp: event.Stamp{Source: "web", MessageID: fmt.Sprint("m", w.n), Type: kind, ReceivedAt: sys.Millis(w.clock.Now()), Timestamp: at},
		Body:  []byte(body),
	}
	w.append(partition, r)
}

func (w *world) append(partition int32, r record.Record) {
	w.records = append(w.records, r)
	if _, err := w.log.Append(context.Background(), []eventlog.Entry{{Partition: partition, Data: r.AppendTo(nil)}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) fold() {
	if err := w.runner.Drain(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// settle steps until there is nothing to do.
func (w *world) settle() {
	for range 10_000 {
		worked, _, err := w.engine.Step(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		if !worked {
			return
		}
	}
	w.t.Fatal("the engine never comes to rest")
}

// step does one step, which may find that another one has moved the cursor.
func (w *world) step() {
	if _, _, err := w.engine.Step(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// people returns every profile with its nodes, from a derivation of everything.
func (w *world) people(snap state.Reader) map[identity.NodeID][]identity.NodeID {
	out := map[identity.NodeID][]identity.NodeID{}
	clusters := identity.NewClusters(snap)
	for kv, err := range snap.Scan(context.Background(), state.Prefix([]byte{byte(state.FamilyObservation)})) {
		if err != nil {
			w.t.Fatal(err)
		}
		o, err := identity.DecodeObservation(identity.NodeID(kv.Key[1:17]), kv.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, n := range o.Nodes {
			c, err := clusters.Of(context.Background(), n)
			if err != nil {
				w.t.Fatal(err)
			}
			out[c.Leader] = c.Nodes
		}
	}
	return out
}

// check holds the stored members of every segment against asking everybody now.
func (w *world) check(when string) (members int) {
	w.t.Helper()
	ctx := context.Background()
	snap, err := w.store.Snapshot(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	defer snap.Close()
	set, err := w.docs.Set()
	if err != nil {
		w.t.Fatal(err)
	}
	want := map[string][]string{}
	for id, nodes := range w.people(snap) {
		plain := *w.engine.reader
		plain.Bounds = view.UsualBounds()
		v := plain.Person(ctx, snap, nodes, math.MaxInt64)
		a := set.Ask(expr.Profile, v, sys.Millis(w.clock.Now()), time.UTC)
		for _, d := range set.Segments() {
			if a.Member(d.Key).Verdict {
				want[d.Key] = append(want[d.Key], id.String())
			}
		}
		if v.Err() != nil {
			w.t.Fatal(v.Err())
		}
	}
	for _, d := range set.Segments() {
		list, more, err := w.engine.Members(ctx, d.Key, identity.NodeID{}, 1000)
		if err != nil || more {
			w.t.Fatal(err, more)
		}
		var got []string
		for _, m := range list {
			got = append(got, m.Profile.String())
		}
		slices.Sort(want[d.Key])
		slices.Sort(got)
		if !slices.Equal(got, want[d.Key]) {
			w.t.Fatalf("%s: members of %s %s\n got %v\nwant %v", when, d.Key, w.docs.Segments[d.Key], got, want[d.Key])
		}
		if n, err := w.engine.Size(ctx, d.Key); err != nil || n != int64(len(got)) {
			w.t.Fatalf("%s: the size of %s is %d, not %d (%v)", when, d.Key, n, len(got), err)
		}
		members += len(got)
	}
	return members
}

// TestMembersAreThoseWhoMeetTheCondition: random people, random definitions that
// change, merges, late events, time in leaps, restarts: after every round the
// stored members are exactly those whom asking everybody finds.
func TestMembersAreThoseWhoMeetTheCondition(t *testing.T) {
	membersOver(t, 120, func(uint64) state.Store { return mem.New() })
}

// TestMembersOfAHistoryThatIsMoved is the same where old events lie elsewhere and the
// rows of many people are read together.
func TestMembersOfAHistoryThatIsMoved(t *testing.T) {
	var stores []*coldtest.Restless
	membersOver(t, 60, func(seed uint64) state.Store {
		stores = append(stores, restless(seed))
		return stores[seed]
	})
	moved := 0
	for _, s := range stores {
		moved += s.Moved()
	}
	if moved < 1000 {
		t.Errorf("only %d rows were moved", moved)
	}
}

func membersOver(t *testing.T, seeds uint64, store func(seed uint64) state.Store) {
	t.Helper()
	members, transitions := 0, uint64(0)
	for seed := range seeds {
		src := exprtest.New(seed)
		for _, f := range []string{"consent", "entity"} {
			src.Without[f] = true
		}
		w := newWorldOn(t, 1+int(seed%2), store(seed))
		if _, ok := w.store.(*coldtest.Restless); ok {
			w.cfg.Distant = seed%2 == 0
			w.open()
		}
		if seed%3 > 0 { // as of people with very many events
			w.cfg.Bounds = view.Bounds{Small: 1 + int(seed%2)*3, Few: int(seed % 5), Chunk: 1 + int(seed%3), Held: 1, Kept: 10 * int(1+seed%4)}
			w.open()
		}
		src.Segments = nil
		for round := range 12 {
			w.round(src)
			if src.Rand.IntN(4) == 0 {
				w.open()
			}
			w.settle()
			members += w.check(fmt.Sprintf("seed %d, round %d", seed, round))
		}
		w.checkTransitions()
		transitions += w.engine.cursor.Transition
	}
	t.Logf("%d memberships held, %d transitions", members, transitions)
}

// round lets one random thing or more happen.
func (w *world) round(src *exprtest.Source) {
	r := src.Rand
	for r.IntN(3) > 0 {
		key := fmt.Sprint("s", r.IntN(4))
		src.Segments = slices.DeleteFunc([]string{"s0", "s1", "s2", "s3"}, func(k string) bool { return k >= key || w.docs.Segments[k] == nil })
		w.docs.Segments[key] = json.RawMessage(`{"where":` + src.Condition(1) + `}`)
		for range r.IntN(12) {
			w.step()
		}
	}
	if r.IntN(6) == 0 {
		w.interpret(w.cfg.Keys, 3-w.users)
		if r.IntN(2) == 0 {
			w.step()
		}
	}
	if r.IntN(8) == 0 {
		delete(w.docs.Segments, "s3")
	}
	if r.IntN(3) == 0 {
		w.docs.Traits["c0"] = json.RawMessage(`{"type":"count",` + src.Selection() + src.Window() + `}`)
		src.Traits = []string{"c0"}
	}
	for range r.IntN(6) {
		w.call(src, r)
		if r.IntN(3) == 0 {
			w.fold()
		}
		if r.IntN(2) == 0 {
			w.step()
		}
	}
	w.fold()
	if r.IntN(2) == 0 {
		w.clock.Advance(time.Duration(r.IntN(6*60_000)) * time.Millisecond)
	}
}

func (w *world) call(src *exprtest.Source, r *rand.Rand) {
	who := fmt.Sprintf(`"userId":"user-%d"`, r.IntN(3))
	if r.IntN(3) == 0 {
		who = fmt.Sprintf(`"anonymousId":"visitor-%d"`, r.IntN(3))
	}
	if r.IntN(5) == 0 {
		who = fmt.Sprintf(`"userId":"user-%d","anonymousId":"visitor-%d"`, r.IntN(3), r.IntN(3))
	}
	p := int32(r.IntN(w.log.Partitions()))
	switch r.IntN(8) {
	case 0:
		w.send(p, event.Identify, src.Moment(), fmt.Sprintf(`{"type":"identify",%s,"traits":%s}`, who, src.Values()))
	case 1:
		w.send(p, event.Group, src.Moment(), fmt.Sprintf(`{"type":"group",%s,"groupId":"account-%d","traits":%s}`, who, r.IntN(2), src.Values()))
	case 2:
		w.send(p, event.Page, src.Moment(), fmt.Sprintf(`{"type":"page",%s,"name":"A","properties":%s}`, who, src.Values()))
	default:
		w.send(p, event.Track, src.Moment(), fmt.Sprintf(`{"type":"track","event":%q,%s,"properties":%s,"context":%s}`,
			[]string{"A", "B", "C"}[r.IntN(3)], who, src.Values(), src.Values()))
	}
}

// checkTransitions: who is in is who entered last and has not exited since, in
// the order in which transitions were recorded.
func (w *world) checkTransitions() {
	all, err := w.engine.Transitions(context.Background(), 0, 1_000_000)
	if err != nil {
		w.t.Fatal(err)
	}
	in := map[string]bool{}
	for _, tr := range all {
		k := tr.Segment + " " + tr.Profile.String()
		if in[k] == tr.Entered {
			w.t.Fatalf("transition %d: entered %t twice", tr.Sequence, tr.Entered)
		}
		in[k] = tr.Entered
		if tr.At > tr.RecordedAt {
			w.t.Fatalf("transition %d is of a moment that had not come", tr.Sequence)
		}
	}
	for key := range w.docs.Segments {
		list, _, err := w.engine.Members(context.Background(), key, identity.NodeID{}, 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range list {
			if !in[key+" "+m.Profile.String()] {
				w.t.Fatalf("%s has a member that never entered", key)
			}
			delete(in, key+" "+m.Profile.String())
		}
	}
	for k, yes := range in {
		if yes {
			w.t.Fatalf("%s entered and is no member", k)
		}
	}
}

// TestAnswersAreAFunctionOfTheSet: another order of records, other batches and
// partitions come to the same rows of the state's hash, at every moment.
func TestAnswersAreAFunctionOfTheSet(t *testing.T) {
	rows := 0
	for seed := range uint64(40) {
		src := exprtest.New(seed)
		for _, f := range []string{"consent", "entity"} {
			src.Without[f] = true
		}
		a := newWorld(t, 1)
		for range 6 {
			a.round(src)
		}
		a.interpret(a.cfg.Keys, 1)
		a.fold()
		b := newWorldOn(t, 3, restless(seed))
		b.docs = a.docs
		for _, i := range src.Rand.Perm(len(a.records)) {
			p := int32(src.Rand.IntN(3))
			b.append(p, a.records[i])
			if src.Rand.IntN(4) == 0 {
				b.append(p, a.records[i])
			}
			if src.Rand.IntN(3) == 0 {
				b.fold()
			}
		}
		b.fold()
		for range 5 {
			at := src.Moment()
			one, other := a.hashRows(at), b.hashRows(at)
			if !slices.Equal(one, other) {
				t.Fatalf("seed %d at %d:\n%v\n%v", seed, at, one, other)
			}
			rows += len(one)
		}
	}
	t.Logf("%d rows are equal", rows)
}

func (w *world) hashRows(at int64) []string {
	w.t.Helper()
	snap, err := w.store.Snapshot(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	defer snap.Close()
	set, err := w.docs.Set()
	if err != nil {
		w.t.Fatal(err)
	}
	var rows []string
	err = w.engine.HashRows(context.Background(), snap, set, at, func(family string, row []byte) { rows = append(rows, family+" "+string(row)) })
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}
