package postgres

import (
	"bytes"
	"context"

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
		some := ranges[from:min(from+bulkRanges, len(ranges))]
		lows, highs, limits := make([][]byte, len(some)), make([][]byte, len(some)), make([]int64, len(some))
		for i, r := range some {
			lows[i], highs[i], limits[i] = noNil(r.Low), r.High, int64(r.Limit)
		}
		err := s.query(ctx, txn.ErrClosed, s.store.sql.bulk, []any{lows, highs, limits}, func(row [][]byte) error {
			i := from + int(int64From(row[0])) - 1
			out[i] = append(out[i], state.KV{Key: bytes.Clone(row[1]), Value: append([]byte{}, row[2]...)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
