// Package move copies a workspace from one set of engines to another: the log
// record by record at the positions that they had, and the state row by row. What
// is there already is not copied again, so a first pass while the workspace is in
// use makes the last one short. The open tables are made anew of both.
package move

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/state"
)

// Progress is told how much of how much is done.
type Progress func(what string, done, total int64)

// Bounds of one step.
const (
	stepRecords = 1000
	stepBytes   = 4 << 20
	stepRows    = 4000
	tailRecords = 1000 // at the end of what is there already, which are compared
)

// Log appends to a log what another one has beyond it, and returns how many records
// that were. The target may have more partitions; they stay empty. It fails with
// kind Conflict when the target has what the source does not.
func Log(ctx context.Context, from, to eventlog.Log, progress Progress) (copied int64, err error) {
	ends, err := from.Ends(ctx)
	if err != nil {
		return 0, err
	}
	have, err := to.Ends(ctx)
	if err != nil {
		return 0, err
	}
	if len(have) < len(ends) {
		return 0, errs.New(errs.Invalid, "move.partitions", "the target's log has %d partitions, and the source's %d; make it with at least as many", len(have), len(ends))
	}
	var total int64
	for p, n := range have {
		if p >= len(ends) && n > 0 || p < len(ends) && n > ends[p] {
			return 0, errMore()
		}
	}
	for p := range ends {
		total += ends[p] - have[p]
	}
	for p := range ends {
		if err := sameTail(ctx, from, to, int32(p), have[p]); err != nil {
			return copied, err
		}
		for at := have[p]; at < ends[p]; {
			n, err := appendSome(ctx, from, to, eventlog.Position{Partition: int32(p), Offset: at})
			if err != nil {
				return copied, err
			}
			at, copied = at+n, copied+n
			progress("copying records", copied, total)
		}
	}
	return copied, nil
}

func errMore() error {
	return errs.New(errs.Conflict, "move.target", "the target has records that the source does not have: it is another workspace's, or in use already")
}

// sameTail compares the last records before an offset.
func sameTail(ctx context.Context, from, to eventlog.Log, partition int32, end int64) error {
	for at := max(0, end-tailRecords); at < end; {
		position := eventlog.Position{Partition: partition, Offset: at}
		n := int(min(end-at, stepRecords))
		a, err := from.Read(ctx, position, n, stepBytes)
		if err != nil {
			return err
		}
		b, err := to.Read(ctx, position, n, stepBytes)
		if err != nil {
			return err
		}
		both := min(len(a), len(b))
		if both == 0 {
			return errMore()
		}
		for i := range both {
			if !bytes.Equal(a[i], b[i]) {
				return errMore()
			}
		}
		at += int64(both)
	}
	return nil
}

// appendSome copies records from a position on, which must get the same positions.
func appendSome(ctx context.Context, from, to eventlog.Log, at eventlog.Position) (int64, error) {
	records, err := from.Read(ctx, at, stepRecords, stepBytes)
	if err != nil {
		return 0, err
	}
	if len(records) == 0 {
		return 0, errs.New(errs.Corrupt, "move.gap", "the source's log has no record at offset %d of partition %d", at.Offset, at.Partition)
	}
	entries := make([]eventlog.Entry, len(records))
	for i, r := range records {
		entries[i] = eventlog.Entry{Partition: at.Partition, Data: r}
	}
	got, err := to.Append(ctx, entries)
	if err != nil {
		return 0, err
	}
	for i, g := range got {
		if g.Partition != at.Partition || g.Offset != at.Offset+int64(i) {
			return 0, errs.New(errs.Conflict, "move.offsets",
				"a record has got another position than it had: somebody else writes to the target's log, or an attempt left a record twice; make the topic anew")
		}
	}
	return int64(len(records)), nil
}

// Rows is what became of the rows of a state.
type Rows struct {
	Total   int64 `json:"total"`
	Written int64 `json:"written"`
	Deleted int64 `json:"deleted"` // that the source does not have, or not any more
}

// State makes a state equal to another one, but for what belongs to a lake. Both
// must be at rest.
func State(ctx context.Context, from, to state.Store, progress Progress) (out Rows, err error) {
	source, err := from.Snapshot(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := to.Snapshot(ctx)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	w := &writer{ctx: ctx, to: to}
	left, stopLeft := iter.Pull2(told(source.Scan(ctx, state.Range{})))
	defer stopLeft()
	right, stopRight := iter.Pull2(told(target.Scan(ctx, state.Range{})))
	defer stopRight()
	a, moreA, err := step(left)
	if err != nil {
		return out, err
	}
	b, moreB, err := step(right)
	for ; err == nil && (moreA || moreB); progress("comparing rows", out.Total, 0) {
		order := compare(a, moreA, b, moreB)
		switch {
		case order < 0 || order == 0 && !bytes.Equal(a.Value, b.Value):
			out.Written++
			err = w.put(a)
		case order > 0:
			out.Deleted++
			err = w.delete(b)
		}
		if err == nil && order <= 0 {
			out.Total++
			a, moreA, err = step(left)
		}
		if err == nil && order >= 0 {
			b, moreB, err = step(right)
		}
	}
	if err == nil {
		err = w.flush()
	}
	return out, err
}

// told leaves out what the state keeps of a lake: each side has its own.
func told(scan iter.Seq2[state.KV, error]) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		for kv, err := range scan {
			if err == nil && state.Family(kv.Key[0]) == state.FamilyLake {
				continue
			}
			if !yield(kv, err) {
				return
			}
		}
	}
}

// step takes the next pair of a scan.
func step(next func() (state.KV, error, bool)) (state.KV, bool, error) {
	kv, err, ok := next()
	return kv, ok && err == nil, err
}

// compare orders two heads; one that is not there comes last.
func compare(a state.KV, moreA bool, b state.KV, moreB bool) int {
	switch {
	case !moreB:
		return -1
	case !moreA:
		return 1
	}
	return bytes.Compare(a.Key, b.Key)
}

// writer writes rows in transactions of bounded size.
type writer struct {
	ctx   context.Context
	to    state.Store
	rows  []state.KV // a nil value deletes
	bytes int
}

func (w *writer) put(kv state.KV) error {
	value := append(make([]byte, 0, len(kv.Value)), kv.Value...)
	return w.add(state.KV{Key: bytes.Clone(kv.Key), Value: value})
}

func (w *writer) delete(kv state.KV) error { return w.add(state.KV{Key: bytes.Clone(kv.Key)}) }

func (w *writer) add(kv state.KV) error {
	w.rows = append(w.rows, kv)
	w.bytes += len(kv.Key) + len(kv.Value)
	if len(w.rows) < stepRows && w.bytes < stepBytes {
		return nil
	}
	return w.flush()
}

func (w *writer) flush() error {
	if len(w.rows) == 0 {
		return nil
	}
	tx, err := w.to.Begin(w.ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, kv := range w.rows {
		if kv.Value == nil {
			tx.Delete(kv.Key)
		} else {
			tx.Put(kv.Key, kv.Value)
		}
	}
	w.rows, w.bytes = w.rows[:0:0], 0
	return tx.Commit(w.ctx, state.Cursor{})
}
