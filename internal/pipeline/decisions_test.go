package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/state/mem"
	"kith/internal/statehash"
)

// TestDecisionsAreFreeOfOrder folds events and decisions in many orders and holds
// each outcome against the oracle's, and the stored clusters against what deriving
// everything gives.
func TestDecisionsAreFreeOfOrder(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	for seed := range uint64(seeds) {
		set := append(workload.Records(seed, 20+int(seed)*3), workload.Decisions(seed, 3+int(seed%25))...)
		want := oracle.Fold(set, identity.DefaultConfig(), identity.NewKeyring([]byte("law")))
		wantHash := want.Contents.Explain(identity.DefaultConfig())
		for round, shape := range []struct{ batch, partitions int }{{1, 1}, {7, 1}, {1000, 1}, {3, 3}} {
			t.Run(fmt.Sprintf("seed=%d/batch=%d/partitions=%d", seed, shape.batch, shape.partitions), func(t *testing.T) {
				e := newEngine(logmem.New(shape.partitions), mem.New(), shape.batch)
				sent := set
				if round > 0 {
					sent = workload.Shuffled(seed+uint64(round)*1000, set)
				}
				e.append(t, sent)
				if err := e.runner.Drain(context.Background()); err != nil {
					t.Fatal(err)
				}
				got := e.explain(t)
				if got.Total != wantHash.Total {
					t.Fatalf("the state differs from the oracle's (-want +got):\n%s", cmp.Diff(strings.Join(wantHash.Lines, "\n"), strings.Join(got.Lines, "\n")))
				}
				e.checkCounts(t, sent, want)
				e.checkClusters(t)
			})
		}
	}
}

// checkClusters holds the stored clusters against those that deriving everything
// gives.
func (e *engine) checkClusters(t *testing.T) {
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
	clusters := identity.NewClusters(snap)
	for n, want := range c.Derive(e.cfg).Leader {
		if got, err := clusters.Leader(ctx, n); err != nil || got != want {
			t.Fatalf("%v is led by %v, want %v (%v)", c.IDs[n], c.IDs[got], c.IDs[want], err)
		}
	}
}
