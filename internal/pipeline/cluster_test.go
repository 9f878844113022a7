package pipeline_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle/workload"
	"kith/internal/state/mem"
	"kith/internal/statehash"
)

// sameClusters holds the stored clusters against those that deriving everything
// gives.
func (e *engine) sameClusters(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	snap, err := e.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	c, err := statehash.Read(ctx, snap, keyed.Index{})
	if err != nil {
		t.Fatal(err)
	}
	part := identity.Derive(c.Observations, c.IDs, e.cfg, c.Rulings...)
	wrong, err := identity.CompareClusters(ctx, snap, part)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range wrong {
		t.Errorf("the stored cluster of %v is not the derived one, led by %v", c.IDs[n], c.IDs[part.Leader[n]])
	}
	if len(wrong) > 0 {
		t.FailNow()
	}
}

// TestClustersAreDerivedAfterEveryBatch folds random sets and compares after
// every batch.
func TestClustersAreDerivedAfterEveryBatch(t *testing.T) {
	for seed := range uint64(20) {
		for _, batch := range []int{1, 5} {
			t.Run(fmt.Sprintf("seed=%d/batch=%d", seed, batch), func(t *testing.T) {
				e := newEngine(logmem.New(1), mem.New(), batch)
				e.append(t, workload.Shuffled(seed, workload.Records(seed, 60)))
				for {
					n, err := e.runner.RunOnce(context.Background(), 0)
					if err != nil {
						t.Fatal(err)
					}
					if n == 0 {
						break
					}
					e.sameClusters(t)
				}
			})
		}
	}
}

// exactReads holds what is read of every node against a derivation of everything.
func (e *engine) exactReads(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	snap, err := e.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	c, err := statehash.Read(ctx, snap, keyed.Index{})
	if err != nil {
		t.Fatal(err)
	}
	part := identity.Derive(c.Observations, c.IDs, e.cfg, c.Rulings...)
	for n, leader := range part.Leader {
		g, err := identity.Gather(ctx, snap, e.cfg, n)
		if err != nil {
			t.Fatal(err)
		}
		if g.Leader != leader {
			t.Fatalf("%v is read as led by %v and not by %v", c.IDs[n], c.IDs[g.Leader], c.IDs[leader])
		}
	}
}

// TestChangesThatAreTooLargeWait: while a change waits reads are exact all the
// same, and afterwards the stored clusters are.
func TestChangesThatAreTooLargeWait(t *testing.T) {
	waited := 0
	for seed := range uint64(30) {
		e := newEngine(logmem.New(1), mem.New(), 1+int(seed%5))
		e.runner.Config.ReviseMax = 1 + int(seed%7)
		e.append(t, workload.Shuffled(seed, workload.Records(seed, 60)))
		for i := 0; ; i++ {
			n, err := e.runner.RunOnce(context.Background(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			if e.status(t).Waiting == 0 {
				e.sameClusters(t)
				continue
			}
			waited++
			e.exactReads(t)
			if i%5 == 0 {
				if err := e.runner.Settle(context.Background()); err != nil {
					t.Fatal(err)
				}
				if e.status(t).Waiting != 0 {
					t.Fatal("something waits after settling")
				}
				e.sameClusters(t)
			}
		}
		if err := e.runner.Settle(context.Background()); err != nil {
			t.Fatal(err)
		}
		e.sameClusters(t)
	}
	if waited < 100 {
		t.Errorf("evidence waited after %d batches, which proves too little", waited)
	}
}

// TestManyWorkersKeepTheClusters folds several partitions at once, with changes
// that wait and without, and looks at the clusters on the way.
func TestManyWorkersKeepTheClusters(t *testing.T) {
	for seed := range uint64(4) {
		e := newEngine(logmem.New(4), mem.New(), 1+3*int(seed%3))
		e.runner.Clock = tickless{}
		e.runner.Config.ReviseMax = map[bool]int{true: 8}[seed%2 == 1]
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := e.runner.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		set := byReceipt(workload.Records(seed, 300))
		for lo := 0; lo < len(set); lo += 100 {
			e.append(t, set[lo:min(lo+100, len(set))])
			if err := e.runner.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			e.sameClusters(t)
		}
		stop()
		wg.Wait()
	}
}
