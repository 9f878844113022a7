package keeper

import (
	"context"
	"sync"

	"kith/internal/cold"
	"kith/internal/state"
)

// later is a backend that is opened when it is first needed, and until that goes well
// again each time.
type later struct {
	open func(ctx context.Context) (cold.Backend, error)

	mu     sync.Mutex
	opened cold.Backend
}

var _ cold.Backend = (*later)(nil)

func (l *later) get(ctx context.Context) (b cold.Backend, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened == nil {
		if b, err = l.open(ctx); err != nil {
			return nil, err
		}
		l.opened = b
	}
	return l.opened, nil
}

// Insert implements cold.Backend.
func (l *later) Insert(ctx context.Context, g cold.Generation, versions []cold.Version) error {
	b, err := l.get(ctx)
	if err != nil {
		return err
	}
	return b.Insert(ctx, g, versions)
}

// Scan implements cold.Backend.
func (l *later) Scan(ctx context.Context, g cold.Generation, ranges []state.Range) ([][]cold.Version, error) {
	b, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return b.Scan(ctx, g, ranges)
}

// Count implements cold.Backend.
func (l *later) Count(ctx context.Context, g cold.Generation) (int64, error) {
	b, err := l.get(ctx)
	if err != nil {
		return 0, err
	}
	return b.Count(ctx, g)
}

// Generations implements cold.Backend.
func (l *later) Generations(ctx context.Context) ([]cold.Held, error) {
	b, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return b.Generations(ctx)
}

// Drop implements cold.Backend.
func (l *later) Drop(ctx context.Context, g cold.Generation) error {
	b, err := l.get(ctx)
	if err != nil {
		return err
	}
	return b.Drop(ctx, g)
}
