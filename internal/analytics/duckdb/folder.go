package duckdb

import (
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
	fs     sys.FS
	tables []analytics.Table
}

// read returns every table that there is, ascending.
func (l folder) read() ([]listedTable, error) {
	if strings.ContainsAny(l.dir, "*?[") {
		return nil, errs.New(errs.Unavailable, "sql.folder", "the path of the lake has one of *, ? and [ in it, which queries cannot read")
	}
	known := map[string]analytics.Table{}
	for _, t := range l.tables {
		known[t.Name] = t
	}
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	folders, err := l.fs.List(l.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errs.Wrap(err, errs.Unavailable, "sql.folder", "the folder of the lake cannot be read")
	}
	if err == nil {
		for _, f := range folders {
			if _, ok := known[f]; !ok && guard.PlainName(f) {
				names = append(names, f)
			}
		}
	} // a lake that is not there yet has no files
	slices.Sort(names)
	var out []listedTable
	for _, name := range names {
		t, ok, err := l.table(name, known[name])
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, t)
		}
	}
	return out, nil
}

// table reads one list. A table that is neither listed nor known is none.
func (l folder) table(name string, known analytics.Table) (t listedTable, ok bool, err error) {
	t.table = table{Name: name, Mutable: known.Mutable, Key: known.Key}
	for _, c := range known.Columns {
		t.Columns = append(t.Columns, column{Name: c.Name, Type: c.Type, Joined: c.Joined})
	}
	data, err := l.content(filepath.Join(l.dir, name, lake.ManifestName))
	if errors.Is(err, os.ErrNotExist) {
		return t, known.Name != "", nil // there are no files yet
	}
	if err != nil {
		return t, false, errs.Wrap(err, errs.Unavailable, "sql.list", "the list of files of table %s cannot be opened", name)
	}
	var current lake.Manifest
	if err := json.Unmarshal(data, &current); err != nil || current.Format != 1 || current.Table != name {
		return t, false, errs.New(errs.Corrupt, "sql.list", "the list of files of table %s cannot be read", name)
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
			return t, false, errs.New(errs.Corrupt, "sql.list", "the list of files of table %s leads out of its folder", name)
		}
		if f.Rows > 0 {
			t.Files = append(t.Files, file{absolute(filepath.Join(l.dir, name), f.Path), f.Typed, t.Mutable && f.Level == lake.LevelDay})
			t.apart = append(t.apart, f.Apart...)
		}
	}
	return t, true, nil
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
