package keeper

import (
	"context"
	"errors"
	"time"

	"kith/internal/cold"
	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/sys"
)

// Observer is told what is asked of where old history lies. Any function may be nil;
// all must be quick and safe for concurrent use.
type Observer struct {
	// Called is told of every call: what it was, how it ended, and how long it took. An
	// outcome is ok, canceled when the caller did not wait for it, or the code of the
	// error.
	Called func(call, outcome string, took time.Duration)
}

// The calls that an Observer is told of.
const (
	CallRead   = "read"   // rows that somebody asks for
	CallInsert = "insert" // rows that move
	CallKeep   = "keep"   // counting what is there, and deleting what a state has left
)

// measured tells an observer of every call.
type measured struct {
	cold.Backend
	clock  sys.Clock
	called func(call, outcome string, took time.Duration)
}

// measure has the calls of a backend observed.
func measure(b cold.Backend, s *Settings) cold.Backend {
	if s.Observer.Called == nil {
		return b
	}
	return &measured{b, s.Clock, s.Observer.Called}
}

func (m *measured) tell(ctx context.Context, call string, began time.Time, err error) {
	outcome := "ok"
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		outcome = "canceled"
	case err != nil:
		outcome = errs.CodeOf(err)
	}
	m.called(call, outcome, m.clock.Now().Sub(began))
}

// Insert implements cold.Backend.
func (m *measured) Insert(ctx context.Context, g cold.Generation, versions []cold.Version) error {
	began := m.clock.Now()
	err := m.Backend.Insert(ctx, g, versions)
	m.tell(ctx, CallInsert, began, err)
	return err
}

// Scan implements cold.Backend.
func (m *measured) Scan(ctx context.Context, g cold.Generation, ranges []state.Range) ([][]cold.Version, error) {
	began := m.clock.Now()
	out, err := m.Backend.Scan(ctx, g, ranges)
	m.tell(ctx, CallRead, began, err)
	return out, err
}

// Count implements cold.Backend.
func (m *measured) Count(ctx context.Context, g cold.Generation) (int64, error) {
	began := m.clock.Now()
	n, err := m.Backend.Count(ctx, g)
	m.tell(ctx, CallKeep, began, err)
	return n, err
}

// Generations implements cold.Backend.
func (m *measured) Generations(ctx context.Context) ([]cold.Held, error) {
	began := m.clock.Now()
	out, err := m.Backend.Generations(ctx)
	m.tell(ctx, CallKeep, began, err)
	return out, err
}

// Drop implements cold.Backend.
func (m *measured) Drop(ctx context.Context, g cold.Generation) error {
	began := m.clock.Now()
	err := m.Backend.Drop(ctx, g)
	m.tell(ctx, CallKeep, began, err)
	return err
}
