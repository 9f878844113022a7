// Package markday keeps, by the day on which the last copy of a message came, which
// marks may be forgotten when that day is long past.
//
// A mark has 16 bytes, and every event writes one. So the marks that a commit
// leaves on one day are one row: the set of them, below the least. Two commits that
// have the same least one merge their sets. A row of one mark alone, which has it in
// its key and no value, is what earlier versions wrote for every mark; it is still
// how a mark is kept that must not be forgotten yet.
package markday

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"kith/internal/errs"
	"kith/internal/state"
)

// Mark is what stands for a message.
type Mark = [16]byte

// Of is the UTC day of a moment, counted from 1970.
func Of(ms int64) uint32 { return uint32(max(ms, 0) / (24 * 60 * 60 * 1000)) }

// From is the least key of the rows of a day.
func From(day uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(state.FamilyMarkDay)}, day)
}

func alone(day uint32, m Mark) []byte { return append(From(day), m[:]...) }

// set ends the key of a row of several marks.
const set = 1

// Days are marks by the day of the last copy.
type Days map[uint32][]Mark

// Put notes the marks. It changes their order.
func (d Days) Put(tx state.Tx) {
	for day, marks := range d {
		put(tx, day, marks)
	}
}

func put(tx state.Tx, day uint32, marks []Mark) {
	slices.SortFunc(marks, func(a, b Mark) int { return bytes.Compare(a[:], b[:]) })
	operand := make([]byte, 0, len(marks)*(1+len(Mark{})))
	for _, m := range slices.Compact(marks) {
		operand = append(append(operand, byte(len(m))), m[:]...)
	}
	tx.Merge(append(alone(day, marks[0]), set), state.OpUnion, operand)
}

// Bounds of what Take takes in at once: rows that it reads, which may have one mark
// or a thousand, and marks from which on it ends.
const (
	takeRows  = 200
	takeMarks = 5000
)

// Take takes out rows of days before a day, from a key on, and returns the marks
// that they had, but those to keep, which stay as rows of their own. next is where
// to go on, or nil at the end.
func Take(ctx context.Context, tx state.Tx, from []byte, before uint32, keep map[Mark]bool) (gone []Mark, next []byte, err error) {
	for kv, err := range tx.Scan(ctx, state.Range{Low: from, High: From(before), Limit: takeRows}) {
		if err != nil {
			return nil, nil, err
		}
		marks, err := Read(kv.Key, kv.Value)
		if err != nil {
			return nil, nil, err
		}
		key := bytes.Clone(kv.Key)
		next = append(key, 0)
		tx.Delete(key)
		for _, m := range marks {
			if keep[m] {
				tx.Put(append(bytes.Clone(key[:5]), m[:]...), []byte{})
			} else {
				gone = append(gone, m)
			}
		}
		if len(gone) >= takeMarks {
			break
		}
	}
	return gone, next, nil
}

// Read returns the marks of a row. It fails with kind Corrupt when it cannot be
// read.
func Read(key, value []byte) ([]Mark, error) {
	const short = 1 + 4 + len(Mark{})
	switch {
	case len(key) == short && len(value) == 0:
		return []Mark{Mark(key[5:])}, nil
	case len(key) != short+1 || key[short] != set || len(value) == 0 || state.Op(value[0]) != state.OpUnion:
		return nil, errFormat()
	}
	items, err := state.SplitUnion(value[1:])
	if err != nil || len(items) == 0 {
		return nil, errFormat()
	}
	marks := make([]Mark, len(items))
	for i, it := range items {
		if len(it) != len(Mark{}) {
			return nil, errFormat()
		}
		marks[i] = Mark(it)
	}
	return marks, nil
}

func errFormat() error {
	return errs.New(errs.Corrupt, "pipeline.mark_day_format", "a stored day of marks cannot be read")
}
