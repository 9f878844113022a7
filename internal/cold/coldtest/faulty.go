package coldtest

import (
	"context"
	"math/rand/v2"
	"sync"

	"kith/internal/cold"
	"kith/internal/errs"
	"kith/internal/state"
)

// Faulty is a backend whose calls fail now and then: before they do anything, in
// their midst, or when all was done and only the answer is lost. An insert that
// failed may be carried out much later.
type Faulty struct {
	cold.Backend

	// Between, if it is set, is done now and then by an insert before it begins or once
	// it is done: what others do while rows are moved.
	Between func()

	mu    sync.Mutex
	rng   *rand.Rand
	off   bool
	later []func() error
}

// NewFaulty returns one over another.
func NewFaulty(b cold.Backend, seed uint64) *Faulty {
	return &Faulty{Backend: b, rng: rand.New(rand.NewPCG(seed, 1))}
}

// Off ends the failures, or begins them again. Inserts that are under way arrive.
func (f *Faulty) Off(off bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = off
	for _, insert := range f.later {
		if err := insert(); err != nil {
			return err
		}
	}
	f.later = nil
	return nil
}

func (f *Faulty) draw(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		return n
	}
	return f.rng.IntN(n)
}

// between does what others do, unless they do it already.
func (f *Faulty) between() {
	f.mu.Lock()
	do := f.Between
	f.Between = nil
	f.mu.Unlock()
	if do == nil {
		return
	}
	do()
	f.mu.Lock()
	f.Between = do
	f.mu.Unlock()
}

func errAway() error { return errs.New(errs.Unavailable, "coldtest.away", "the backend is away") }

// Insert implements cold.Backend.
func (f *Faulty) Insert(ctx context.Context, g cold.Generation, versions []cold.Version) error {
	insert := func() error { return f.Backend.Insert(context.WithoutCancel(ctx), g, versions) }
	var err error
	switch f.draw(10) {
	case 0:
	case 1:
		err = insert()
	case 2:
		err = f.Backend.Insert(ctx, g, versions[:len(versions)/2])
	case 3:
		f.mu.Lock()
		f.later = append(f.later, insert)
		f.mu.Unlock()
	case 4: // twice
		if err := insert(); err != nil {
			return err
		}
		return insert()
	case 5:
		f.between()
		return insert()
	case 6, 7:
		err := insert()
		f.between()
		return err
	default:
		return insert()
	}
	if err != nil {
		return err
	}
	return errAway()
}

// Scan implements cold.Backend.
func (f *Faulty) Scan(ctx context.Context, g cold.Generation, ranges []state.Range) ([][]cold.Version, error) {
	if f.draw(40) == 0 {
		return nil, errAway()
	}
	return f.Backend.Scan(ctx, g, ranges)
}
