package law_test

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"

	"kith/internal/state"
)

// turns is a state of which one caller at a time is served, in an order that a seed
// decides, so that what happens between two calls of one transaction can be tried in
// every way and again. Who waits for locks is served when they are free.
type turns struct {
	state.Store
	rng    *rand.Rand
	held   map[state.Lock]bool
	open   int          // transactions that hold locks of nodes
	parked chan *player // that want a turn, or have ended
	beside map[int]int  // commits by how many others were open
}

// player is work that takes turns.
type player struct {
	at    int
	turn  chan struct{}
	wants []state.Lock
	ended bool
	err   error
}

type playerKey struct{}

func newTurns(store state.Store, seed uint64) *turns {
	return &turns{Store: store, rng: rand.New(rand.NewPCG(seed, 0x7475726e)), held: map[state.Lock]bool{}, parked: make(chan *player), beside: map[int]int{}}
}

// play does several pieces of work, turn by turn, until all have ended.
func (t *turns) play(ctx context.Context, works ...func(context.Context) error) error {
	for i, work := range works {
		p := &player{at: i, turn: make(chan struct{})}
		ctx := context.WithValue(ctx, playerKey{}, p)
		go func() {
			t.wait(ctx, nil)
			p.err, p.ended = work(ctx), true
			t.parked <- p
		}()
	}
	var waiting []*player
	var failed error
	for moving, alive := len(works), len(works); ; moving = 1 {
		for range moving {
			p := <-t.parked
			if !p.ended {
				waiting = append(waiting, p)
				continue
			}
			alive, failed = alive-1, errors.Join(failed, p.err)
		}
		if alive == 0 {
			return failed
		}
		slices.SortFunc(waiting, func(a, b *player) int { return cmp.Compare(a.at, b.at) })
		var ready []int
		for i, p := range waiting {
			if !slices.ContainsFunc(p.wants, func(l state.Lock) bool { return t.held[l] }) {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			return errors.Join(failed, errors.New("everybody waits for locks that somebody else has"))
		}
		i := ready[t.rng.IntN(len(ready))]
		next := waiting[i]
		waiting = slices.Delete(waiting, i, i+1)
		for _, l := range next.wants {
			t.held[l] = true
		}
		next.turn <- struct{}{}
	}
}

// wait gives the turn to others; who does not play goes on at once.
func (t *turns) wait(ctx context.Context, wants []state.Lock) {
	if p, plays := ctx.Value(playerKey{}).(*player); plays {
		p.wants = wants
		t.parked <- p
		<-p.turn
	}
}

// Begin implements state.Store.
func (t *turns) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	t.wait(ctx, locks)
	tx, err := t.Store.Begin(ctx, locks)
	own := &turn{Tx: tx, of: t, locks: locks, nodes: slices.ContainsFunc(locks, func(l state.Lock) bool { return l < state.NodeLocks })}
	if own.nodes {
		t.open++
	}
	return own, err
}

// Snapshot implements state.Store.
func (t *turns) Snapshot(ctx context.Context) (state.Snapshot, error) {
	t.wait(ctx, nil)
	return t.Store.Snapshot(ctx)
}

// turn is a transaction that waits for a turn before each call.
type turn struct {
	state.Tx
	of    *turns
	locks []state.Lock
	nodes bool
	over  bool
}

// Get implements state.Reader.
func (t *turn) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	t.of.wait(ctx, nil)
	return t.Tx.Get(ctx, keys)
}

// Scan implements state.Reader.
func (t *turn) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		t.of.wait(ctx, nil)
		t.Tx.Scan(ctx, r)(yield)
	}
}

// Commit implements state.Tx.
func (t *turn) Commit(ctx context.Context, c state.Cursor) error {
	t.of.wait(ctx, nil)
	err := t.Tx.Commit(ctx, c)
	if err == nil && t.nodes && !t.over {
		t.of.beside[t.of.open-1]++
	}
	t.end()
	return err
}

// Rollback implements state.Tx.
func (t *turn) Rollback() {
	t.Tx.Rollback()
	t.end()
}

func (t *turn) end() {
	if t.over {
		return
	}
	t.over = true
	for _, l := range t.locks {
		delete(t.of.held, l)
	}
	if t.nodes {
		t.of.open--
	}
}
