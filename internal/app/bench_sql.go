package app

import (
	"path/filepath"

	"kith/internal/analytics"
	"kith/internal/analytics/duckdb"
	"kith/internal/bench"
	"kith/internal/lake"
	"kith/internal/sys"
)

// BenchSQL makes a synthetic lake and returns the engine that answers queries over
// it, whose processes the command line starts.
func BenchSQL(command []string) bench.SQLOpener {
	return func(dir string, events, people int) (analytics.Engine, error) {
		if err := duckdb.WriteSynthetic(dir, events, people); err != nil {
			return nil, err
		}
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		return duckdb.New(duckdb.Options{
			Command: command, Dir: dir, FS: sys.Disk(), Clock: sys.Wall(), Tables: duckdb.OpenTables(lake.Tables()),
		}), nil
	}
}
