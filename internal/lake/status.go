package lake

import (
	"context"
	"time"

	"kith/internal/errs"
	"kith/internal/fact"
	"kith/internal/membership"
	"kith/internal/pipeline"
	"kith/internal/state"
)

// shown returns by partition before which fact all show in the lake, and behind the
// partitions before which transition, as of a snapshot; nothing when the state is
// being made anew.
func shown(ctx context.Context, r state.Reader) ([]uint64, error) {
	last, err := readRound(ctx, r)
	if err != nil || last == nil {
		return nil, err
	}
	_, fingerprint, err := pipeline.Interpretation(ctx, r)
	if err != nil || string(fingerprint) != string(last.Fingerprint) {
		return nil, err
	}
	out := make([]uint64, len(last.Cuts))
	for i, c := range last.Cuts {
		out[i] = c.From
		if last.Done {
			out[i] = c.To
		}
	}
	if last.Done {
		return append(out, last.Transitions.To), nil
	}
	return append(out, last.Transitions.From), nil
}

// behind returns the ends of the facts and behind them that of the transitions, and
// before which of them all show.
func (w *Writer) behind(ctx context.Context) (ends, seen []uint64, snap state.Snapshot, err error) {
	if snap, err = w.cfg.State.Snapshot(ctx); err != nil {
		return nil, nil, nil, err
	}
	ends, err = pipeline.FactEnds(ctx, snap, w.cfg.Partitions)
	transitions := uint64(0)
	if err == nil {
		transitions, err = membership.Recorded(ctx, snap)
	}
	if err == nil {
		ends = append(ends, transitions)
		seen, err = shown(ctx, snap)
	}
	if err != nil {
		_ = snap.Close() // the first error is the one to tell
		return nil, nil, nil, err
	}
	return ends, seen, snap, nil
}

// Shown returns what a copy holds that is up to date; ok is false while a round goes
// on and before the first one.
func (w *Writer) Shown(ctx context.Context) (held MirrorRound, ok bool, err error) {
	snap, err := w.cfg.State.Snapshot(ctx)
	if err != nil {
		return held, false, err
	}
	defer snap.Close()
	r, err := readRound(ctx, snap)
	if err != nil || r == nil || !r.Done {
		return held, false, err
	}
	return MirrorRound{r.Lake, r.Generation, r.First}, true, nil
}

// Lag returns for how many milliseconds the oldest fact or transition that does not
// show in the lake has been there; 0 when all show.
func (w *Writer) Lag(ctx context.Context) (int64, error) { return w.lag(ctx, true) }

// FactsLag is the same of facts alone, on which the tables of events and people
// rest.
func (w *Writer) FactsLag(ctx context.Context) (int64, error) { return w.lag(ctx, false) }

func (w *Writer) lag(ctx context.Context, transitions bool) (int64, error) {
	ends, seen, snap, err := w.behind(ctx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	var lag int64
	for p, end := range ends {
		from := uint64(0)
		if p < len(seen) {
			from = seen[p]
		}
		if from >= end || p == w.cfg.Partitions && !transitions {
			continue
		}
		if p == w.cfg.Partitions {
			some, err := membership.ReadTransitions(ctx, snap, from, 1)
			if err != nil {
				return 0, err
			}
			if len(some) > 0 {
				lag = max(lag, w.now()-some[0].RecordedAt)
			}
			continue
		}
		for b, err := range fact.Read(ctx, snap, int32(p), from) {
			if err != nil {
				return 0, err
			}
			lag = max(lag, w.now()-b.At)
			break
		}
	}
	return lag, nil
}

// wakeEvery is how often Flush looks although nothing was told.
const wakeEvery = 50 * time.Millisecond

// Flush returns when all facts and transitions that were there when it was called show in the
// lake, or with ctx's error. Somebody must write it: this writer, or that of another
// process.
func (w *Writer) Flush(ctx context.Context) error {
	var target []uint64
	for {
		checked, progress := w.awaited()
		ends, seen, snap, err := w.behind(ctx)
		if err != nil {
			return err
		}
		_ = snap.Close() // it was only read
		if target == nil {
			target = ends
		}
		if checked && covers(seen, target) {
			return nil
		}
		w.kick()
		select {
		case <-ctx.Done():
			return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "not everything shows in the lake in time; the rest goes on")
		case <-progress:
		case <-w.cfg.Clock.After(wakeEvery):
		}
	}
}

// kick has the next round begin at once.
func (w *Writer) kick() {
	select {
	case w.kicks <- struct{}{}:
	default:
	}
}

// awaited tells whether the lake has been held against the state since this writer
// runs, if it does, and returns a channel that is closed when a round shows.
func (w *Writer) awaited() (bool, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.progress == nil {
		w.progress = make(chan struct{})
	}
	return w.checked || !w.running, w.progress
}

// announce notes that all that is in the state shows in the lake.
func (w *Writer) announce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checked = true
	if w.progress != nil {
		close(w.progress)
		w.progress = nil
	}
}

func covers(seen, ends []uint64) bool {
	for p, end := range ends {
		if end > 0 && (p >= len(seen) || seen[p] < end) {
			return false
		}
	}
	return true
}
