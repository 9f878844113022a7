package lake_test

import (
	"context"
	"iter"
	"reflect"
	"testing"

	"kith/internal/identity"
	"kith/internal/oracle/workload"
	"kith/internal/profile"
	"kith/internal/state"
)

// ways counts the calls that a server would be asked.
type ways struct {
	state.Reader
	n int
}

// Get implements state.Reader.
func (c *ways) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	c.n++
	return c.Reader.Get(ctx, keys)
}

// Scan implements state.Reader.
func (c *ways) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	c.n++
	return c.Reader.Scan(ctx, r)
}

// ScanAll implements state.BulkScanner.
func (c *ways) ScanAll(ctx context.Context, ranges []state.Range) ([][]state.KV, error) {
	c.n++
	return state.ScanAll(ctx, c.Reader, ranges)
}

// TestPeopleReadTogether: people that are read together are who they are when each is
// read alone, for few ways to the server.
func TestPeopleReadTogether(t *testing.T) {
	ctx := context.Background()
	alone, together, people := 0, 0, 0
	for seed := range uint64(6) {
		w := newWorld(2, 50)
		w.append(t, workload.Records(seed, 600))
		if seed%2 == 1 { // with rulings of operators
			w.append(t, workload.Decisions(seed, 20))
		}
		ok(t, w.runner.Drain(ctx))
		snap, err := w.store.Snapshot(ctx)
		ok(t, err)
		var nodes []identity.NodeID
		for kv, err := range snap.Scan(ctx, state.Prefix([]byte{byte(state.FamilyIdentifier)})) {
			ok(t, err)
			nodes = append(nodes, identity.NodeID(kv.Key[1:]))
		}
		one, many := &ways{Reader: snap}, &ways{Reader: snap}
		ahead, members, err := profile.ReadAhead(ctx, many, nodes)
		ok(t, err)
		if len(members) < len(nodes) {
			t.Errorf("%d nodes have only %d in their profiles", len(nodes), len(members))
		}
		for _, n := range nodes {
			want, wantErr := w.reader.Whole(ctx, one, n)
			got, gotErr := w.reader.Whole(ctx, ahead, n)
			if !reflect.DeepEqual(got, want) || (gotErr == nil) != (wantErr == nil) {
				t.Fatalf("seed %d: together %+v, %v; alone %+v, %v", seed, got, gotErr, want, wantErr)
			}
		}
		alone, together, people = alone+one.n, together+many.n, people+len(nodes)
		ok(t, snap.Close())
	}
	t.Logf("%d nodes: %d ways alone, %d together", people, alone, together)
	if together*5 > alone {
		t.Errorf("%d ways together, %d alone", together, alone)
	}
}
