package app

import (
	"context"
	"path/filepath"
	"strings"

	"kith/internal/eventlog"
	"kith/internal/eventlog/kafka"
	"kith/internal/eventlog/local"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/state/postgres"
	"kith/internal/workspace"
)

// openLog opens the event log that the settings name.
func openLog(ctx context.Context, cfg *Config, ws workspace.Handle, observer local.Observer) (eventlog.Log, error) {
	if cfg.LogURL != "" {
		return kafka.Open(ctx, cfg.LogURL, ws.Name(), kafka.Options{})
	}
	return local.Open(filepath.Join(ws.Dir(), "log"), local.Options{
		FS: cfg.FS, Clock: cfg.Clock, Rand: cfg.Rand, Observer: observer,
	})
}

// openState opens the state that the settings name. The embedded state does not
// sync its commits: it is derived from the log together with its cursor, so after
// a power cut the log brings it up to date again.
func openState(ctx context.Context, cfg *Config, ws workspace.Handle) (state.Store, error) {
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
