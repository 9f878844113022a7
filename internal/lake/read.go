package lake

import (
	"context"
	"errors"

	"github.com/parquet-go/parquet-go"

	"kith/internal/errs"
)

// Rows reads a table as its list of files says, in the order of the table: of a
// mutable one the rows that count. Properties get no columns of their own; they
// are in properties. Values are valid during the call of f only; their order is
// that of the table's columns.
func Rows(ctx context.Context, s Store, m *Manifest, f func(values []parquet.Value) error) (err error) {
	t, ok := TableOf(m.Table)
	if !ok {
		return errs.New(errs.NotFound, "lake.no_table", "the lake has no table of that name")
	}
	l := newLayout(&t, nil)
	in, err := mergeFiles(ctx, s, l, m.Files)
	if err != nil {
		return err
	}
	in.live = true
	defer func() { err = errors.Join(err, in.close()) }()
	values := make([]parquet.Value, len(t.Columns))
	return in.each(ctx, func(rows []parquet.Row) error {
		for _, r := range rows {
			for i, at := range l.fixedAt {
				values[i] = r[at]
			}
			if err := f(values); err != nil {
				return err
			}
		}
		return nil
	})
}
