package app

import (
	"context"
	"path/filepath"
	"strings"

	"kith/internal/cold/keeper"
	"kith/internal/eventlog"
	"kith/internal/eventlog/local"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/state/postgres"
	"kith/internal/workspace"
)

// openLog opens the event log that the settings name. copies is the folder of copies
// of archived records; without one they are kept for as long as the log is open.
func openLog(ctx context.Context, cfg *Config, ws workspace.Handle, observer local.Observer, copies string) (eventlog.Log, error) {
	if cfg.LogURL != "" {
		return openTopic(ctx, cfg, ws, copies)
	}
	return local.Open(filepath.Join(ws.Dir(), "log"), local.Options{
		FS: cfg.FS, Clock: cfg.Clock, Rand: cfg.Rand, Observer: observer,
	})
}

// openState opens the state that the settings name. The embedded state does not
// sync its commits: it is derived from the log together with its cursor, so after
// a power cut the log brings it up to date again.
func openState(ctx context.Context, cfg *Config, ws workspace.Handle, history keeper.Observer) (state.Store, error) {
	if cfg.StateURL != "" {
		return keeper.Open(ctx, historyOf(cfg, history), func() (state.Store, error) { return openHot(ctx, cfg, ws) })
	}
	return openHot(ctx, cfg, ws)
}

// openHot opens the state without what lies elsewhere.
func openHot(ctx context.Context, cfg *Config, ws workspace.Handle) (state.Store, error) {
	if cfg.StateURL != "" {
		return postgres.Open(ctx, cfg.StateURL, postgres.Options{Schema: schemaOf(ws.Name())})
	}
	return pebble.Open(filepath.Join(ws.Dir(), "state"), pebble.Options{FS: cfg.FS, Clock: cfg.Clock, NoSync: true})
}

// schemaOf is the PostgreSQL schema of a workspace. Different workspaces have
// different ones: an underscore is doubled, and a dash becomes one with a d.
func schemaOf(name string) string {
	return "kith_" + strings.NewReplacer("_", "__", "-", "_d").Replace(name)
}

// Engines are a log and a state without anything that works on them.
type Engines struct {
	Log   eventlog.Log
	State state.Store
	app   *App
}

// OpenEngines opens the log and the state that the settings name.
func OpenEngines(ctx context.Context, cfg Config) (*Engines, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg}
	for _, step := range []func(context.Context) error{a.openFolder, a.openQuietly} {
		if err := step(ctx); err != nil {
			_ = a.Close() // the first error is the one to tell
			return nil, err
		}
	}
	return &Engines{a.log, a.store, a}, nil
}

// Close closes both.
func (e *Engines) Close() error { return e.app.Close() }
