// Package historytest is the suite that every engine of the history port passes.
package historytest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
)

// Run runs the suite over an index whose rows lie in fresh stores that open
// makes.
func Run(t *testing.T, index history.Index, open func(t *testing.T) state.Store) {
	for name, test := range map[string]func(*suite){
		"what was appended is found":        (*suite).roundTrip,
		"the order is that of events":       (*suite).order,
		"the same name replaces":            (*suite).replace,
		"random entries against a model":    (*suite).model,
		"names of any kind":                 (*suite).names,
		"calls are listed once":             (*suite).calls,
		"nodes and strands stay apart":      (*suite).apart,
		"removing what is not there":        (*suite).removeNothing,
		"a range of nothing yields nothing": (*suite).empty,
	} {
		t.Run(name, func(t *testing.T) { test(&suite{T: t, index: index, store: open(t)}) })
	}
}

type suite struct {
	*testing.T
	index history.Index
	store state.Store
}

// update runs f in a committed transaction.
func (s *suite) update(f func(tx state.Tx)) {
	s.Helper()
	tx, err := s.store.Begin(context.Background(), nil)
	if err != nil {
		s.Fatal(err)
	}
	defer tx.Rollback()
	f(tx)
	if err := tx.Commit(context.Background(), state.Cursor{}); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) append(entries ...*history.Entry) {
	s.Helper()
	s.update(func(tx state.Tx) {
		for _, e := range entries {
			s.index.Append(tx, e)
		}
	})
}

func (s *suite) read(f func(r state.Reader)) {
	s.Helper()
	snap, err := s.store.Snapshot(context.Background())
	if err != nil {
		s.Fatal(err)
	}
	f(snap)
	if err := snap.Close(); err != nil {
		s.Fatal(err)
	}
}

func (s *suite) rangeOf(q history.Query) (out []*history.Entry) {
	s.Helper()
	s.read(func(r state.Reader) {
		for e, err := range s.index.Range(context.Background(), r, q) {
			if err != nil {
				s.Fatal(err)
			}
			out = append(out, e)
		}
		if q.Type == event.Unknown || q.AnyName || q.Reverse {
			return
		}
		if q.Limit == 0 {
			q.Limit = len(out) + 1
		}
		lost := q
		lost.Name += " that nobody has sent"
		all, err := s.index.RangeAll(context.Background(), r, []history.Query{lost, q, q})
		if diff := cmp.Diff([][]*history.Entry{nil, out, out}, all); err != nil || diff != "" {
			s.Fatalf("read together: %v\n%s", err, diff)
		}
	})
	return out
}

func (s *suite) get(name *history.Entry) (e *history.Entry) {
	s.Helper()
	s.read(func(r state.Reader) {
		var err error
		if e, err = s.index.Get(context.Background(), r, name); err != nil {
			s.Fatal(err)
		}
		lost := *name
		lost.MessageID += " that nobody has sent"
		all, err := s.index.GetAll(context.Background(), r, []*history.Entry{&lost, name, &lost, name})
		if diff := cmp.Diff([]*history.Entry{nil, e, nil, e}, all); err != nil || diff != "" {
			s.Fatalf("got together: %v\n%s", err, diff)
		}
	})
	return e
}

// ever is a query over all time.
func ever(q history.Query) history.Query {
	q.From, q.To = math.MinInt64, math.MaxInt64
	return q
}

func node(n byte) identity.NodeID { return identity.NodeID{n, 1: 0xff, 15: n} }

func entry(n byte, name string, at int64, message string) *history.Entry {
	return &history.Entry{Node: node(n), Type: event.Track, Name: name, Timestamp: at, MessageID: message, Source: "web"}
}

func (s *suite) roundTrip() {
	e := entry(1, "Order Completed", -5, "m1")
	e.Type, e.Position, e.ReceivedAt, e.Flags = event.Identify, eventlog.Position{Partition: 7, Offset: 1 << 40}, 99, event.GPC
	e.Observation, e.Account, e.Traits = identity.ObservationKey{1, 2, 3}, node(9), []byte(`{"a":"b"}`)
	s.append(e)
	if d := cmp.Diff(e, s.get(e)); d != "" {
		s.Fatal(d)
	}
	if got := s.get(entry(1, "Order Completed", -5, "m1")); got != nil {
		s.Fatalf("another type was found: %+v", got)
	}
}

func (s *suite) order() {
	a, b, c := entry(1, "A", -1, "z"), entry(1, "A", 0, "m"), entry(1, "A", 0, "n")
	d, again := entry(1, "A", 0, "n"), entry(1, "A", 0, "n")
	d.Source, again.Source, again.ReceivedAt = "zzz", "zzz", 1
	s.append(again, d, c, b, a)
	if diff := cmp.Diff([]*history.Entry{a, b, c, d, again}, s.rangeOf(ever(history.Query{Node: node(1), Type: event.Track, Name: "A"}))); diff != "" {
		s.Error(diff)
	}
	if diff := cmp.Diff([]*history.Entry{again, d}, s.rangeOf(ever(history.Query{Node: node(1), Type: event.Track, Name: "A", Reverse: true, Limit: 2}))); diff != "" {
		s.Error(diff)
	}
	if diff := cmp.Diff([]*history.Entry{a}, s.rangeOf(history.Query{Node: node(1), Type: event.Track, Name: "A", From: -1, To: -1})); diff != "" {
		s.Error(diff)
	}
}

func (s *suite) replace() {
	first, second := entry(1, "A", 1, "m"), entry(1, "A", 1, "m")
	second.Flags = event.GPC
	s.append(first)
	s.append(second)
	if diff := cmp.Diff([]*history.Entry{second}, s.rangeOf(ever(history.Query{Node: node(1)}))); diff != "" {
		s.Error(diff)
	}
	s.update(func(tx state.Tx) { s.index.Remove(tx, first) })
	if got := s.rangeOf(ever(history.Query{Node: node(1)})); len(got) != 0 {
		s.Errorf("still there: %+v", got[0])
	}
}

func (s *suite) names() {
	for _, name := range []string{"", "a", "a\x00", "a\x00\x01b", "ab", "é", strings.Repeat("long", 200), strings.Repeat("long", 200) + "er"} {
		s.append(entry(1, name, 1, "m\x00"+name[:min(len(name), 10)]))
	}
	for _, name := range []string{"", "a", "a\x00", "a\x00\x01b", "ab", "é", strings.Repeat("long", 200), strings.Repeat("long", 200) + "er"} {
		got := s.rangeOf(ever(history.Query{Node: node(1), Type: event.Track, Name: name}))
		if len(got) != 1 || got[0].Name != state.BoundName(name) {
			s.Errorf("%.20q: %d entries", name, len(got))
		}
	}
}

func (s *suite) calls() {
	page := entry(1, "A", 4, "p")
	page.Type = event.Page
	s.append(entry(1, "B", 1, "m1"), entry(1, "A", 2, "m2"), entry(1, "A", 3, "m3"), page)
	var got []history.Call
	s.read(func(r state.Reader) {
		for c, err := range s.index.Calls(context.Background(), r, node(1), 0, event.Unknown) {
			if err != nil {
				s.Fatal(err)
			}
			got = append(got, c)
		}
	})
	want := []history.Call{{Type: event.Track, Name: "A"}, {Type: event.Track, Name: "B"}, {Type: event.Page, Name: "A"}}
	if d := cmp.Diff(want, got); d != "" {
		s.Error(d)
	}
	if n := len(s.rangeOf(ever(history.Query{Node: node(1), Type: event.Track, AnyName: true}))); n != 3 {
		s.Errorf("%d tracks of any name, want 3", n)
	}
	if n := len(s.rangeOf(ever(history.Query{Node: node(1), Limit: 3}))); n != 3 {
		s.Errorf("%d entries under a limit of 3", n)
	}
}

func (s *suite) apart() {
	other := entry(1, "A", 1, "m")
	other.Strand = 1
	s.append(entry(1, "A", 1, "m"), entry(2, "A", 1, "m"), other)
	for _, q := range []history.Query{{Node: node(1)}, {Node: node(2)}, {Node: node(1), Strand: 1}} {
		if got := s.rangeOf(ever(q)); len(got) != 1 || got[0].Node != q.Node || got[0].Strand != q.Strand {
			s.Errorf("%v: %d entries", q, len(got))
		}
	}
}

func (s *suite) removeNothing() {
	s.update(func(tx state.Tx) { s.index.Remove(tx, entry(1, "A", 1, "m")) })
	if got := s.get(entry(1, "A", 1, "m")); got != nil {
		s.Errorf("%+v", got)
	}
}

func (s *suite) empty() {
	s.append(entry(1, "A", 1, "m"))
	for _, q := range []history.Query{
		{Node: node(1), Type: event.Track, Name: "A", From: 2, To: 9},
		{Node: node(1), Type: event.Track, Name: "A", From: 2, To: 1},
		ever(history.Query{Node: node(3)}), ever(history.Query{Node: node(1), Type: event.Alias}),
	} {
		if got := s.rangeOf(q); len(got) != 0 {
			s.Errorf("%+v gave %d entries", q, len(got))
		}
	}
}

// model holds ranges of random entries against sorting them.
func (s *suite) model() {
	rng := rand.New(rand.NewPCG(4, 2))
	var all []*history.Entry
	seen := map[string]bool{}
	for i := range 400 {
		e := entry(byte(1+rng.IntN(2)), fmt.Sprint("name", rng.IntN(3)), rng.Int64N(20)-10, fmt.Sprint("m", i))
		if rng.IntN(3) == 0 {
			e.Type, e.Name = event.Identify, ""
		}
		e.ReceivedAt = int64(i)
		if k := fmt.Sprint(e.Node, e.Type, e.Name, e.Timestamp, e.MessageID); !seen[k] {
			seen[k] = true
			all = append(all, e)
		}
	}
	s.append(all...)
	slices.SortFunc(all, func(a, b *history.Entry) int { return a.Place().Compare(b.Place()) })
	for range 200 {
		q := history.Query{
			Node: node(byte(1 + rng.IntN(2))), Type: event.Track, Name: fmt.Sprint("name", rng.IntN(3)),
			From: rng.Int64N(24) - 12, To: rng.Int64N(24) - 12, Reverse: rng.IntN(2) == 0, Limit: rng.IntN(5),
		}
		var want []*history.Entry
		for _, e := range all {
			if e.Node == q.Node && e.Type == q.Type && e.Name == q.Name && e.Timestamp >= q.From && e.Timestamp <= q.To {
				want = append(want, e)
			}
		}
		if q.Reverse {
			slices.Reverse(want)
		}
		if q.Limit > 0 && len(want) > q.Limit {
			want = want[:q.Limit]
		}
		if d := cmp.Diff(want, s.rangeOf(q)); d != "" {
			s.Fatalf("%+v:\n%s", q, d)
		}
	}
}
