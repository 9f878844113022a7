package app

import (
	"log/slog"
	"sync"
	"time"

	"kith/internal/errs"
	"kith/internal/sys"
)

// An operator is told that the folding waits once it has for waitingQuiet, and from
// then on every waitingEvery: an engine that restarts is no news, one whose disk is
// full is.
const (
	waitingQuiet = 10 * time.Second
	waitingEvery = time.Minute
)

// waiting tells how long no batch has been folded because an engine cannot serve.
// It is safe for concurrent use.
type waiting struct {
	clock  sys.Clock
	logger *slog.Logger

	mu    sync.Mutex
	since time.Time // of the first batch that was tried again; zero: none waits
	told  time.Time
}

// again notes that a batch is tried again. That another process was first is no
// trouble of an engine.
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
	if now.Sub(w.since) < waitingQuiet || !w.told.IsZero() && now.Sub(w.told) < waitingEvery {
		return
	}
	w.told = now
	w.logger.Warn("folding waits and is tried again; events are taken all the while", "for", now.Sub(w.since).Round(time.Second), "code", errs.CodeOf(err), "error", err)
}

// over notes that a batch was folded.
func (w *waiting) over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.told.IsZero() {
		w.logger.Info("folding goes on", "after", w.clock.Now().Sub(w.since).Round(time.Second))
	}
	w.since, w.told = time.Time{}, time.Time{}
}
