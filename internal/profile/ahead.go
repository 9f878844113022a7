package profile

import (
	"context"

	"kith/internal/identity"
	"kith/internal/state"
)

// aheadRows is how many rows of each kind are read of a node together with those of
// others; who has more is read alone.
const aheadRows = 64

// ReadAhead returns a reader of the same moment that has read together what Whole
// asks of the profiles of some nodes, and what is stored of their consents and
// entities, and the nodes of these profiles. It is for a state to which each read is
// a way to a server and back: the same reads through it find the same, and most of
// them need no way. r is a snapshot.
func ReadAhead(ctx context.Context, r state.Reader, nodes []identity.NodeID) (state.Reader, []identity.NodeID, error) {
	once := state.NewAhead(r, 1)
	if err := once.Load(ctx, [][]byte{identity.WaitingMark(), {byte(state.FamilyRuling)}}, 1); err != nil {
		return nil, nil, err
	}
	members, err := membersOf(ctx, r, nodes)
	if err != nil {
		return nil, nil, err
	}
	var rows, single [][]byte
	for _, n := range members {
		single = append(single, nodeKey(state.FamilyIdentifier, n), nodeKey(state.FamilyCluster, n))
		for _, f := range [...]state.Family{state.FamilyObservation, state.FamilyAdjacent, state.FamilyTrait, state.FamilyConsent, state.FamilyOwned, state.FamilyRuling} {
			rows = append(rows, nodeKey(f, n))
		}
	}
	of := state.NewAhead(once, 1+len(identity.NodeID{}))
	if err := of.Load(ctx, single, 1); err != nil {
		return nil, nil, err
	}
	if err := of.Load(ctx, rows, aheadRows); err != nil {
		return nil, nil, err
	}
	calls, err := AccountsAhead(ctx, of, members)
	return calls, members, err
}

// membersOf returns the nodes of the clusters of some nodes, each once.
func membersOf(ctx context.Context, r state.Reader, nodes []identity.NodeID) ([]identity.NodeID, error) {
	clusters := identity.NewClusters(r)
	if err := clusters.LoadWhole(ctx, nodes); err != nil {
		return nil, err
	}
	var members []identity.NodeID
	have := map[identity.NodeID]bool{}
	for _, n := range nodes {
		c, err := clusters.Of(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, n := range c.Nodes {
			if !have[n] {
				have[n] = true
				members = append(members, n)
			}
		}
	}
	return members, nil
}

func nodeKey(f state.Family, n identity.NodeID) []byte { return append([]byte{byte(f)}, n[:]...) }
