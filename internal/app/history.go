package app

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"kith/event"
	"kith/internal/cold/keeper"
	"kith/internal/errs"
	"kith/internal/pipeline"
	"kith/internal/state"
)

// historyOf is where the settings let old history lie. A process that neither folds
// nor answers about people has no use for it, and does what it is there for without.
func historyOf(cfg *Config, observer keeper.Observer) keeper.Settings {
	return keeper.Settings{
		Address: cfg.History, Allow: cfg.EgressAllow, Clock: cfg.Clock, Observer: observer,
		Later: !cfg.plays(RolePipeline) && !cfg.plays(RoleAPI),
	}
}

// moving tells how far a process is that moves old history.
type moving struct {
	mu    sync.Mutex
	whole time.Time // end of the last pass through all of it, or else the beginning of the moving; zero: it moves nothing
}

func (m *moving) set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.whole = t
}

// age is how long ago the last whole pass ended. ok is false where nothing is moved.
func (m *moving) age(now time.Time) (age time.Duration, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return now.Sub(m.whole), !m.whole.IsZero()
}

// moveHistory moves old history out of the state, where the settings say so.
func (a *App) moveHistory(ctx context.Context) {
	if !keeper.Moves(a.store) {
		return
	}
	a.moving.set(a.cfg.Clock.Now())
	defer a.moving.set(time.Time{})
	m := a.mover(&waiting{clock: a.cfg.Clock, logger: a.logger, words: movingWaits()})
	m.Run(ctx, a.store)
}

// mover is what moves old history, and tells how that goes.
func (a *App) mover(w *waiting) *keeper.Moving {
	return &keeper.Moving{
		Clock: a.cfg.Clock, Rand: a.cfg.Rand, Bind: a.bindHistory,
		Stepped: func(rows int) {
			a.metrics.HistoryMoved(rows)
			w.over(pipeline.Beside)
		},
		Passed: func(rows int) {
			a.moving.set(a.cfg.Clock.Now())
			w.over(pipeline.Beside)
			a.logger.Info("went through old history", "moved", rows)
		},
		Failed: func(err error) {
			a.metrics.HistoryFailed(errs.CodeOf(err))
			w.again(pipeline.Beside, err)
		},
	}
}

// bindHistory lets history move while the state is that of today's settings.
func (a *App) bindHistory(ctx context.Context, r state.Reader) (key, value []byte, ok bool, err error) {
	key, value, err = pipeline.Interpretation(ctx, r)
	return key, value, bytes.Equal(value, a.live.Load().fingerprint), err
}

// examineHistory tells whether old history is where it should be, and moves there.
func examineHistory(ctx context.Context, cfg *Config, hot state.Store) []Check {
	const name = "old history"
	settings := historyOf(cfg, keeper.Observer{})
	found, err := keeper.Examine(ctx, settings, hot, cfg.Rand)
	switch {
	case err != nil && found.Place != "":
		return []Check{{name, Failed, found.Place + ": " + errs.DetailOf(err)}}
	case err != nil:
		return []Check{{name, Failed, errs.DetailOf(err)}}
	case found.Place == "":
		return nil
	}
	detail := fmt.Sprintf("%s answers and has every row that was moved", found.Place)
	if found.Looked == 0 {
		return []Check{{name, Passed, detail + "; the state has no history"}}
	}
	detail += fmt.Sprintf("; of %d rows of the state that were looked at, %d are over %s old and should have moved, and the oldest is of %s",
		found.Looked, found.Overdue, inDays(found.Due), event.FormatTime(found.Oldest))
	if found.Overdue == 0 {
		return []Check{{name, Passed, detail}}
	}
	return []Check{{name, Warned, detail + ". That is usual for as long as the first pass takes, and for a day after old events have come; else look what the process that moves them says in its log and as kith_history_failures_total"}}
}

// inDays writes down a time as people speak of it.
func inDays(d time.Duration) string {
	if d < 24*time.Hour {
		return d.String()
	}
	return fmt.Sprintf("%.3g days", d.Hours()/24)
}
