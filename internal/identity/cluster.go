package identity

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"

	"kith/internal/errs"
	"kith/internal/state"
)

// Cluster is the nodes of one profile, as a derivation leaves them. Nodes that only
// operators have named are among them, without ever having been seen.
type Cluster struct {
	Leader NodeID   // when none of the nodes was ever seen, the least of them
	Nodes  []NodeID // ascending, the leader among them
	// Shared are those in quarantine, because they are linked to more values of some
	// type than one person has; nil when none is.
	Shared map[NodeID]bool
}

// Has reports whether a node is in the cluster.
func (c *Cluster) Has(node NodeID) bool {
	_, ok := slices.BinarySearchFunc(c.Nodes, node, compareNodes)
	return ok
}

// ClusterRow is the key of the row that says to which cluster a node belongs. A
// node that stands alone and is not in quarantine has none.
func ClusterRow(node NodeID) []byte {
	return append([]byte{byte(state.FamilyCluster)}, node[:]...)
}

const clusterVersion = 1

// What a cluster's row holds, as bits of its second byte. The numbers are stored.
const (
	rowShared = 1 // the node is in quarantine
	rowMember = 2 // the leader's id follows
	rowLeads  = 4 // the number of other members follows, and their ids, ascending
)

// Row is the value of a member's row, or nil when it has none.
func (c *Cluster) Row(node NodeID) []byte {
	b := append(make([]byte, 0, 20), clusterVersion, 0)
	if c.Shared[node] {
		b[1] = rowShared
	}
	switch {
	case len(c.Nodes) == 1 && b[1] == 0:
		return nil
	case len(c.Nodes) == 1:
		return b
	case node != c.Leader:
		b[1] |= rowMember
		return append(b, c.Leader[:]...)
	}
	b[1] |= rowLeads
	b = binary.AppendUvarint(b, uint64(len(c.Nodes)-1))
	for _, n := range c.Nodes {
		if n != c.Leader {
			b = append(b, n[:]...)
		}
	}
	return b
}

// clusterPlace is what one row says.
type clusterPlace struct {
	shared bool
	leader NodeID   // of a member other than the leader; else zero
	others []NodeID // of a leader
}

func decodeClusterPlace(value []byte) (clusterPlace, error) {
	var p clusterPlace
	if value == nil {
		return p, nil
	}
	d := state.NewDecoder(value)
	version, bits := d.Byte(), d.Byte()
	ok := version == clusterVersion
	p.shared = bits&rowShared != 0
	switch bits &^ rowShared {
	case 0:
		ok = ok && p.shared
	case rowMember:
		p.leader = NodeID(d.Take(16))
	case rowLeads:
		for n := d.Count(16); n > 0; n-- {
			p.others = append(p.others, NodeID(d.Take(16)))
		}
		ok = ok && len(p.others) > 0
	default:
		ok = false
	}
	if !ok || !d.Done() {
		return p, errClusterFormat()
	}
	return p, nil
}

func errClusterFormat() error {
	return errs.New(errs.Corrupt, "identity.cluster_format", "a stored cluster cannot be read")
}

// CheckClusterRow tells whether a row of the family of clusters can be read; the
// error is of kind Corrupt.
func CheckClusterRow(key, value []byte) error {
	if len(key) != 1+len(NodeID{}) || value == nil {
		return errClusterFormat()
	}
	_, err := decodeClusterPlace(value)
	return err
}

// Clusters reads the stored clusters of a state, each row once. It is not safe
// for concurrent use.
type Clusters struct {
	r      state.Reader
	places map[NodeID]clusterPlace
	whole  map[NodeID]*Cluster // by leader
}

// NewClusters returns a view of the clusters that r holds.
func NewClusters(r state.Reader) *Clusters {
	return &Clusters{r: r, places: map[NodeID]clusterPlace{}, whole: map[NodeID]*Cluster{}}
}

// Load reads the rows of several nodes at once, so that what is asked of them
// later needs no further read.
func (c *Clusters) Load(ctx context.Context, nodes []NodeID) error {
	var keys [][]byte
	var asked []NodeID
	for _, n := range nodes {
		if _, known := c.places[n]; !known {
			c.places[n] = clusterPlace{}
			keys, asked = append(keys, ClusterRow(n)), append(asked, n)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := c.r.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		if c.places[asked[i]], err = decodeClusterPlace(v); err != nil {
			return err
		}
	}
	return nil
}

// LoadWhole is Load of several nodes and of everybody in their clusters.
func (c *Clusters) LoadWhole(ctx context.Context, nodes []NodeID) error {
	if err := c.Load(ctx, nodes); err != nil {
		return err
	}
	var leaders, members []NodeID
	for _, n := range nodes {
		if p := c.places[n]; !p.leader.IsZero() {
			leaders = append(leaders, p.leader)
		}
	}
	if err := c.Load(ctx, leaders); err != nil {
		return err
	}
	for _, n := range append(leaders, nodes...) {
		members = append(members, c.places[n].others...)
	}
	return c.Load(ctx, members)
}

func (c *Clusters) place(ctx context.Context, node NodeID) (clusterPlace, error) {
	if err := c.Load(ctx, []NodeID{node}); err != nil {
		return clusterPlace{}, err
	}
	return c.places[node], nil
}

// Leader returns the leader of a node's cluster. A node of which the state knows
// nothing leads itself.
func (c *Clusters) Leader(ctx context.Context, node NodeID) (NodeID, error) {
	p, err := c.place(ctx, node)
	if err != nil || p.leader.IsZero() {
		return node, err
	}
	return p.leader, nil
}

// Together reports whether two nodes are in one cluster. It reads the row of b only
// where that of a does not say it.
func (c *Clusters) Together(ctx context.Context, a, b NodeID) (bool, error) {
	p, err := c.place(ctx, a)
	if err != nil || p.leader.IsZero() {
		return slices.Contains(p.others, b), err
	}
	if p.leader == b {
		return true, nil
	}
	leader, err := c.Leader(ctx, b)
	return leader == p.leader, err
}

// Known reports whether a node's row was loaded and is there.
func (c *Clusters) Known(node NodeID) bool {
	p := c.places[node]
	return p.shared || !p.leader.IsZero() || len(p.others) > 0
}

// Shared reports whether a node is in quarantine.
func (c *Clusters) Shared(ctx context.Context, node NodeID) (bool, error) {
	p, err := c.place(ctx, node)
	return p.shared, err
}

// Of returns the cluster of a node, which the caller must not change.
func (c *Clusters) Of(ctx context.Context, node NodeID) (*Cluster, error) {
	leader, err := c.Leader(ctx, node)
	if err != nil {
		return nil, err
	}
	if k := c.whole[leader]; k != nil {
		return k, nil
	}
	p, err := c.place(ctx, leader)
	if err != nil {
		return nil, err
	}
	k := &Cluster{Leader: leader, Nodes: append(append(make([]NodeID, 0, len(p.others)+1), p.others...), leader)}
	SortNodes(k.Nodes)
	if err := c.Load(ctx, k.Nodes); err != nil {
		return nil, err
	}
	for _, n := range k.Nodes {
		if c.places[n].shared {
			if k.Shared == nil {
				k.Shared = map[NodeID]bool{}
			}
			k.Shared[n] = true
		}
	}
	if !k.Has(node) {
		return nil, errs.New(errs.Corrupt, "identity.cluster_lost", "a stored cluster lacks one of its members")
	}
	c.whole[leader] = k
	return k, nil
}

// compareNodes orders nodes by their bytes.
func compareNodes(a, b NodeID) int { return bytes.Compare(a[:], b[:]) }

// CompareClusters returns the nodes whose stored cluster is not that of a
// partition of the same evidence, ascending. Stored clusters may name nodes that
// were never seen, of which a partition says nothing.
func CompareClusters(ctx context.Context, r state.Reader, p Partition) ([]NodeID, error) {
	stored := NewClusters(r)
	size := map[NodeID]int{}
	wrong := map[NodeID]bool{}
	for kv, err := range r.Scan(ctx, state.Prefix([]byte{byte(state.FamilyCluster)})) {
		if err != nil {
			return nil, err
		}
		place, err := decodeClusterPlace(kv.Value)
		if err != nil {
			return nil, err
		}
		n := NodeID(kv.Key[1:])
		stored.places[n] = place
		for _, other := range place.others {
			if leader, seen := p.Leader[other]; seen && leader != n {
				wrong[other] = true
			}
		}
	}
	for n, leader := range p.Leader {
		size[leader]++
		if have := stored.places[n].leader; n != leader && have != leader || n == leader && !have.IsZero() {
			wrong[n] = true
		}
	}
	for leader, n := range size {
		seen := 1
		for _, other := range stored.places[leader].others {
			if _, ok := p.Leader[other]; ok {
				seen++
			}
		}
		if seen != n {
			wrong[leader] = true
		}
	}
	return slices.SortedFunc(maps.Keys(wrong), compareNodes), nil
}
