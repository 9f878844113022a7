package lake

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"

	"kith/internal/eventlog"
)

// input is a file of a table that is being read, its rows in the layout of the
// file.
type input struct {
	file   File
	layout *layout
	whole  bool
	counts map[string]int64
	groups []parquet.RowGroup
	rows   parquet.Rows
	buffer []parquet.Row

	partition, offset int // places of the columns that name the record
}

// inputRows is how many rows are read at once.
const inputRows = 256

func openInput(ctx context.Context, s Store, t *Table, m ManifestFile) (*input, error) {
	f, err := s.Open(ctx, t.Name+"/"+m.Path)
	if err != nil {
		return nil, err
	}
	pf, err := parquet.OpenFile(f, f.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, errors.Join(errFile(err), f.Close())
	}
	in := &input{file: f, layout: newLayout(t, m.Typed), groups: pf.RowGroups(), buffer: make([]parquet.Row, inputRows), counts: map[string]int64{}}
	_, in.whole = pf.Lookup(wholeKey)
	if len(pf.Schema().Columns()) != len(in.layout.defined) {
		return nil, errors.Join(errFile(errors.New("its columns are not those that are listed")), f.Close())
	}
	if counts, ok := pf.Lookup(typedKey); ok {
		if err := json.Unmarshal([]byte(counts), &in.counts); err != nil {
			return nil, errors.Join(errFile(err), f.Close())
		}
	}
	if i := t.index("record_offset"); i >= 0 {
		in.partition, in.offset = in.layout.fixedAt[t.index("record_partition")], in.layout.fixedAt[i]
	}
	return in, nil
}

// next returns the rows that follow, none at the end. They are valid until the
// next call.
func (in *input) next() ([]parquet.Row, error) {
	for {
		if in.rows == nil {
			if len(in.groups) == 0 {
				return nil, nil
			}
			in.rows, in.groups = in.groups[0].Rows(), in.groups[1:]
		}
		n, err := in.rows.ReadRows(in.buffer)
		if n > 0 {
			return in.buffer[:n], nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, errFile(err)
		}
		if err != nil {
			err := in.rows.Close()
			in.rows = nil
			if err != nil {
				return nil, errFile(err)
			}
		}
	}
}

func (in *input) close() error {
	var err error
	if in.rows != nil {
		err = in.rows.Close()
	}
	return errors.Join(err, in.file.Close())
}

// position is the record that a row comes from.
func (in *input) position(r parquet.Row) eventlog.Position {
	return eventlog.Position{Partition: int32(r[in.partition].Int64()), Offset: r[in.offset].Int64()}
}

// hasAny reports whether a row comes from one of the records, by the two columns
// that say so alone. It may be called before next.
func (in *input) hasAny(of map[eventlog.Position]bool) (bool, error) {
	for _, g := range in.groups {
		chunks := g.ColumnChunks()
		partitions, err := integers(chunks[in.partition])
		if err != nil {
			return false, err
		}
		offsets, err := integers(chunks[in.offset])
		if err != nil {
			return false, err
		}
		for i := range min(len(partitions), len(offsets)) {
			if of[eventlog.Position{Partition: int32(partitions[i]), Offset: offsets[i]}] {
				return true, nil
			}
		}
	}
	return false, nil
}

// integers reads a column of numbers that are never null.
func integers(c parquet.ColumnChunk) (out []int64, err error) {
	pages := c.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	buffer := make([]parquet.Value, 1024)
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, errFile(err)
		}
		values := page.Values()
		for {
			n, err := values.ReadValues(buffer)
			for _, v := range buffer[:n] {
				out = append(out, v.Int64())
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				parquet.Release(page)
				return nil, errFile(err)
			}
		}
		parquet.Release(page)
	}
}
