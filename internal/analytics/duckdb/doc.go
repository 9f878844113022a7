// Package duckdb answers queries over the lake's files with DuckDB. It is the only
// package that links the engine.
//
// Each query runs in a process of its own: the program's own binary, started with
// an empty environment in an empty folder, confined as far as the system allows,
// asked over its standard input and read from its standard output. It opens an
// engine in memory that may read the files that the lake lists and nothing else,
// lets the guard judge the query, makes a view of each table that the query names,
// and runs it. The parent ends the process when its time, its memory or its
// caller is gone. Whatever happens in there costs that query alone.
package duckdb

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"kith/internal/analytics"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/resource/form"
	"kith/internal/sys"
)

// Options is what an engine works with.
type Options struct {
	// Command starts the child: a program and its arguments, which must end in
	// Worker.
	Command []string
	Dir     string // the lake's folder; it need not exist
	// Remote is set for a lake that lies elsewhere: Dir then has copies of its files.
	Remote Remote
	FS     sys.FS
	Clock  sys.Clock
	// Tables are those that there are even before they have files.
	Tables []analytics.Table
	Limits analytics.Limits
	// Lacking is told, once, which walls around a child this system does not have;
	// nil for nobody.
	Lacking func(walls []string)
}

// Remote is a lake that lies elsewhere. The process of a query reaches no network,
// so what it reads is brought into a folder before.
type Remote interface {
	// Tables returns the names that may be tables.
	Tables(ctx context.Context) ([]string, error)
	// List returns a table's list of files; of kind NotFound when there is none.
	List(ctx context.Context, table string) ([]byte, error)
	// Hold brings files of a table into the folder of copies, under their paths
	// there, and keeps them until release is called. It fails with kind NotFound when
	// one of them is gone.
	Hold(ctx context.Context, table string, files []lake.ManifestFile) (release func(), err error)
}

// Engine implements analytics.Engine. It is safe for concurrent use.
type Engine struct {
	opts Options
	lake folder
	once sync.Once // tells what is lacking
}

// New returns an engine. It starts nothing.
func New(opts Options) *Engine {
	opts.Limits = opts.Limits.Filled()
	return &Engine{opts: opts, lake: folder{dir: opts.Dir, remote: opts.Remote, fs: opts.FS, tables: opts.Tables}}
}

// Query implements analytics.Engine.
func (e *Engine) Query(ctx context.Context, q analytics.Query) (analytics.Rows, error) {
	if len(e.opts.Command) == 0 {
		return nil, errs.New(errs.Unavailable, "sql.engine", "this process answers no queries")
	}
	for attempt := 0; ; attempt++ {
		rows, err := e.ask(ctx, q)
		if f, ok := err.(*failure); ok { //nolint:errorlint // ask returns it as it is
			if f.Stale && attempt == 0 {
				continue // a list was replaced and its files are gone; read the new one
			}
			return nil, f.public(q.SQL)
		}
		return rows, err
	}
}

// ask reads the lake's lists and starts a child on them.
func (e *Engine) ask(ctx context.Context, q analytics.Query) (analytics.Rows, error) {
	listed, release, err := e.lake.read(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := e.start(ctx, q, listed)
	if err != nil {
		release()
		return nil, err
	}
	rows.release = release
	return rows, nil
}

// start starts a child on the tables.
func (e *Engine) start(ctx context.Context, q analytics.Query, listed []listedTable) (_ *rows, err error) {
	req := request{
		SQL: q.SQL, MemoryBytes: e.opts.Limits.MemoryBytes, Threads: e.opts.Limits.Threads, Rows: e.opts.Limits.Rows,
		AnswerBytes: e.opts.Limits.AnswerBytes, Seconds: int64(e.opts.Limits.Time / time.Second),
	}
	if q.Own != nil {
		if req.Own, err = ownOf(q.Own, listed); err != nil {
			return nil, err
		}
	}
	for i := range listed {
		req.Tables = append(req.Tables, listed[i].shownBy(q.Policy))
	}
	dir, err := os.MkdirTemp("", "kith-sql-")
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "sql.folder", "no folder for temporary files can be made")
	}
	p, err := start(ctx, e.opts, dir, &req)
	if err != nil {
		_ = os.Remove(dir)
		return nil, err
	}
	rows := &rows{process: p, sql: q.SQL}
	if err := rows.open(listed); err != nil {
		_ = rows.Close() // the first error is the one to tell
		return nil, err
	}
	if len(rows.lacking) > 0 && e.opts.Lacking != nil {
		e.once.Do(func() { e.opts.Lacking(rows.lacking) })
	}
	return rows, nil
}

// ownOf is what a query of the program's own makes use of. It is refused when the
// columns of a property do not tell everything, or not any more.
func ownOf(q *analytics.Own, listed []listedTable) (*own, error) {
	out := &own{Tables: q.Tables, Columns: q.Columns}
	for i := range listed {
		if listed[i].Name != lake.TableEvents {
			continue
		}
		for _, path := range q.Plain {
			names, plain := lake.PlainColumns(path, listed[i].apart)
			if !plain {
				return nil, errs.New(errs.Unavailable, "sql.not_plain", "a property has values that no column holds")
			}
			out.Plain = append(out.Plain, names[:]...)
		}
	}
	return out, nil
}

// public is a child's failure as the caller is told it.
func (f *failure) public(query string) error {
	kind := errs.Internal
	for k := errs.Internal; k <= errs.Corrupt; k++ {
		if k.String() == f.Kind {
			kind = k
		}
	}
	if kind != errs.Invalid {
		return errs.New(kind, f.Code, "%s", f.Detail)
	}
	return form.Refuse(kind, f.Code, "/query", placed(f.Detail, query, f.At))
}

// listedTable is a table with its files.
type listedTable struct {
	table
	asOf  time.Time
	apart []string // what the columns of properties do not tell, of all files
}

// shownBy returns the table as a policy shows it.
func (t *listedTable) shownBy(p analytics.Policy) table {
	out := t.table
	out.Columns = slices.Clone(t.Columns)
	for i := range out.Columns {
		if shown, ok := p[out.Name][strings.ToLower(out.Columns[i].Name)]; ok {
			out.Columns[i].Shown = &shown
		}
	}
	return out
}

func absolute(dir, name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
