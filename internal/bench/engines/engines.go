// Package engines opens what is measured: the engines of the log and the state as a
// server has them.
package engines

import (
	"context"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"kith/internal/bench"
	"kith/internal/errs"
	"kith/internal/eventlog/local"
	"kith/internal/expr"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/membership"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/state/postgres"
	"kith/internal/sys"
)

// On returns an opener of the engines with the state on a server, if a URL names one,
// in the schema kith_bench, which must hold nothing and goes at the end; else both lie
// in the folder.
func On(stateURL string) bench.Opener {
	return func(ctx context.Context, dir string, committed func(records int, took time.Duration)) (*bench.Engine, error) {
		return open(ctx, dir, stateURL, committed)
	}
}

func openState(ctx context.Context, dir, url string) (state.Store, error) {
	if err := sys.MakeDir(sys.Disk(), dir, 0o700); err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "bench.folder", "the folder %s cannot be made", dir)
	}
	if url != "" {
		return openEmpty(ctx, url)
	}
	return pebble.Open(dir, pebble.Options{FS: sys.Disk(), NoSync: true})
}

// schema is where the state of a measurement lies on a server; it goes with it, so
// that the next one begins with nothing as in a folder of its own.
const schema = "kith_bench"

func openEmpty(ctx context.Context, url string) (state.Store, error) {
	store, err := postgres.Open(ctx, url, postgres.Options{Schema: schema})
	if err != nil {
		return nil, err
	}
	s := &passing{store, url}
	snap, err := store.Snapshot(ctx)
	if err == nil {
		for _, err = range snap.Scan(ctx, state.Range{Limit: 1}) {
			if err == nil {
				err = errs.New(errs.Invalid, "bench.schema", "the schema %s of the server holds something; drop it, or name another database", schema)
			}
		}
		_ = snap.Close() // it was only read
	}
	if err != nil {
		_ = store.Close() // the first error is the one to tell
		return nil, err
	}
	return s, nil
}

// passing is a state that goes when it is closed.
type passing struct {
	state.Store
	url string
}

// Close implements state.Store.
func (p *passing) Close() error {
	if err := p.Store.Close(); err != nil {
		return err
	}
	return execute(context.Background(), p.url, "drop schema if exists "+schema+" cascade")
}

func open(ctx context.Context, dir, stateURL string, committed func(records int, took time.Duration)) (*bench.Engine, error) {
	log, err := local.Open(filepath.Join(dir, "log"), local.Options{FS: sys.Disk(), Clock: sys.Wall()})
	if err != nil {
		return nil, err
	}
	store, err := openState(ctx, filepath.Join(dir, "state"), stateURL)
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

// Segments returns an opener of the engines with what keeps the members of segments; the state
// is on a server if a URL names one.
func Segments(stateURL string) bench.SegmentsOpener {
	return func(ctx context.Context, dir string) (*bench.SegmentsEngine, error) {
		base, err := open(ctx, dir, stateURL, func(int, time.Duration) {})
		if err != nil {
			return nil, err
		}
		return members(ctx, base, stateURL != "")
	}
}

func members(ctx context.Context, base *bench.Engine, distant bool) (e *bench.SegmentsEngine, err error) {
	var fields atomic.Pointer[expr.Projection]
	fields.Store(&expr.Projection{})
	in := base.Runner.Interpreter
	in.Fields = func() expr.Projection { return *fields.Load() }
	e = &bench.SegmentsEngine{Engine: base, Clock: &bench.Shifted{Clock: sys.Wall()}, Definitions: &membership.Documents{}}
	e.Members, err = membership.Open(ctx, membership.Config{
		State: base.State, History: keyed.Index{}, Log: base.Log, Keys: in.Keys, Partitions: base.Log.Partitions(), Clock: e.Clock, Distant: distant,
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
