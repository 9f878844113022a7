package txn

import (
	"context"
	"slices"
	"sync"

	"kith/internal/state"
)

// Sorted returns the locks ascending and without repeats: the order in which
// every transaction takes them, so that no two can wait for each other.
func Sorted(locks []state.Lock) []state.Lock {
	s := slices.Clone(locks)
	slices.Sort(s)
	return slices.Compact(s)
}

// Locks is the table of the locks that are held in one process. Waiters of a
// lock get it in the order in which they came, so none starves. The zero value
// is a table without holders.
type Locks struct {
	mu   sync.Mutex
	held map[state.Lock][]chan struct{} // present: held; the channels: who waits
}

// Acquire takes the locks, which must be as Sorted returns them, one after the
// other. When ctx ends first it gives back those it has and fails.
func (t *Locks) Acquire(ctx context.Context, locks []state.Lock) error {
	if err := Canceled(ctx); err != nil {
		return err
	}
	for i, l := range locks {
		if err := t.acquire(ctx, l); err != nil {
			t.Release(locks[:i])
			return err
		}
	}
	return nil
}

func (t *Locks) acquire(ctx context.Context, l state.Lock) error {
	turn := t.enter(l)
	if turn == nil {
		return nil
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		t.leave(l, turn)
		return Canceled(ctx)
	}
}

// enter takes the lock and returns nil, or queues and returns the channel that
// is closed when the lock has passed to this waiter.
func (t *Locks) enter(l state.Lock) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		t.held = map[state.Lock][]chan struct{}{}
	}
	queue, busy := t.held[l]
	if !busy {
		t.held[l] = nil
		return nil
	}
	turn := make(chan struct{})
	t.held[l] = append(queue, turn)
	return turn
}

// leave gives up waiting. The lock may have been passed on in that moment; then
// it is given back.
func (t *Locks) leave(l state.Lock, turn chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.held[l], turn); i >= 0 {
		t.held[l] = slices.Delete(t.held[l], i, i+1)
		return
	}
	t.pass(l)
}

// Release gives the locks back.
func (t *Locks) Release(locks []state.Lock) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range locks {
		t.pass(l)
	}
}

// pass hands the lock to the first waiter. The caller holds mu.
func (t *Locks) pass(l state.Lock) {
	queue := t.held[l]
	if len(queue) == 0 {
		delete(t.held, l)
		return
	}
	close(queue[0])
	t.held[l] = queue[1:]
}
