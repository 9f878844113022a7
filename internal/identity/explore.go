package identity

import (
	"context"

	"kith/internal/state"
)

// exploreMax bounds the observations that one exploration reads.
const exploreMax = 20_000

// Neighborhood is what is needed to derive the cluster of one node.
type Neighborhood struct {
	Observations []*Observation
	IDs          map[NodeID]Identifier
	// Truncated: the evidence around the node is larger than the bound, so the
	// node was left to stand alone.
	Truncated bool
}

// Explore reads, from the stored observations, everything that the cluster of a
// node depends on: all observations reachable over links that no quarantine
// rejects. Deriving over it gives the same cluster as deriving over the whole
// state. A node that was never seen has no observations.
func Explore(ctx context.Context, r state.Reader, cfg *Config, start NodeID) (*Neighborhood, error) {
	x := explorer{r: r, cfg: cfg, start: start, seen: map[ObservationKey]bool{}, queued: map[NodeID]bool{start: true}}
	x.out.IDs = map[NodeID]Identifier{}
	for queue := []NodeID{start}; len(queue) > 0; {
		node := queue[0]
		queue = queue[1:]
		next, err := x.visit(ctx, node)
		if err != nil {
			return nil, err
		}
		queue = append(queue, next...)
		if len(x.out.Observations) > exploreMax {
			return x.alone(ctx, start)
		}
	}
	return &x.out, nil
}

type explorer struct {
	r      state.Reader
	cfg    *Config
	start  NodeID
	out    Neighborhood
	seen   map[ObservationKey]bool
	queued map[NodeID]bool
}

// visit reads the observations that name a node and returns the nodes to visit
// next; none when the node turns out to be quarantined.
func (x *explorer) visit(ctx context.Context, node NodeID) ([]NodeID, error) {
	linked := map[NodeID]bool{}
	var around []NodeID
	overflow := false
	err := x.batches(ctx, node, func(batch []*Observation) (bool, error) {
		if err := x.name(ctx, batch); err != nil {
			return false, err
		}
		for _, o := range batch {
			around = append(around, x.take(o)...)
			x.links(o, node, linked)
		}
		guarded := x.guarded(node, linked)
		overflow = overflow || guarded || len(x.out.Observations) > exploreMax
		// Of a quarantined node no more is needed, unless it is the one in question:
		// when it was seen and by whom is read in full.
		return len(x.out.Observations) <= exploreMax && (!guarded || node == x.start), nil
	})
	if err != nil || overflow {
		return nil, err
	}
	var next []NodeID
	for _, n := range around {
		if !x.queued[n] {
			x.queued[n] = true
			next = append(next, n)
		}
	}
	return next, nil
}

// take keeps an observation and returns the nodes that it names.
func (x *explorer) take(o *Observation) []NodeID {
	if key := o.Key(); !x.seen[key] {
		x.seen[key] = true
		x.out.Observations = append(x.out.Observations, o)
	}
	return o.Nodes
}

// links adds to linked the nodes that o links to node.
func (x *explorer) links(o *Observation, node NodeID, linked map[NodeID]bool) {
	if node != o.Home {
		linked[o.Home] = true
		return
	}
	for _, n := range o.Nodes {
		if n != node {
			linked[n] = true
		}
	}
}

// guarded reports whether a node is linked to more values of some type than its
// guard allows.
func (x *explorer) guarded(node NodeID, linked map[NodeID]bool) bool {
	guard := x.cfg.Rule(x.out.IDs[node].Type).Guard
	degrees := map[string]int{}
	for n := range linked {
		typ := x.out.IDs[n].Type
		if degrees[typ]++; guard[typ] > 0 && degrees[typ] > guard[typ] {
			return true
		}
	}
	return false
}

// batchSize is how many references are resolved by one bulk read.
const batchSize = 256

// batches hands over the observations of a node in bounded batches until f says
// to stop.
func (x *explorer) batches(ctx context.Context, node NodeID, f func([]*Observation) (bool, error)) error {
	var batch []*Observation
	for kv, err := range x.r.Scan(ctx, state.Prefix(ObservationPrefix(node))) {
		if err != nil {
			return err
		}
		o, err := DecodeObservation(node, kv.Value)
		if err != nil {
			return err
		}
		if batch = append(batch, o); len(batch) == batchSize {
			if more, err := f(batch); err != nil || !more {
				return err
			}
			batch = nil
		}
	}
	if len(batch) > 0 {
		if more, err := f(batch); err != nil || !more {
			return err
		}
	}
	return x.adjacent(ctx, node, f)
}

// adjacent hands over the observations that name a node but are at home elsewhere.
func (x *explorer) adjacent(ctx context.Context, node NodeID, f func([]*Observation) (bool, error)) error {
	var rows [][]byte
	var homes []NodeID
	flush := func() (bool, error) {
		values, err := x.r.Get(ctx, rows)
		if err != nil {
			return false, err
		}
		var batch []*Observation
		for i, v := range values {
			if v == nil {
				continue
			}
			o, err := DecodeObservation(homes[i], v)
			if err != nil {
				return false, err
			}
			batch = append(batch, o)
		}
		rows, homes = nil, nil
		return f(batch)
	}
	for kv, err := range x.r.Scan(ctx, state.Prefix(AdjacentPrefix(node))) {
		if err != nil {
			return err
		}
		home, key, ok := SplitAdjacent(kv.Key)
		if !ok {
			continue
		}
		rows, homes = append(rows, ObservationRow(home, key)), append(homes, home)
		if len(rows) == batchSize {
			if more, err := flush(); err != nil || !more {
				return err
			}
		}
	}
	if len(rows) > 0 {
		_, err := flush()
		return err
	}
	return nil
}

// name reads what the nodes of a batch stand for.
func (x *explorer) name(ctx context.Context, batch []*Observation) error {
	var rows [][]byte
	var nodes []NodeID
	for _, o := range batch {
		for _, n := range o.Nodes {
			if _, known := x.out.IDs[n]; !known {
				x.out.IDs[n] = Identifier{}
				rows, nodes = append(rows, IdentifierRow(n)), append(nodes, n)
			}
		}
	}
	values, err := x.r.Get(ctx, rows)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		id, err := DecodeIdentifier(v)
		if err != nil {
			return err
		}
		x.out.IDs[nodes[i]] = id
	}
	return nil
}

// alone is the neighborhood of a node whose surroundings are too large: only
// what names the node by itself.
func (x *explorer) alone(ctx context.Context, start NodeID) (*Neighborhood, error) {
	out := &Neighborhood{IDs: map[NodeID]Identifier{start: x.out.IDs[start]}, Truncated: true}
	for kv, err := range x.r.Scan(ctx, state.Prefix(ObservationPrefix(start))) {
		if err != nil {
			return nil, err
		}
		o, err := DecodeObservation(start, kv.Value)
		if err != nil {
			return nil, err
		}
		out.Observations = append(out.Observations, o)
	}
	return out, nil
}
