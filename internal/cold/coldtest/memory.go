// Package coldtest is the suite that every backend of cold history passes, with a
// backend in memory, one that fails, and a state whose history never stays where it is.
package coldtest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"kith/internal/cold"
	"kith/internal/state"
)

// Memory is a backend that is gone with the process. The zero value is ready.
type Memory struct {
	mu   sync.Mutex
	rows map[cold.Generation][]cold.Version // by key; equal ones in the order of their coming
	Idle time.Duration                      // what Generations says of each
}

var _ cold.Backend = (*Memory)(nil)

func place(rows []cold.Version, key []byte) int {
	i, _ := slices.BinarySearchFunc(rows, key, func(v cold.Version, k []byte) int { return bytes.Compare(v.Key, k) })
	return i
}

// Insert implements cold.Backend.
func (m *Memory) Insert(_ context.Context, g cold.Generation, versions []cold.Version) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == nil {
		m.rows = map[cold.Generation][]cold.Version{}
	}
	rows := slices.Clone(m.rows[g])
	for _, v := range versions {
		v.Key, v.Value = bytes.Clone(v.Key), bytes.Clone(v.Value)
		rows = append(rows, v)
	}
	slices.SortStableFunc(rows, func(a, b cold.Version) int { return bytes.Compare(a.Key, b.Key) })
	m.rows[g] = rows
	return nil
}

// Scan implements cold.Backend.
func (m *Memory) Scan(_ context.Context, g cold.Generation, ranges []state.Range) ([][]cold.Version, error) {
	m.mu.Lock()
	rows := m.rows[g]
	m.mu.Unlock()
	out := make([][]cold.Version, len(ranges))
	for i, rng := range ranges {
		from, to := place(rows, rng.Low), len(rows)
		if rng.High != nil {
			to = max(from, place(rows, rng.High))
		}
		found := slices.Clone(rows[from:to])
		if rng.Reverse {
			slices.Reverse(found)
		}
		out[i] = found[:min(len(found), rng.Limit)]
	}
	return out, nil
}

// Count implements cold.Backend.
func (m *Memory) Count(_ context.Context, g cold.Generation) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.rows[g])), nil
}

// Generations implements cold.Backend.
func (m *Memory) Generations(context.Context) ([]cold.Held, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []cold.Held
	for g := range m.rows {
		out = append(out, cold.Held{Generation: g, Idle: m.Idle})
	}
	return out, nil
}

// Drop implements cold.Backend.
func (m *Memory) Drop(_ context.Context, g cold.Generation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, g)
	return nil
}
