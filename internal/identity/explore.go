package identity

import (
	"container/heap"
	"context"
	"errors"
	"slices"

	"kith/internal/state"
)

// exploreMax bounds the observations that finding one cluster reads.
const exploreMax = 250_000

// aloneMax bounds those that a node is answered with whose surroundings are
// larger than that.
const aloneMax = 50_000

// Group is a cluster with its evidence.
type Group struct {
	Leader       NodeID
	Nodes        []NodeID              // ascending; none when the asked node was never seen
	IDs          map[NodeID]Identifier // of the nodes, and of others seen with them
	Observations []*Observation        // all that name one of the nodes, each once
	Rulings      []Ruling              // on the nodes, each once
	// Truncated: the evidence is larger than the bound. Explore then left the asked
	// node to stand alone; Gather has the whole cluster and not all observations.
	Truncated bool
}

// Explore finds the cluster of one node without deriving the whole state: it
// gives the same cluster as Derive over everything.
//
// What becomes of a link depends on the clusters that its ends have when its turn
// comes, and these on links that come before it. So the links of the asked node
// are judged in their order, and before each one those of the other end that
// come before it, and so on. Reading everything that is within reach would not
// do: where one identifier in ten is shared, a quarter of all people can be
// within reach of each other, though nearly all of these links are rejected.
func Explore(ctx context.Context, r state.Reader, cfg *Config, start NodeID) (*Group, error) {
	return explore(ctx, r, cfg, start, exploreMax)
}

func explore(ctx context.Context, r state.Reader, cfg *Config, start NodeID, budget int) (*Group, error) {
	x, err := newExplorer(ctx, r, cfg, budget)
	if err != nil {
		return nil, err
	}
	x.start = start
	err = x.settle(ctx)
	if errors.Is(err, errTooMuch) {
		return x.alone(ctx)
	}
	if err != nil {
		return nil, err
	}
	return x.group(ctx)
}

// newExplorer returns an explorer that has read nothing of any node.
func newExplorer(ctx context.Context, r state.Reader, cfg *Config, budget int) (*explorer, error) {
	x := &explorer{
		r: r, cfg: cfg, budget: budget,
		d: derivation{
			cfg: cfg, ids: map[NodeID]Identifier{}, spans: map[NodeID]seen{}, clusters: map[NodeID]*cluster{},
		},
		places: map[NodeID]*place{}, asked: map[[2]NodeID]bool{},
	}
	any, err := anyRulings(ctx, r)
	if any {
		x.ruled = map[NodeID]bool{}
	}
	return x, err
}

// errTooMuch ends an exploration that has read as much as it may. It does not
// leave this file.
var errTooMuch = errors.New("identity: more evidence than one exploration reads")

type explorer struct {
	r      state.Reader
	cfg    *Config
	start  NodeID
	budget int // observations that may still be read
	d      derivation
	places map[NodeID]*place // of the nodes that have been read
	queue  linkQueue         // links that are to be judged, the first in order on top
	asked  map[[2]NodeID]bool
	traced bool            // whether to keep the links that joined clusters
	forest []ranked        // these links, in no order
	ruled  map[NodeID]bool // nodes whose rulings have been read; nil where there are no rulings
	// known, if set, tells of a node that it is in quarantine for sure, so that its
	// observations need no look.
	known func(context.Context, NodeID) (bool, error)
	rely  func(NodeID) error // see Revision.Rely
}

// relied tells of a node that what is found depends on.
func (x *explorer) relied(node NodeID) error {
	if x.rely == nil {
		return nil
	}
	return x.rely(node)
}

// place is what is known of a node once its observations have been read.
type place struct {
	links   []ranked       // in the order of judgement; when it is shared only those of operators
	queued  int            // so many of them have been put into the queue
	read    int            // observations that were read
	degrees map[string]int // how many values of each type it was seen with, as far as was read
	shared  bool           // a guard holds it in quarantine
}

type ranked struct {
	*Link
	rank rank
}

// linkQueue is a heap.
type linkQueue []ranked

func (q linkQueue) Len() int           { return len(q) }
func (q linkQueue) Less(i, j int) bool { return q[i].rank.compare(q[j].rank) < 0 }
func (q linkQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *linkQueue) Push(l any)        { *q = append(*q, l.(ranked)) }
func (q *linkQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// settle judges links until none is left that the cluster of the asked node
// depends on.
func (x *explorer) settle(ctx context.Context) error {
	if err := x.read(ctx, x.start); err != nil {
		return err
	}
	for x.demand(x.start, nil) {
		for len(x.queue) > 0 {
			if err := x.step(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// demand puts into the queue what a node's cluster depends on when it is asked
// for as of a link's turn, or at the end when until is nil: the links of its
// nodes that come before. It reports whether there were any that had not been
// there.
func (x *explorer) demand(node NodeID, until *rank) bool {
	added := false
	for _, n := range x.d.clusters[node].nodes {
		p := x.places[n]
		for ; p.queued < len(p.links); p.queued++ {
			l := p.links[p.queued]
			if until != nil && l.rank.compare(*until) >= 0 {
				break
			}
			if ends := [2]NodeID{l.A, l.B}; !x.asked[ends] {
				x.asked[ends] = true
				heap.Push(&x.queue, l)
				added = true
			}
		}
	}
	return added
}

// step judges the first link of the queue, or puts in front of it what it
// depends on.
func (x *explorer) step(ctx context.Context) error {
	l := x.queue[0]
	near, far := l.A, l.B
	if x.places[near] == nil {
		near, far = far, near
	}
	if x.demand(near, &l.rank) {
		return nil
	}
	open, err := x.open(ctx, l.Link, near, far)
	if err != nil {
		return err
	}
	if open && x.demand(far, &l.rank) {
		return nil
	}
	if open {
		x.unite(l)
	}
	heap.Pop(&x.queue)
	return nil
}

// unite joins the clusters of a link's ends, unless something forbids it.
func (x *explorer) unite(l ranked) {
	apart := x.d.clusters[l.A] != x.d.clusters[l.B]
	if x.d.join(l.Link) == Accepted && apart && x.traced {
		x.forest = append(x.forest, l)
	}
}

// open reports whether nothing forbids that far by itself joins the cluster of
// near, which is settled up to their link. What one node breaks, its whole cluster
// breaks too, so most rivals are turned away without a look at what is theirs.
func (x *explorer) open(ctx context.Context, l *Link, near, far NodeID) (bool, error) {
	c := x.d.clusters[near]
	shared := func(n NodeID) bool { return x.places[n].shared && !l.Ruled }
	if x.places[far] == nil {
		if shared(near) || x.full(c, far) {
			return false, nil
		}
		if err := x.read(ctx, far); err != nil {
			return false, err
		}
	}
	if shared(near) || shared(far) {
		return false, nil
	}
	return x.d.clusters[far] == c || x.d.obstacle(c, &cluster{nodes: []NodeID{far}}) == "", nil
}

// full reports whether a cluster cannot take a node, whenever that was seen.
func (x *explorer) full(c *cluster, far NodeID) bool {
	if len(c.nodes) >= x.cfg.ClusterMax {
		return true
	}
	typ := x.d.ids[far].Type
	limit := x.cfg.Rule(typ).Limit
	if limit.Count == 0 || limit.Window != 0 {
		return false
	}
	group := x.d.rules.groupOf(far)
	var have []NodeID
	for _, n := range c.nodes {
		if x.d.ids[n].Type != typ {
			continue
		}
		g := x.d.rules.groupOf(n)
		if g == group {
			return false
		}
		if !slices.Contains(have, g) {
			have = append(have, g)
		}
	}
	return len(have) >= limit.Count
}

// read makes the place of a node from the observations that name it. Of a node in
// quarantine no more is needed than that, unless it is the asked one or an operator
// has merged it.
func (x *explorer) read(ctx context.Context, node NodeID) error {
	p := &place{}
	links := map[NodeID]*Link{}
	degrees := map[string]int{}
	if err := x.relied(node); err != nil {
		return err
	}
	if err := x.bind(ctx, node); err != nil {
		return err
	}
	x.merged(node, links)
	whole := node == x.start || len(links) > 0
	if x.known != nil && !whole {
		shared, err := x.known(ctx, node)
		if err != nil {
			return err
		}
		if shared {
			x.place(node, &place{shared: true})
			return nil
		}
	}
	err := x.evidence(ctx, node, func(batch []*Observation) (bool, error) {
		if x.budget -= len(batch); x.budget < 0 {
			return false, errTooMuch
		}
		if err := x.name(ctx, batch); err != nil {
			return false, err
		}
		p.read += len(batch)
		for _, o := range batch {
			x.see(node, o)
			x.link(node, o, links, degrees)
		}
		p.shared = p.shared || x.guarded(node, degrees)
		return !p.shared || whole, nil
	})
	if err != nil {
		return err
	}
	for _, l := range links {
		if !p.shared || l.Ruled {
			p.links = append(p.links, ranked{l, x.d.rank(l)})
		}
	}
	p.degrees = degrees
	slices.SortFunc(p.links, func(a, b ranked) int { return a.rank.compare(b.rank) })
	x.place(node, p)
	return nil
}

// place puts a node that has been read where its cluster begins.
func (x *explorer) place(node NodeID, p *place) {
	x.places[node] = p
	x.d.clusters[node] = &cluster{nodes: []NodeID{node}}
}

// merged adds to the links of a node those that operators made.
func (x *explorer) merged(node NodeID, links map[NodeID]*Link) {
	for _, r := range x.d.rules.on[node] {
		if r.Apart {
			continue
		}
		other := r.Other(node)
		if links[other] == nil {
			links[other] = newLink(node, other)
		}
		links[other].rule(r)
	}
}

// see widens the span in which a node was seen.
func (x *explorer) see(node NodeID, o *Observation) {
	s, ok := x.d.spans[node]
	if !ok {
		s = seen{o.First, o.Last}
	}
	x.d.spans[node] = seen{min(s.first, o.First), max(s.last, o.Last)}
}

// link folds an observation into the links of a node: it is the star's hub, or
// the hub is at the other end.
func (x *explorer) link(node NodeID, o *Observation, links map[NodeID]*Link, degrees map[string]int) {
	others := o.Nodes
	if node != o.Home {
		others = []NodeID{o.Home}
	}
	for _, n := range others {
		if n == node {
			continue
		}
		l := links[n]
		if l == nil {
			l = newLink(node, n)
			links[n] = l
		}
		if !l.Seen {
			degrees[x.d.ids[n].Type]++
		}
		l.see(o)
	}
}

// bind reads the rulings on a node, and on all that they make one value with it,
// so that whatever is asked about the node's group is known.
func (x *explorer) bind(ctx context.Context, node NodeID) error {
	todo := []NodeID{node}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if x.ruled == nil || x.ruled[n] {
			continue
		}
		x.ruled[n] = true
		rulings, err := Rulings(ctx, x.r, n)
		if err != nil {
			return err
		}
		if x.budget -= len(rulings); x.budget < 0 {
			return errTooMuch
		}
		for _, r := range rulings {
			if err := x.nameNodes(ctx, []NodeID{r.A, r.B}); err != nil {
				return err
			}
			same := x.d.ids[r.A].Type == x.d.ids[r.B].Type
			if !x.ruled[r.Other(n)] {
				x.d.rules.add(r, same)
			}
			if !r.Apart && same {
				todo = append(todo, r.Other(n))
			}
		}
	}
	return nil
}

// guarded reports whether a node is linked to more values of some type than its
// guard allows.
func (x *explorer) guarded(node NodeID, degrees map[string]int) bool {
	for typ, most := range x.cfg.Rule(x.d.ids[node].Type).Guard {
		if most > 0 && degrees[typ] > most {
			return true
		}
	}
	return false
}

// group collects the evidence of the settled cluster.
func (x *explorer) group(ctx context.Context) (*Group, error) {
	g := &Group{IDs: x.d.ids}
	if _, ok := x.d.spans[x.start]; !ok {
		return g, nil
	}
	x.ruledIn(g, x.d.clusters[x.start].nodes)
	for _, n := range x.d.clusters[x.start].nodes {
		if _, seen := x.d.spans[n]; seen {
			g.Nodes = append(g.Nodes, n)
		}
	}
	SortNodes(g.Nodes)
	g.Leader = g.Nodes[0]
	have := map[ObservationKey]bool{}
	for _, n := range g.Nodes {
		if x.d.leads(n, g.Leader) {
			g.Leader = n
		}
		err := x.evidence(ctx, n, func(batch []*Observation) (bool, error) {
			for _, o := range batch {
				if key := o.Key(); !have[key] {
					have[key] = true
					g.Observations = append(g.Observations, o)
				}
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// ruledIn adds the rulings on nodes.
func (x *explorer) ruledIn(g *Group, nodes []NodeID) {
	for _, n := range nodes {
		for _, r := range x.d.rules.on[n] {
			if !slices.Contains(g.Rulings, r) {
				g.Rulings = append(g.Rulings, r)
			}
		}
	}
}

// alone is the answer for a node whose surroundings are too large: a cluster of
// its own.
func (x *explorer) alone(ctx context.Context) (*Group, error) {
	g := &Group{Leader: x.start, Nodes: []NodeID{x.start}, IDs: x.d.ids, Truncated: true}
	err := x.evidence(ctx, x.start, func(batch []*Observation) (bool, error) {
		g.Observations = append(g.Observations, batch...)
		return len(g.Observations) < aloneMax, x.name(ctx, batch)
	})
	return g, err
}
