package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/event"
	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/decision"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/expr"
	"kith/internal/expr/exprtest"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/membership"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/strictjson"
	"kith/internal/sys"
	"kith/internal/view"
)

var (
	differentialFrom  = flag.Uint64("differential.from", 0, "the first seed")
	differentialSeeds = flag.Uint64("differential.seeds", 8, "how many seeds")
)

// TestConditionsAgree holds three ways to answer against each other: the members
// that the live engine keeps while records arrive in any order, the meaning of
// conditions asked of plain data made of the records, and the SQL form over the
// Parquet files that the lake's writer has written.
func TestConditionsAgree(t *testing.T) {
	total, counts := tally{}, map[string]int{}
	for seed := *differentialFrom; seed < *differentialFrom+*differentialSeeds; seed++ {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { agree(t, seed, &total, counts) }) {
			t.Fatalf("to run it alone: -differential.from=%d -differential.seeds=1", seed)
		}
	}
	t.Logf("%d cases of conditions (%d true), %d of computed traits (%d present), %d without a form in SQL; columns of properties were enough %d times, and their sums overflowed %d times", total.conditions, total.holds, total.traits, total.present, total.refused, total.plain, total.overflows)
	t.Logf("%d copies, %d of them with another content; %d rows of members and %d of transitions in the tables", total.repeats, total.others, total.members, total.transitions)
	t.Logf("%d were asked again in a sample; %d questions have none", total.sampled, total.whole)
	var lines []string
	for what, n := range counts {
		lines = append(lines, fmt.Sprint(what, " ", n))
	}
	slices.Sort(lines)
	t.Log("definitions by operator and form: " + strings.Join(lines, ", "))
	if total.conditions < 500*int(*differentialSeeds) || total.holds*20 < total.conditions || total.present == 0 || total.plain == 0 || total.others == 0 || total.members == 0 || total.transitions == 0 || total.sampled == 0 {
		t.Error("too little was asked")
	}
}

// tally counts cases: a definition, a person or account, and a moment.
type tally struct {
	conditions, holds, traits, present, refused, plain, overflows int

	repeats, others int // copies, and those that differ from what they are copies of
	members         int // rows that were held against what the live engine says
	transitions     int

	sampled, whole int // who was asked again in a sample; questions that have none
}

// trialWorld is a log, a state folded from it, the engine that keeps members, and
// the lake.
type trialWorld struct {
	t       *testing.T
	log     *logmem.Log
	store   state.Store
	runner  *pipeline.Runner
	clock   *sys.Manual
	engine  *membership.Engine
	writer  *lake.Writer
	dir     string
	docs    membership.Documents
	fields  expr.Projection
	records []record.Record
	rules   *identity.Config
	keys    *identity.Keyring
	n       int
	arrived []record.Record // that are not in the log yet

	retracted map[string]bool // loads that were taken back
}

func newTrialWorld(t *testing.T, seed uint64) *trialWorld {
	t.Helper()
	w := &trialWorld{
		t: t, log: logmem.New(1 + int(seed%2)), store: mem.New(), clock: sys.NewManual(time.UnixMilli(exprtest.Midnight - 3*exprtest.Minute)), dir: t.TempDir(),
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
		Store: local.New(vfs.Default, filepath.Join(w.dir, "lake")), State: w.store, Log: w.log, Partitions: w.log.Partitions(), Clock: w.clock, Rand: sys.Seeded(1),
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

func (w *trialWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// define makes random definitions that name each other.
func (w *trialWorld) define(src *exprtest.Source) {
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
func (w *trialWorld) call(src *exprtest.Source, r *rand.Rand) {
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

func (w *trialWorld) stamp(source string) event.Stamp {
	w.n++
	now := sys.Millis(w.clock.Now())
	return event.Stamp{Source: source, MessageID: fmt.Sprint("m", w.n*7919%1000, "-", w.n), ReceivedAt: now, Timestamp: now}
}

// send accepts a call, received now. Some come with a load that may be taken back.
func (w *trialWorld) send(kind event.Type, at int64, body string) {
	r := record.Record{Kind: record.Event, Stamp: w.stamp("web"), Body: []byte(body)}
	r.Stamp.Type, r.Stamp.Timestamp = kind, at
	if w.n%4 == 0 {
		r.Envelope = fmt.Appendf(nil, `{"context":{"run":"load-%d"}}`, w.n%8)
	}
	w.append(r)
}

// say lets somebody speak of purposes.
func (w *trialWorld) say(r *rand.Rand) {
	body := fmt.Sprintf(`{"identity":{"type":"user_id","value":"user-%d"},"purpose":%q,"channel":%q,"state":%q}`, r.IntN(persons),
		[]string{"marketing", "marketing", "*", "other"}[r.IntN(4)], []string{"", "email", "sms", "push"}[r.IntN(4)], []string{"granted", "granted", "denied", "withdrawn"}[r.IntN(4)])
	w.append(record.Record{Kind: record.Consent, Stamp: w.stamp("api"), Body: []byte(body)})
}

// row writes a row of an entity.
func (w *trialWorld) row(src *exprtest.Source, r *rand.Rand) {
	values := strings.TrimSuffix(src.Values(), "}")
	if values != "{" {
		values += ","
	}
	body := entity.Body{Entity: "orders", Attributes: fmt.Appendf(nil, `%s"order_id":"o%d","user_id":"user-%d"}`, values, w.n, r.IntN(persons))}
	w.append(record.Record{Kind: record.Row, Stamp: w.stamp("api"), Body: body.AppendTo(nil)})
}

// decide joins people, parts them, or takes a load back.
func (w *trialWorld) decide(r *rand.Rand) {
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
func (w *trialWorld) append(r record.Record) {
	w.records = append(w.records, r)
	w.arrived = append(w.arrived, r)
}

// repeat accepts a copy of an earlier message: the same record again, or of an event
// another one under its name.
func (w *trialWorld) repeat(src *exprtest.Source, total *tally) {
	r := w.records[src.Rand.IntN(len(w.records))]
	total.repeats++
	if r.Kind == record.Event && src.Rand.IntN(2) == 0 {
		total.others++
		r.Stamp.ReceivedAt = sys.Millis(w.clock.Now())
		r.Stamp.Type, r.Stamp.Timestamp = event.Track, src.Moment()
		r.Body = fmt.Appendf(nil, `{"type":"track","event":%q,"userId":"user-%d","properties":%s}`, []string{"A", "B", "C"}[src.Rand.IntN(3)], src.Rand.IntN(persons), src.Values())
	}
	w.append(r)
}

// arrive puts what was accepted into the log, in a random order.
func (w *trialWorld) arrive(r *rand.Rand) {
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
func (w *trialWorld) settle() {
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

func agree(t *testing.T, seed uint64, total *tally, counts map[string]int) {
	src := exprtest.New(seed)
	src.Counts, src.Scalars = counts, seed%3 == 1
	w := newTrialWorld(t, seed)
	w.define(src)
	for range 3 {
		for range 70 {
			w.call(src, src.Rand)
			if src.Rand.IntN(8) == 0 {
				w.repeat(src, total)
			}
		}
		w.arrive(src.Rand)
		w.hold(seed, total)
		if t.Failed() {
			return
		}
		w.clock.Advance(time.Duration(src.Rand.IntN(4*60_000)) * time.Millisecond)
	}
}

// hold compares the three answers now.
func (w *trialWorld) hold(seed uint64, total *tally) {
	t := w.t
	now := sys.Millis(w.clock.Now())
	set, err := w.docs.Set()
	w.must(err)
	h := newHouse(t, filepath.Join(w.dir, "lake"))
	plain := w.plain()
	w.holdTables(h, set, total)
	for _, scope := range []expr.Scope{expr.Profile, expr.Account} {
		ids, ask := plain.subjects(scope)
		q := condition.Question{Set: set, Scope: scope, Now: now, Zone: time.UTC, Columns: w.columns(total)}
		w.holdSegments(h, q, ids, ask, total)
		w.holdTraits(h, q, ids, ask, total)
	}
}

// of is a query of one table.
func of(table, query string) analytics.Query {
	return analytics.Query{SQL: query, Own: &analytics.Own{Tables: []string{table}}}
}

// holdTables holds the tables of segments against what the live engine says.
func (w *trialWorld) holdTables(h *house, set *segment.Set, total *tally) {
	ctx := context.Background()
	want := map[string]string{}
	for _, d := range set.Segments() {
		members, _, err := w.engine.Members(ctx, d.Key, identity.NodeID{}, 10_000)
		w.must(err)
		for _, m := range members {
			want[d.Key+" "+m.Profile.String()] = fmt.Sprint(m.Since, d.Scope == expr.Profile)
		}
	}
	got := map[string]string{}
	rows := w.query(h, of(lake.TableMembers, "SELECT segment || ' ' || node_id, epoch_ms(since), profile_id IS NOT DISTINCT FROM node_id, account_id IS NULL FROM segment_members"))
	for key, row := range rows {
		got[key] = row[1] + " " + row[2]
		if row[2] != row[3] {
			w.t.Errorf("%s is %v", key, row)
		}
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("the table has the members\n%v\nthe engine\n%v", got, want)
	}
	transitions, err := w.engine.Transitions(ctx, 0, 1_000_000)
	w.must(err)
	rows = w.query(h, of(lake.TableTransitions, "SELECT sequence, segment || ' ' || node_id || ' ' || entered || ' ' || epoch_ms(changed_at) || ' ' || epoch_ms(recorded_at) || ' ' || cause FROM segment_transitions"))
	if len(rows) != len(transitions) {
		w.t.Errorf("the table has %d transitions, the engine %d", len(rows), len(transitions))
	}
	for i := range transitions {
		x := &transitions[i]
		if row := rows[fmt.Sprint(x.Sequence)]; row == nil || row[1] != fmt.Sprint(x.Segment, " ", x.Profile, " ", x.Entered, " ", x.At, " ", x.RecordedAt, " ", x.Cause) {
			w.t.Errorf("transition %+v is %v in the table", x, row)
		}
	}
	total.members, total.transitions = total.members+len(got), total.transitions+len(rows)
}

// columns tells which columns of properties there are.
func (w *trialWorld) columns(total *tally) func(string) ([3]string, bool) {
	m, err := lake.ReadManifest(context.Background(), local.New(vfs.Default, filepath.Join(w.dir, "lake")), lake.TableEvents)
	w.must(err)
	of := m.PropertyColumns()
	return func(path string) ([3]string, bool) {
		names, plain := of(path)
		if plain {
			total.plain++
		}
		return names, plain
	}
}

// either asks with the columns of properties; where a sum overflows those, without.
func (w *trialWorld) either(h *house, q condition.Question, total *tally, write func(condition.Question) (analytics.Query, error)) map[string][]string {
	w.t.Helper()
	query, err := write(q)
	w.must(err)
	if _, err := h.own(query); errs.CodeOf(errorOf(err)) == "sql.out_of_range" {
		total.overflows++
		q.Columns = nil
		query, err = write(q)
		w.must(err)
	}
	return w.query(h, query)
}

// errorOf is an error as a caller of the engine is told it.
func errorOf(err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f.public("")
	}
	return err
}

func (w *trialWorld) holdSegments(h *house, q condition.Question, ids []identity.NodeID, ask func(identity.NodeID) segment.View, total *tally) {
	var defs []*segment.Definition
	var conditions []expr.Condition
	for _, d := range q.Set.Segments() {
		if d.Scope == q.Scope {
			defs, conditions = append(defs, d), append(conditions, d.Where)
		}
	}
	if len(defs) == 0 {
		return
	}
	byID := w.either(h, q, total, func(q condition.Question) (analytics.Query, error) { return q.Verdicts(conditions) })
	if len(byID) != len(ids) {
		w.t.Errorf("%d subjects in SQL, %d in the records", len(byID), len(ids))
	}
	w.holdSample(h, q, conditions, byID, total)
	for i, d := range defs {
		members, more, err := w.engine.Members(context.Background(), d.Key, identity.NodeID{}, 10_000)
		w.must(err)
		if more {
			w.t.Fatal("there are more members than were asked for")
		}
		live := map[identity.NodeID]bool{}
		for _, m := range members {
			live[m.Profile] = true
		}
		for _, id := range ids {
			want := q.Set.Ask(q.Scope, ask(id), q.Now, q.Zone).Member(d.Key).Verdict
			total.conditions++
			if want {
				total.holds++
			}
			sql := "no row"
			if row := byID[id.String()]; row != nil {
				sql = row[i+1]
			}
			if sql != fmt.Sprint(want) || live[id] != want {
				w.t.Errorf("%s of %s at %d: the meaning is %t, live %t, SQL %s\n%s", d.Key, id, q.Now-exprtest.Midnight, want, live[id], sql, w.docs.Segments[d.Key])
				return
			}
			delete(live, id)
		}
		if len(live) > 0 {
			w.t.Errorf("%s has members who are nobody", d.Key)
		}
	}
}

// holdSample holds that asking a part of everybody comes to the same for each of
// them, and that they are those who have the ids of that part.
func (w *trialWorld) holdSample(h *house, q condition.Question, conditions []expr.Condition, all map[string][]string, total *tally) {
	q.Part = 2
	if _, err := q.Verdicts(conditions); errs.CodeOf(err) == condition.CodeNoSample {
		total.whole++
		return
	}
	rows := w.either(h, q, total, func(q condition.Question) (analytics.Query, error) { return q.Verdicts(conditions) })
	want := 0
	for id := range all {
		if id < "80" {
			want++
		}
	}
	for id, row := range rows {
		if !slices.Equal(row, all[id]) || id >= "80" {
			w.t.Errorf("%v in a sample, %v of all", row, all[id])
		}
	}
	if len(rows) != want {
		w.t.Errorf("%d in a sample, want %d", len(rows), want)
	}
	total.sampled += want
}

func (w *trialWorld) holdTraits(h *house, q condition.Question, ids []identity.NodeID, ask func(identity.NodeID) segment.View, total *tally) {
	var keys []string
	for _, d := range q.Set.Traits() {
		if d.Scope == q.Scope {
			keys = append(keys, d.Key)
		}
	}
	if len(keys) == 0 {
		return
	}
	byID := w.either(h, q, total, func(q condition.Question) (analytics.Query, error) { return q.Values(keys) })
	for _, id := range ids {
		a := q.Set.Ask(q.Scope, ask(id), q.Now, q.Zone)
		for i, key := range keys {
			want, got := canonicalJSON(string(a.Value(key).JSON)), "no row"
			if row := byID[id.String()]; row != nil {
				got = canonicalJSON(row[i+1])
			}
			total.traits++
			if want != "" {
				total.present++
			}
			if got != want {
				w.t.Errorf("%s of %s at %d: the meaning is %s, SQL %s\n%s", key, id, q.Now-exprtest.Midnight, want, got, w.docs.Traits[key])
				return
			}
		}
	}
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

// query returns the rows of a query by their first column.
func (w *trialWorld) query(h *house, query analytics.Query) map[string][]string {
	w.t.Helper()
	rows, err := h.own(query)
	if err != nil {
		w.t.Fatalf("%v\n%.300s", err, query.SQL)
	}
	out := map[string][]string{}
	for _, r := range rows {
		if out[r[0]] != nil {
			w.t.Fatalf("%s comes twice", r[0])
		}
		out[r[0]] = r
	}
	return out
}
