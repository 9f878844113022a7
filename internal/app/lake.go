package app

import (
	"context"
	"path/filepath"

	"kith/internal/bench"
	"kith/internal/errs"
	"kith/internal/lake"
	lakelocal "kith/internal/lake/local"
	"kith/internal/sys"
	"kith/internal/workspace"
)

// lakeFolder is where the lake of a workspace lies.
func lakeFolder(cfg *Config, ws workspace.Handle) string {
	if cfg.Lake != "" {
		return filepath.Join(cfg.Lake, ws.Name())
	}
	return filepath.Join(ws.Dir(), "lake")
}

// makeLake makes what writes the lake, or tells how far others have written it. Its
// folder is made when the writer first runs: a lake that cannot be written stops
// nothing else.
func (a *App) makeLake(context.Context) error {
	a.lake = lake.New(lake.Config{
		Store: lakelocal.New(a.cfg.FS, lakeFolder(&a.cfg, a.ws)),
		State: a.store, Log: a.log, Partitions: a.log.Partitions(),
		Parts: func() lake.Parts {
			l := a.live.Load()
			return lake.Parts{Interpreter: l.runner.Interpreter, Reader: l.reader}
		},
		Clock: a.cfg.Clock, Rand: a.cfg.Rand, Observer: a.lakeObserver(),
		Periods: a.cfg.LakePeriods,
	})
	return nil
}

func (a *App) lakeObserver() lake.Observer {
	return lake.Observer{
		Round: a.metrics.LakeRound, Merged: a.metrics.LakeMerged,
		Failed: func(err error) {
			a.metrics.LakeFailed(errs.CodeOf(err))
			a.logger.Warn("writing the lake failed and will be tried again; events are folded all the while", "code", errs.CodeOf(err), "error", err)
		},
	}
}

// lakeLag is the age of the oldest fact that does not show in the lake; 0 where
// nobody writes it.
func (a *App) lakeLag(ctx context.Context) (int64, error) {
	if !a.folded() {
		return 0, nil
	}
	return a.lake.Lag(ctx)
}

// flushLake returns once all facts of now show in the lake.
func (a *App) flushLake(ctx context.Context) error {
	if !a.runs.Load() || !a.folded() {
		return nil
	}
	return a.lake.Flush(ctx)
}

// Lake returns the lake of a data folder, and the folder that it lies in, for
// reading beside whoever writes it.
func Lake(cfg Config) (lake.Store, string, error) {
	if err := cfg.Validate(); err != nil {
		return nil, "", err
	}
	ws, err := workspace.New(cfg.Data, defaultWorkspace, cfg.IDKey)
	if err != nil {
		return nil, "", err
	}
	dir := lakeFolder(&cfg, ws)
	return lakelocal.New(cfg.FS, dir), dir, nil
}

// BenchLake returns a writer of a lake in a folder, as a server has it.
func BenchLake(e *bench.Engine, dir string, clock sys.Clock) *lake.Writer {
	return lake.New(lake.Config{
		Store: lakelocal.New(sys.Disk(), dir), State: e.State, Log: e.Log, Partitions: e.Log.Partitions(),
		Parts: func() lake.Parts { return lake.Parts{Interpreter: e.Runner.Interpreter, Reader: e.Profiles} },
		Clock: clock, Rand: sys.Entropy(),
	})
}
