package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"kith/internal/errs"
	"kith/internal/state"
)

func openMem(t *testing.T) *Store {
	t.Helper()
	s, err := Open("/state", Options{FS: vfs.NewMem(), MemTableBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mustCommit(t *testing.T, s *Store, fill func(tx state.Tx)) {
	t.Helper()
	tx, err := s.Begin(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	fill(tx)
	if err := tx.Commit(context.Background(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
}

func one(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// TestStoredBytes holds the engine's part of the format: the byte in front of
// each value, as FORMAT.md draws it.
func TestStoredBytes(t *testing.T) {
	s := openMem(t)
	mustCommit(t, s, func(tx state.Tx) {
		tx.Put([]byte("put"), []byte("v"))
		tx.Put([]byte("put empty"), nil)
		tx.Put([]byte("put merged"), []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x02"))
		tx.Merge([]byte("add"), state.OpAdd, one(-2))
		tx.Merge([]byte("min"), state.OpMin, []byte("m"))
		tx.Merge([]byte("max"), state.OpMax, []byte("x"))
		tx.Merge([]byte("last"), state.OpLast, state.LastOperand([]byte("st"), []byte("v")))
		tx.Merge([]byte("union"), state.OpUnion, state.UnionOperand([]byte("b"), []byte("aa")))
		tx.Merge([]byte("mixed"), state.OpMin, []byte("m"))
	})
	mustCommit(t, s, func(tx state.Tx) { tx.Merge([]byte("mixed"), state.OpMax, []byte("m")) })
	for key, want := range map[string]string{
		"put":        "\x00v",
		"put empty":  "\x00",
		"put merged": "\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02",
		"add":        "\x01\xff\xff\xff\xff\xff\xff\xff\xfe",
		"min":        "\x02m",
		"max":        "\x03x",
		"last":       "\x04\x02stv",
		"union":      "\x05\x02aa\x01b",
		"mixed":      "\xff\x01",
	} {
		got, closer, err := s.db.Get([]byte(key))
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if string(got) != want {
			t.Errorf("%s: stored as %q, want %q", key, got, want)
		}
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMergerGroups gives the merger the operands of one key in any grouping and
// from either end, as compactions do, with or without a base.
func TestMergerGroups(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		op := state.Op(rapid.IntRange(1, 5).Draw(rt, "op"))
		var operands [][]byte
		var want []byte
		for range rapid.IntRange(1, 12).Draw(rt, "n") {
			operand := drawOperand(rt, op)
			var err error
			if want, err = state.Merged(want, op, operand); err != nil {
				rt.Fatal(err)
			}
			operands = append(operands, append([]byte{byte(op)}, operand...))
		}
		if rapid.Bool().Draw(rt, "base") { // the oldest was put as a merged value
			operands[0] = append([]byte{tagPut}, operands[0]...)
		}
		for len(operands) > 1 {
			from := rapid.IntRange(0, len(operands)-2).Draw(rt, "from")
			to := rapid.IntRange(from+2, len(operands)).Draw(rt, "to")
			operands = append(operands[:from:from], append([][]byte{group(rt, operands[from:to])}, operands[to:]...)...)
		}
		if got := bare(operands[0]); !bytes.Equal(got, want) {
			rt.Fatalf("got %x, want %x", got, want)
		}
	})
}

func drawOperand(rt *rapid.T, op state.Op) []byte {
	value := func() []byte { return rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(rt, "value") }
	switch op {
	case state.OpAdd:
		return one(rapid.Int64().Draw(rt, "n"))
	case state.OpLast:
		return state.LastOperand(value(), value())
	case state.OpUnion:
		return state.UnionOperand(value(), value())
	}
	return value()
}

// group merges operands, oldest first or newest first.
func group(rt *rapid.T, operands [][]byte) []byte {
	first, rest := operands[0], operands[1:]
	newest := rapid.Bool().Draw(rt, "newest first")
	if newest {
		first, rest = operands[len(operands)-1], operands[:len(operands)-1]
	}
	m, err := merger().Merge(nil, first)
	if err != nil {
		rt.Fatal(err)
	}
	for i := range rest {
		if newest {
			err = m.MergeOlder(rest[len(rest)-1-i])
		} else {
			err = m.MergeNewer(rest[i])
		}
		if err != nil {
			rt.Fatal(err)
		}
	}
	v, _, err := m.Finish(true)
	if err != nil {
		rt.Fatal(err)
	}
	return v
}

// TestBrokenMergeCompacts lets operations mix and then flushes and compacts: the
// background goes on, the key stays unreadable and the rest readable.
func TestBrokenMergeCompacts(t *testing.T) {
	s := openMem(t)
	get := func(key string) ([][]byte, error) { return get(context.Background(), s.db, [][]byte{[]byte(key)}) }
	for i := range 10 {
		mustCommit(t, s, func(tx state.Tx) {
			tx.Merge([]byte("mixed"), state.Op(2+i%2), []byte("v"))
			tx.Merge([]byte("sum"), state.OpAdd, one(1))
			tx.Put([]byte("other"), []byte("v"))
		})
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.db.Compact(context.Background(), []byte("a"), []byte("z"), false); err != nil {
		t.Fatal(err)
	}
	if _, err := get("mixed"); !errs.Is(err, errs.Corrupt) || errs.CodeOf(err) != "state.merge_mixed" {
		t.Errorf("the mixed key: %v", err)
	}
	if v, err := get("sum"); err != nil || !bytes.Equal(v[0], append([]byte{1}, one(10)...)) {
		t.Errorf("the sum: %x, %v", v, err)
	}
	mustCommit(t, s, func(tx state.Tx) { tx.Put([]byte("mixed"), []byte("new")) })
	if v, err := get("mixed"); err != nil || string(v[0]) != "new" {
		t.Errorf("the key after a put: %q, %v", v, err)
	}
}

// TestMergesAreCollapsed counts what a read of a much merged key has to look at.
func TestMergesAreCollapsed(t *testing.T) {
	s := openMem(t)
	for i := range 1000 {
		mustCommit(t, s, func(tx state.Tx) {
			tx.Merge([]byte("hot"), state.OpAdd, one(1))
			tx.Merge(fmt.Appendf(nil, "cold %d", i%50), state.OpAdd, one(1))
		})
		if i%37 == 0 {
			if n := operands(t, s, "hot"); n > collapseAfter {
				t.Fatalf("after %d merges a read looks at %d entries", i, n)
			}
		}
	}
	if v, err := get(context.Background(), s.db, [][]byte{[]byte("hot")}); err != nil || !bytes.Equal(v[0], append([]byte{1}, one(1000)...)) {
		t.Errorf("got %x, %v", v, err)
	}
	if n := operands(t, s, "cold 7"); n != 20 {
		t.Errorf("a key merged 20 times has %d entries", n)
	}
}

// operands is the number of entries that make up the key's value.
func operands(t *testing.T, s *Store, key string) int {
	t.Helper()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte(key), UpperBound: append([]byte(key), 0)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := it.Close(); err != nil {
			t.Error(err)
		}
	}()
	if !it.First() {
		t.Fatalf("no value: %v", it.Error())
	}
	return int(it.Stats().InternalStats.PointCount)
}

func TestTally(t *testing.T) {
	var c tally
	for i := 1; i <= 200; i++ {
		if n := c.count([]byte("k")); n != min(i, collapseAfter) {
			t.Fatalf("count %d says %d", i, n)
		}
	}
	c.reset([]byte("k"))
	for i := range 10 * tallyKeys { // others come and go; the key is merged now and then
		c.count(fmt.Appendf(nil, "other %d", i))
		if i%(tallyKeys/2) == 0 {
			c.count([]byte("k"))
		}
	}
	if n := c.count([]byte("k")); n != 21 {
		t.Errorf("the key that was counted now and then stands at %d", n)
	}
	if len(c.young)+len(c.old) > 2*tallyKeys {
		t.Errorf("%d and %d keys are remembered", len(c.young), len(c.old))
	}
}

// FuzzCombine feeds any bytes to what compactions and reads decode: nothing may
// panic, and what is broken stays broken.
func FuzzCombine(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""},
		{"\x00", "\x01\x00\x00\x00\x00\x00\x00\x00\x02"},
		{"\x01\x00\x00\x00\x00\x00\x00\x00\x02", "\x01\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"\x00\x05\x01a", "\x05\x01b"},
		{"\x04\x01av", "\x04\x01bw"},
		{"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x04\x00"},
		{"\xff\x01", "\x02x"},
		{"\x02x", "\x03x"},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		before := string(a) + "|" + string(b)
		v := combine(a, b)
		if string(a)+"|"+string(b) != before {
			t.Error("the operands were changed")
		}
		_, errA := decode(a)
		_, err := decode(v)
		if len(a) > 0 && a[0] == tagBroken && (err == nil || errA == nil) {
			t.Errorf("broken %x became %x", a, v)
		}
		if len(v) == 0 {
			t.Error("nothing to store")
		}
	})
}
