package cold

import (
	"bytes"
	"context"

	"kith/internal/state"
)

// ScanAll implements state.BulkScanner: the state is asked once, and so is the
// backend for all ranges that reach what was moved.
func (s *snapshot) ScanAll(ctx context.Context, ranges []state.Range) ([][]state.KV, error) {
	var nodes []nodeID
	for _, rng := range ranges {
		if node, ok := within(rng); ok {
			nodes = append(nodes, node)
		}
	}
	l, standings, err := s.standings(ctx, nodes...)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return state.ScanAll(ctx, s.hot, ranges)
	}
	var plain, both []state.Range
	var plainAt, bothAt []int
	out := make([][]state.KV, len(ranges))
	for i, rng := range ranges {
		node, one := within(rng)
		switch parts := cut(rng); {
		case len(parts) == 1 && parts[0].side == inState, one && !standings[node].reaches(rng):
			plain, plainAt = append(plain, rng), append(plainAt, i)
		case one:
			both, bothAt = append(both, rng), append(bothAt, i)
			rng.Limit += slack
			plain, plainAt = append(plain, rng), append(plainAt, i)
		default:
			if out[i], err = s.alone(ctx, rng); err != nil {
				return nil, err
			}
		}
	}
	read, err := state.ScanAll(ctx, s.hot, plain)
	if err != nil {
		return nil, err
	}
	for j, i := range plainAt {
		out[i] = read[j]
	}
	return out, s.addCold(ctx, l, both, bothAt, out)
}

// addCold brings the rows of the backend into what the state has of the ranges.
func (s *snapshot) addCold(ctx context.Context, l *ledger, ranges []state.Range, at []int, out [][]state.KV) error {
	if len(ranges) == 0 {
		return nil
	}
	asked := make([]state.Range, len(ranges))
	for j, rng := range ranges {
		rng.Limit += slack
		asked[j] = rng
	}
	read, err := s.backend.Scan(ctx, l.generation, asked)
	if err != nil {
		return err
	}
	for j, i := range at {
		size := asked[j].Limit
		cold, whole := l.rows(read[j], size)
		rows, enough := union(out[i], len(out[i]) >= size, cold, whole, ranges[j].Limit)
		if !enough {
			if rows, err = s.alone(ctx, ranges[j]); err != nil {
				return err
			}
		}
		out[i] = rows
	}
	return nil
}

// union returns the first rows of both, if they are known: of the state there may be
// more behind the last one, and of the backend behind whole, unless that is nil.
func union(hot []state.KV, more bool, cold []state.KV, whole []byte, limit int) (rows []state.KV, enough bool) {
	for i, j := 0, 0; i < len(hot) || j < len(cold); {
		order := 1
		if i < len(hot) {
			order = -1
			if j < len(cold) {
				order = bytes.Compare(hot[i].Key, cold[j].Key)
			}
		}
		kv := state.KV{}
		if order <= 0 {
			kv = hot[i]
			i++
		} else {
			kv = cold[j]
		}
		if order >= 0 {
			j++
		}
		if more && bytes.Compare(kv.Key, hot[len(hot)-1].Key) > 0 || whole != nil && bytes.Compare(kv.Key, whole) > 0 {
			return nil, false
		}
		if order <= 0 && isTombstone(kv.Value) {
			continue
		}
		if rows = append(rows, kv); len(rows) == limit {
			return rows, true
		}
	}
	return rows, !more && whole == nil
}

// alone reads one range.
func (s *snapshot) alone(ctx context.Context, rng state.Range) (out []state.KV, err error) {
	for kv, err := range s.Scan(ctx, rng) {
		if err != nil {
			return nil, err
		}
		out = append(out, state.KV{Key: bytes.Clone(kv.Key), Value: append([]byte{}, kv.Value...)})
	}
	return out, nil
}
