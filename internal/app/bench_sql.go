package app

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/condition"
	"kith/internal/analytics/duckdb"
	"kith/internal/bench"
	"kith/internal/definition"
	"kith/internal/expr"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/membership"
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

// BenchPreviews makes a synthetic lake and returns what answers previews over it.
func BenchPreviews(command []string) bench.PreviewOpener {
	return func(dir string, events, people int) (*bench.Previewer, error) {
		engine, err := BenchSQL(command)(dir, events, people)
		if err != nil {
			return nil, err
		}
		m, err := lake.ReadManifest(context.Background(), local.New(sys.Disk(), dir), lake.TableEvents)
		if err != nil {
			return nil, err
		}
		oneIn := definition.AtOnce().OneIn(int64(events), int64(2*people))
		sizes := func(definition json.RawMessage, now time.Time, exact bool) (analytics.Query, int, error) {
			docs := membership.Documents{Segments: map[string]json.RawMessage{"preview": definition}}
			set, err := docs.Set()
			if err != nil {
				return analytics.Query{}, 0, err
			}
			c := set.Segment("preview").Where
			q := condition.Question{Set: set, Scope: expr.Profile, Now: sys.Millis(now), Zone: time.UTC, Columns: m.PropertyColumns(), Part: 1}
			if !exact {
				q.Part = oneIn
			}
			query, err := q.Sizes(append([]expr.Condition{c}, membership.Parts(c)...), []int{0}, 10)
			return query, q.Part, err
		}
		return &bench.Previewer{Engine: engine, Sizes: sizes}, nil
	}
}
