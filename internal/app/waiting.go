package app

import (
	"log/slog"
	"sync"
	"time"

	"kith/internal/errs"
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

// waiting tells how long something has not been done because an engine cannot serve.
// It is safe for concurrent use.
type waiting struct {
	clock  sys.Clock
	logger *slog.Logger
	words  waits

	mu    sync.Mutex
	since time.Time // of the first attempt that was for nothing; zero: nothing waits
	told  time.Time
}

// again notes that it is tried again. That another process was first is no trouble of
// an engine.
func (w *waiting) again(err error) {
	if errs.Is(err, errs.Conflict) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	if w.since.IsZero() {
		w.since = now
	}
	if now.Sub(w.since) < w.words.quiet || !w.told.IsZero() && now.Sub(w.told) < w.words.every {
		return
	}
	w.told = now
	w.logger.Warn(w.words.what, "for", now.Sub(w.since).Round(time.Second), "code", errs.CodeOf(err), "error", err)
}

// over notes that it was done.
func (w *waiting) over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.told.IsZero() {
		w.logger.Info(w.words.over, "after", w.clock.Now().Sub(w.since).Round(time.Second))
	}
	w.since, w.told = time.Time{}, time.Time{}
}
