package markday

import (
	"context"
	"encoding/hex"
	"slices"
	"testing"

	"kith/internal/state"
	"kith/internal/state/mem"
)

func commit(t *testing.T, s state.Store, fill func(state.Tx)) {
	t.Helper()
	tx, err := s.Begin(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	fill(tx)
	if err := tx.Commit(context.Background(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
}

// TestRows: the marks of a day come back whatever commits they were noted in, also
// when two have the same least one, beside rows of one mark each.
func TestRows(t *testing.T) {
	s := mem.New()
	commit(t, s, func(tx state.Tx) { Days{7: {{3}, {1}, {3}}}.Put(tx) })
	commit(t, s, func(tx state.Tx) { Days{7: {{1}, {2}}, 8: {{9}}}.Put(tx) })
	commit(t, s, func(tx state.Tx) { tx.Put(alone(7, Mark{5}), []byte{}) })
	take := func(before uint32, keep map[Mark]bool) (got []Mark) {
		commit(t, s, func(tx state.Tx) {
			gone, next, err := Take(context.Background(), tx, From(0), before, keep)
			if err != nil || next == nil {
				t.Fatalf("next %x, %v", next, err)
			}
			got = gone
		})
		return got
	}
	keep := map[Mark]bool{{2}: true, {5}: true}
	if got, want := take(8, keep), []Mark{{1}, {3}}; !slices.Equal(got, want) {
		t.Errorf("taken out are %v, want %v", got, want)
	}
	if got := take(8, keep); len(got) > 0 {
		t.Errorf("taken out again are %v", got)
	}
	if got, want := take(9, nil), []Mark{{2}, {5}, {9}}; !slices.Equal(got, want) {
		t.Errorf("taken out are %v, want %v", got, want)
	}
}

// TestBytes pins the stored form.
func TestBytes(t *testing.T) {
	const first, second = "01000000000000000000000000000000", "02000000000000000000000000000000"
	s := mem.New()
	commit(t, s, func(tx state.Tx) { Days{20000: {{2}, {1}}}.Put(tx) })
	snap, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for kv, err := range snap.Scan(context.Background(), state.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(kv.Key); got != "44"+"00004e20"+first+"01" {
			t.Errorf("key %s", got)
		}
		if got := hex.EncodeToString(kv.Value); got != "05"+"10"+first+"10"+second {
			t.Errorf("value %s", got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(alone(1, Mark{2}), []byte{})
	f.Add(append(alone(1, Mark{2}), set), []byte{5, 16, 1})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if marks, err := Read(key, value); err == nil && len(marks) == 0 {
			t.Error("a row without marks")
		}
	})
}
