package identity

import (
	"context"

	"kith/internal/state"
)

// Evidence is everything that a state holds about who is who.
type Evidence struct {
	IDs          map[NodeID]Identifier
	Observations []*Observation
	Rulings      []Ruling
}

// ReadEvidence reads all of it. It is for questions about everybody, which take
// memory in proportion.
func ReadEvidence(ctx context.Context, r state.Reader) (*Evidence, error) {
	e := &Evidence{IDs: map[NodeID]Identifier{}}
	for _, step := range [...]struct {
		family state.Family
		take   func(k, v []byte) error
	}{
		{state.FamilyIdentifier, func(k, v []byte) error {
			id, err := DecodeIdentifier(v)
			e.IDs[NodeID(k[1:17])] = id
			return err
		}},
		{state.FamilyObservation, func(k, v []byte) error {
			o, err := DecodeObservation(NodeID(k[1:17]), v)
			e.Observations = append(e.Observations, o)
			return err
		}},
		{state.FamilyRuling, func(k, v []byte) error {
			ruling, err := DecodeRuling(k, v)
			if err == nil && ruling.A == NodeID(k[1:17]) { // of the two rows of each one
				e.Rulings = append(e.Rulings, ruling)
			}
			return err
		}},
	} {
		for kv, err := range r.Scan(ctx, state.Prefix([]byte{byte(step.family)})) {
			if err == nil {
				err = step.take(kv.Key, kv.Value)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

// Derive computes the clusters under a configuration. Identifiers that it blocks
// are left out.
func (e *Evidence) Derive(cfg *Config) Partition {
	ids := make(map[NodeID]Identifier, len(e.IDs))
	for n, id := range e.IDs {
		if !cfg.Blocked.Blocks(id) {
			ids[n] = id
		}
	}
	return Derive(e.Observations, ids, cfg, e.Rulings...)
}

// ReadsAlike reports whether events have under another configuration no identifier
// that they do not have under this one, nor one of another form: then what was
// seen under this one is enough to tell what the other makes of it.
func (c *Config) ReadsAlike(other *Config) bool {
	if c.Country != other.Country || c.AliasMerges != other.AliasMerges || len(c.Paths) != len(other.Paths) {
		return false
	}
	for i, p := range c.Paths {
		if !samePath(p, other.Paths[i]) {
			return false
		}
	}
	blocked := map[string]bool{}
	for _, rule := range other.Blocked.Rules() {
		blocked[rule] = true
	}
	for _, rule := range c.Blocked.Rules() {
		if !blocked[rule] {
			return false
		}
	}
	return true
}

func samePath(a, b Path) bool {
	if a.Path != b.Path || a.Type != b.Type || len(a.Events) != len(b.Events) {
		return false
	}
	for i := range a.Events {
		if a.Events[i] != b.Events[i] {
			return false
		}
	}
	return true
}
