package pipeline

import (
	"context"

	"kith/internal/state"
)

// Interpretation returns the fingerprint of the configuration that a state was
// made under, and the key of the row that holds it, with which a commit can be
// bound to it. It is nil for a state that no Prepare has seen.
func Interpretation(ctx context.Context, r state.Reader) (key, fingerprint []byte, err error) {
	values, err := r.Get(ctx, [][]byte{interpretationKey()})
	if err != nil {
		return nil, nil, err
	}
	return interpretationKey(), values[0], nil
}

// FactEnds returns, by partition, the sequence number of the next fact. Taken of
// one snapshot they are consistent: a fact that another one rests on is before its
// end if the other one is.
func FactEnds(ctx context.Context, r state.Reader, partitions int) ([]uint64, error) {
	return ofCursors(ctx, r, partitions, func(c *Cursor) uint64 { return c.FactsNext })
}

// Epochs returns, by partition, how often the state was emptied to be made anew.
func Epochs(ctx context.Context, r state.Reader, partitions int) ([]uint64, error) {
	return ofCursors(ctx, r, partitions, func(c *Cursor) uint64 { return c.Epoch })
}

// Folded returns, by partition, the offset of the next record to fold.
func Folded(ctx context.Context, r state.Reader, partitions int) ([]int64, error) {
	return ofCursors(ctx, r, partitions, func(c *Cursor) int64 { return c.Next })
}

func ofCursors[T any](ctx context.Context, r state.Reader, partitions int, of func(*Cursor) T) ([]T, error) {
	cursors, err := readCursors(ctx, r, partitions)
	out := make([]T, len(cursors))
	for p := range cursors {
		out[p] = of(&cursors[p])
	}
	return out, err
}
