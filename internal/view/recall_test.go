package view

import (
	"context"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/state/mem"
)

// distant is a reader whose every call is a way to a server.
type distant struct {
	state.Reader
	scans, together int
}

// Scan implements state.Reader.
func (d *distant) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	d.scans++
	return d.Reader.Scan(ctx, r)
}

// ScanAll implements state.BulkScanner.
func (d *distant) ScanAll(ctx context.Context, ranges []state.Range) ([][]state.KV, error) {
	d.together++
	return state.ScanAll(ctx, d.Reader, ranges)
}

// TestFollowingReadsTogether: what is new of people who are recalled is read in one way
// to the server, and is what it is when each is read alone; so is the one of a crowded
// moment, and one that is there no more.
func TestFollowingReadsTogether(t *testing.T) {
	store := mem.New()
	tx, err := store.Begin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var facts []fact.Fact
	for i := range 60 {
		e := &history.Entry{
			Node: identity.NodeID{1 + byte(i%6)}, Type: event.Track, Name: "Bought", Timestamp: int64(100 + i), Source: "web",
			MessageID: string(rune('a' + i)), Position: eventlog.Position{Offset: int64(i)},
		}
		if i%6 == 5 {
			e.Timestamp = 99 // more of one moment than are read ahead
		}
		if i != 8 {
			keyed.Index{}.Append(tx, e)
		}
		facts = append(facts, fact.Fact{Kind: fact.EventFolded, Record: e.Position, Node: e.Node, Type: e.Type, Name: e.Name, Timestamp: e.Timestamp})
	}
	facts = append(facts, fact.Fact{Kind: fact.EventWithdrawn, Node: identity.NodeID{4}}, fact.Fact{Kind: fact.EventFolded, Node: identity.NodeID{2}, Type: event.Unknown})
	if err := tx.Commit(t.Context(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	snap, err := store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	kept := func(s state.Reader) map[identity.NodeID][]string {
		r, v := NewRecall(1, UsualBounds()), &Reader{History: keyed.Index{}}
		r.Begin([]uint64{0})
		for i := range 6 {
			r.of(identity.NodeID{1 + byte(i)}).small = map[expr.Call][]*expr.Event{}
		}
		for first := 0; first < len(facts); first += 31 {
			some := facts[first:min(len(facts), first+31)]
			if err := r.Ahead(t.Context(), v, s, 0, uint64(first), some); err != nil {
				t.Fatal(err)
			}
			for i := range some {
				if err := r.Follow(t.Context(), v, s, 0, uint64(first+i), &some[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		out := map[identity.NodeID][]string{}
		for node, n := range r.nodes {
			for _, events := range n.small {
				for _, e := range events {
					out[node] = append(out[node], e.MessageID)
				}
			}
		}
		return out
	}
	alone := kept(snap)
	d := &distant{Reader: snap}
	together := kept(d)
	if diff := cmp.Diff(alone, together); diff != "" {
		t.Errorf("read alone (-) and together (+):\n%s", diff)
	}
	if len(alone[identity.NodeID{1}]) != 10 || len(alone[identity.NodeID{6}]) != 10 || alone[identity.NodeID{3}] != nil {
		t.Errorf("what is kept is %v", alone)
	}
	if d.together != 2 || d.scans != 10 {
		t.Errorf("%d ways for all, not 2, and %d for the crowded moment, not 10", d.together, d.scans)
	}
}
