package pipeline_test

import (
	"context"
	"fmt"
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
	part := identity.Derive(c.Observations, c.IDs, e.cfg)
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
