// Package txn holds what the engines of the state share: the buffered writes of
// a transaction, boiled down to one row a key, the table of locks of an engine
// that serves one process, and the errors that mean the same in every engine.
package txn

import (
	"bytes"
	"math/bits"
	"slices"

	"kith/internal/errs"
	"kith/internal/state"
)

// MaxKey is the length in bytes of the longest key that may be written. It is
// what a B-tree page of PostgreSQL takes with room to spare, and holds for all
// engines so that none accepts what another refuses.
const MaxKey = 2048

// Writes buffers the writes of one transaction. It keeps the caller's slices.
type Writes struct {
	list []write
}

type write struct {
	key, old, value []byte
	action          Action
	op              state.Op
	guarded         bool
	cursor          bool
}

// Action is what a commit does to one key.
type Action uint8

// The actions.
const (
	Put Action = iota + 1
	Delete
	Merge
)

// Row is all that a commit has to do to one key.
type Row struct {
	Key    []byte
	Action Action
	Op     state.Op // of a Merge
	Value  []byte   // of a Put the value, of a Merge the operand

	Guarded bool   // the write is refused unless the value now is Old
	Old     []byte // nil: there must be no value
	Cursor  bool   // the guard is the transaction's cursor
}

// Put buffers a write.
func (w *Writes) Put(key, value []byte) {
	w.list = append(w.list, write{key: key, value: value, action: Put})
}

// Delete buffers a removal.
func (w *Writes) Delete(key []byte) {
	w.list = append(w.list, write{key: key, action: Delete})
}

// PutIf buffers a guarded write; a nil value removes.
func (w *Writes) PutIf(key, old, value []byte) {
	w.list = append(w.list, guarded(key, old, value))
}

// Merge buffers a merge operation.
func (w *Writes) Merge(key []byte, op state.Op, operand []byte) {
	w.list = append(w.list, write{key: key, value: operand, action: Merge, op: op})
}

func guarded(key, old, value []byte) write {
	g := write{key: key, old: old, value: value, action: Put, guarded: true}
	if value == nil {
		g.action = Delete
	}
	return g
}

// Rows returns the buffered writes and the cursor's as one row a key, in key
// order. Keys and values are still the caller's slices.
//
// It fails with kind Internal when the caller broke the rules of state.Tx
// (merges and other writes of one key, two guards on one key), with kind Invalid
// when a key is too long and with kind Corrupt when an operand cannot be read or
// two operations meet on one key.
func (w *Writes) Rows(c state.Cursor) ([]Row, error) {
	if len(c.Key) > 0 {
		cursor := guarded(c.Key, c.Old, c.New)
		cursor.cursor = true
		w.list = append(w.list, cursor)
	}
	order := w.order()
	rows := make([]Row, 0, len(order))
	for i := 0; i < len(order); {
		first := &w.list[order[i]]
		end := i + 1
		for end < len(order) && bytes.Equal(w.list[order[end]].key, first.key) {
			end++
		}
		if len(first.key) > MaxKey {
			return nil, errs.New(errs.Invalid, "state.key_too_long", "a key of %d bytes is longer than %d", len(first.key), MaxKey)
		}
		row, err := w.row(order[i:end])
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
		i = end
	}
	return rows, nil
}

// order returns the indices of the writes sorted by key, writes of one key in
// the order in which they were made.
func (w *Writes) order() []int32 {
	order := make([]int32, len(w.list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if c := bytes.Compare(w.list[a].key, w.list[b].key); c != 0 {
			return c
		}
		return int(a - b)
	})
	return order
}

// row boils down the writes of one key, given by their indices.
func (w *Writes) row(same []int32) (Row, error) {
	first := &w.list[same[0]]
	if first.action == Merge {
		return w.mergeRow(same)
	}
	row := Row{Key: first.key}
	for _, i := range same {
		next := &w.list[i]
		if next.action == Merge || next.guarded && row.Guarded || next.cursor && len(same) > 1 {
			return Row{}, errMixed()
		}
		row.Action, row.Value = next.action, next.value
		if next.guarded {
			row.Guarded, row.Old, row.Cursor = true, next.old, next.cursor
		}
	}
	if row.Action == Put && row.Value == nil {
		row.Value = []byte{}
	}
	return row, nil
}

// mergeRow combines several merges of one key into one.
func (w *Writes) mergeRow(same []int32) (Row, error) {
	first := &w.list[same[0]]
	var stored []byte
	for _, i := range same {
		next := &w.list[i]
		if next.action != Merge {
			return Row{}, errMixed()
		}
		if err := checkOperand(next.op, next.value); err != nil {
			return Row{}, err
		}
		if len(same) == 1 {
			break
		}
		var err error
		if stored, err = state.Merged(stored, next.op, next.value); err != nil {
			return Row{}, err
		}
	}
	row := Row{Key: first.key, Action: Merge, Op: first.op, Value: first.value}
	if stored != nil {
		row.Value = stored[1:]
	}
	return row, nil
}

// checkOperand refuses an operand that no later merge could read, before it is
// stored, and one that says the same in other bytes than it should: a lone
// operand is stored as it is, and of two equal ones either may stay.
func checkOperand(op state.Op, operand []byte) error {
	ok := true
	switch op {
	case state.OpAdd:
		ok = len(operand) == 8
	case state.OpMin, state.OpMax:
	case state.OpLast:
		stamp, value, err := state.SplitLast(operand)
		ok = err == nil && len(operand) == prefixed(stamp)+len(value)
	case state.OpUnion:
		ok = canonicalUnion(operand)
	default:
		ok = false
	}
	if !ok {
		return errs.New(errs.Corrupt, "state.merge_operand", "an operand of merge operation %d cannot be read", op)
	}
	return nil
}

// canonicalUnion reports whether the items ascend, do not repeat and have the
// shortest lengths.
func canonicalUnion(operand []byte) bool {
	items, err := state.SplitUnion(operand)
	if err != nil {
		return false
	}
	size := 0
	for i, item := range items {
		if i > 0 && bytes.Compare(items[i-1], item) >= 0 {
			return false
		}
		size += prefixed(item)
	}
	return size == len(operand)
}

// prefixed is the size of b with its length in front, in the shortest form.
func prefixed(b []byte) int {
	return (bits.Len64(uint64(len(b))|1)+6)/7 + len(b)
}

// Check compares the row's guard with the value that the key has now (nil:
// none) and returns an error of kind Conflict when it does not hold.
func (r *Row) Check(now []byte) error {
	if !r.Guarded || (now == nil) == (r.Old == nil) && bytes.Equal(now, r.Old) {
		return nil
	}
	if r.Cursor {
		return errs.New(errs.Conflict, "state.cursor_moved", "the cursor is no longer where this transaction found it")
	}
	return errs.New(errs.Conflict, "state.guard_failed", "a guarded row has changed since it was read")
}

// Empty reports whether no key can lie in the range.
func Empty(r state.Range) bool {
	return r.High != nil && bytes.Compare(r.Low, r.High) >= 0
}
