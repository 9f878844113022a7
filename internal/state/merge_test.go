package state_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"kith/internal/errs"
	"kith/internal/state"
)

func one(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// TestMergeBytes holds the encodings that FORMAT.md draws: operands and what
// they make of nothing and of each other.
func TestMergeBytes(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 200)
	for _, c := range []struct {
		name     string
		op       state.Op
		operands [][]byte
		want     string
	}{
		{"add", state.OpAdd, [][]byte{one(2)}, "01" + "0000000000000002"},
		{"add negative", state.OpAdd, [][]byte{one(2), one(-3)}, "01" + "ffffffffffffffff"},
		{"add wraps", state.OpAdd, [][]byte{one(1<<63 - 1), one(1)}, "01" + "8000000000000000"},
		{"min", state.OpMin, [][]byte{{0x20}, {0x10, 0x00}}, "02" + "1000"},
		{"min of nothing but empty", state.OpMin, [][]byte{{}}, "02"},
		{"max", state.OpMax, [][]byte{{0x20}, {0x10, 0x00}}, "03" + "20"},
		{"last", state.OpLast, [][]byte{state.LastOperand([]byte("st"), []byte("v")), state.LastOperand([]byte("ss"), []byte("w"))}, "04" + "02" + "7374" + "76"},
		{"last with equal stamps", state.OpLast, [][]byte{state.LastOperand([]byte("s"), []byte("v")), state.LastOperand([]byte("s"), []byte("w"))}, "04" + "01" + "73" + "77"},
		{"last with a long stamp", state.OpLast, [][]byte{state.LastOperand(long, nil)}, "04" + "c801" + hex.EncodeToString(long)},
		{"union", state.OpUnion, [][]byte{state.UnionOperand([]byte("b"), []byte("aa"), []byte("b")), state.UnionOperand(nil)}, "05" + "00" + "026161" + "0162"},
		{"union of nothing", state.OpUnion, [][]byte{state.UnionOperand()}, "05"},
	} {
		var stored []byte
		for _, operand := range c.operands {
			var err error
			if stored, err = state.Merged(stored, c.op, operand); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		if got := hex.EncodeToString(stored); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestMergeLaws has operands in any order and grouping make the same value.
func TestMergeLaws(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		op := state.Op(rapid.IntRange(1, 5).Draw(rt, "op"))
		var operands [][]byte
		for range rapid.IntRange(1, 8).Draw(rt, "n") {
			operands = append(operands, drawOperand(rt, op))
		}
		want := fold(rt, op, operands)
		if got := fold(rt, op, rapid.Permutation(operands).Draw(rt, "order")); !bytes.Equal(got, want) {
			rt.Fatalf("in another order: %x, want %x", got, want)
		}
		cut := rapid.IntRange(1, len(operands)).Draw(rt, "cut")
		grouped := fold(rt, op, operands[:cut])
		if cut < len(operands) {
			grouped = fold(rt, op, [][]byte{grouped[1:], fold(rt, op, operands[cut:])[1:]})
		}
		if !bytes.Equal(grouped, want) {
			rt.Fatalf("in two groups: %x, want %x", grouped, want)
		}
		if op != state.OpAdd {
			if got := fold(rt, op, append(operands, operands...)); !bytes.Equal(got, want) {
				rt.Fatalf("repeated: %x, want %x", got, want)
			}
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

func fold(rt *rapid.T, op state.Op, operands [][]byte) []byte {
	var stored []byte
	for _, operand := range operands {
		var err error
		if stored, err = state.Merged(stored, op, operand); err != nil {
			rt.Fatal(err)
		}
	}
	return stored
}

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{"a": "b", "a\xff": "b", "\x00": "\x01", "ab\xff\xff": "ac", "\xfe\xff": "\xff"} {
		if got := state.PrefixEnd([]byte(prefix)); string(got) != want {
			t.Errorf("%q: got %q, want %q", prefix, got, want)
		}
	}
	for _, prefix := range []string{"", "\xff", "\xff\xff"} {
		if got := state.PrefixEnd([]byte(prefix)); got != nil {
			t.Errorf("%q: got %q, want none", prefix, got)
		}
	}
}

// FuzzMerged merges any bytes: what cannot be read is Corrupt and never a panic,
// and operands in their one form give the same from either side.
func FuzzMerged(f *testing.F) {
	f.Add(byte(1), one(1), one(2))
	f.Add(byte(2), []byte("a"), []byte("b"))
	f.Add(byte(4), state.LastOperand([]byte("s"), []byte("v")), state.LastOperand(nil, nil))
	f.Add(byte(4), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, []byte{0})
	f.Add(byte(5), state.UnionOperand([]byte("a"), []byte("b")), state.UnionOperand([]byte("a")))
	f.Add(byte(9), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, op byte, a, b []byte) {
		ab, err := state.Merged(append([]byte{op}, a...), state.Op(op), b)
		ba, errBack := state.Merged(append([]byte{op}, b...), state.Op(op), a)
		canonical := canonical(state.Op(op), a) && canonical(state.Op(op), b)
		if (err == nil) != (errBack == nil) || canonical && !bytes.Equal(ab, ba) {
			t.Errorf("merged %x (%v), from the other side %x (%v)", ab, err, ba, errBack)
		}
		if err != nil && !errs.Is(err, errs.Corrupt) {
			t.Errorf("the error is %v", err)
		}
		if _, err := state.Merged(append([]byte{op ^ 1}, a...), state.Op(op), b); !errs.Is(err, errs.Corrupt) {
			t.Errorf("merged over another operation: %v", err)
		}
	})
}

// canonical reports whether a readable operand is in the form that the encoders
// give it.
func canonical(op state.Op, operand []byte) bool {
	switch op {
	case state.OpLast:
		stamp, value, err := state.SplitLast(operand)
		return err == nil && bytes.Equal(state.LastOperand(stamp, value), operand)
	case state.OpUnion:
		items, err := state.SplitUnion(operand)
		return err == nil && bytes.Equal(state.UnionOperand(items...), operand)
	}
	return true
}
