// Package conditiontest holds ways to answer conditions and computed traits against
// each other: the members that the live engine keeps while records arrive in any
// order, the meaning of conditions asked of plain data made of the records, and the
// forms in SQL over the tables that the lake's writer has written.
package conditiontest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/event"
	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/decision"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/expr/exprtest"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/lake"
	"kith/internal/membership"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/strictjson"
	"kith/internal/sys"
	"kith/internal/view"
)

// Tally counts cases: a definition, a person or account, and a moment.
type Tally struct {
	Conditions, Holds, Traits, Present int

	Sampled, Whole  int            // who was asked again in a sample; conditions that have none
	Repeats, Others int            // copies, and those that differ from what they are copies of
	Counts          map[string]int // definitions by operator and form
}

// Log tells what was asked. It is an error if that was too little for so many
// seeds.
func (l *Tally) Log(t *testing.T, seeds int) {
	t.Helper()
	t.Logf("%d cases of conditions (%d true), %d of computed traits (%d present); %d copies, %d of them with another content", l.Conditions, l.Holds, l.Traits, l.Present, l.Repeats, l.Others)
	t.Logf("%d were asked again in a sample; %d conditions have none", l.Sampled, l.Whole)
	var lines []string
	for what, n := range l.Counts {
		lines = append(lines, fmt.Sprint(what, " ", n))
	}
	slices.Sort(lines)
	t.Log("definitions by operator and form: " + strings.Join(lines, ", "))
	if l.Conditions < 500*seeds || l.Holds*20 < l.Conditions || l.Present == 0 || l.Others == 0 || l.Sampled == 0 {
		t.Error("too little was asked")
	}
}

// World is a log, a state folded from it, the engine that keeps members, and the
// lake.
type World struct {
	t       *testing.T
	log     eventlog.Log
	store   state.Store
	runner  *pipeline.Runner
	clock   *sys.Manual
	engine  *membership.Engine
	writer  *lake.Writer
	parts   Parts
	docs    membership.Documents
	fields  expr.Projection
	records []record.Record
	rules   *identity.Config
	keys    *identity.Keyring
	n       int
	arrived []record.Record // that are not in the log yet

	retracted map[string]bool // loads that were taken back
}

func newWorld(t *testing.T, seed uint64, parts Parts) *World {
	t.Helper()
	w := &World{
		t: t, parts: parts, log: parts.Log(1 + int(seed%2)), store: parts.State, clock: sys.NewManual(time.UnixMilli(exprtest.Midnight - 3*exprtest.Minute)),
		docs:      membership.Documents{Traits: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}},
		retracted: map[string]bool{},
		rules:     identity.DefaultConfig(), keys: identity.NewKeyring([]byte("k")),
	}
	w.runner = &pipeline.Runner{
		Log: w.log, State: w.store, Stages: &pipeline.Stages{History: keyed.Index{}}, Clock: w.clock,
		Interpreter: &pipeline.Interpreter{Identity: w.rules, Keys: w.keys, Entities: &entity.Config{Definitions: []entity.Definition{{Entity: "orders", Key: "order_id", Attribute: "user_id", Type: "user_id"}}}, Fields: func() expr.Projection { return w.fields }},
		Config:      pipeline.Config{BatchRecords: 7},
	}
	reader := &profile.Reader{State: w.store, History: keyed.Index{}, Log: w.log, Config: w.rules, Keys: w.keys}
	w.writer = lake.New(lake.Config{
		Store: parts.Lake, State: w.store, Log: w.log, Partitions: w.log.Partitions(), Clock: w.clock, Rand: sys.Seeded(1), Mirror: parts.Mirror,
		Parts: func() lake.Parts { return lake.Parts{Interpreter: w.runner.Interpreter, Reader: reader} },
	})
	bounds := view.UsualBounds()
	if seed%2 == 1 { // as if everybody had very many events
		bounds = view.Bounds{Small: 2, Chunk: 2, Held: 1, Kept: 200}
	}
	e, err := membership.Open(context.Background(), membership.Config{
		Bounds: bounds,
		State:  w.store, History: keyed.Index{}, Log: w.log, Keys: w.keys, Partitions: w.log.Partitions(), Clock: w.clock,
		Identity: func() *identity.Config { return w.rules },
		Rows:     entity.OwnedJSON,
		Definitions: func(context.Context) (membership.Documents, error) {
			return membership.Documents{Traits: maps.Clone(w.docs.Traits), Segments: maps.Clone(w.docs.Segments)}, nil
		},
		Fields: func(_ context.Context, fields []expr.Field) (expr.Projection, error) {
			for _, f := range fields {
				if !slices.Contains(w.fields, f) {
					w.fields = append(w.fields[:len(w.fields):len(w.fields)], f)
				}
			}
			return w.fields, nil
		},
	})
	w.must(err)
	w.engine = e
	return w
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// define makes random definitions that name each other.
func (w *World) define(src *exprtest.Source) {
	var ofAccounts, accountTraits []string
	for i := range 10 {
		key, scope := fmt.Sprint("c", i), ""
		if i >= 8 {
			key, scope = fmt.Sprint("d", i), "account"
		}
		about := *src
		if scope != "" {
			about.Traits = accountTraits
		}
		w.docs.Traits[key] = json.RawMessage(about.Trait(scope))
		if scope != "" {
			accountTraits = append(accountTraits, key)
			src.AccountTraits = accountTraits
			continue
		}
		src.Traits = append(src.Traits, key)
	}
	for i := range 16 {
		key := fmt.Sprint("s", i)
		w.docs.Segments[key] = json.RawMessage(`{"where":` + src.Condition(2) + `}`)
		src.Segments = append(src.Segments, key)
	}
	for i := range 4 {
		key := fmt.Sprint("a", i)
		w.docs.Segments[key] = json.RawMessage(`{"scope":"account","where":` + src.AccountCondition(2, ofAccounts, accountTraits) + `}`)
		ofAccounts = append(ofAccounts, key)
	}
}

// persons is how many users, and how many visitors, there are.
const persons = 14

// call lets one random thing happen.
func (w *World) call(src *exprtest.Source, r *rand.Rand) {
	who := fmt.Sprintf(`"userId":"user-%d"`, r.IntN(persons))
	if r.IntN(3) == 0 {
		who = fmt.Sprintf(`"anonymousId":"visitor-%d"`, r.IntN(persons))
	}
	if r.IntN(12) == 0 {
		who = fmt.Sprintf(`"userId":"user-%d","anonymousId":"visitor-%d"`, r.IntN(persons), r.IntN(persons))
	}
	switch r.IntN(14) {
	case 0:
		w.send(event.Identify, src.Moment(), fmt.Sprintf(`{"type":"identify",%s,"traits":%s}`, who, src.Values()))
	case 1, 2:
		w.send(event.Group, src.Moment(), fmt.Sprintf(`{"type":"group",%s,"groupId":%q,"traits":%s}`, who, []string{"account-0", " account-0", "account-1", "Account-1", "account-2"}[r.IntN(5)], src.Values()))
	case 3:
		w.send(event.Page, src.Moment(), fmt.Sprintf(`{"type":"page",%s,"name":"A","properties":%s}`, who, src.Values()))
	case 4:
		w.say(r)
	case 5:
		w.row(src, r)
	case 6:
		if r.IntN(4) == 0 {
			w.decide(r)
		}
	default:
		w.send(event.Track, src.Moment(), fmt.Sprintf(`{"type":"track","event":%q,%s,"properties":%s,"context":%s}`,
			[]string{"A", "B", "C"}[r.IntN(3)], who, src.Values(), src.Values()))
	}
}

func (w *World) stamp(source string) event.Stamp {
	w.n++
	now := sys.Millis(w.clock.Now())
	return event.Stamp{Source: source, MessageID: fmt.Sprint("m", w.n*7919%1000, "-", w.n), ReceivedAt: now, Timestamp: now}
}

// send accepts a call, received now. Some come with a load that may be taken back.
func (w *World) send(kind event.Type, at int64, body string) {
	r := record.Record{Kind: record.Event, Stamp: w.stamp("web"), Body: []byte(body)}
	r.Stamp.Type, r.Stamp.Timestamp = kind, at
	if w.n%4 == 0 {
		r.Envelope = fmt.Appendf(nil, `{"context":{"run":"load-%d"}}`, w.n%8)
	}
	w.append(r)
}

// say lets somebody speak of purposes.
func (w *World) say(r *rand.Rand) {
	body := fmt.Sprintf(`{"identity":{"type":"user_id","value":"user-%d"},"purpose":%q,"channel":%q,"state":%q}`, r.IntN(persons),
		[]string{"marketing", "marketing", "*", "other"}[r.IntN(4)], []string{"", "email", "sms", "push"}[r.IntN(4)], []string{"granted", "granted", "denied", "withdrawn"}[r.IntN(4)])
	w.append(record.Record{Kind: record.Consent, Stamp: w.stamp("api"), Body: []byte(body)})
}

// row writes a row of an entity.
func (w *World) row(src *exprtest.Source, r *rand.Rand) {
	values := strings.TrimSuffix(src.Values(), "}")
	if values != "{" {
		values += ","
	}
	body := entity.Body{Entity: "orders", Attributes: fmt.Appendf(nil, `%s"order_id":"o%d","user_id":"user-%d"}`, values, w.n, r.IntN(persons))}
	w.append(record.Record{Kind: record.Row, Stamp: w.stamp("api"), Body: body.AppendTo(nil)})
}

// decide joins people, parts them, or takes a load back.
func (w *World) decide(r *rand.Rand) {
	user := func() decision.Value {
		return decision.Value{Type: "user_id", Value: fmt.Sprint("user-", r.IntN(persons))}
	}
	visitor := func() decision.Value {
		return decision.Value{Type: "anonymous_id", Value: fmt.Sprint("visitor-", r.IntN(persons))}
	}
	d := decision.Decision{ID: fmt.Sprint("dec_", w.n), At: sys.Millis(w.clock.Now()), By: "somebody"}
	switch r.IntN(5) {
	case 0, 1:
		a, b := user(), user()
		d.Kind, d.A, d.B = decision.Merge, &a, &b
	case 2, 3:
		d.Kind, d.Left, d.Right = decision.Split, []decision.Value{user()}, []decision.Value{visitor()}
	default:
		d.Kind, d.Source, d.Run = decision.Retract, "web", fmt.Sprint("load-", 4*r.IntN(2))
		w.retracted[d.Run] = true
	}
	rec, err := d.Record()
	w.must(err)
	w.n++
	w.append(rec)
}

// append accepts a record. It comes into the log with the others of its time, in any
// order.
func (w *World) append(r record.Record) {
	w.records = append(w.records, r)
	w.arrived = append(w.arrived, r)
}

// repeat accepts a copy of an earlier message: the same record again, or of an event
// another one under its name.
func (w *World) repeat(src *exprtest.Source, total *Tally) {
	r := w.records[src.Rand.IntN(len(w.records))]
	total.Repeats++
	if r.Kind == record.Event && src.Rand.IntN(2) == 0 {
		total.Others++
		r.Stamp.ReceivedAt = sys.Millis(w.clock.Now())
		r.Stamp.Type, r.Stamp.Timestamp = event.Track, src.Moment()
		r.Body = fmt.Appendf(nil, `{"type":"track","event":%q,"userId":"user-%d","properties":%s}`, []string{"A", "B", "C"}[src.Rand.IntN(3)], src.Rand.IntN(persons), src.Values())
	}
	w.append(r)
}

// arrive puts what was accepted into the log, in a random order.
func (w *World) arrive(r *rand.Rand) {
	r.Shuffle(len(w.arrived), func(i, j int) { w.arrived[i], w.arrived[j] = w.arrived[j], w.arrived[i] })
	for i := range w.arrived {
		p := int32(r.IntN(w.log.Partitions()))
		_, err := w.log.Append(context.Background(), []eventlog.Entry{{Partition: p, Data: w.arrived[i].AppendTo(nil)}})
		w.must(err)
		if r.IntN(60) == 0 {
			w.settle() // some of it is folded, and members and tables follow, before the rest comes
		}
	}
	w.arrived = nil
	w.settle()
}

// settle folds, keeps members and writes the lake until nothing is left to do.
func (w *World) settle() {
	ctx := context.Background()
	w.must(w.runner.Drain(ctx))
	for {
		worked, _, err := w.engine.Step(ctx)
		w.must(err)
		if !worked {
			break
		}
	}
	for {
		n, err := w.writer.Step(ctx)
		w.must(err)
		if n == 0 {
			return
		}
	}
}

// Parts are the engines of a world.
type Parts struct {
	Log    func(partitions int) eventlog.Log
	State  state.Store
	Lake   lake.Store
	Mirror lake.Mirror // that the lake keeps; nil for none
}

// Agree lets a random world go on for three stretches of time, and calls hold after
// each.
func Agree(t *testing.T, seed uint64, parts Parts, total *Tally, hold func(*World, *segment.Set)) {
	if total.Counts == nil {
		total.Counts = map[string]int{}
	}
	src := exprtest.New(seed)
	src.Counts, src.Scalars = total.Counts, seed%3 == 1
	w := newWorld(t, seed, parts)
	w.define(src)
	for range 3 {
		for range 70 {
			w.call(src, src.Rand)
			if src.Rand.IntN(8) == 0 {
				w.repeat(src, total)
			}
		}
		w.arrive(src.Rand)
		set, err := w.docs.Set()
		w.must(err)
		hold(w, set)
		if t.Failed() {
			return
		}
		w.clock.Advance(time.Duration(src.Rand.IntN(4*60_000)) * time.Millisecond)
	}
}

// Events returns the list of files of the table of events.
func (w *World) Events() *lake.Manifest {
	m, err := lake.ReadManifest(context.Background(), w.parts.Lake, lake.TableEvents)
	w.must(err)
	return m
}

// Members returns the members of a segment that the live engine keeps.
func (w *World) Members(key string) []membership.Member {
	w.t.Helper()
	members, more, err := w.engine.Members(context.Background(), key, identity.NodeID{}, 10_000)
	w.must(err)
	if more {
		w.t.Fatal("there are more members than were asked for")
	}
	return members
}

// Transitions returns those that the live engine has kept.
func (w *World) Transitions() []membership.Transition {
	transitions, err := w.engine.Transitions(context.Background(), 0, 1_000_000)
	w.must(err)
	return transitions
}

// Ask writes a question in the form of an engine, asks it, and returns the rows as
// texts.
type Ask func(q condition.Question, write func(condition.Form) (analytics.Query, error)) ([][]string, error)

// Hold compares the three answers now, for all definitions.
func (w *World) Hold(set *segment.Set, ask Ask, total *Tally) {
	now, plain := sys.Millis(w.clock.Now()), w.plain()
	for _, scope := range []expr.Scope{expr.Profile, expr.Account} {
		ids, of := plain.subjects(scope)
		h := &held{w, ask, condition.Question{Set: set, Scope: scope, Now: now, Zone: time.UTC}, ids, of, total}
		h.segments()
		h.traits()
	}
}

// held is a comparison of everybody of a scope.
type held struct {
	w     *World
	ask   Ask
	q     condition.Question
	ids   []identity.NodeID
	of    func(identity.NodeID) segment.View
	total *Tally
}

func (h *held) segments() {
	var defs []*segment.Definition
	var conditions []expr.Condition
	for _, d := range h.q.Set.Segments() {
		if d.Scope == h.q.Scope {
			defs, conditions = append(defs, d), append(conditions, d.Where)
		}
	}
	if len(defs) == 0 {
		return
	}
	byID := h.rows(func(f condition.Form) (analytics.Query, error) { return f.Verdicts(conditions) })
	if len(byID) != len(h.ids) {
		h.w.t.Errorf("%d subjects in SQL, %d in the records", len(byID), len(h.ids))
	}
	h.sample(conditions, byID)
	for i, d := range defs {
		live := map[identity.NodeID]bool{}
		for _, m := range h.w.Members(d.Key) {
			live[m.Profile] = true
		}
		for _, id := range h.ids {
			want := h.q.Set.Ask(h.q.Scope, h.of(id), h.q.Now, h.q.Zone).Member(d.Key).Verdict
			h.total.Conditions++
			if want {
				h.total.Holds++
			}
			sql := "no row"
			if row := byID[id.String()]; row != nil {
				sql = row[i+1]
			}
			if sql != fmt.Sprint(want) || live[id] != want {
				h.w.t.Errorf("%s of %s at %d: the meaning is %t, live %t, SQL %s\n%s", d.Key, id, h.q.Now-exprtest.Midnight, want, live[id], sql, h.w.docs.Segments[d.Key])
				return
			}
			delete(live, id)
		}
		if len(live) > 0 {
			h.w.t.Errorf("%s has members who are nobody", d.Key)
		}
	}
}

// sample holds that asking a part of everybody comes to the same for each of them,
// and that they are those who have the ids of that part.
func (h *held) sample(conditions []expr.Condition, all map[string][]string) {
	part := *h
	part.q.Part = 2
	var kept []int
	rows, err := part.ask(part.q, func(f condition.Form) (analytics.Query, error) {
		var asked []expr.Condition
		kept = nil
		for i, c := range conditions {
			if _, err := f.Verdicts([]expr.Condition{c}); errs.CodeOf(err) != condition.CodeNoSample {
				asked, kept = append(asked, c), append(kept, i)
			}
		}
		return f.Verdicts(asked)
	})
	h.total.Whole += len(conditions) - len(kept)
	if errs.CodeOf(err) == condition.CodeNoSample {
		return // accounts
	}
	h.w.must(err)
	want := 0
	for id := range all {
		if id < "80" {
			want++
		}
	}
	for id, row := range h.w.ByFirst(rows) {
		if all[id] == nil || id >= "80" {
			h.w.t.Errorf("%v is in a sample", row)
			continue
		}
		for i, place := range kept {
			if row[i+1] != all[id][place+1] {
				h.w.t.Errorf("%v in a sample, %v of all", row, all[id])
			}
		}
	}
	if len(rows) != want {
		h.w.t.Errorf("%d in a sample, want %d", len(rows), want)
	}
	h.total.Sampled += want
}

func (h *held) traits() {
	var keys []string
	for _, d := range h.q.Set.Traits() {
		if d.Scope == h.q.Scope {
			keys = append(keys, d.Key)
		}
	}
	if len(keys) == 0 {
		return
	}
	byID := h.rows(func(f condition.Form) (analytics.Query, error) { return f.Values(keys) })
	for _, id := range h.ids {
		a := h.q.Set.Ask(h.q.Scope, h.of(id), h.q.Now, h.q.Zone)
		for i, key := range keys {
			want, got := canonicalJSON(string(a.Value(key).JSON)), "no row"
			if row := byID[id.String()]; row != nil {
				got = canonicalJSON(row[i+1])
			}
			h.total.Traits++
			if want != "" {
				h.total.Present++
			}
			if got != want {
				h.w.t.Errorf("%s of %s at %d: the meaning is %s, SQL %s\n%s", key, id, h.q.Now-exprtest.Midnight, want, got, h.w.docs.Traits[key])
				return
			}
		}
	}
}

// rows returns the rows of a question by their first column.
func (h *held) rows(write func(condition.Form) (analytics.Query, error)) map[string][]string {
	h.w.t.Helper()
	rows, err := h.ask(h.q, write)
	if err != nil {
		h.w.t.Fatal(err)
	}
	return h.w.ByFirst(rows)
}

// ByFirst returns rows by their first column, which has to be different in each.
func (w *World) ByFirst(rows [][]string) map[string][]string {
	w.t.Helper()
	out := map[string][]string{}
	for _, r := range rows {
		if out[r[0]] != nil {
			w.t.Fatalf("%s comes twice", r[0])
		}
		out[r[0]] = r
	}
	return out
}

// canonicalJSON is a value in the form in which equal ones have the same text.
func canonicalJSON(text string) string {
	var doc strictjson.Doc
	if text == "NULL" || text == "" {
		return ""
	}
	if doc.Parse([]byte(text), strictjson.Limits{}) != nil {
		return "no JSON: " + text
	}
	return string(doc.Root().AppendCanonical(nil))
}
