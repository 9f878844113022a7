package cold_test

import (
	"bytes"
	"context"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/cold"
	"kith/internal/cold/coldtest"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

// stream is a state of which nothing moves, and one of which facts do.
type stream struct {
	*testing.T
	plain, hot *mem.Store
	backend    *asked
	store      *cold.Store
}

// asked is a backend that counts what it is asked.
type asked struct {
	coldtest.Memory
	scans  int
	during func()
}

// Scan implements cold.Backend.
func (a *asked) Scan(ctx context.Context, g cold.Generation, ranges []state.Range) ([][]cold.Version, error) {
	a.scans++
	return a.Memory.Scan(ctx, g, ranges)
}

// Insert implements cold.Backend.
func (a *asked) Insert(ctx context.Context, g cold.Generation, versions []cold.Version) error {
	if do := a.during; do != nil {
		a.during = nil
		defer do()
	}
	return a.Memory.Insert(ctx, g, versions)
}

// newStream has 40 blocks of 1 to 4 facts in each of three partitions, of which 0 has
// none; block n was recorded at moment n.
func newStream(t *testing.T) *stream {
	s := &stream{T: t, plain: mem.New(), hot: mem.New(), backend: &asked{}}
	s.store = cold.New(s.hot, s.backend)
	for _, partition := range []int32{1, 2, 70_000} {
		next := uint64(0)
		for n := range 40 {
			b := fact.Block{Partition: partition, First: next, At: int64(n)}
			for range 1 + (n+int(partition))%4 {
				b.Facts = append(b.Facts, fact.Fact{Kind: fact.EventWithdrawn, Record: eventlog.Position{Partition: partition, Offset: int64(next)}})
				next++
			}
			s.put(b)
		}
	}
	return s
}

func (s *stream) put(b fact.Block) {
	s.Helper()
	for _, to := range []state.Store{s.plain, s.store} {
		s.change(to, func(tx state.Tx) { fact.Put(tx, b) })
	}
}

func (s *stream) change(to state.Store, f func(tx state.Tx)) {
	s.Helper()
	tx, err := to.Begin(s.Context(), nil)
	if err != nil {
		s.Fatal(err)
	}
	f(tx)
	if err := tx.Commit(s.Context(), state.Cursor{}); err != nil {
		s.Fatal(err)
	}
}

func (s *stream) mover(seed uint64) *cold.Mover {
	return s.store.Mover(sys.Seeded(seed), bound)
}

// pass moves all that is older than the cut.
func (s *stream) pass(m *cold.Mover, cut int64) (moved int) {
	s.Helper()
	for {
		n, done, err := m.Step(s.Context(), cut)
		if err != nil {
			s.Fatal(err)
		}
		if moved += n; done {
			return moved
		}
	}
}

func (s *stream) snapshot(of state.Store) state.Snapshot {
	s.Helper()
	snap, err := of.Snapshot(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = snap.Close() })
	return snap
}

// read is all blocks of a partition from a sequence on.
func (s *stream) read(r state.Reader, partition int32, from uint64) (out []fact.Block) {
	s.Helper()
	for b, err := range fact.Read(s.Context(), r, partition, from) {
		if err != nil {
			s.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// same holds what is read from each sequence on against the state of which nothing is
// moved.
func (s *stream) same(r, plain state.Reader) {
	s.Helper()
	for _, partition := range []int32{0, 1, 2, 3, 70_000} {
		for from := uint64(0); from < 110; from += 7 {
			if d := cmp.Diff(s.read(plain, partition, from), s.read(r, partition, from)); d != "" {
				s.Fatalf("partition %d from %d on (-one place +two):\n%s", partition, from, d)
			}
		}
	}
}

// TestFactsMove: blocks older than the cut leave the state but for the last of each
// partition, and whoever reads finds them all.
func TestFactsMove(t *testing.T) {
	s := newStream(t)
	before := s.snapshot(s.store)
	if n := s.pass(s.mover(1), 25); n != 3*25 {
		t.Errorf("%d blocks are moved before the cut, want 75", n)
	}
	between := s.snapshot(s.store)
	if n := s.pass(s.mover(2), math.MaxInt64); n != 3*14 {
		t.Errorf("%d more blocks are moved, want 42", n)
	}
	if left := s.keys(s.hot); len(left) != 3 {
		t.Errorf("%d blocks stay in the state, want the last of each partition", len(left))
	}
	for _, snap := range []state.Snapshot{before, between, s.snapshot(s.store)} {
		s.same(snap, s.snapshot(s.plain))
	}
	keys := s.keys(s.plain)
	values, err := s.snapshot(s.store).Get(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if v == nil {
			t.Errorf("%x is not found by its key", keys[i])
		}
	}
	if n := s.pass(s.mover(3), math.MaxInt64); n != 0 {
		t.Errorf("%d blocks are moved of which none is left", n)
	}
}

// keys are those of the facts in a state.
func (s *stream) keys(of state.Store) (out [][]byte) {
	s.Helper()
	for kv, err := range s.snapshot(of).Scan(s.Context(), state.Prefix([]byte{byte(state.FamilyFact)})) {
		if err != nil {
			s.Fatal(err)
		}
		out = append(out, bytes.Clone(kv.Key))
	}
	return out
}

// TestWhoIsAtTheEndAsksTheStateAlone: following the facts costs the backend nothing.
func TestWhoIsAtTheEndAsksTheStateAlone(t *testing.T) {
	s := newStream(t)
	s.pass(s.mover(1), math.MaxInt64)
	end := s.read(s.snapshot(s.plain), 1, 0)
	last := end[len(end)-1]
	next := last.First + uint64(len(last.Facts))
	s.backend.scans = 0
	for _, from := range []uint64{last.First, next - 1, next} {
		s.read(s.snapshot(s.store), 1, from)
	}
	if s.backend.scans != 0 {
		t.Errorf("the backend is asked %d times", s.backend.scans)
	}
	s.read(s.snapshot(s.store), 1, last.First-1)
	if s.backend.scans == 0 {
		t.Error("a block that was moved is found without the backend")
	}
}

// TestCallsThatWereNotMoved: the backend is asked for calls of which it has rows of the
// node, and for no others.
func TestCallsThatWereNotMoved(t *testing.T) {
	s := &stream{T: t, plain: mem.New(), hot: mem.New(), backend: &asked{}}
	s.store = cold.New(s.hot, s.backend)
	names := []*history.Entry{
		{Node: identity.NodeID{1}, Type: event.Track, Name: "Bought", MessageID: "m1", Timestamp: 5, Source: "web"},
		{Node: identity.NodeID{1}, Type: event.Identify, MessageID: "m2", Timestamp: 6, Source: "web"},
		{Node: identity.NodeID{2}, Type: event.Group, MessageID: "m3", Timestamp: 7, Source: "web"},
	}
	s.change(s.store, func(tx state.Tx) {
		for _, e := range names {
			keyed.Index{}.Append(tx, e)
		}
	})
	if n := s.pass(s.mover(1), math.MaxInt64); n != len(names) {
		t.Fatalf("%d rows are moved", n)
	}
	for _, c := range []struct {
		node  byte
		call  event.Type
		found int
	}{{1, event.Track, 1}, {1, event.Identify, 1}, {1, event.Group, 0}, {2, event.Group, 1}, {2, event.Track, 0}, {3, event.Track, 0}, {1, event.Unknown, 2}} {
		before, n := s.backend.scans, 0
		q := history.Query{Node: identity.NodeID{c.node}, Type: c.call, AnyName: c.call != event.Unknown, From: math.MinInt64, To: math.MaxInt64}
		for _, err := range (keyed.Index{}).Range(t.Context(), s.snapshot(s.store), q) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != c.found || (s.backend.scans > before) != (c.found > 0) {
			t.Errorf("node %d, call %d: %d found in %d calls of the backend", c.node, c.call, n, s.backend.scans-before)
		}
	}
	lost := *names[0]
	lost.Type = event.Page
	before := s.backend.scans
	found, err := keyed.Index{}.GetAll(t.Context(), s.snapshot(s.store), []*history.Entry{names[2], &lost})
	if err != nil || found[0] == nil || found[1] != nil || s.backend.scans != before+1 {
		t.Errorf("got %v, %v", found, err)
	}
}

// TestFactsOfAnotherLife: a mover that meanwhile lost the facts that it has copied
// changes nothing.
func TestFactsOfAnotherLife(t *testing.T) {
	s := newStream(t)
	first := s.keys(s.plain)[0]
	s.backend.during = func() {
		for _, to := range []state.Store{s.plain, s.store} {
			s.change(to, func(tx state.Tx) { tx.Put(first, []byte{4, 2, 0}) })
		}
	}
	if _, _, err := s.mover(1).Step(t.Context(), math.MaxInt64); !errs.Is(err, errs.Conflict) {
		t.Errorf("a mover whose facts were replaced: %v", err)
	}
	if d := cmp.Diff(s.keys(s.plain), s.keys(s.hot)); d != "" {
		t.Errorf("rows have left the state:\n%s", d)
	}
	if used, err := cold.Used(t.Context(), s.hot); used || err != nil {
		t.Errorf("rows are said to lie elsewhere: %v, %v", used, err)
	}
}
