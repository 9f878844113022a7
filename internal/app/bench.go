package app

import (
	"context"
	"path/filepath"
	"time"

	"kith/internal/bench"
	"kith/internal/eventlog/local"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

// BenchEngine opens the embedded engines on a folder, as a server has them.
func BenchEngine(_ context.Context, dir string, committed func(records int, took time.Duration)) (*bench.Engine, error) {
	log, err := local.Open(filepath.Join(dir, "log"), local.Options{FS: sys.Disk(), Clock: sys.Wall()})
	if err != nil {
		return nil, err
	}
	store, err := pebble.Open(filepath.Join(dir, "state"), pebble.Options{FS: sys.Disk(), NoSync: true})
	if err != nil {
		_ = log.Close() // the first error is the one to tell
		return nil, err
	}
	e := &bench.Engine{Log: log, State: store}
	e.Runner = &pipeline.Runner{
		Log: log, State: store, Stages: &pipeline.Stages{History: keyed.Index{}},
		Interpreter: &pipeline.Interpreter{Identity: identity.DefaultConfig(), Keys: identity.NewKeyring([]byte("bench"))},
		Clock:       sys.Wall(),
		Observer: pipeline.Observer{Committed: func(_ int32, records int, _ int64, took time.Duration) {
			committed(records, took)
		}},
	}
	e.Profiles = &profile.Reader{
		State: store, History: keyed.Index{}, Log: log, Config: e.Runner.Interpreter.Identity, Keys: e.Runner.Interpreter.Keys,
	}
	e.Close = func() error {
		err := store.Close()
		if lerr := log.Close(); err == nil {
			err = lerr
		}
		return err
	}
	return e, nil
}
