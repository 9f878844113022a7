package statetest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"kith/internal/errs"
	"kith/internal/state"
)

func testOwnWrites(t *testing.T, e Engine) {
	s := e.Open(t)
	putAll(t, s, map[string]string{"a": "1", "b": "1"})
	tx := begin(t, s)
	tx.Put(b("a"), b("2"))
	tx.Put(b("new"), b("2"))
	tx.Delete(b("b"))
	tx.Merge(b("sum"), state.OpAdd, i64(1))
	if got := pairs(t, tx, state.Range{}); len(got) != 2 || got[0] != "a=1" || got[1] != "b=1" {
		t.Errorf("the transaction's scan shows its own writes: %q", got)
	}
	if v := readFrom(t, tx, "a"); string(v) != "1" {
		t.Errorf("the transaction reads its own write: %q", v)
	}
	wantValue(t, s, "a", b("1"))
	if err := tx.Commit(ctxFor(t), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "a", b("2"))
	wantValue(t, s, "b", nil)
	wantValue(t, s, "new", b("2"))
	if v := readFrom(t, begin(t, s), "a"); string(v) != "2" {
		t.Errorf("the next transaction reads %q", v)
	}
}

func testLastWrite(t *testing.T, e Engine) {
	s := e.Open(t)
	putAll(t, s, map[string]string{"x": "0", "y": "0", "z": "0", "guard": "0"})
	commit(t, s, func(tx state.Tx) {
		tx.Put(b("x"), b("1"))
		tx.Put(b("x"), b("2"))
		tx.Put(b("y"), b("1"))
		tx.Delete(b("y"))
		tx.Delete(b("z"))
		tx.Put(b("z"), b("1"))
		tx.Delete(b("none"))
		tx.Put(b("none2"), b("1"))
		tx.Delete(b("none2"))
		tx.PutIf(b("guard"), b("0"), b("1"))
		tx.Put(b("guard"), b("2"))
	})
	for key, want := range map[string][]byte{"x": b("2"), "y": nil, "z": b("1"), "none": nil, "none2": nil, "guard": b("2")} {
		wantValue(t, s, key, want)
	}
}

// testSliceReuse changes the slices after the commit, as the contract allows.
func testSliceReuse(t *testing.T, e Engine) {
	s := e.Open(t)
	key, value, operand, cursor := b("key"), b("value"), i64(7), b("cursor")
	tx := begin(t, s)
	tx.Put(key, value)
	tx.Merge(b("sum"), state.OpAdd, operand)
	if err := tx.Commit(ctxFor(t), state.Cursor{Key: cursor, New: value}); err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{key, value, operand, cursor} {
		for i := range p {
			p[i] = 'x'
		}
	}
	wantValue(t, s, "key", b("value"))
	wantValue(t, s, "cursor", b("value"))
	wantValue(t, s, "sum", merged(state.OpAdd, i64(7)))
}

func testPutIf(t *testing.T, e Engine) {
	s := e.Open(t)
	for _, c := range []struct {
		name            string
		now, old, value []byte
		conflict        bool
	}{
		{"insert", nil, nil, b("v"), false},
		{"insert over a value", b("x"), nil, b("v"), true},
		{"insert over an empty value", []byte{}, nil, b("v"), true},
		{"replace", b("x"), b("x"), b("v"), false},
		{"replace by empty", b("x"), b("x"), []byte{}, false},
		{"replace another value", b("y"), b("x"), b("v"), true},
		{"replace nothing", nil, b("x"), b("v"), true},
		{"replace empty", []byte{}, []byte{}, b("v"), false},
		{"replace nothing as empty", nil, []byte{}, b("v"), true},
		{"delete", b("x"), b("x"), nil, false},
		{"delete another value", b("y"), b("x"), nil, true},
		{"delete what is gone", nil, b("x"), nil, true},
		{"still nothing", nil, nil, nil, false},
		{"no longer nothing", b("x"), nil, nil, true},
	} {
		key := "k " + c.name
		if c.now != nil {
			commit(t, s, func(tx state.Tx) { tx.Put(b(key), c.now) })
		}
		err := tryCommit(t, s, state.Cursor{Key: b("cursor " + c.name), New: b("1")}, func(tx state.Tx) {
			tx.Put(b("a "+c.name), b("1"))
			tx.Merge(b("b "+c.name), state.OpAdd, i64(1))
			tx.PutIf(b(key), c.old, c.value)
			tx.Put(b("z "+c.name), b("1"))
		})
		want, others := c.value, true
		if c.conflict {
			wantKind(t, err, errs.Conflict, "state.guard_failed")
			want, others = c.now, false
		} else if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		wantValue(t, s, key, want)
		for _, other := range []string{"a ", "b ", "z ", "cursor "} {
			if got := read(t, s, other+c.name); (got != nil) != others {
				t.Errorf("%s: row %q: got %s", c.name, other, show(got))
			}
		}
	}
}

// testPutIfRace has goroutines claim the same keys at once, half of them listing
// the keys backwards: of each round one wins all keys, and no one waits forever.
func testPutIfRace(t *testing.T, e Engine) {
	s := e.Open(t)
	const workers, rounds = 4, 15
	for round := range rounds {
		wins := make([]bool, workers)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				name := b(fmt.Sprint(w))
				err := tryCommit(t, s, state.Cursor{}, func(tx state.Tx) {
					for i := range 8 {
						if w%2 == 1 {
							i = 7 - i
						}
						tx.PutIf(b(fmt.Sprintf("r%d k%d", round, i)), nil, name)
					}
				})
				wins[w] = err == nil
				if err != nil && !errs.Is(err, errs.Conflict) {
					t.Errorf("a lost claim: %v", err)
				}
			})
		}
		wg.Wait()
		winner := -1
		for w, won := range wins {
			if won && winner >= 0 {
				t.Fatalf("round %d: workers %d and %d both won", round, winner, w)
			}
			if won {
				winner = w
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won", round)
		}
		for i := range 8 {
			wantValue(t, s, fmt.Sprintf("r%d k%d", round, i), b(fmt.Sprint(winner)))
		}
	}
}

func testMixedWrites(t *testing.T, e Engine) {
	s := e.Open(t)
	for name, fill := range map[string]func(tx state.Tx){
		"merge after put":    func(tx state.Tx) { tx.Put(b("k"), b("1")); tx.Merge(b("k"), state.OpAdd, i64(1)) },
		"put after merge":    func(tx state.Tx) { tx.Merge(b("k"), state.OpAdd, i64(1)); tx.Put(b("k"), b("1")) },
		"delete after merge": func(tx state.Tx) { tx.Merge(b("k"), state.OpAdd, i64(1)); tx.Delete(b("k")) },
		"guard after merge":  func(tx state.Tx) { tx.Merge(b("k"), state.OpAdd, i64(1)); tx.PutIf(b("k"), nil, b("1")) },
		"two guards":         func(tx state.Tx) { tx.PutIf(b("k"), nil, b("1")); tx.PutIf(b("k"), nil, b("2")) },
		"a write to cursor":  func(tx state.Tx) { tx.Put(b("cursor"), b("1")) },
	} {
		err := tryCommit(t, s, state.Cursor{Key: b("cursor"), New: b("1")}, func(tx state.Tx) {
			tx.Put(b("other"), b("1"))
			fill(tx)
		})
		if !errs.Is(err, errs.Internal) || errs.CodeOf(err) != "state.mixed_writes" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if got := pairs(t, snapshot(t, s), state.Range{}); got != nil {
		t.Errorf("refused transactions left %q", got)
	}
}

func testLongKey(t *testing.T, e Engine) {
	s := e.Open(t)
	longest := bytes.Repeat(b("k"), 2048)
	for i := range longest {
		longest[i] = byte(i * 7919 >> 3) // a page's compression must not hide the length
	}
	commit(t, s, func(tx state.Tx) { tx.Put(longest, b("1")) })
	wantValue(t, s, string(longest), b("1"))
	err := tryCommit(t, s, state.Cursor{}, func(tx state.Tx) { tx.Put(append(longest, 'k'), b("1")) })
	wantKind(t, err, errs.Invalid, "state.key_too_long")
}

func testCursor(t *testing.T, e Engine) {
	s := e.Open(t)
	step := func(old, new []byte, mark string) error {
		return tryCommit(t, s, state.Cursor{Key: b("cursor"), Old: old, New: new}, func(tx state.Tx) {
			tx.Put(b("mark"), b(mark))
			tx.PutIf(b("guard "+mark), nil, b(mark))
			tx.Merge(b("sum"), state.OpAdd, i64(1))
			tx.Delete(b("gone " + mark))
		})
	}
	putAll(t, s, map[string]string{"gone first": "1", "gone again": "1"})
	if err := step(nil, b("1"), "first"); err != nil {
		t.Fatal(err)
	}
	if err := step(b("1"), b("2"), "second"); err != nil {
		t.Fatal(err)
	}
	for _, old := range [][]byte{nil, {}, b("1"), b("3"), b("22")} {
		wantKind(t, step(old, b("9"), "again"), errs.Conflict, "state.cursor_moved")
	}
	want := []string{"cursor=2", "gone again=1", "guard first=first", "guard second=second", "mark=second", "sum=" + string(merged(state.OpAdd, i64(2)))}
	if got := pairs(t, snapshot(t, s), state.Range{}); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := step(b("2"), nil, "third"); err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "cursor", nil)
}

func testLargeBatch(t *testing.T, e Engine) {
	s := e.Open(t)
	const n = 20_000
	commit(t, s, func(tx state.Tx) {
		for i := range n {
			switch key := b(fmt.Sprintf("k%06d", i)); i % 4 {
			case 0, 1:
				tx.Put(key, b(fmt.Sprint("value ", i)))
			case 2:
				tx.PutIf(key, nil, b(fmt.Sprint("value ", i)))
			case 3:
				tx.Merge(key, state.OpMax, b(fmt.Sprint("value ", i)))
			}
		}
	})
	var all [][]byte
	for i := range n {
		all = append(all, b(fmt.Sprintf("k%06d", i)))
	}
	got, err := snapshot(t, s).Get(ctxFor(t), all)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		want := b(fmt.Sprint("value ", i))
		if i%4 == 3 {
			want = merged(state.OpMax, want)
		}
		if !bytes.Equal(v, want) {
			t.Fatalf("row %d: got %s, want %s", i, show(v), show(want))
		}
	}
	commit(t, s, func(tx state.Tx) {
		for i := range n {
			tx.Delete(all[i])
		}
	})
	if left := pairs(t, snapshot(t, s), state.Range{}); left != nil {
		t.Fatalf("%d rows left after deleting all", len(left))
	}
}

func testLargeValue(t *testing.T, e Engine) {
	s := e.Open(t)
	large := make([]byte, 1<<20)
	for i := range large {
		large[i] = byte(i * i >> 7)
	}
	commit(t, s, func(tx state.Tx) {
		tx.Put(b("large"), large)
		tx.Merge(b("last"), state.OpLast, state.LastOperand(b("1"), large))
	})
	wantValue(t, s, "large", large)
	wantValue(t, s, "last", merged(state.OpLast, state.LastOperand(b("1"), large)))
	err := tryCommit(t, s, state.Cursor{}, func(tx state.Tx) { tx.PutIf(b("large"), large, b("small")) })
	if err != nil {
		t.Fatal(err)
	}
	wantValue(t, s, "large", b("small"))
}
