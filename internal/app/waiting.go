package app

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"kith/internal/errs"
	"kith/internal/pipeline"
	"kith/internal/sys"
)

// waits is how an operator is told of what is tried again: once it has been for quiet,
// and from then on every so long. An engine that restarts is no news, one whose disk
// is full is.
type waits struct {
	quiet, every time.Duration
	what         string // that it waits, and what that means
	over         string // that it goes on
}

func foldingWaits() waits {
	return waits{10 * time.Second, time.Minute, "folding waits and is tried again; events are taken all the while", "folding goes on"}
}

// Nothing suffers soon from history that stays where it is.
func movingWaits() waits {
	return waits{time.Minute, 10 * time.Minute, "old history cannot be moved and is tried again; it stays in PostgreSQL, which grows all the while. Look whether ClickHouse runs and has room; kith doctor says whether it answers and has what was moved", "old history moves again"}
}

// waiting tells how long something has not been done because an engine cannot serve,
// of each partition by itself: one may wait while the others go on. It is safe for
// concurrent use.
type waiting struct {
	clock  sys.Clock
	logger *slog.Logger
	words  waits

	mu    sync.Mutex
	parts map[int32]attempts
	begun time.Time // when the first of them began to wait that have not all gone on since
	told  time.Time
}

// attempts are those for one partition that were for nothing.
type attempts struct{ first, last time.Time }

// abandoned is after how long without an attempt a partition is taken to be tried by
// another process: attempts follow one another sooner.
const abandoned = time.Minute

// again notes that it is tried again. That another process was first is no trouble of
// an engine.
func (w *waiting) again(partition int32, err error) {
	if errs.Is(err, errs.Conflict) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	w.forget(now)
	if len(w.parts) == 0 {
		w.parts, w.begun = map[int32]attempts{}, now
	}
	a, waits := w.parts[partition]
	if !waits {
		a.first = now
	}
	a.last = now
	w.parts[partition] = a
	if now.Sub(a.first) < w.words.quiet || !w.told.IsZero() && now.Sub(w.told) < w.words.every {
		return
	}
	w.told = now
	attrs := []any{"for", now.Sub(a.first).Round(time.Second)}
	if p := w.waiting(); len(p) > 0 {
		attrs = append(attrs, "partitions", p)
	}
	w.logger.Warn(w.words.what, append(attrs, "code", errs.CodeOf(err), "error", err)...)
}

// waiting returns the partitions that wait.
func (w *waiting) waiting() (out []int32) {
	for p := range w.parts {
		if p != pipeline.Beside {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// over notes that it was done.
func (w *waiting) over(partition int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	delete(w.parts, partition)
	w.forget(now)
	if len(w.parts) > 0 {
		return
	}
	if !w.told.IsZero() {
		w.logger.Info(w.words.over, "after", now.Sub(w.begun).Round(time.Second))
	}
	w.told = time.Time{}
}

// forget leaves out what nobody tries here any more.
func (w *waiting) forget(now time.Time) {
	maps.DeleteFunc(w.parts, func(_ int32, a attempts) bool { return now.Sub(a.last) > abandoned })
}
