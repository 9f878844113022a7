package postgres

import (
	"bytes"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"kith/internal/state"
	"kith/internal/state/internal/txn"
)

// bulkRanges is how many ranges one statement reads.
const bulkRanges = 4096

// bulkStatement reads up to limit rows of each range of a list in one round trip.
// The limits in the lateral part keep the server to one short walk of the index
// for each.
func bulkStatement(table string) string {
	return `select r.n, rows.k, rows.v
		from unnest($1::bytea[], $2::bytea[], $3::bigint[]) with ordinality as r(low, high, most, n),
		lateral (select k, v from ` + table + ` where k >= r.low and k < r.high order by k limit r.most) as rows
		order by r.n, rows.k`
}

// ScanAll implements state.BulkScanner.
func (s *snapshot) ScanAll(ctx context.Context, ranges []state.Range) ([][]state.KV, error) {
	if err := txn.Canceled(ctx); err != nil {
		return nil, err
	}
	out := make([][]state.KV, len(ranges))
	for from := 0; from < len(ranges); from += bulkRanges {
		to := min(from+bulkRanges, len(ranges))
		if err := s.scanSome(ctx, ranges[from:to], out[from:to]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bulk is the parts of ranges that lie in one table.
type bulk struct {
	of          []int // which range
	lows, highs [][]byte
	limits      []int64
}

// scanSome reads ranges in one round trip. A range that goes on in another table is
// read to its limit in each, and what is too much thrown away.
func (s *snapshot) scanSome(ctx context.Context, ranges []state.Range, out [][]state.KV) error {
	var by [tables]bulk
	var cut []int // ranges that lie in several tables
	for i, r := range ranges {
		spans := s.store.where.spans(noNil(r.Low), r.High)
		if len(spans) > 1 {
			cut = append(cut, i)
		}
		for _, p := range spans {
			b := &by[p.table]
			b.of, b.lows, b.highs, b.limits = append(b.of, i), append(b.lows, p.low), append(b.highs, p.high), append(b.limits, int64(r.Limit))
		}
	}
	err := s.query(ctx, txn.ErrClosed, func(batch *pgx.Batch, each eachFunc) {
		for t := range by {
			b := &by[t]
			if len(b.of) == 0 {
				continue
			}
			batch.Queue(s.store.sql[t].bulk, b.lows, b.highs, b.limits).Query(each(func(row [][]byte) error {
				i := b.of[int64From(row[0])-1]
				out[i] = append(out[i], state.KV{Key: bytes.Clone(row[1]), Value: append([]byte{}, row[2]...)})
				return nil
			}))
		}
	})
	for _, i := range cut {
		slices.SortFunc(out[i], func(a, b state.KV) int { return bytes.Compare(a.Key, b.Key) })
		out[i] = out[i][:min(len(out[i]), ranges[i].Limit)]
	}
	return err
}
