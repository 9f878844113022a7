package profile

import (
	"context"
	"encoding/json"
	"slices"
	"sort"

	"kith/internal/consent"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
)

// ProfileIDType is the type of a Ref whose value is a profile id.
const ProfileIDType = "id"

// Reader answers questions about profiles. It is safe for concurrent use.
type Reader struct {
	State   state.Store
	History history.Index
	Log     eventlog.Reader
	Config  *identity.Config
	Keys    *identity.Keyring
}

func errUnknown() error {
	return errs.New(errs.NotFound, "profile.unknown", "no profile has that identifier")
}

// Read returns the profile that a reference names, as of the last committed
// batch. Unknown references give kind NotFound, those that cannot be an
// identifier kind Invalid.
func (r *Reader) Read(ctx context.Context, ref Ref) (Profile, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return Profile{}, err
	}
	defer snap.Close()
	c, err := r.cluster(ctx, snap, ref)
	if err != nil {
		return Profile{}, err
	}
	p := Profile{ID: c.leader}
	c.sum(&p)
	p.Identifiers = c.identifiers(r.Config)
	if p.Traits, err = r.traits(ctx, snap, c); err != nil {
		return Profile{}, err
	}
	if p.Accounts, err = r.accounts(ctx, snap, c); err != nil {
		return Profile{}, err
	}
	said, err := consent.ReadPerson(ctx, snap, c.all)
	p.Consents = said.Standings()
	return p, err
}

// Node returns the node that a reference names.
func (r *Reader) Node(ref Ref) (identity.NodeID, error) {
	if ref.Type == ProfileIDType {
		node, ok := identity.ParseNodeID(ref.Value)
		if !ok {
			return node, errUnknown()
		}
		return node, nil
	}
	id, reason := r.Config.Normalize(ref.Type, ref.Value, "")
	if reason != identity.Usable {
		return identity.NodeID{}, errUnknown()
	}
	return r.Keys.Node(id), nil
}

// Leader returns the id of the profile that a node belongs to, as of a snapshot.
// A node that no event names gives kind NotFound.
func (r *Reader) Leader(ctx context.Context, s state.Reader, node identity.NodeID) (identity.NodeID, error) {
	seen, err := identity.Seen(ctx, s, node)
	if err != nil {
		return identity.NodeID{}, err
	}
	if !seen {
		return identity.NodeID{}, errUnknown()
	}
	return identity.LeaderOf(ctx, s, r.Config, node)
}

// cluster is the nodes of one profile and what is known of them together.
type cluster struct {
	leader       identity.NodeID
	nodes        []identity.NodeID // ascending; whose events are the person's, see identity.Config.Follows
	all          []identity.NodeID // ascending; of all identifiers
	member       map[identity.NodeID]bool
	ids          map[identity.NodeID]identity.Identifier
	observations []*identity.Observation
}

func (r *Reader) cluster(ctx context.Context, s state.Reader, ref Ref) (*cluster, error) {
	node, err := r.Node(ref)
	if err != nil {
		return nil, err
	}
	g, err := identity.Gather(ctx, s, r.Config, node)
	if err != nil {
		return nil, err
	}
	if len(g.Nodes) == 0 {
		return nil, errUnknown()
	}
	c := &cluster{
		leader: g.Leader, all: g.Nodes, member: map[identity.NodeID]bool{},
		ids: g.IDs, observations: g.Observations,
	}
	for _, n := range c.all {
		c.member[n] = true
		if r.Config.Follows(c.ids[n], c.ids[c.leader]) {
			c.nodes = append(c.nodes, n)
		}
	}
	return c, nil
}

// sum counts events and spans time over the nodes' own events. Identifiers that have
// none, such as those of a device that only ever came with somebody who ranks
// higher, span the time over which they were seen.
func (c *cluster) sum(p *Profile) {
	own := func(o *identity.Observation) bool {
		_, found := slices.BinarySearchFunc(c.nodes, o.Home, identity.CompareNodes)
		return found
	}
	if !c.span(p, own) {
		c.span(p, func(*identity.Observation) bool { return true })
	}
	for _, o := range c.observations {
		if o.Kind != identity.SeenInConsent && own(o) {
			p.Events += o.Count
		}
	}
}

// span sets when the profile was seen first and last to what some of the
// observations say, and reports whether there is any.
func (c *cluster) span(p *Profile, counts func(*identity.Observation) bool) bool {
	any := false
	for _, o := range c.observations {
		if !counts(o) {
			continue
		}
		if !any || o.First < p.FirstSeen {
			p.FirstSeen = o.First
		}
		if !any || o.Last > p.LastSeen {
			p.LastSeen = o.Last
		}
		any = true
	}
	return any
}

func (c *cluster) identifiers(cfg *identity.Config) []Identifier {
	byNode := map[identity.NodeID]*Identifier{}
	sources := map[identity.NodeID]map[string]bool{}
	for _, o := range c.observations {
		for _, n := range o.Nodes {
			if !c.member[n] {
				continue
			}
			id, ok := byNode[n]
			if !ok {
				id = &Identifier{Identifier: c.ids[n], Node: n, FirstSeen: o.First, LastSeen: o.Last}
				byNode[n], sources[n] = id, map[string]bool{}
			}
			id.FirstSeen, id.LastSeen = min(id.FirstSeen, o.First), max(id.LastSeen, o.Last)
			sources[n][o.Source] = true
		}
	}
	return ranked(cfg, byNode, sources)
}

func ranked(cfg *identity.Config, byNode map[identity.NodeID]*Identifier, sources map[identity.NodeID]map[string]bool) []Identifier {
	order := make([]identity.Identifier, 0, len(byNode))
	byID := map[identity.Identifier]*Identifier{}
	for n, id := range byNode {
		for s := range sources[n] {
			id.Sources = append(id.Sources, s)
		}
		sort.Strings(id.Sources)
		order = append(order, id.Identifier)
		byID[id.Identifier] = id
	}
	cfg.Sort(order)
	out := make([]Identifier, len(order))
	for i, id := range order {
		out[i] = *byID[id]
	}
	return out
}

func (r *Reader) traits(ctx context.Context, s state.Reader, c *cluster) (map[string]Trait, error) {
	var all [][]Write
	for _, n := range c.nodes {
		writes, err := readTraits(ctx, s, n)
		if err != nil {
			return nil, err
		}
		all = append(all, writes)
	}
	writes := Combine(all...)
	if err := survive(ctx, s, r.History, r.Config, c.nodes, writes); err != nil {
		return nil, err
	}
	return shown(r.Config, writes), nil
}

// shown are the traits that are there.
func shown(cfg *identity.Config, writes map[string]Write) map[string]Trait {
	out := map[string]Trait{}
	for key, w := range writes {
		if !w.Removes() {
			policy := cfg.Survivorship[key].Policy
			out[key] = Trait{Value: json.RawMessage(w.Value), Timestamp: w.Timestamp, MessageID: w.MessageID, Source: w.Source, Policy: policy}
		}
	}
	return out
}

func (r *Reader) accounts(ctx context.Context, s state.Reader, c *cluster) ([]string, error) {
	set := map[string]bool{}
	for _, n := range c.nodes {
		names, err := Accounts(ctx, s, r.History, n)
		if err != nil {
			return nil, err
		}
		for _, a := range names {
			set[a] = true
		}
	}
	out := make([]string, 0, len(set))
	for a := range set {
		out = append(out, a)
	}
	sort.Strings(out)
	return out, nil
}
