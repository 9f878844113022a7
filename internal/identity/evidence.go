package identity

import (
	"context"

	"kith/internal/state"
)

// batchSize is how many references are resolved by one bulk read.
const batchSize = 256

// evidence hands over the observations that name a node in bounded batches until f
// says to stop.
func (x *explorer) evidence(ctx context.Context, node NodeID, f func([]*Observation) (bool, error)) error {
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
		if err := x.relied(home); err != nil {
			return err
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
	var nodes []NodeID
	for _, o := range batch {
		nodes = append(nodes, o.Nodes...)
	}
	return x.nameNodes(ctx, nodes)
}

// nameNodes reads what nodes stand for, unless it is known.
func (x *explorer) nameNodes(ctx context.Context, all []NodeID) error {
	var rows [][]byte
	var nodes []NodeID
	for _, n := range all {
		if _, known := x.d.ids[n]; !known {
			x.d.ids[n] = Identifier{}
			rows, nodes = append(rows, IdentifierRow(n)), append(nodes, n)
		}
	}
	if len(nodes) == 0 {
		return nil
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
		x.d.ids[nodes[i]] = id
	}
	return nil
}
