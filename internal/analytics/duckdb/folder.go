package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kith/internal/analytics"
	"kith/internal/analytics/guard"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/sys"
)

// folder reads the lists of files that each table of a lake has. It keeps nothing.
type folder struct {
	dir    string
	remote Remote // nil: dir is the lake
	fs     sys.FS
	tables []analytics.Table
}

// read returns every table that there is, ascending. Of a lake that lies elsewhere
// those tables alone have files that the query may ask for; their files stay until
// release is called.
func (l folder) read(ctx context.Context, q analytics.Query) (_ []listedTable, release func(), err error) {
	names, err := l.names(ctx)
	if err != nil {
		return nil, nil, err
	}
	known := map[string]analytics.Table{}
	for _, t := range l.tables {
		known[t.Name] = t
	}
	var releases []func()
	release = func() {
		for _, f := range releases {
			f()
		}
	}
	var out []listedTable
	for _, name := range names {
		if l.remote != nil && !mayAsk(q, name) {
			if _, ok := known[name]; ok {
				t := listedTable{table: declared(name, known[name])}
				t.LeftOut = true
				out = append(out, t)
			}
			continue
		}
		t, files, ok, err := l.table(ctx, name, known[name])
		if err == nil && ok && l.remote != nil {
			var hold func()
			if hold, err = l.remote.Hold(ctx, name, files); err == nil {
				releases = append(releases, hold)
			}
		}
		if err != nil {
			release()
			return nil, nil, stale(err)
		}
		if ok {
			out = append(out, t)
		}
	}
	return out, release, nil
}

// stale asks to read the lists again when a file of them is gone.
func stale(err error) error {
	if !errs.Is(err, errs.NotFound) {
		return err
	}
	return &failure{Kind: errs.Unavailable.String(), Code: "sql.moved", At: -1, Stale: true,
		Detail: "the lake's files were replaced while the query began; ask again"}
}

// mayAsk reports whether a query can have to do with a table: it names it in its
// text, or names what is joined with it. What it says of a query that does is never
// false.
func mayAsk(q analytics.Query, table string) bool {
	asks := func(name string) bool {
		if q.Own != nil {
			return slices.Contains(q.Own.Tables, name)
		}
		return strings.Contains(strings.ToLower(q.SQL), strings.ToLower(name))
	}
	return asks(table) || table == lake.TableIdentifiers && asks(lake.TableEvents)
}

// names returns the names of all tables, ascending.
func (l folder) names(ctx context.Context) ([]string, error) {
	if strings.ContainsAny(l.dir, "*?[") {
		return nil, errs.New(errs.Unavailable, "sql.folder", "the path of the lake has one of *, ? and [ in it, which queries cannot read")
	}
	var names []string
	for _, t := range l.tables {
		names = append(names, t.Name)
	}
	folders, err := l.folders(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range folders {
		if !slices.Contains(names, f) && guard.PlainName(f) {
			names = append(names, f)
		}
	}
	slices.Sort(names)
	return names, nil
}

// folders returns the names of the folders of the lake. One that is not there yet
// has none.
func (l folder) folders(ctx context.Context) ([]string, error) {
	if l.remote != nil {
		return l.remote.Tables(ctx)
	}
	folders, err := l.fs.List(l.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return folders, errs.Wrap(err, errs.Unavailable, "sql.folder", "the folder of the lake cannot be read")
}

// declared is a table as it is known without its list.
func declared(name string, known analytics.Table) table {
	t := table{Name: name, Mutable: known.Mutable, Key: known.Key}
	for _, c := range known.Columns {
		t.Columns = append(t.Columns, column{Name: c.Name, Type: c.Type, Joined: c.Joined})
	}
	return t
}

// table reads one list. A table that is neither listed nor known is none. The files
// are those that have rows.
func (l folder) table(ctx context.Context, name string, known analytics.Table) (t listedTable, files []lake.ManifestFile, ok bool, err error) {
	t.table = declared(name, known)
	data, err := l.list(ctx, name)
	if errs.Is(err, errs.NotFound) {
		return t, nil, known.Name != "", nil // there are no files yet
	}
	if err != nil {
		return t, nil, false, err
	}
	var current lake.Manifest
	if err := json.Unmarshal(data, &current); err != nil || current.Format != 1 || current.Table != name {
		return t, nil, false, errs.New(errs.Corrupt, "sql.list", "the list of files of table %s cannot be read", name)
	}
	asOf, err := time.Parse(time.RFC3339, current.AsOf)
	if err != nil {
		asOf = time.Time{} // nothing has been written yet
	}
	if name == lake.TableEvents && !current.Told() {
		t.apart = []string{lake.ApartAll}
	}
	t.Mutable, t.Key, t.asOf = current.Kind == lake.Mutable, current.Key, asOf
	for _, c := range current.Columns {
		t.add(c.Name, sqlType(c.Type))
	}
	for _, f := range current.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || strings.ContainsAny(f.Path, "*?[") {
			return t, nil, false, errs.New(errs.Corrupt, "sql.list", "the list of files of table %s leads out of its folder", name)
		}
		if f.Rows > 0 {
			files = append(files, f)
			t.Files = append(t.Files, file{absolute(filepath.Join(l.dir, name), f.Path), f.Typed, t.Mutable && f.Level == lake.LevelDay})
			t.apart = append(t.apart, f.Apart...)
		}
	}
	return t, files, true, nil
}

// add takes in a column that the list has; a known one keeps its place.
func (t *listedTable) add(name, typ string) {
	if name == lake.VersionColumn || name == lake.DeletedColumn {
		return
	}
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return
		}
	}
	_, typed := lake.PropertyColumn(name)
	t.Columns = append(t.Columns, column{Name: name, Type: typ, Typed: typed})
}

// list reads a table's list of files; of kind NotFound when there is none.
func (l folder) list(ctx context.Context, table string) ([]byte, error) {
	if l.remote != nil {
		return l.remote.List(ctx, table)
	}
	data, err := l.content(filepath.Join(l.dir, table, lake.ManifestName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errs.New(errs.NotFound, "sql.list", "table %s has no list of files", table)
	}
	return data, errs.Wrap(err, errs.Unavailable, "sql.list", "the list of files of table %s cannot be opened", table)
}

func (l folder) content(name string) ([]byte, error) {
	f, err := l.fs.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return data, err
}

// sqlType is the engine's name of a type that a list names.
func sqlType(listed string) string {
	switch low := strings.ToLower(listed); low {
	case "json":
		return "JSON"
	case "timestamp", "timestamp_ms":
		return "TIMESTAMP"
	case "timestamptz", "timestamp with time zone":
		return "TIMESTAMP WITH TIME ZONE"
	case "bool", "boolean":
		return "BOOLEAN"
	case "int64", "integer", "long", "bigint", "int":
		return "BIGINT"
	case "int32":
		return "INTEGER"
	case "float64", "double", "number", "float":
		return "DOUBLE"
	case "decimal":
		return "DECIMAL(38,9)"
	case "date":
		return "DATE"
	case "uuid":
		return "UUID"
	default:
		var width, scale int
		if n, err := fmt.Sscanf(strings.ReplaceAll(low, " ", ""), "decimal(%d,%d)", &width, &scale); err == nil && n == 2 && width <= 38 && scale <= width {
			return fmt.Sprintf("DECIMAL(%d,%d)", width, scale)
		}
	}
	return "VARCHAR"
}

// placed adds to a sentence where in the query it applies.
func placed(detail, query string, at int) string {
	if at < 0 || at > len(query) {
		return detail
	}
	line, char := guard.LineColumn(query, at)
	return fmt.Sprintf("line %d, column %d: %s", line, char, detail)
}
