package pipeline

import (
	"context"
	"time"

	"kith/internal/errs"
	"kith/internal/held"
	"kith/internal/identity"
	"kith/internal/markday"
	"kith/internal/state"
)

// Status is how far the pipeline has come. Accepted and Processed count accepted
// records, repeats and held ones too. A refused message counts in Accepted from
// when the log has it until it is folded, and in Rejected from then on.
type Status struct {
	Accepted  int64
	Processed int64
	Repeats   int64
	Held      int64 // records kept apart now
	Rejected  int64 // messages that the collector refused
	Homeless  int64 // events without a usable identifier
	Waiting   int64 // nodes on which evidence waits to be brought into the clusters, up to waitingShown
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
	if s.Cursors, err = readCursors(ctx, snap, len(ends)); err != nil {
		return s, err
	}
	for p, c := range s.Cursors {
		// A commit between the two reads may be ahead of the end that was read.
		s.Accepted += max(ends[p], c.Next) - c.Rejected
		s.Processed += c.Next - c.Rejected
		s.Repeats += c.Repeats
		s.Held += c.Held
		s.Rejected += c.Rejected
		s.Homeless += c.Homeless
	}
	lag, err := identity.ReadLag(ctx, snap)
	if err != nil || !lag.Waiting {
		return s, err
	}
	nodes, err := identity.ReadWaiting(ctx, snap, waitingShown)
	s.Waiting = max(1, int64(len(nodes)))
	return s, err
}

// waitingShown is how far waiting nodes are counted.
const waitingShown = 10_000

// Positions returns, by partition, how many records are folded into a snapshot.
func (r *Runner) Positions(ctx context.Context, snap state.Reader) ([]int64, error) {
	return Folded(ctx, snap, r.Log.Partitions())
}

// pollEvery is how often Flush looks for the progress of other processes.
const pollEvery = 50 * time.Millisecond

// Flush returns when everything that was in the log when it was called is
// folded and in the clusters, or with ctx's error.
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
			if done, err = r.swept(ctx); err != nil {
				return err
			}
		}
		if done {
			return r.flushClusters(ctx)
		}
		if err := r.awaitProgress(ctx, progress); err != nil {
			return err
		}
	}
}

// flushClusters returns when the clusters hold the evidence that is folded now:
// when none waits, or after two passes, of which the second began after this.
func (r *Runner) flushClusters(ctx context.Context) error {
	first, err := r.lag(ctx)
	if err != nil {
		return err
	}
	for now := first; now.Waiting && now.Since == first.Since && now.Passes < first.Passes+2; {
		progress := r.progress()
		if now, err = r.lag(ctx); err != nil {
			return err
		}
		if !now.Waiting || now.Since != first.Since || now.Passes >= first.Passes+2 {
			return nil
		}
		if err := r.awaitProgress(ctx, progress); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) lag(ctx context.Context) (identity.Lag, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return identity.Lag{}, err
	}
	defer snap.Close()
	return identity.ReadLag(ctx, snap)
}

// awaitProgress waits for a commit of this process, or for a while in which
// another one may have made one.
func (r *Runner) awaitProgress(ctx context.Context, progress <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "not everything was folded in time; the rest goes on")
	case <-progress:
	case <-r.Clock.After(pollEvery):
	}
	return nil
}

// ForgetMarks drops the marks that can meet no further copy: those of messages
// whose last copy was received over repeatWindow, and a day, before the least
// moment that every partition has reached; one that is folded to its end has
// reached the latest of all, so that partitions to which nothing comes hold up
// nothing. It relies on records being appended in the order of receipt but for less
// than that day, as collectors do.
func (r *Runner) ForgetMarks(ctx context.Context) error {
	ends, err := r.Log.Ends(ctx)
	if err != nil {
		return err
	}
	s, err := r.Status(ctx)
	if err != nil {
		return err
	}
	var reached int64
	for _, c := range s.Cursors {
		reached = max(reached, c.ReceivedAt)
	}
	for p, c := range s.Cursors {
		if c.Next < ends[p] {
			reached = min(reached, c.ReceivedAt)
		}
	}
	before := markday.Of(reached - repeatWindow)
	if before < 2 {
		return nil
	}
	keep, err := r.heldMarks(ctx)
	if err != nil {
		return err
	}
	for from := markday.From(0); from != nil; {
		if from, err = r.forgetSome(ctx, from, before-1, keep); err != nil {
			return err
		}
	}
	return nil
}

// heldMarks are the marks of the messages that are kept apart. They are not
// dropped: when a record is put back, its copies have to meet it.
func (r *Runner) heldMarks(ctx context.Context) (map[mark]bool, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	keep := map[mark]bool{}
	for kv, err := range snap.Scan(ctx, state.Prefix([]byte{byte(state.FamilyQuarantine)})) {
		if err != nil {
			return nil, err
		}
		h, err := held.Decode(kv.Key, kv.Value)
		if err != nil {
			return nil, err
		}
		if rec, err := h.Record(); err == nil {
			keep[markOf(rec.Kind, rec.Stamp.Source, rec.Stamp.MessageID)] = true
		}
	}
	return keep, nil
}

// forgetSome looks at a bounded number of marks that end before a day, from a key
// of their days on, and drops them but those to keep. It returns where to go on,
// or nil at the end.
func (r *Runner) forgetSome(ctx context.Context, from []byte, before uint32, keep map[mark]bool) (next []byte, err error) {
	tx, err := r.State.Begin(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	gone, next, err := markday.Take(ctx, tx, from, before, keep)
	if err != nil {
		return nil, err
	}
	marks := make([][]byte, len(gone))
	for i, m := range gone {
		marks[i] = markKey(m)
	}
	values, err := tx.Get(ctx, marks)
	if err != nil {
		return nil, err
	}
	guarded := map[string]bool{}
	for i, v := range values {
		row, err := decodeMark(v)
		if err != nil {
			return nil, err
		}
		if v != nil && row.lastDay() < before && row.loads == nil && !guarded[string(marks[i])] {
			guarded[string(marks[i])] = true
			tx.PutIf(marks[i], v, nil)
		}
	}
	return next, tx.Commit(ctx, state.Cursor{})
}
