package pipeline

import (
	"context"
	"time"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/record"
	"kith/internal/state"
)

// Status is how far the pipeline has come. Accepted and Processed count accepted
// records, repeats and held ones too. A refused message counts in Accepted from
// when the log has it until it is folded, and in Rejected from then on.
type Status struct {
	Accepted  int64
	Processed int64
	Repeats   int64
	Held      int64 // records kept apart so far
	Rejected  int64 // messages that the collector refused
	Homeless  int64 // events without a usable identifier
	Cursors   []Cursor
}

// Lag is how many accepted records are not yet folded.
func (s *Status) Lag() int64 { return s.Accepted - s.Processed }

// Status reads the log's ends first and the cursors after, so Processed is never
// behind what it was when the call began.
func (r *Runner) Status(ctx context.Context) (Status, error) {
	var s Status
	ends, err := r.Log.Ends(ctx)
	if err != nil {
		return s, err
	}
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return s, err
	}
	defer snap.Close()
	for p, end := range ends {
		c, err := readCursor(ctx, snap, int32(p))
		if err != nil {
			return s, err
		}
		// A commit between the two reads may be ahead of the end that was read.
		s.Accepted += max(end, c.Next) - c.Rejected
		s.Processed += c.Next - c.Rejected
		s.Repeats += c.Repeats
		s.Held += c.Held
		s.Rejected += c.Rejected
		s.Homeless += c.Homeless
		s.Cursors = append(s.Cursors, c)
	}
	return s, nil
}

// Positions returns, by partition, how many records are folded into a snapshot.
func (r *Runner) Positions(ctx context.Context, snap state.Reader) ([]int64, error) {
	out := make([]int64, r.Log.Partitions())
	for p := range out {
		c, err := readCursor(ctx, snap, int32(p))
		if err != nil {
			return nil, err
		}
		out[p] = c.Next
	}
	return out, nil
}

// pollEvery is how often Flush looks for the progress of other processes.
const pollEvery = 50 * time.Millisecond

// Flush returns when everything that was in the log when it was called is
// folded, or with ctx's error.
func (r *Runner) Flush(ctx context.Context) error {
	ends, err := r.Log.Ends(ctx)
	if err != nil {
		return err
	}
	for {
		progress := r.progress()
		s, err := r.Status(ctx)
		if err != nil {
			return err
		}
		done := true
		for p, end := range ends {
			done = done && s.Cursors[p].Next >= end
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "not everything was folded in time; the rest goes on")
		case <-progress:
		case <-r.Clock.After(pollEvery):
		}
	}
}

// ForgetMarks drops the marks that can meet no further copy: those of messages
// whose last copy was received over repeatWindow, and a day, before the least
// moment that every partition has reached. It relies on a partition's log being
// in the order of receipt but for less than that day, as collectors append it.
func (r *Runner) ForgetMarks(ctx context.Context) error {
	s, err := r.Status(ctx)
	if err != nil {
		return err
	}
	var reached int64
	for i, c := range s.Cursors {
		if i == 0 || c.ReceivedAt < reached {
			reached = c.ReceivedAt
		}
	}
	before := dayOf(reached - repeatWindow)
	if before < 2 {
		return nil
	}
	for {
		n, err := r.forgetSome(ctx, before-1)
		if err != nil || n == 0 {
			return err
		}
	}
}

// forgetSome drops a bounded number of marks that end before a day.
func (r *Runner) forgetSome(ctx context.Context, before uint32) (int, error) {
	tx, err := r.State.Begin(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	var days, marks [][]byte
	for kv, err := range tx.Scan(ctx, state.Range{Low: dayPrefix(0), High: dayPrefix(before), Limit: 5000}) {
		if err != nil {
			return 0, err
		}
		k := append([]byte(nil), kv.Key...)
		days, marks = append(days, k), append(marks, markKey(mark(k[5:21])))
	}
	values, err := tx.Get(ctx, marks)
	if err != nil {
		return 0, err
	}
	guarded := map[string]bool{}
	for i, v := range values {
		row, err := decodeMark(v)
		if err != nil {
			return 0, err
		}
		tx.Delete(days[i])
		if v != nil && row.lastDay() < before && !guarded[string(marks[i])] {
			guarded[string(marks[i])] = true
			tx.PutIf(marks[i], v, nil)
		}
	}
	return len(days), tx.Commit(ctx, state.Cursor{})
}

// Retry puts a held record back: it is read again and, if it can be folded now,
// appended to the log as it was accepted. It fails with the reason otherwise.
func (r *Runner) Retry(ctx context.Context, id string) error {
	at, err := ParseHeldID(id)
	if err != nil {
		return err
	}
	h, err := r.heldRecord(ctx, at)
	if err != nil {
		return err
	}
	if h.Data, err = r.reaccept(h.Data); err != nil {
		return err
	}
	again := r.Interpreter.All(h.Position, [][]byte{h.Data})
	if again[0].Poison != nil {
		return errs.Wrap(again[0].Poison, errs.Invalid, errs.CodeOf(again[0].Poison), "the record still cannot be folded")
	}
	if _, err := r.Log.Append(ctx, []eventlog.Entry{{Partition: at.Partition, Data: h.Data}}); err != nil {
		return err
	}
	tx, err := r.State.Begin(ctx, []state.Lock{state.PartitionLock(at.Partition)})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	tx.Delete(heldKey(at))
	return tx.Commit(ctx, state.Cursor{})
}

// reaccept judges a refused message anew and returns the record to append; other
// records come back as they are.
func (r *Runner) reaccept(data []byte) ([]byte, error) {
	rec, err := record.Decode(data)
	if err != nil || rec.Kind != record.Rejected {
		return data, nil // what is wrong with other records, reading them says
	}
	if r.Reaccept == nil {
		why := rec.Reason()
		return nil, errs.New(errs.Invalid, why.Code, "%s", why.Detail)
	}
	again, err := r.Reaccept(rec)
	if err != nil {
		return nil, err
	}
	return again.AppendTo(nil), nil
}

func (r *Runner) heldRecord(ctx context.Context, at eventlog.Position) (Held, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return Held{}, err
	}
	defer snap.Close()
	return GetHeld(ctx, snap, at)
}
