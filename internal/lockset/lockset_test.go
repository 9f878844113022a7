package lockset

import (
	"errors"
	"slices"
	"testing"

	"kith/internal/state"
)

func locks(from, to state.Lock) (out []state.Lock) {
	for l := from; l < to; l++ {
		out = append(out, l)
	}
	return out
}

func needed(t *testing.T, err error) []state.Lock {
	t.Helper()
	var n *Needed
	if err == nil {
		return nil
	}
	if !errors.As(err, &n) || len(n.Locks) == 0 {
		t.Fatalf("%v tells of no locks", err)
	}
	return n.Locks
}

// TestWiden: few locks stay as they are, many of nodes become all, and the others do
// not count.
func TestWiden(t *testing.T) {
	cursor, decisions := state.PartitionLock(3), state.DecisionLock
	if got := Widen([]state.Lock{cursor, 7, 3}, []state.Lock{7, decisions}); !slices.Equal(got, []state.Lock{3, 7, decisions, cursor}) {
		t.Errorf("few become %v", got)
	}
	if got := Widen(locks(0, crowded), []state.Lock{cursor}); len(got) != crowded+1 {
		t.Errorf("%d of nodes become %d", crowded, len(got)-1)
	}
	want := append(Nodes(), cursor)
	for _, got := range [][]state.Lock{
		Widen(locks(5, crowded+6), []state.Lock{cursor}), Widen([]state.Lock{cursor}, Nodes()), Widen(want, want),
	} {
		if !slices.Equal(got, want) {
			t.Errorf("many become %v", got)
		}
	}
}

func TestSet(t *testing.T) {
	few, none, all := Of([]state.Lock{4, 4, 9, state.DecisionLock}), Of([]state.Lock{state.DecisionLock}), Of(Nodes())
	if few.Whole() || none.Whole() || !all.Whole() || !few.Any() || none.Any() || !all.Any() {
		t.Error("sets are taken for what they are not")
	}
	if err := few.Need(9, 4, state.DecisionLock); err != nil {
		t.Errorf("what is held is needed: %v", err)
	}
	if got := needed(t, few.Need(1, 9, 1, 2)); !slices.Equal(got, []state.Lock{1, 2}) {
		t.Errorf("%v are needed", got)
	}
	if got := needed(t, few.Need(locks(0, 200)...)); len(got) != 198 {
		t.Errorf("of 200 %d are needed", len(got))
	}
	if all.NeedWhole() != nil || len(needed(t, few.NeedWhole())) != state.NodeLocks {
		t.Error("what is whole is taken for what is not")
	}
}

// TestFootprint: it tells at the end what is lacking, and at once when that is much.
func TestFootprint(t *testing.T) {
	held := locks(100, 100+crowded-3)
	f := Of(held).Footprint()
	for _, l := range slices.Concat(held, []state.Lock{1, 2, 3, 2}) {
		if err := f.Add(l); err != nil {
			t.Fatalf("lock %d: %v", l, err)
		}
	}
	if got := needed(t, f.Err()); !slices.Equal(got, []state.Lock{1, 2, 3}) {
		t.Errorf("%v are lacking", got)
	}
	if got := needed(t, f.Add(4)); len(got) != state.NodeLocks {
		t.Errorf("with one more %d are needed", len(got))
	}
	if f := Of(Nodes()).Footprint(); f.Add(7) != nil || f.Err() != nil {
		t.Error("who holds all lacks some")
	}
}
