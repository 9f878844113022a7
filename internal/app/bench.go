package app

import (
	"context"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"kith/internal/bench"
	"kith/internal/eventlog/local"
	"kith/internal/expr"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/membership"
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

// BenchSegments opens the embedded engines with what keeps the members of
// segments.
func BenchSegments(ctx context.Context, dir string) (*bench.SegmentsEngine, error) {
	base, err := BenchEngine(ctx, dir, func(int, time.Duration) {})
	if err != nil {
		return nil, err
	}
	var fields atomic.Pointer[expr.Projection]
	fields.Store(&expr.Projection{})
	in := base.Runner.Interpreter
	in.Fields = func() expr.Projection { return *fields.Load() }
	e := &bench.SegmentsEngine{Engine: base, Definitions: &membership.Documents{}}
	e.Members, err = membership.Open(ctx, membership.Config{
		State: base.State, History: keyed.Index{}, Log: base.Log, Keys: in.Keys, Partitions: base.Log.Partitions(), Clock: sys.Wall(),
		Identity:    func() *identity.Config { return in.Identity },
		Definitions: func(context.Context) (membership.Documents, error) { return *e.Definitions, nil },
		Projection:  in.Fields,
		Fields: func(_ context.Context, more []expr.Field) (expr.Projection, error) {
			p := slices.Clone(*fields.Load())
			for _, f := range more {
				if !slices.Contains(p, f) {
					p = append(p, f)
				}
			}
			fields.Store(&p)
			return p, nil
		},
	})
	return e, err
}
