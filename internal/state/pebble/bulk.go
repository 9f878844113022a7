package pebble

import (
	"bytes"
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"kith/internal/state"
	"kith/internal/state/internal/txn"
)

// ScanAll implements state.BulkScanner: one iterator serves all ranges in the
// order of their keys.
func (s *snapshot) ScanAll(ctx context.Context, ranges []state.Range) ([][]state.KV, error) {
	if err := txn.Canceled(ctx); err != nil {
		return nil, err
	}
	if err := s.store.use.enter(); err != nil {
		return nil, err
	}
	defer s.store.use.leave()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.snap == nil {
		return nil, txn.ErrClosed()
	}
	it, err := s.snap.NewIterWithContext(ctx, nil)
	if err != nil {
		return nil, mapError(err, "reading the state")
	}
	out, err := scanAll(ctx, it, ranges)
	if closeErr := it.Close(); err == nil {
		err = mapError(closeErr, "reading the state")
	}
	return out, err
}

func scanAll(ctx context.Context, it *pebble.Iterator, ranges []state.Range) ([][]state.KV, error) {
	order := make([]int32, len(ranges))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(ranges[a].Low, ranges[b].Low) })
	out := make([][]state.KV, len(ranges))
	steps := 0
	for _, i := range order {
		r := ranges[i]
		if txn.Empty(r) {
			continue
		}
		for ok := it.SeekGE(r.Low); ok && bytes.Compare(it.Key(), r.High) < 0 && len(out[i]) < r.Limit; ok = it.Next() {
			v, err := current(it, nil)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], state.KV{Key: bytes.Clone(it.Key()), Value: v})
			if steps++; steps%look == 0 {
				if err := txn.Canceled(ctx); err != nil {
					return nil, err
				}
			}
		}
		if err := it.Error(); err != nil {
			return nil, mapError(err, "reading the state")
		}
	}
	return out, nil
}
