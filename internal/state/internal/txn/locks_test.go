package txn

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"kith/internal/state"
)

// TestLocksInTurn has waiters get a lock in the order in which they came, also
// when one of them gives up.
func TestLocksInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table Locks
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if err := table.Acquire(ctx, []state.Lock{1}); err != nil {
			t.Fatal(err)
		}
		turns := make(chan string, 8)
		for i := range 5 {
			wait := context.Background()
			if i == 2 {
				wait = ctx
			}
			go func() {
				if err := table.Acquire(wait, []state.Lock{1}); err != nil {
					turns <- fmt.Sprint(i, " gave up: ", errors.Is(err, context.Canceled))
					return
				}
				turns <- fmt.Sprint(i)
				table.Release([]state.Lock{1})
			}()
			synctest.Wait() // until it is in the queue
		}
		cancel()
		synctest.Wait()
		table.Release([]state.Lock{1})
		synctest.Wait()
		close(turns)
		var got []string
		for turn := range turns {
			got = append(got, turn)
		}
		if fmt.Sprint(got) != "[2 gave up: true 0 1 3 4]" {
			t.Errorf("the turns were %v", got)
		}
		if len(table.held) != 0 {
			t.Errorf("%d locks are still held", len(table.held))
		}
	})
}

// TestLocksPassedWhileGivingUp ends a wait in the very moment in which the lock
// is passed on: whichever side the waiter sees, the lock is not lost.
func TestLocksPassedWhileGivingUp(t *testing.T) {
	for range 500 {
		var table Locks
		if err := table.Acquire(context.Background(), []state.Lock{1}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		result := make(chan error)
		go func() { result <- table.Acquire(ctx, []state.Lock{0, 1}) }()
		go cancel()
		table.Release([]state.Lock{1})
		if err := <-result; err == nil {
			table.Release([]state.Lock{0, 1})
		}
		table.mu.Lock()
		if len(table.held) != 0 {
			t.Fatalf("%d locks are still held", len(table.held))
		}
		table.mu.Unlock()
		cancel()
	}
}
