package identity

import (
	"context"
	"errors"

	"kith/internal/state"
)

// Change is a piece of new evidence that may move nodes from one cluster to
// another.
type Change struct {
	// Nodes are the ends of every link that is new, gone or judged at another turn
	// than before, every node that was first seen at another moment than before, and
	// every node whose rulings, or whose group of values that are one, are others.
	Nodes []NodeID
	// Less: some evidence has gone, so what was in quarantine need not be any more.
	Less  bool
	Cause int // by which the nodes are filed that it makes necessary to look at
}

// Update is an observation before and after a batch; nil where there is none.
type Update struct{ Was, Is *Observation }

// Touches returns the nodes on which an update of an observation bears as a
// Change, or none when no node can change its cluster:
//
//   - a node that was never seen before and now is seen alone stands alone;
//   - a link that is judged earlier than before and whose ends are in one cluster
//     pushes nothing out of it, because what a cluster may hold its parts may hold;
//   - a rejected link that is judged at the turn at which it was judged before,
//     because its policy does not look at the last sighting, is rejected again;
//   - so is one of an end in quarantine, whenever it is judged.
//
// One that comes, goes or is first seen at another moment bears on all its nodes, but
// for the first of these cases. Batches that run side by side rely on that: who brings
// or takes away a reference to an observation holds the lock of the node that has it.
//
// fresh tells of nodes that no observation named before. exact tells whether old
// are the clusters of the evidence before the update; if not, they are not asked.
func (u *Update) Touches(ctx context.Context, old *Clusters, cfg *Config, ids map[NodeID]Identifier, fresh map[NodeID]bool, exact bool) ([]NodeID, error) {
	switch {
	case u.Is == nil:
		return u.Was.Nodes, nil
	case u.Was == nil && len(u.Is.Nodes) == 1 && fresh[u.Is.Home] && exact:
		return nil, nil
	case u.Was == nil || u.Was.First != u.Is.First || u.Is.Last < u.Was.Last:
		return u.Is.Nodes, nil
	case u.Is.Last == u.Was.Last:
		return nil, nil
	}
	var out []NodeID
	for _, n := range u.Is.Nodes {
		moves, err := movesUp(ctx, old, cfg, ids, u.Is.Home, n, exact)
		if err != nil {
			return nil, err
		}
		if moves {
			out = append(out, n)
		}
	}
	if len(out) > 0 {
		out = append(out, u.Is.Home)
	}
	return out, nil
}

// movesUp reports whether a link whose last sighting is later than before may be
// judged otherwise than before.
func movesUp(ctx context.Context, old *Clusters, cfg *Config, ids map[NodeID]Identifier, home, node NodeID, exact bool) (bool, error) {
	if node == home || firstOnly(cfg, ids, home) && firstOnly(cfg, ids, node) {
		return false, nil
	}
	if !exact {
		return true, nil
	}
	if together, err := old.Together(ctx, home, node); err != nil || together {
		return false, err
	}
	for _, n := range [...]NodeID{home, node} {
		if shared, err := old.Shared(ctx, n); err != nil || shared {
			return false, err
		}
	}
	return true, nil
}

// firstOnly reports whether the policy of a node's type is known and does not look
// at the last sighting.
func firstOnly(cfg *Config, ids map[NodeID]Identifier, node NodeID) bool {
	id, known := ids[node]
	return known && cfg.Rule(id.Type).Policy == First
}

// Revision is what changes make of the clusters.
type Revision struct {
	// Nodes are all whose clusters were looked at, by the first change that made it
	// necessary; those of one change ascend within each old cluster. Every node that
	// is not among them keeps its cluster.
	Nodes []NodeID
	// Before and After are the clusters of Nodes. A node that has never been seen
	// stands alone.
	Before, After map[NodeID]*Cluster
	// Cause is for each of Nodes that of the change that made it necessary to look at
	// its cluster.
	Cause map[NodeID]int
	// Seen are those of Nodes that an observation names now.
	Seen map[NodeID]bool
	// Ruled: the state holds rulings, so that nodes may be in clusters that were never
	// seen.
	Ruled bool
	// News are those of Nodes that no observation named before.
	News map[NodeID]bool
	// TooLarge: a change reaches further than the budget, so the rest says nothing.
	TooLarge bool
	// Rely, if set, is told of every node that the outcome depends on: those that are
	// looked at, all whose evidence is read, and those where the observations are at
	// home that name them, some of them more than once. Its error ends the revision.
	Rely func(NodeID) error
}

// Budget bounds the observations that are read: for one change, and for all.
type Budget struct{ Change, All int }

// Unbounded is the budget of who may read everything.
func Unbounded() Budget { return Budget{1 << 60, 1 << 60} }

// Known reports whether an observation named a node before.
func (v *Revision) Known(n NodeID) bool { return !v.News[n] }

// NewRevision returns a revision that has looked at nothing.
func NewRevision() *Revision {
	return &Revision{Before: map[NodeID]*Cluster{}, After: map[NodeID]*Cluster{}, Cause: map[NodeID]int{}, Seen: map[NodeID]bool{}, News: map[NodeID]bool{}}
}

// Revise derives anew the clusters that changes can alter, and no others. r shows
// the evidence with the changes, old the clusters as they were derived from the
// evidence without them.
//
// The nodes looked at are the least set that holds the changes' nodes, and with
// any node its whole old cluster and its whole new one. No node outside such a set
// changes its cluster, because every link between the set and the rest is rejected
// in both derivations, so that the rest goes through the same decisions in the
// same order; docs/adr/0015 gives the proof.
func (v *Revision) Revise(ctx context.Context, r state.Reader, old *Clusters, cfg *Config, changes []Change, budget Budget) error {
	x, err := newExplorer(ctx, r, cfg, budget.Change)
	if err != nil {
		return err
	}
	x.rely = v.Rely
	w := reviser{x: x, old: old, recount: map[NodeID]bool{}, out: v}
	v.Ruled = x.ruled != nil
	x.known = w.known
	for _, c := range changes {
		for _, n := range c.Nodes {
			if c.Less {
				w.recount[n] = true
			}
		}
	}
	for _, c := range changes {
		most := min(budget.Change, budget.All)
		x.budget, w.cause = most, c.Cause
		err := w.follow(ctx, c.Nodes)
		budget.All -= most - x.budget
		if errors.Is(err, errTooMuch) {
			v.TooLarge = true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reviser grows the set of nodes to look at until it is closed under old and new
// clusters.
type reviser struct {
	x       *explorer
	old     *Clusters
	recount map[NodeID]bool // nodes that have lost evidence
	out     *Revision
	cause   int
	todo    []NodeID // reached, and not yet in a new cluster
}

// known: what was in quarantine stays there unless evidence has gone.
func (v *reviser) known(ctx context.Context, node NodeID) (bool, error) {
	if v.recount[node] {
		return false, nil
	}
	return v.old.Shared(ctx, node)
}

func (v *reviser) follow(ctx context.Context, nodes []NodeID) error {
	if err := v.old.Load(ctx, nodes); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := v.reach(ctx, n); err != nil {
			return err
		}
	}
	for len(v.todo) > 0 {
		n := v.todo[0]
		v.todo = v.todo[1:]
		if v.out.After[n] != nil {
			continue
		}
		if err := v.settle(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// reach takes a node's whole old cluster into the set.
func (v *reviser) reach(ctx context.Context, node NodeID) error {
	if v.out.Before[node] != nil {
		return nil
	}
	if err := v.x.relied(node); err != nil {
		return err
	}
	k, err := v.old.Of(ctx, node)
	if err != nil {
		return err
	}
	for _, n := range k.Nodes {
		if err := v.x.relied(n); err != nil {
			return err
		}
		v.out.Before[n], v.out.Cause[n] = k, v.cause
		v.out.Nodes, v.todo = append(v.out.Nodes, n), append(v.todo, n)
	}
	return nil
}

// settle derives the new cluster of a node and reaches all of it.
func (v *reviser) settle(ctx context.Context, node NodeID) error {
	if err := v.x.settleFrom(ctx, node); err != nil {
		return err
	}
	k := v.x.d.finished(v.x.d.clusters[node])
	for _, n := range k.Nodes {
		if _, seen := v.x.d.spans[n]; seen || v.x.places[n].shared { // of which not all need have been read
			v.out.Seen[n] = true
		}
		if v.x.places[n].shared {
			if k.Shared == nil {
				k.Shared = map[NodeID]bool{}
			}
			k.Shared[n] = true
		}
		v.out.After[n] = k
	}
	for _, n := range k.Nodes {
		if err := v.reach(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// settleFrom judges every link that the final cluster of a node depends on. Nodes
// may be settled one after the other on one explorer: what was judged before stays
// right, because a cluster's links were all judged up to the turn that was asked
// for, so that no link can come up later that should have come before.
func (x *explorer) settleFrom(ctx context.Context, node NodeID) error {
	if x.places[node] == nil {
		if err := x.read(ctx, node); err != nil {
			return err
		}
	}
	for x.demand(node, nil) {
		for len(x.queue) > 0 {
			if err := x.step(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
