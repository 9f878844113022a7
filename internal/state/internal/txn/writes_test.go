package txn

import (
	"bytes"
	"testing"

	"kith/internal/state"
)

// FuzzCheckOperand accepts exactly the operands that the encoders make, so that
// merging them gives one result in whatever order they come.
func FuzzCheckOperand(f *testing.F) {
	f.Add(byte(1), []byte("12345678"), []byte("abcdefgh"))
	f.Add(byte(4), state.LastOperand([]byte("s"), []byte("v")), []byte{0x80, 0})
	f.Add(byte(5), state.UnionOperand([]byte("a"), bytes.Repeat([]byte("b"), 130)), []byte{0x81, 0, 'a'})
	f.Add(byte(6), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, op byte, a, b []byte) {
		if checkOperand(state.Op(op), a) != nil || checkOperand(state.Op(op), b) != nil {
			return
		}
		stored := func(operand []byte) []byte { return append([]byte{op}, operand...) }
		ab, err := state.Merged(stored(a), state.Op(op), b)
		ba, errBack := state.Merged(stored(b), state.Op(op), a)
		if err != nil || errBack != nil || !bytes.Equal(ab, ba) {
			t.Errorf("accepted operands make %x (%v) and %x (%v)", ab, err, ba, errBack)
		}
		if err := checkOperand(state.Op(op), ab[1:]); err != nil {
			t.Errorf("their result is refused: %v", err)
		}
	})
}

func TestRowsAreInKeyOrder(t *testing.T) {
	var w Writes
	w.Put([]byte("b"), []byte("1"))
	w.Delete([]byte("a"))
	w.PutIf([]byte("c"), []byte("old"), nil)
	w.Merge([]byte("\x00"), state.OpMax, []byte("m"))
	w.Put([]byte("b"), nil)
	rows, err := w.Rows(state.Cursor{Key: []byte("aa"), New: []byte("n")})
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{Key: []byte("\x00"), Action: Merge, Op: state.OpMax, Value: []byte("m")},
		{Key: []byte("a"), Action: Delete},
		{Key: []byte("aa"), Action: Put, Value: []byte("n"), Guarded: true, Cursor: true},
		{Key: []byte("b"), Action: Put, Value: []byte{}},
		{Key: []byte("c"), Action: Delete, Guarded: true, Old: []byte("old")},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(rows), len(want))
	}
	for i, r := range rows {
		x := want[i]
		if !bytes.Equal(r.Key, x.Key) || r.Action != x.Action || r.Op != x.Op || !bytes.Equal(r.Value, x.Value) ||
			(r.Value == nil) != (x.Value == nil) || r.Guarded != x.Guarded || !bytes.Equal(r.Old, x.Old) || r.Cursor != x.Cursor {
			t.Errorf("row %d: got %+v, want %+v", i, r, x)
		}
	}
}
