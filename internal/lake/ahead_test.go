package lake_test

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"testing"

	"kith/event"
	"kith/internal/identity"
	"kith/internal/lake"
	"kith/internal/oracle/workload"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/sys"
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

// countedStore counts the calls to its snapshots.
type countedStore struct {
	state.Store
	ways int
}

type countedSnapshot struct {
	state.Snapshot
	of *countedStore
}

// Snapshot implements state.Store.
func (s *countedStore) Snapshot(ctx context.Context) (state.Snapshot, error) {
	snap, err := s.Store.Snapshot(ctx)
	return &countedSnapshot{snap, s}, err
}

// Get implements state.Reader.
func (c *countedSnapshot) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	c.of.ways++
	return c.Snapshot.Get(ctx, keys)
}

// Scan implements state.Reader.
func (c *countedSnapshot) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	c.of.ways++
	return c.Snapshot.Scan(ctx, r)
}

// ScanAll implements state.BulkScanner.
func (c *countedSnapshot) ScanAll(ctx context.Context, ranges []state.Range) ([][]state.KV, error) {
	c.of.ways++
	return state.ScanAll(ctx, c.Snapshot, ranges)
}

// TestRoundOfManyPeople: a round on a state that is on a server takes fewer ways to it
// than it has people.
func TestRoundOfManyPeople(t *testing.T) {
	const people = 1500
	ctx := context.Background()
	w := newWorld(2, 50)
	counted := &countedStore{Store: w.store}
	w.append(t, ordinaryPeople(people))
	ok(t, w.runner.Drain(ctx))
	w.writer = lake.New(lake.Config{
		Store: w.files, State: counted, Log: w.log, Partitions: w.log.Partitions(), Clock: w.clock, Rand: sys.Seeded(1), Distant: true,
		Parts: func() lake.Parts { return lake.Parts{Interpreter: w.runner.Interpreter, Reader: w.reader} },
	})
	_, err := w.writer.Step(ctx)
	ok(t, err)
	if got := len(w.table(t, lake.TableProfiles)); got != people {
		t.Fatalf("%d profiles, want %d", got, people)
	}
	if counted.ways > people/10 {
		t.Errorf("a round of %d people asks the state %d times", people, counted.ways)
	}
}

// ordinaryPeople are two events of each of so many, a day apart, the second of which
// names a browser.
func ordinaryPeople(n int) (out [][]byte) {
	for i := range 2 * n {
		id := fmt.Sprintf(`"person-%d"`, i%n)
		body := `{"type":"track","event":"Seen","userId":` + id + `}`
		if i >= n {
			body = `{"type":"identify","anonymousId":"browser-` + fmt.Sprint(i) + `","traits":{"plan":"pro"},"userId":` + id + `}`
		}
		r := record.Record{Kind: record.Event, Body: []byte(body), Stamp: event.Stamp{Source: "shop", MessageID: fmt.Sprint(i), Type: event.Track}}
		if i >= n {
			r.Stamp.Type = event.Identify
		}
		r.Stamp.ReceivedAt = workload.Start + int64(i)*86_400_000/int64(n)
		r.Stamp.Timestamp = r.Stamp.ReceivedAt
		out = append(out, r.AppendTo(nil))
	}
	return out
}
