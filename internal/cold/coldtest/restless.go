package coldtest

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"

	"kith/internal/cold"
	"kith/internal/errs"
	"kith/internal/pipeline"
	"kith/internal/state"
	"kith/internal/sys"
)

// Restless is a state of whose history some rows are moved after every commit, up to
// a moment drawn by chance, by movers that are often replaced. What is read of it is
// what is read of a state at rest.
type Restless struct {
	*cold.Store
	Hot     state.Store
	Backend cold.Backend
	Bind    func(ctx context.Context, r state.Reader) (key, value []byte, ok bool, err error) // of the movers

	mu    sync.Mutex
	rng   *rand.Rand
	seed  uint64
	mover *cold.Mover
	moved int
}

// NewRestless returns one over a state and a backend.
func NewRestless(hot state.Store, b cold.Backend, seed uint64) *Restless {
	return &Restless{Store: cold.New(hot, b), Hot: hot, Backend: b, rng: rand.New(rand.NewPCG(seed, 0)), seed: seed}
}

// Begin implements state.Store.
func (s *Restless) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	t, err := s.Store.Begin(ctx, locks)
	return &restlessTx{t, s}, err
}

// Moved is how many rows were moved.
func (s *Restless) Moved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.moved
}

// Whole binds movers to a state that is not being emptied.
func Whole(ctx context.Context, r state.Reader) (key, value []byte, ok bool, err error) {
	key, value, err = pipeline.Interpretation(ctx, r)
	return key, value, !pipeline.Emptying(value), err
}

// Move takes a few steps of a mover, unless one is under way. What a backend that
// fails, or another mover, prevents is left for another time.
func (s *Restless) Move(ctx context.Context) error {
	if !s.mu.TryLock() {
		return nil // it is doing so
	}
	defer s.mu.Unlock()
	for range 1 + s.rng.IntN(2) {
		if s.mover == nil || s.rng.IntN(8) == 0 {
			s.seed++
			s.mover = &cold.Mover{Hot: s.Hot, Backend: s.Backend, Rand: sys.Seeded(s.seed), Bind: s.Bind}
		}
		cut, err := s.cut(ctx)
		if err != nil {
			return err
		}
		n, _, err := s.mover.Step(ctx, cut)
		s.moved += n
		if err != nil && !errs.Is(err, errs.Unavailable) && !errs.Is(err, errs.Conflict) {
			return err
		}
	}
	return nil
}

// cut is the time of some row, or the end of all.
func (s *Restless) cut(ctx context.Context) (int64, error) {
	if s.rng.IntN(2) == 0 {
		return math.MaxInt64, nil
	}
	snap, err := s.Hot.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	rng := state.Prefix([]byte{byte(state.FamilyHistory)})
	rng.Limit = 1 + s.rng.IntN(50)
	cut := int64(math.MaxInt64)
	for kv, err := range snap.Scan(ctx, rng) {
		if err != nil {
			return 0, err
		}
		const name = 1 + 16 + 2
		if len(kv.Key) < name {
			continue
		}
		if _, rest, ok := state.CutText(kv.Key[name:]); ok {
			cut, _, _ = state.CutTime(rest)
		}
	}
	return cut, nil
}

type restlessTx struct {
	state.Tx
	store *Restless
}

// Commit implements state.Tx.
func (t *restlessTx) Commit(ctx context.Context, c state.Cursor) error {
	if err := t.Tx.Commit(ctx, c); err != nil {
		return err
	}
	return t.store.Move(ctx)
}
