package state

import (
	"bytes"
	"context"
)

// BulkScanner is what a Reader implements beside Scan when it reads many ranges
// together at less cost than one after the other.
type BulkScanner interface {
	// ScanAll returns the pairs of each range. No range is Reverse, each has a High
	// and a Limit. Keys and values belong to the caller.
	ScanAll(ctx context.Context, ranges []Range) ([][]KV, error)
}

// ScanAll returns up to Limit pairs of each range, all at the moment of the
// reader if that is a snapshot. Every range needs a High and a Limit, and none
// may be Reverse. It is for many short ranges: everything is held in memory.
func ScanAll(ctx context.Context, r Reader, ranges []Range) ([][]KV, error) {
	for _, rng := range ranges {
		if rng.High == nil || rng.Limit <= 0 || rng.Reverse {
			panic("BUG: a bulk scan of a range without an end, without a limit, or backwards")
		}
	}
	if bulk, ok := r.(BulkScanner); ok {
		return bulk.ScanAll(ctx, ranges)
	}
	out := make([][]KV, len(ranges))
	for i, rng := range ranges {
		for kv, err := range r.Scan(ctx, rng) {
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], KV{Key: bytes.Clone(kv.Key), Value: append([]byte{}, kv.Value...)})
		}
	}
	return out, nil
}
