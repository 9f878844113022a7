package pipeline_test

import (
	"context"
	"slices"
	"testing"

	"kith/event"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/fact"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/journal"
	"kith/internal/oracle/workload"
	"kith/internal/record"
	"kith/internal/state/mem"
	"kith/internal/statehash"
)

// call is a track of the given identifiers at a moment after the start.
func call(message string, at int64, ids string) []byte {
	r := record.Record{
		Kind:  record.Event,
		Stamp: event.Stamp{Source: "web", MessageID: message, Type: event.Track, ReceivedAt: workload.Start + at, Timestamp: workload.Start + at},
		Body:  []byte(`{"event":"Order Completed",` + ids + `}`),
	}
	return r.AppendTo(nil)
}

// TestTheJournalTellsWhatBecameOfProfiles: a visitor signs in, so the profile has
// another name; a browser goes to somebody else; two browsers become one person.
func TestTheJournalTellsWhatBecameOfProfiles(t *testing.T) {
	e := newEngine(logmem.New(1), mem.New(), 1)
	steps := []struct {
		record []byte
		want   []string
	}{
		{call("m0", 0, `"anonymousId":"browser-one"`), nil},
		{call("m1", 1, `"anonymousId":"browser-two","userId":"ana-x"`), nil},
		{call("m2", 2, `"anonymousId":"browser-one","userId":"ana-x"`), []string{"merged anonymous_id:browser-one into user_id:ana-x"}},
		{call("m3", 3, `"anonymousId":"browser-one","userId":"bob-x"`), []string{"split user_id:ana-x into user_id:bob-x"}},
		{call("m4", 4, `"anonymousId":"browser-three"`), nil},
		{call("m5", 5, `"anonymousId":"browser-three","userId":"cy-x"`), []string{"renamed anonymous_id:browser-three into user_id:cy-x"}},
		{call("m6", 6, `"anonymousId":"browser-two","userId":"cy-x"`), []string{"moved user_id:ana-x into user_id:cy-x"}},
	}
	var all []journal.Entry
	for i, s := range steps {
		e.append(t, [][]byte{s.record})
		e.drain(t)
		fresh := e.journal(t, nil, 100)
		fresh = slices.DeleteFunc(fresh, func(j journal.Entry) bool {
			return slices.ContainsFunc(all, func(have journal.Entry) bool { return !j.After(&have) && !have.After(&j) })
		})
		var got []string
		for _, j := range fresh {
			got = append(got, j.Kind.String()+" "+e.named(t, j.From)+" into "+e.named(t, j.To))
			if j.Cause.Offset != int64(i) || j.Count != 1 {
				t.Errorf("step %d: %+v", i, j)
			}
		}
		all = append(fresh, all...)
		if !slices.Equal(got, s.want) {
			t.Errorf("step %d: the journal says %q, want %q", i, got, s.want)
		}
	}
	if page := e.journal(t, &all[1], 2); len(page) != 2 || page[0].After(&all[1]) || !page[0].After(&page[1]) {
		t.Errorf("the page after the second entry: %+v", page)
	}
}

// journal reads the newest entries of all nodes.
func (e *engine) journal(t *testing.T, before *journal.Entry, limit int) []journal.Entry {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var nodes []identity.NodeID
	for n := range e.ids(t) {
		nodes = append(nodes, n)
	}
	out, err := journal.Read(context.Background(), snap, nodes, before, limit)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ids are what the nodes that facts name stand for.
func (e *engine) ids(t *testing.T) map[identity.NodeID]identity.Identifier {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	out := map[identity.NodeID]identity.Identifier{}
	for b, err := range fact.Read(context.Background(), snap, 0, 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range b.Facts {
			values, err := snap.Get(context.Background(), [][]byte{identity.IdentifierRow(f.Node)})
			if err != nil {
				t.Fatal(err)
			}
			if out[f.Node], err = identity.DecodeIdentifier(values[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func (e *engine) named(t *testing.T, n identity.NodeID) string {
	t.Helper()
	id := e.ids(t)[n]
	return id.Type + ":" + id.Value
}

// TestFactsTellWhoseEveryNodeIs: following the moves alone gives the stored
// clusters, after any batch and when evidence had to wait.
func TestFactsTellWhoseEveryNodeIs(t *testing.T) {
	for seed := range uint64(12) {
		e := newEngine(logmem.New(1), mem.New(), 7)
		e.runner.Config.ReviseMax = map[bool]int{true: 6}[seed%2 == 1]
		e.append(t, workload.Shuffled(seed, workload.Records(seed, 150)))
		e.drain(t)
		snap, err := e.store.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		profiles := map[identity.NodeID]identity.NodeID{}
		for b, err := range fact.Read(context.Background(), snap, 0, 0) {
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range b.Facts {
				if f.Kind != fact.NodeMoved {
					continue
				}
				if have := profiles[f.Node]; have != f.From {
					t.Fatalf("seed %d: a node moves from %v and was %v's", seed, f.From, have)
				}
				profiles[f.Node] = f.Profile
			}
		}
		clusters := identity.NewClusters(snap)
		for n, profile := range profiles {
			if profile.IsZero() {
				continue
			}
			if leader, err := clusters.Leader(context.Background(), n); err != nil || leader != profile {
				t.Fatalf("seed %d: the facts say that %v is %v's, and it is %v's: %v", seed, n, profile, leader, err)
			}
		}
		seen := 0
		for _, profile := range profiles {
			if !profile.IsZero() {
				seen++
			}
		}
		if want := len(e.seenNodes(t)); seen != want {
			t.Fatalf("seed %d: the facts tell of %d nodes, and %d are seen", seed, seen, want)
		}
	}
}

// seenNodes are the nodes that observations name.
func (e *engine) seenNodes(t *testing.T) map[identity.NodeID]bool {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	c, err := statehash.Read(context.Background(), snap, keyed.Index{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[identity.NodeID]bool{}
	for _, o := range c.Observations {
		for _, n := range o.Nodes {
			out[n] = true
		}
	}
	return out
}
