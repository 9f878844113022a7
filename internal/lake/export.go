package lake

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/strictjson"
)

// Format is a form in which a table leaves the lake.
type Format string

// The formats.
const (
	CSV     Format = "csv"
	JSONL   Format = "jsonl"
	Parquet Format = "parquet"
)

// Export writes the rows of a table that count to out and returns their number. It
// reads the files of the list one after the other and holds few rows at a time.
//
// A text in CSV that a spreadsheet would take for a formula gets an apostrophe in
// front.
func Export(ctx context.Context, s Store, m *Manifest, f Format, out io.Writer) (rows int64, err error) {
	t, ok := TableOf(m.Table)
	if !ok {
		return 0, errs.New(errs.NotFound, "lake.no_table", "the lake has no table of that name")
	}
	switch f {
	case CSV:
		return exportCSV(ctx, s, m, &t, out)
	case JSONL:
		return exportJSONL(ctx, s, m, &t, out)
	case Parquet:
		return exportParquet(ctx, s, m, &t, out)
	}
	return 0, errs.New(errs.Invalid, "lake.format", "the format is one of csv, jsonl and parquet")
}

// told are the columns that people ask for: not those that tell versions apart.
func (t *Table) told() []int {
	var out []int
	for i, c := range t.Columns {
		if c.Name != VersionColumn && c.Name != DeletedColumn {
			out = append(out, i)
		}
	}
	return out
}

func exportCSV(ctx context.Context, s Store, m *Manifest, t *Table, out io.Writer) (n int64, err error) {
	w := csv.NewWriter(out)
	w.UseCRLF = true // RFC 4180
	told := t.told()
	record := make([]string, len(told))
	for i, at := range told {
		record[i] = t.Columns[at].Name
	}
	if err := w.Write(record); err != nil {
		return 0, errExport(err)
	}
	err = Rows(ctx, s, m, func(values []parquet.Value) error {
		for i, at := range told {
			record[i] = plain(t.Columns[at].Type, values[at])
		}
		n++
		return errExport(w.Write(record))
	})
	w.Flush()
	return n, errors.Join(err, errExport(w.Error()))
}

func errExport(err error) error {
	return errs.Wrap(err, errs.Unavailable, "export.write", "the table cannot be written out")
}

// plain is a value as a cell of CSV.
func plain(typ ColumnType, v parquet.Value) string {
	if v.IsNull() {
		return ""
	}
	switch typ {
	case Timestamp:
		return event.FormatTime(v.Int64())
	case Integer:
		return strconv.FormatInt(v.Int64(), 10)
	case Boolean:
		return strconv.FormatBool(v.Boolean())
	}
	return Harmless(string(v.ByteArray()))
}

// Harmless returns a text as a cell that no spreadsheet runs: one that begins like a
// formula gets an apostrophe in front, and NUL is left out.
func Harmless(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func exportJSONL(ctx context.Context, s Store, m *Manifest, t *Table, out io.Writer) (n int64, err error) {
	w := bufio.NewWriterSize(out, 64<<10)
	told := t.told()
	var b []byte
	err = Rows(ctx, s, m, func(values []parquet.Value) error {
		b = append(b[:0], '{')
		for i, at := range told {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(strictjson.AppendString(b, t.Columns[at].Name), ':')
			b = appendJSON(b, t.Columns[at].Type, values[at])
		}
		n++
		_, err := w.Write(append(b, '}', '\n'))
		return errExport(err)
	})
	return n, errors.Join(err, errExport(w.Flush()))
}

func appendJSON(b []byte, typ ColumnType, v parquet.Value) []byte {
	switch {
	case v.IsNull():
		return append(b, "null"...)
	case typ == JSON:
		return append(b, v.ByteArray()...)
	case typ == Timestamp:
		return strictjson.AppendString(b, event.FormatTime(v.Int64()))
	case typ == Integer:
		return strconv.AppendInt(b, v.Int64(), 10)
	case typ == Boolean:
		return strconv.AppendBool(b, v.Boolean())
	}
	return strictjson.AppendString(b, string(v.ByteArray()))
}

func exportParquet(ctx context.Context, s Store, m *Manifest, t *Table, out io.Writer) (n int64, err error) {
	l := newLayout(t, nil)
	in, err := mergeFiles(ctx, s, l, m.Files)
	if err != nil {
		return 0, err
	}
	in.live = true
	f := newWritten(l, out, false, spreadGroupRows)
	err = in.each(ctx, func(rows []parquet.Row) error { return errExport(f.add(rows)) })
	if err = errors.Join(err, in.close()); err != nil {
		return 0, err
	}
	return f.rows, errExport(f.close())
}
