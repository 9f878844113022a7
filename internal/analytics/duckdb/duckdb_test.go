package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/analytics"
	"kith/internal/errs"
	"kith/internal/sys"
)

// TestMain makes the test binary the child of its own tests.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "sql-worker" {
		if err := Worker(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// command starts this test binary as a child.
func command(t testing.TB) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, "sql-worker"}
}

// shopTables are the tables of the tests.
func shopTables() []analytics.Table {
	text := func(names ...string) (out []analytics.TableColumn) {
		for _, n := range names {
			out = append(out, analytics.TableColumn{Name: n, Type: "VARCHAR"})
		}
		return out
	}
	events := text("message_id", "type", "name", "source", "user_id", "anonymous_id", "node_id")
	events = append(events, analytics.TableColumn{Name: "profile_id", Type: "VARCHAR", Joined: true})
	for _, n := range []string{"timestamp", "received_at"} {
		events = append(events, analytics.TableColumn{Name: n, Type: "TIMESTAMP WITH TIME ZONE"})
	}
	for _, n := range []string{"traits", "properties", "context"} {
		events = append(events, analytics.TableColumn{Name: n, Type: "JSON"})
	}
	events = append(events, analytics.TableColumn{Name: "revenue", Type: "DECIMAL(38,9)"})
	return []analytics.Table{
		{Name: "events", Columns: events},
		{Name: "identifiers", Mutable: true, Key: []string{"node_id"}, Columns: text("node_id", "type", "value", "profile_id")},
		{Name: "profiles", Mutable: true, Key: []string{"profile_id"}, Columns: append(text("profile_id", "email"), analytics.TableColumn{Name: "traits", Type: "JSON"})},
		{Name: "links", Columns: text("a", "b")},
	}
}

// shop is a lake with a few orders, made once for all tests.
type shop struct {
	dir    string
	engine *Engine
}

// newShop writes a lake: n events of people whose profile is that of two nodes
// each, in two files.
func newShop(t testing.TB, n int, limits analytics.Limits) *shop {
	t.Helper()
	s := &shop{dir: filepath.Join(t.TempDir(), "lake")}
	db, err := openDatabase(&request{Threads: 2, MemoryBytes: 1 << 30})
	if err == nil {
		t.Fatal("an engine that may write files was expected to need another way")
	}
	_ = db
	return s
}

func ask(t testing.TB, e analytics.Engine, query string) ([]analytics.Column, [][]string, error) {
	t.Helper()
	rows, err := e.Query(context.Background(), analytics.Query{SQL: query})
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var out [][]string
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return rows.Columns(), out, nil
		}
		if err != nil {
			return nil, nil, err
		}
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = "NULL"
			if v != nil {
				texts[i] = string(v)
			}
		}
		out = append(out, texts)
	}
}

func TestSmoke(t *testing.T) {
	e := New(Options{Command: command(t), Dir: t.TempDir(), FS: sys.Disk(), Clock: sys.Wall(), Tables: shopTables()})
	for _, q := range []string{"select 1 as a, 'x' b, 1.5::decimal(10,3) c, 170141183460469231731687303715884105727::hugeint d, now()::date e, [1,2] f, {'a':1,'b':'x'} g, map{'k':1.5} h, null i, interval 3 days j, uuid() k, timestamptz '2024-01-01 00:00:00.1234' l, 1e300 m, '{\"a\":1}'::json n, [null, {'x': date '2020-01-01'}] o, 'a'::blob p, true q",
		"select count(*), max(profile_id) from events", "select * from events", "select * from duckdb_settings()", "select * from evnts", "select emial from profiles", "selec 1", "select 1 from", "insert into x values (1)", "select i from range(100000000) t(i)", "select sum(i) from range(10000000) t(i)"} {
		c, r, err := ask(t, e, q)
		if len(r) > 5 {
			fmt.Println(len(r))
			r = r[:5]
		}
		b, _ := json.Marshal(c)
		fmt.Println(strings.ToUpper(q[:min(40, len(q))]), string(b), r, err, errs.KindOf(err))
	}
}
