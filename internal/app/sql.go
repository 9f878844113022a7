package app

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/duckdb"
	"kith/internal/analytics/sqlapi"
	"kith/internal/lake"
	"kith/internal/route"
)

// makeSQL makes what answers analysts' queries. It starts nothing and holds no
// memory until the first query.
func (a *App) makeSQL(context.Context) error {
	dir, err := filepath.Abs(a.lakePlace.Dir())
	if err != nil {
		return err
	}
	engine := duckdb.New(duckdb.Options{
		Command: a.cfg.SQLWorker, Dir: dir, Remote: a.lakePlace.Queried(), FS: a.cfg.FS, Clock: a.cfg.Clock, Tables: duckdb.OpenTables(lake.Tables()), Limits: a.cfg.SQL,
		Lacking: func(walls []string) {
			a.logger.Warn("queries run in a process that this system confines less than it could", "lacking", strings.Join(walls, "; "))
		},
	})
	observer := analytics.Observer{
		Ended: func(code string, took time.Duration, rows int64) { a.metrics.Queried(code, took, rows) },
	}
	a.tables = analytics.NewGate(engine, a.cfg.SQL, a.cfg.Clock.Now, observer)
	a.sql = a.tables
	other, err := a.lakePlace.Engine(a.cfg.SQL)
	if err != nil {
		return err
	}
	if a.copied = other; other != nil {
		a.sql = analytics.NewGate(other, a.cfg.SQL, a.cfg.Clock.Now, observer)
	}
	a.definitions.Ask(a.tabled())
	return nil
}

// sqlRoutes are the routes of queries.
func (a *App) sqlRoutes() []route.Route { return sqlapi.Routes(a.sql) }

// SQLWorker is the main of the process of one query, see Config.SQLWorker.
func SQLWorker(in io.Reader, out io.Writer) error { return duckdb.Worker(in, out) }
