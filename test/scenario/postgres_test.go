package scenario_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/eventlog"
	"kith/internal/eventlog/local"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/scenario"
	"kith/internal/state"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
)

// postgresEngine is a state on a PostgreSQL server, each one in a schema of its
// own, and a log in segment files on a file system that can be cut off.
func postgresEngine(t *testing.T) func(*testing.T) scenario.Engine {
	pgtest.Start(t) // skips here, and not in every file, where there is no server
	return func(t *testing.T) scenario.Engine { return onPostgres{t} }
}

type onPostgres struct{ t *testing.T }

func (onPostgres) Name() string { return "postgres" }

func (e onPostgres) Open(ctx context.Context, partitions int) (scenario.Place, error) {
	p := &postgresPlace{t: e.t, url: pgtest.Start(e.t), partitions: partitions, fs: vfs.NewCrashableMem()}
	return p, p.open(ctx)
}

type postgresPlace struct {
	t          *testing.T
	url        string
	partitions int
	fs         *vfs.MemFS
	log        *local.Log
	state      *postgres.Store
}

func (p *postgresPlace) open(ctx context.Context) (err error) {
	if p.log, err = local.Open("/log", local.Options{FS: p.fs, Partitions: p.partitions, ReserveFraction: -1}); err != nil {
		return err
	}
	p.state, err = p.store(ctx, p.url)
	return err
}

func (p *postgresPlace) store(ctx context.Context, url string) (*postgres.Store, error) {
	return postgres.Open(ctx, url, postgres.Options{Schema: pgtest.Schema(p.t, url), WriteConns: 2, ReadConns: 2})
}

func (p *postgresPlace) Log() eventlog.Log      { return p.log }
func (p *postgresPlace) State() state.Store     { return p.state }
func (p *postgresPlace) History() history.Index { return keyed.Index{} }

// Crash cuts off the machine that the log is on; the server goes on.
func (p *postgresPlace) Crash(ctx context.Context) error {
	p.fs = p.fs.CrashClone(vfs.CrashCloneCfg{})
	if err := p.Close(); err != nil {
		return err
	}
	return p.open(ctx)
}

func (p *postgresPlace) Fresh(ctx context.Context) (state.Store, error) {
	return p.store(ctx, pgtest.Start(p.t))
}

func (p *postgresPlace) Close() error { return errors.Join(p.state.Close(), p.log.Close()) }
