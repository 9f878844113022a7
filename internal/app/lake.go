package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"kith/internal/bench"
	"kith/internal/errs"
	"kith/internal/lake"
	lakelocal "kith/internal/lake/local"
	"kith/internal/sys"
	"kith/internal/tables"
	"kith/internal/workspace"
)

// lakeFolder is where the lake of a workspace lies.
func lakeFolder(cfg *Config, ws workspace.Handle) string {
	if cfg.Lake != "" {
		return filepath.Join(cfg.Lake, ws.Name())
	}
	return filepath.Join(ws.Dir(), "lake")
}

// placeOf is where the settings let the tables of a workspace lie.
func placeOf(cfg *Config, files sys.FS, ws workspace.Handle, copies string) tables.Settings {
	return tables.Settings{
		Lake: cfg.Lake, Analytics: cfg.Analytics, Folder: lakeFolder(cfg, ws), Copies: copies, Workspace: ws.Name(),
		FS: files, Clock: cfg.Clock, Rand: cfg.Rand, Allow: cfg.EgressAllow,
	}
}

// makeLake makes what writes the lake, or tells how far others have written it. Its
// folder is made when the writer first runs: a lake that cannot be written stops
// nothing else.
func (a *App) makeLake(context.Context) (err error) {
	if a.lakePlace, err = tables.Open(placeOf(&a.cfg, a.cfg.FS, a.ws, filepath.Join(a.ws.Dir(), "lake-copies"))); err != nil {
		return err
	}
	mirror, err := a.lakePlace.Mirror()
	if err != nil {
		return err
	}
	a.lake = lake.New(lake.Config{
		Mirror: mirror,
		Store:  a.lakePlace.Store(), Shared: a.lakePlace.Shared(), Distant: a.shared(),
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

// Lake is the lake of a data folder, for reading beside whoever writes it.
type Lake struct {
	lake.Store
	place *tables.Place
	close func() error
}

// OpenLake returns the lake that the settings name. Close gives back what it takes.
func OpenLake(cfg Config) (*Lake, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ws, err := workspace.New(cfg.Data, defaultWorkspace, cfg.IDKey)
	if err != nil {
		return nil, err
	}
	place, done, err := openLakeAside(&cfg, cfg.FS, ws)
	if err != nil {
		return nil, err
	}
	return &Lake{place.Store(), place, done}, nil
}

// openLakeAside returns the lake with a folder of copies of its own, which done
// removes.
func openLakeAside(cfg *Config, files sys.FS, ws workspace.Handle) (p *tables.Place, done func() error, err error) {
	copies := ""
	done = func() error { return nil }
	if tables.Remote(cfg.Lake) {
		if copies, err = os.MkdirTemp("", "kith-lake-"); err != nil {
			return nil, nil, errs.Wrap(err, errs.Unavailable, "app.folder", "no folder for temporary files can be made")
		}
		done = func() error { return os.RemoveAll(copies) }
	}
	if p, err = tables.Open(placeOf(cfg, files, ws, copies)); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	return p, done, nil
}

// Path returns the address of a file, or of the folder of a table, for other tools.
func (l *Lake) Path(name string) string { return l.place.Path(name) }

// Close removes the copies that were made.
func (l *Lake) Close() error { return l.close() }

// BenchLake returns a writer of a lake in a folder, as a server has it.
func BenchLake(e *bench.Engine, dir string, clock sys.Clock) *lake.Writer {
	return lake.New(lake.Config{
		Store: lakelocal.New(sys.Disk(), dir), State: e.State, Log: e.Log, Partitions: e.Log.Partitions(),
		Parts: func() lake.Parts { return lake.Parts{Interpreter: e.Runner.Interpreter, Reader: e.Profiles} },
		Clock: clock, Rand: sys.Entropy(),
	})
}
