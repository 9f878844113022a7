package statetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/state"
)

// increment adds one to a counter by reading and writing it under locks.
func increment(ctx context.Context, s state.Store, key string, locks ...state.Lock) error {
	tx, err := s.Begin(ctx, locks)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	v, err := tx.Get(ctx, keys(key))
	if err != nil {
		return err
	}
	n := int64(1)
	if v[0] != nil {
		n += int64(binary.BigEndian.Uint64(v[0]))
	}
	tx.Put(b(key), i64(n))
	return tx.Commit(ctx, state.Cursor{})
}

func testLocksExclude(t *testing.T, e Engine) {
	s := e.Open(t)
	ctx := ctxFor(t)
	const workers, rounds = 4, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range rounds {
				if err := increment(ctx, s, "n", 7); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantValue(t, s, "n", i64(workers*rounds))
}

// testLocksOrders takes overlapping sets of locks in every order at once.
func testLocksOrders(t *testing.T, e Engine) {
	s := e.Open(t)
	ctx := ctxFor(t)
	sets := [][]state.Lock{{1, 1 << 31, 3}, {3, 1 << 31, 1}, {1<<31 | 1, 1}, {3, 1, 0xffffffff}, {0xffffffff, 3}, {0, 3}}
	var wg sync.WaitGroup
	for _, locks := range sets {
		wg.Go(func() {
			for range 15 {
				for _, l := range locks {
					if err := increment(ctx, s, fmt.Sprint("n", l), locks...); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	want := map[state.Lock]int64{}
	for _, locks := range sets {
		for _, l := range locks {
			want[l] += 15
		}
	}
	for l, n := range want {
		wantValue(t, s, fmt.Sprint("n", l), i64(n))
	}
}

// testLocksCancel stops a Begin that has one lock and waits for another: it
// fails with the context's error and gives the first one back.
func testLocksCancel(t *testing.T, e Engine) {
	s := e.Open(t)
	holder := begin(t, s, 5)
	ctx, cancel := context.WithCancel(ctxFor(t))
	defer cancel()
	result := make(chan error)
	go func() {
		_, err := s.Begin(ctx, []state.Lock{5, 2})
		result <- err
	}()
	for held := false; !held; {
		held = isHeld(t, s, 2)
	}
	cancel()
	err := <-result
	if !errs.Is(err, errs.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled Begin: %v", err)
	}
	begin(t, s, 2).Rollback()
	holder.Rollback()
	begin(t, s, 2, 5).Rollback()
}

// isHeld tries to take the lock for a moment.
func isHeld(t *testing.T, s state.Store, l state.Lock) bool {
	ctx, cancel := context.WithTimeout(ctxFor(t), 20*time.Millisecond)
	defer cancel()
	tx, err := s.Begin(ctx, []state.Lock{l})
	if err == nil {
		tx.Rollback()
		return false
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Begin: %v", err)
	}
	return true
}

// testLocksDisjoint has transactions with different locks, and without any, open
// and committing at the same time.
func testLocksDisjoint(t *testing.T, e Engine) {
	s := e.Open(t)
	first := begin(t, s, 1, 2)
	second := begin(t, s, 3)
	third := begin(t, s)
	for i, tx := range []state.Tx{second, third, first} {
		tx.Put(b(fmt.Sprint("k", i)), b("v"))
		if err := tx.Commit(ctxFor(t), state.Cursor{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := pairs(t, snapshot(t, s), state.Range{}); len(got) != 3 {
		t.Errorf("got %q", got)
	}
}

func testLocksRepeated(t *testing.T, e Engine) {
	s := e.Open(t)
	given := []state.Lock{9, 4, 9, 4, 4}
	tx := begin(t, s, given...)
	if fmt.Sprint(given) != "[9 4 9 4 4]" {
		t.Errorf("Begin changed the caller's slice: %v", given)
	}
	if err := tx.Commit(ctxFor(t), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	begin(t, s, 4, 9).Rollback()
}
