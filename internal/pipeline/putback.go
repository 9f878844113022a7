package pipeline

import (
	"context"
	"errors"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/held"
	"kith/internal/lockset"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/sys"
)

// Retry puts a held record back: it is folded now, from its place in the log, as
// if nothing had been in the way, so that folding the log anew comes to the same.
// A message that the collector had refused is judged by the limits of today; if
// they take it, it goes into the log as what it would have been at its receipt.
// Fails with the reason, of kind Invalid, when it still cannot be taken; then it
// stays held.
func (r *Runner) Retry(ctx context.Context, id string) error {
	at, err := held.ParseID(id)
	if err != nil {
		return err
	}
	h, err := r.heldRecord(ctx, at)
	if err != nil {
		return err
	}
	rec, err := h.Record()
	if err == nil && rec.Kind == record.Rejected {
		return r.accept(ctx, &h, rec)
	}
	again := r.Interpreter.All(h.Position, [][]byte{h.Data})[0]
	if again.Poison != nil {
		return stillHeld(again.Poison)
	}
	return r.putBack(ctx, again)
}

func stillHeld(why error) error {
	return errs.Wrap(why, errs.Invalid, errs.CodeOf(why), "the record still cannot be folded")
}

// putBack folds a held record, starting again under more locks or after a race.
func (r *Runner) putBack(ctx context.Context, c Contribution) error {
	locks := lockset.Widen(c.locks(), []state.Lock{state.PartitionLock(c.Position.Partition)})
	const attempts = 8
	for i := 0; ; i++ {
		err := r.tryPutBack(ctx, c, locks)
		var more *lockset.Needed
		var p *foldPanic
		switch {
		case errors.As(err, &more):
			locks = lockset.Widen(locks, more.Locks)
		case errors.As(err, &p):
			return errs.New(errs.Invalid, "pipeline.panic", "folding the record failed again: %s", p.kind)
		case errs.Is(err, errs.Conflict) && i < attempts:
			r.retried(Beside, err)
		default:
			return err
		}
	}
}

// tryPutBack folds a held record in one transaction. The cursor stays where it is;
// its counters change.
func (r *Runner) tryPutBack(ctx context.Context, c Contribution, locks []state.Lock) error {
	tx, err := r.State.Begin(ctx, locks)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := held.Get(ctx, tx, c.Position); err != nil {
		return err
	}
	cur, err := readCursor(ctx, tx, c.Position.Partition)
	if err != nil {
		return err
	}
	batch := r.batch([]Contribution{c}, cur, locks)
	if err := r.step(ctx, tx, &batch, sys.Millis(r.Clock.Now())); err != nil {
		return err
	}
	tx.Delete(held.Key(c.Position))
	next := batch.Cursor
	next.Next = cur.Next
	next.Held--
	// The log does not have what the operator did, so the commit is one that is
	// durable at once.
	tx.PutIf(cursorKey(cur.Partition), cur.stored, next.encode())
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		return err
	}
	if batch.Waiting {
		r.fellBehind()
	}
	r.wake()
	return nil
}

// accept judges a refused message anew and appends it to the log.
func (r *Runner) accept(ctx context.Context, h *held.Entry, rec record.Record) error {
	if r.Reaccept == nil {
		why := rec.Reason()
		return errs.New(errs.Invalid, why.Code, "%s", why.Detail)
	}
	again, err := r.Reaccept(rec)
	if err != nil {
		return err
	}
	data := again.AppendTo(nil)
	if c := r.Interpreter.All(h.Position, [][]byte{data})[0]; c.Poison != nil {
		return stillHeld(c.Poison)
	}
	if _, err := r.Log.Append(ctx, []eventlog.Entry{{Partition: h.Position.Partition, Data: data}}); err != nil {
		return err
	}
	tx, err := r.State.Begin(ctx, []state.Lock{state.PartitionLock(h.Position.Partition)})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	tx.Delete(held.Key(h.Position))
	return tx.Commit(ctx, state.Cursor{})
}

func (r *Runner) heldRecord(ctx context.Context, at eventlog.Position) (held.Entry, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return held.Entry{}, err
	}
	defer snap.Close()
	return held.Get(ctx, snap, at)
}
