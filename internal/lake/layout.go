package lake

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"kith/internal/errs"
)

// row is one row of a table: the values of its columns in their order, the zero
// Value for null, and what it has for columns of properties.
type row struct {
	values []parquet.Value
	typed  []cell
	apart  []string // names of properties that no column tells
}

// layout is how the columns of one file lie. Parquet sorts them by name.
type layout struct {
	table   *Table
	typed   []string // columns of properties, ascending
	schema  *parquet.Schema
	fixedAt []int          // place of each column of the table
	typedAt map[string]int // place of each column of properties
	defined []int          // definition level of a value, by place: 0 for required columns
}

func newLayout(t *Table, typed []string) *layout {
	root := parquet.Group{}
	for _, c := range t.Columns {
		n := node(c.Type)
		if !c.Required {
			n = parquet.Optional(n)
		}
		root[c.Name] = n
	}
	for _, name := range typed {
		if typ, ok := PropertyColumn(name); ok {
			root[name] = parquet.Optional(node(typ))
		}
	}
	l := &layout{table: t, typed: typed, schema: parquet.NewSchema(t.Name, root), typedAt: map[string]int{}}
	l.defined = make([]int, len(root))
	place := func(name string, required bool) int {
		leaf, ok := l.schema.Lookup(name)
		if !ok {
			panic("BUG: a column is not in its own schema")
		}
		if !required {
			l.defined[leaf.ColumnIndex] = 1
		}
		return leaf.ColumnIndex
	}
	for _, c := range t.Columns {
		l.fixedAt = append(l.fixedAt, place(c.Name, c.Required))
	}
	for _, name := range typed {
		l.typedAt[name] = place(name, false)
	}
	return l
}

func node(t ColumnType) parquet.Node {
	switch t {
	case Timestamp:
		return parquet.Encoded(parquet.TimestampAdjusted(parquet.Millisecond, false), &parquet.DeltaBinaryPacked)
	case Integer:
		return parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)
	case Boolean:
		return parquet.Leaf(parquet.BooleanType)
	case Decimal:
		return parquet.Encoded(parquet.Decimal(9, 38, parquet.FixedLenByteArrayType(16)), &parquet.RLEDictionary)
	case JSON:
		return parquet.Encoded(parquet.JSON(), &parquet.Plain)
	}
	return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
}

// place puts a row into the order of the file.
func (l *layout) place(r *row, dst parquet.Row) parquet.Row {
	dst = slices.Grow(dst[:0], len(l.defined))[:len(l.defined)]
	for i := range dst {
		dst[i] = parquet.NullValue().Level(0, 0, i)
	}
	for i, v := range r.values {
		l.set(dst, l.fixedAt[i], v)
	}
	for _, c := range r.typed {
		if at, ok := l.typedAt[c.column]; ok {
			l.set(dst, at, c.value)
		}
	}
	return dst
}

func (l *layout) set(dst parquet.Row, at int, v parquet.Value) {
	if !v.IsNull() {
		dst[at] = v.Level(0, l.defined[at], at)
	}
}

// typedKey and wholeKey are members of a file's own metadata: how many values
// each column of properties has, and that no scalar property is without column.
const (
	typedKey = "kith.typed"
	wholeKey = "kith.whole"
)

// written is a file while it is made, and afterwards what there is to say of it.
type written struct {
	layout *layout
	w      *parquet.GenericWriter[any]
	out    *meter
	counts map[string]int64
	rows   int64
	first  int64 // the earliest moment of a row; of a table that has one
}

// meter counts and hashes what is written.
type meter struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.sum.Write(p[:n])
	m.n += int64(n)
	return n, err
}

// rowGroupRows bounds a row group, and with it the memory of whoever writes one.
const rowGroupRows = 1 << 17

func newWritten(l *layout, out io.Writer, whole bool, groupRows int64) *written {
	f := &written{layout: l, out: &meter{w: out, sum: sha256.New()}, counts: map[string]int64{}, first: math.MaxInt64}
	options := []parquet.WriterOption{
		l.schema, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		parquet.MaxRowsPerRowGroup(groupRows), parquet.CreatedBy("kith", "1", ""),
	}
	for _, c := range l.table.Columns {
		if c.Type == JSON {
			options = append(options, parquet.SkipPageBounds(c.Name))
		}
	}
	f.w = parquet.NewGenericWriter[any](f.out, options...)
	if whole {
		f.w.SetKeyValueMetadata(wholeKey, "1")
	}
	return f
}

// add takes rows that lie as the layout says. They may be reused afterwards.
func (f *written) add(rows []parquet.Row) error {
	for _, r := range rows {
		for name, at := range f.layout.typedAt {
			if !r[at].IsNull() {
				f.counts[name]++
			}
		}
	}
	if f.layout.table.Moment != "" {
		at := f.layout.fixedAt[f.layout.table.index(f.layout.table.Moment)]
		for _, r := range rows {
			f.first = min(f.first, r[at].Int64())
		}
	}
	f.rows += int64(len(rows))
	_, err := f.w.WriteRows(rows)
	return err
}

// close ends the file.
func (f *written) close() error {
	if len(f.layout.typed) > 0 {
		counts, err := json.Marshal(f.counts)
		if err != nil {
			return err
		}
		f.w.SetKeyValueMetadata(typedKey, string(counts))
	}
	return f.w.Close()
}

// describe fills in what the list of files says of every file.
func (f *written) describe(m *ManifestFile) {
	m.Rows, m.Bytes = f.rows, f.out.n
	m.SHA256 = hex.EncodeToString(f.out.sum.Sum(nil))
	m.Typed = f.layout.typed
	m.First = nil
	if f.rows > 0 && f.layout.table.Moment != "" {
		m.First = &f.first
	}
}

// put writes a file of rows that are in order, and returns what the list of files
// says of it.
func (l *layout) put(ctx context.Context, s Store, path string, rows []row, whole bool) (ManifestFile, error) {
	m := ManifestFile{Path: path}
	err := Put(ctx, s, l.table.Name+"/"+path, func(w io.Writer) error {
		f := newWritten(l, w, whole, rowGroupRows)
		const batch = 256
		buffer := make([]parquet.Row, 0, batch)
		for i := range rows {
			buffer = buffer[:len(buffer)+1]
			buffer[len(buffer)-1] = l.place(&rows[i], buffer[len(buffer)-1])
			if len(buffer) == batch || i == len(rows)-1 {
				if err := f.add(buffer); err != nil {
					return err
				}
				buffer = buffer[:0]
			}
		}
		if err := f.close(); err != nil {
			return err
		}
		f.describe(&m)
		return nil
	})
	return m, err
}

// sortRows brings rows into the order of the table.
func (t *Table) sortRows(rows []row) {
	by := t.indexes(t.Sort)
	slices.SortFunc(rows, func(a, b row) int {
		for _, i := range by {
			if c := compareValues(a.values[i], b.values[i]); c != 0 {
				return c
			}
		}
		return 0
	})
}

// compareValues orders values of one column, nulls first.
func compareValues(a, b parquet.Value) int {
	switch {
	case a.IsNull() || b.IsNull():
		return cmp.Compare(btoi(!a.IsNull()), btoi(!b.IsNull()))
	case a.Kind() == parquet.Int64:
		return cmp.Compare(a.Int64(), b.Int64())
	case a.Kind() == parquet.Boolean:
		return cmp.Compare(btoi(a.Boolean()), btoi(b.Boolean()))
	}
	return bytes.Compare(a.ByteArray(), b.ByteArray())
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func errFile(err error) error {
	return errs.Wrap(err, errs.Corrupt, "lake.file", "a file of the lake cannot be read")
}
