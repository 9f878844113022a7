package view

import (
	"container/list"
	"context"
	"slices"
	"time"

	"kith/event"
	"kith/internal/expr"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
)

// Recall keeps what was read of the people who were asked lately: all their
// events where these are few, and of the others what the picks of the definitions
// come to. It follows the facts, so that whoever is asked again costs a look at
// what is new. It is a cache: what it answers is what the history holds.
//
// It is for one goroutine. All snapshots that views with it are of must be those
// that the facts were read from.
type Recall struct {
	Bounds
	nodes   map[identity.NodeID]*recalled
	order   *list.List // of *recalled, those used lately in front
	weight  int        // of all nodes together
	ends    []uint64   // by partition, the next fact behind the snapshot that is read now
	applied []uint64   // by partition, the next fact to apply
	ahead   map[told][]*history.Entry
}

// recalled is what is kept of one node.
type recalled struct {
	node   identity.NodeID
	ends   []uint64                    // of the snapshot that it was read from: facts before are in it
	small  map[expr.Call][]*expr.Event // by type and bounded name, everything there is, in the order of events; nil: not read, or much
	much   bool                        // there is too much for that
	series map[pick]*series
	weight int
	place  *list.Element
}

// NewRecall returns one for the partitions of a log.
func NewRecall(partitions int, b Bounds) *Recall {
	r := &Recall{Bounds: b, ends: make([]uint64, partitions)}
	r.Clear()
	return r
}

// Clear drops everything: the state is another one, or the definitions are.
func (r *Recall) Clear() {
	r.nodes, r.order, r.weight = map[identity.NodeID]*recalled{}, list.New(), 0
	r.applied = make([]uint64, len(r.ends))
}

// Begin says where the facts end in the snapshot that is read from now on.
func (r *Recall) Begin(ends []uint64) { copy(r.ends, ends) }

// aheadMost is how many entries of one moment are read of a call ahead.
const aheadMost = 8

// Ahead reads together what Follow looks up of the facts of a partition from a sequence
// number on, where that saves ways to a server.
func (r *Recall) Ahead(ctx context.Context, v *Reader, s state.Reader, partition int, first uint64, facts []fact.Fact) error {
	r.ahead = nil
	if _, bulk := s.(state.BulkScanner); !bulk {
		return nil
	}
	var places []told
	var queries []history.Query
	for i := range facts {
		f, at := &facts[i], told{partition, first + uint64(i)}
		if f.Kind == fact.EventFolded && f.Type != event.Unknown && r.news(at, f) != nil {
			q := where(f)
			q.Limit = aheadMost
			places, queries = append(places, at), append(queries, q)
		}
	}
	found, err := v.History.RangeAll(ctx, s, queries)
	if err != nil {
		return err
	}
	r.ahead = make(map[told][]*history.Entry, len(places))
	for i, at := range places {
		if len(found[i]) < aheadMost {
			r.ahead[at] = found[i]
		}
	}
	return nil
}

// news is what is kept of a fact's node, if the fact is not in it already.
func (r *Recall) news(at told, f *fact.Fact) *recalled {
	n := r.nodes[f.Node]
	if at.sequence < r.applied[at.partition] || n == nil || at.sequence < n.ends[at.partition] {
		return nil
	}
	return n
}

// where is where the entry of a fact lies, with others of the moment.
func where(f *fact.Fact) history.Query {
	return history.Query{Node: f.Node, Type: f.Type, Name: f.Name, From: f.Timestamp, To: f.Timestamp}
}

// Follow applies one fact. Facts come in their order; one that was applied
// already, because a step is done again, does nothing.
func (r *Recall) Follow(ctx context.Context, v *Reader, s state.Reader, partition int, sequence uint64, f *fact.Fact) error {
	at := told{partition, sequence}
	n := r.news(at, f)
	r.applied[partition] = max(r.applied[partition], sequence+1)
	if n == nil {
		return nil
	}
	switch f.Kind {
	case fact.EventWithdrawn:
		r.drop(n)
	case fact.EventFolded:
		return r.folded(ctx, v, s, n, at, f)
	}
	return nil
}

// told is the place of a fact.
type told struct {
	partition int
	sequence  uint64
}

func (r *Recall) folded(ctx context.Context, v *Reader, s state.Reader, n *recalled, at told, f *fact.Fact) error {
	if f.Type == event.Unknown {
		r.drop(n)
		return nil
	}
	e, err := r.entry(ctx, v, s, at, f)
	if err != nil {
		return err
	}
	if e == nil {
		r.drop(n) // it is withdrawn already, as a fact to come will tell
		return nil
	}
	one, err := v.event(ctx, e)
	if err != nil {
		return err
	}
	r.add(n, one, at, v.zone())
	return nil
}

// entry is that of a fact's event, nil if it is there no more.
func (r *Recall) entry(ctx context.Context, v *Reader, s state.Reader, at told, f *fact.Fact) (*history.Entry, error) {
	of := func(e *history.Entry) bool { return e.Position == f.Record }
	if found, ok := r.ahead[at]; ok {
		if i := slices.IndexFunc(found, of); i >= 0 {
			return found[i], nil
		}
		return nil, nil
	}
	for e, err := range v.History.Range(ctx, s, where(f)) {
		if err != nil || of(e) {
			return e, err
		}
	}
	return nil, nil
}

// add adds an event to what is kept of its node, where it is not in it already.
func (r *Recall) add(n *recalled, e *expr.Event, at told, zone *time.Location) {
	if n.small != nil {
		n.small[e.Call] = insert(n.small[e.Call], e)
	}
	for _, s := range n.series {
		if at.sequence >= s.ends[at.partition] && s.picks(e, zone) {
			s.add(e)
		}
	}
	r.weigh(n)
}

func insert(events []*expr.Event, e *expr.Event) []*expr.Event {
	at, found := slices.BinarySearchFunc(events, e, (*expr.Event).Compare)
	if found {
		return events
	}
	return slices.Insert(events, at, e)
}

// weigh counts anew what is kept of a node, and drops whom nobody has asked for
// long when all is too much.
func (r *Recall) weigh(n *recalled) {
	w := 1
	for _, events := range n.small {
		w += len(events)
	}
	if w > r.Small {
		n.small, n.much, w = nil, true, 1
	}
	for _, s := range n.series {
		w += s.weight()
	}
	r.weight += w - n.weight
	n.weight = w
	for r.weight > r.Kept && r.order.Len() > 1 {
		r.drop(r.order.Back().Value.(*recalled))
	}
}

func (r *Recall) drop(n *recalled) {
	if r.nodes[n.node] == n {
		delete(r.nodes, n.node)
		r.order.Remove(n.place)
		r.weight -= n.weight
	}
}

// of returns what is kept of a node, an empty one if nothing is.
func (r *Recall) of(id identity.NodeID) *recalled {
	n := r.nodes[id]
	if n == nil {
		n = &recalled{node: id, ends: slices.Clone(r.ends), series: map[pick]*series{}}
		n.place = r.order.PushFront(n)
		r.nodes[id] = n
	} else {
		r.order.MoveToFront(n.place)
	}
	return n
}

// Knows reports whether anything is kept of a node.
func (r *Recall) Knows(node identity.NodeID) bool { return r.nodes[node] != nil }
