package keeper

import (
	"context"
	"time"

	"kith/internal/cold"
	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/sys"
)

// Moving is what moves rows, for as long as it runs.
type Moving struct {
	Clock sys.Clock
	Rand  sys.Rand

	// Bind is as that of cold.Mover.
	Bind func(ctx context.Context, r state.Reader) (key, value []byte, ok bool, err error)

	Stepped func(rows int)  // a step has moved so many
	Passed  func(rows int)  // a pass through all of the history has moved so many
	Failed  func(err error) // a step was for nothing, and is tried again
}

// Pauses between passes, and after a failure.
const (
	passLeast = time.Second
	passMost  = 24 * time.Hour
	retryMost = time.Minute
)

// pauseOf is the time between two passes.
func pauseOf(after time.Duration) time.Duration { return min(max(after/10, passLeast), passMost) }

// Moves reports whether of a state anything is moved.
func Moves(store state.Store) bool {
	_, ok := store.(*Store)
	return ok
}

// Run moves what is old enough until ctx ends. Of a state whose history is all in one
// place nothing is moved.
func (m *Moving) Run(ctx context.Context, store state.Store) {
	over, ok := store.(*Store)
	if !ok {
		return
	}
	may := true // move rows now, as far as Bind says
	mover := over.Mover(m.Rand, m.told(&may))
	pause := pauseOf(over.after)
	retry := passLeast
	for ctx.Err() == nil {
		wait := pause
		n, err := m.pass(ctx, mover, over.after)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && !may:
			wait = min(pause, retryMost)
		case err == nil && m.Passed != nil:
			m.Passed(n)
		case err != nil:
			if m.Failed != nil {
				m.Failed(err)
			}
			wait, retry = retry, min(2*retry, retryMost)
		}
		if err == nil {
			retry = passLeast
		}
		select {
		case <-ctx.Done():
		case <-m.Clock.After(wait):
		}
	}
}

// told is Bind that notes whether rows may move. Where they may not, as while a state
// is made anew, a pass ends at once.
func (m *Moving) told(may *bool) func(context.Context, state.Reader) (key, value []byte, ok bool, err error) {
	if m.Bind == nil {
		return nil
	}
	return func(ctx context.Context, r state.Reader) (key, value []byte, ok bool, err error) {
		key, value, ok, err = m.Bind(ctx, r)
		*may = ok
		return key, value, ok, err
	}
}

// pass goes through the history once, no more than half of the time.
func (m *Moving) pass(ctx context.Context, mover *cold.Mover, after time.Duration) (moved int, err error) {
	cut := sys.Millis(m.Clock.Now().Add(-after))
	for {
		began := m.Clock.Now()
		n, done, err := mover.Step(ctx, cut)
		moved += n
		if err != nil && !errs.Is(err, errs.Conflict) {
			return moved, err
		}
		if err == nil && m.Stepped != nil {
			m.Stepped(n)
		}
		if done {
			return moved, mover.Clean(ctx)
		}
		select {
		case <-ctx.Done():
			return moved, nil
		case <-m.Clock.After(m.Clock.Now().Sub(began)):
		}
	}
}
