package profile

import (
	"context"

	"kith/internal/identity"
	"kith/internal/state"
)

// Person is a profile of which no more is known yet than who belongs to it.
type Person struct {
	ID       identity.NodeID
	Nodes    []identity.NodeID // ascending
	LastSeen int64             // UTC milliseconds

	cluster *cluster
}

// Person returns whom a node belongs to, as of a snapshot. A node that no event
// names gives kind NotFound.
func (r *Reader) Person(ctx context.Context, s state.Reader, node identity.NodeID) (*Person, error) {
	c, err := r.cluster(ctx, s, Ref{Type: ProfileIDType, Value: node.String()})
	if err != nil {
		return nil, err
	}
	var p Profile
	c.sum(&p)
	return &Person{ID: c.leader, Nodes: c.all, LastSeen: p.LastSeen, cluster: c}, nil
}

// Describe reads a person's identifiers and traits, from the snapshot that the
// person came from. Accounts are left out.
func (r *Reader) Describe(ctx context.Context, s state.Reader, p *Person) (Profile, error) {
	out := Profile{ID: p.ID, Identifiers: p.cluster.identifiers(r.Config)}
	p.cluster.sum(&out)
	var err error
	out.Traits, err = r.traits(ctx, s, p.cluster)
	return out, err
}
