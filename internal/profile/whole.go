package profile

import (
	"context"

	"kith/internal/identity"
	"kith/internal/state"
)

// Whole is a profile and what it rests on, as of a snapshot.
type Whole struct {
	Profile
	Nodes        []identity.NodeID                       // ascending
	IDs          map[identity.NodeID]identity.Identifier // of the nodes, and of others seen with them
	Observations []*identity.Observation                 // all that name one of the nodes, each once
}

// Whole returns the profile of a node as of a snapshot, without consents. A node
// that nothing names gives kind NotFound.
func (r *Reader) Whole(ctx context.Context, s state.Reader, node identity.NodeID) (Whole, error) {
	c, err := r.cluster(ctx, s, Ref{Type: ProfileIDType, Value: node.String()})
	if err != nil {
		return Whole{}, err
	}
	w := Whole{Profile: Profile{ID: c.leader}, Nodes: c.nodes, IDs: c.ids, Observations: c.observations}
	c.sum(&w.Profile)
	w.Identifiers = c.identifiers(r.Config)
	if w.Traits, err = r.traits(ctx, s, c); err != nil {
		return Whole{}, err
	}
	w.Accounts, err = r.accounts(ctx, s, c)
	return w, err
}
