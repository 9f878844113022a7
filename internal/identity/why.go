package identity

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"kith/internal/errs"
	"kith/internal/state"
)

// Bounds of an explanation.
const (
	rejectedMax = 100    // links between two clusters
	throughMax  = 10     // identifiers that both were seen with
	samplesMost = 3      // messages of one link
	sharedMax   = 20_000 // observations of an identifier in quarantine
)

// Explanation says why two identifiers are one person, or why not.
type Explanation struct {
	A, B     NodeID
	IDs      map[NodeID]Identifier // of all nodes that are named
	Leaders  [2]NodeID             // of the clusters of A and B; zero: never seen
	Together bool
	// Path leads from A to B through the links that joined their cluster, in which
	// there is one way from any node to any other.
	Path []Proof
	// Rejected are the links between the two clusters, the strongest first.
	Rejected []Proof
	// Through are identifiers of neither cluster that both were seen with.
	Through []Between
	// Held is what the cluster of A, and that of B when it is another, has of each
	// type.
	Held []Holding
}

// Between is an identifier that belongs to neither of two clusters and was seen
// with both.
type Between struct {
	Node  NodeID
	Links []Proof
}

// Proof is one link with the evidence for it and what became of it.
type Proof struct {
	Link
	Kinds     []Kind // ascending; none of a link that only operators made
	Sources   []string
	Count     int64      // events that show it
	Samples   []Sighting // the first ones
	Decisions []string   // of operators: merges that make it; of a rejected one, splits that hold it apart
	Priority  [2]int     // of the weaker and of the stronger end
	Policy    Policy     // of the weaker end
	// Exceeded is by how much, of a link that a limit or guard rejected: how many
	// the joined cluster, or the shared end, would have, and may have.
	Exceeded [2]int
}

// Holding is how many values of a type a cluster has, and may have.
type Holding struct {
	Leader NodeID
	Type   string
	Count  int // groups of values that are one, or the most in any window
	Limit  Limit
}

// Why explains whether two nodes are one person. It gives what Derive over
// everything would give, from the links that their clusters depend on. An
// explanation that would have to read too much is an error of kind Exhausted.
func Why(ctx context.Context, r state.Reader, cfg *Config, a, b NodeID) (*Explanation, error) {
	x, err := newExplorer(ctx, r, cfg, exploreMax)
	if err != nil {
		return nil, err
	}
	x.traced = true
	w := why{x: x, out: &Explanation{A: a, B: b, IDs: x.d.ids}}
	err = w.explain(ctx)
	if errors.Is(err, errTooMuch) {
		return nil, errs.New(errs.Exhausted, "identity.too_much_evidence", "there is too much evidence around these identifiers to explain it at once")
	}
	return w.out, err
}

type why struct {
	x   *explorer
	out *Explanation
}

func (w *why) explain(ctx context.Context) error {
	x, out := w.x, w.out
	for i, n := range [...]NodeID{out.A, out.B} {
		if err := x.nameNodes(ctx, []NodeID{n}); err != nil {
			return err
		}
		if err := x.settleFrom(ctx, n); err != nil {
			return err
		}
		out.Leaders[i] = x.leader(n)
	}
	a, b := x.d.clusters[out.A], x.d.clusters[out.B]
	out.Held = append(out.Held, w.held(a)...)
	if out.Together = a == b; out.Together {
		return w.path(ctx)
	}
	out.Held = append(out.Held, w.held(b)...)
	if err := w.between(ctx, a, b); err != nil {
		return err
	}
	return w.through(ctx, a, b)
}

// leader returns the leader of a settled node's cluster, or zero.
func (x *explorer) leader(n NodeID) (best NodeID) {
	for _, m := range x.d.clusters[n].nodes {
		if _, seen := x.d.spans[m]; seen && (best.IsZero() || x.d.leads(m, best)) {
			best = m
		}
	}
	return best
}

// hop is how a node was reached.
type hop struct {
	link ranked
	from NodeID
}

// path finds the way through the forest of links that joined clusters.
func (w *why) path(ctx context.Context) error {
	via := map[NodeID]hop{w.out.A: {}}
	todo := []NodeID{w.out.A}
	for len(todo) > 0 && todo[0] != w.out.B {
		n := todo[0]
		todo = todo[1:]
		for _, l := range w.x.forest {
			if l.A != n && l.B != n {
				continue
			}
			other := l.A
			if other == n {
				other = l.B
			}
			if _, reached := via[other]; !reached {
				via[other] = hop{l, n}
				todo = append(todo, other)
			}
		}
	}
	for n := w.out.B; n != w.out.A; n = via[n].from {
		h, ok := via[n]
		if !ok {
			panic("BUG: a cluster is not held together by the links that joined it")
		}
		p, err := w.proof(ctx, h.link, Accepted)
		if err != nil {
			return err
		}
		w.out.Path = append(w.out.Path, p)
	}
	slices.Reverse(w.out.Path)
	return nil
}

// between lists the rejected links between two clusters.
func (w *why) between(ctx context.Context, a, b *cluster) error {
	links, err := w.linksFrom(ctx, a)
	if err != nil {
		return err
	}
	links = slices.DeleteFunc(links, func(l ranked) bool {
		return w.x.d.clusters[l.A] != b && w.x.d.clusters[l.B] != b
	})
	for _, l := range links[:min(len(links), rejectedMax)] {
		p, err := w.proof(ctx, l, w.verdict(l))
		if err != nil {
			return err
		}
		w.out.Rejected = append(w.out.Rejected, p)
	}
	return nil
}

// linksFrom returns all links of a cluster's nodes to others, the strongest first.
// Those of a node in quarantine are read anew, as far as they are needed.
func (w *why) linksFrom(ctx context.Context, c *cluster) ([]ranked, error) {
	var out []ranked
	seen := map[[2]NodeID]bool{}
	for _, n := range c.nodes {
		links := w.x.places[n].links
		if w.x.places[n].shared {
			var err error
			if links, err = w.sharedLinks(ctx, n); err != nil {
				return nil, err
			}
		}
		for _, l := range links {
			if ends := [2]NodeID{l.A, l.B}; !seen[ends] {
				seen[ends] = true
				out = append(out, l)
			}
		}
	}
	slices.SortFunc(out, func(a, b ranked) int { return a.rank.compare(b.rank) })
	return out, nil
}

// sharedLinks reads the links of a node in quarantine.
func (w *why) sharedLinks(ctx context.Context, node NodeID) ([]ranked, error) {
	links, degrees, left := map[NodeID]*Link{}, map[string]int{}, sharedMax
	w.x.merged(node, links)
	err := w.x.evidence(ctx, node, func(batch []*Observation) (bool, error) {
		if err := w.x.name(ctx, batch); err != nil {
			return false, err
		}
		for _, o := range batch {
			w.x.link(node, o, links, degrees)
		}
		left -= len(batch)
		return left > 0, nil
	})
	w.x.places[node].degrees = degrees
	var out []ranked
	for _, l := range links {
		out = append(out, ranked{l, w.x.d.rank(l)})
	}
	return out, err
}

// verdict judges a rejected link again, with the clusters that its ends had when
// its turn came.
func (w *why) verdict(l ranked) Verdict {
	if !l.Ruled {
		for _, n := range [...]NodeID{l.A, l.B} {
			if p := w.x.places[n]; p != nil && p.shared {
				return w.guard(n)
			}
		}
	}
	then := w.then(l.rank)
	return then.obstacle(then.clusters[l.A], then.clusters[l.B])
}

// guard is the verdict of a quarantine: the least of the types whose guard is
// exceeded.
func (w *why) guard(n NodeID) Verdict {
	best := Verdict("")
	for typ, most := range w.x.cfg.Rule(w.x.d.ids[n].Type).Guard {
		if reason := GuardedByRival + ":" + Verdict(typ); w.degree(n, typ) > most && (best == "" || reason < best) {
			best = reason
		}
	}
	return cmp.Or(best, GuardedByRival)
}

// degree counts the values of a type that a node was seen with.
func (w *why) degree(n NodeID, typ string) int { return w.x.places[n].degrees[typ] }

// then is the derivation as it was when a link's turn came.
func (w *why) then(turn rank) *derivation {
	d := derivation{cfg: w.x.cfg, ids: w.x.d.ids, spans: w.x.d.spans, rules: w.x.d.rules, clusters: map[NodeID]*cluster{}}
	for n := range w.x.d.clusters {
		d.clusters[n] = &cluster{nodes: []NodeID{n}}
	}
	for _, l := range w.x.forest {
		if l.rank.compare(turn) < 0 {
			a, b := d.clusters[l.A], d.clusters[l.B]
			a.nodes = append(a.nodes, b.nodes...)
			for _, n := range b.nodes {
				d.clusters[n] = a
			}
		}
	}
	return &d
}

// through finds identifiers that both clusters were seen with and that neither
// has.
func (w *why) through(ctx context.Context, a, b *cluster) error {
	links := [2][]ranked{}
	for i, c := range [...]*cluster{a, b} {
		var err error
		if links[i], err = w.linksFrom(ctx, c); err != nil {
			return err
		}
	}
	outside := func(l ranked) (NodeID, bool) {
		for _, n := range [...]NodeID{l.A, l.B} {
			if c := w.x.d.clusters[n]; c != a && c != b {
				return n, true
			}
		}
		return NodeID{}, false
	}
	shared := map[NodeID][]ranked{}
	for _, l := range links[0] {
		if n, ok := outside(l); ok {
			shared[n] = append(shared[n], l)
		}
	}
	var order []NodeID
	for _, l := range links[1] {
		n, ok := outside(l)
		if have := shared[n]; ok && len(have) > 0 {
			if !slices.Contains(order, n) {
				order = append(order, n)
			}
			shared[n] = append(have, l)
		}
	}
	for _, n := range order[:min(len(order), throughMax)] {
		if err := w.x.settleFrom(ctx, n); err != nil {
			return err
		}
		between := Between{Node: n}
		for _, l := range shared[n][:min(len(shared[n]), throughMax)] {
			p, err := w.proof(ctx, l, w.verdict(l))
			if err != nil {
				return err
			}
			between.Links = append(between.Links, p)
		}
		w.out.Through = append(w.out.Through, between)
	}
	return nil
}

// proof gathers the evidence for a link.
func (w *why) proof(ctx context.Context, l ranked, verdict Verdict) (Proof, error) {
	p := Proof{Link: *l.Link, Priority: [2]int{l.rank.weak, l.rank.strong}, Policy: w.policy(l)}
	p.Verdict = verdict
	for _, r := range w.x.d.rules.on[l.A] {
		if !r.Apart && r.Other(l.A) == l.B {
			p.Decisions = append(p.Decisions, r.Decision)
		}
	}
	w.measure(&p, l)
	if !l.Seen {
		return p, nil
	}
	// The end that has fewer observations is the one to look at.
	node := l.A
	if w.x.places[l.A] == nil || w.x.places[l.B] != nil && w.x.places[l.B].read < w.x.places[l.A].read {
		node = l.B
	}
	err := w.x.evidence(ctx, node, func(batch []*Observation) (bool, error) {
		for _, o := range batch {
			if shows(o, l.Link) {
				p.add(o)
			}
		}
		return true, nil
	})
	return p, err
}

// shows reports whether an observation's star has the link.
func shows(o *Observation, l *Link) bool {
	return (o.Home == l.A || o.Home == l.B) && slices.Contains(o.Nodes, l.A) && slices.Contains(o.Nodes, l.B)
}

func (p *Proof) add(o *Observation) {
	p.Count += o.Count
	if !slices.Contains(p.Kinds, o.Kind) {
		p.Kinds = append(p.Kinds, o.Kind)
		slices.Sort(p.Kinds)
	}
	if !slices.Contains(p.Sources, o.Source) {
		p.Sources = append(p.Sources, o.Source)
		slices.Sort(p.Sources)
	}
	for _, s := range o.Samples {
		s.Source = o.Source
		p.Samples = append(p.Samples, s)
	}
	slices.SortFunc(p.Samples, Sighting.Compare)
	p.Samples = p.Samples[:min(len(p.Samples), samplesMost)]
}

func (w *why) policy(l ranked) Policy {
	a, b := w.x.cfg.Rule(w.x.d.ids[l.A].Type), w.x.cfg.Rule(w.x.d.ids[l.B].Type)
	if a.Priority < b.Priority {
		return b.Policy
	}
	return a.Policy
}

// measure says by how much a limit or guard is exceeded, and which splits hold.
func (w *why) measure(p *Proof, l ranked) {
	kind, typ := p.Verdict.Parts()
	switch kind {
	case GuardedByRival:
		for _, n := range [...]NodeID{l.A, l.B} {
			if place := w.x.places[n]; place != nil && place.shared && w.degree(n, typ) > p.Exceeded[0] {
				p.Exceeded = [2]int{w.degree(n, typ), w.x.cfg.Rule(w.x.d.ids[n].Type).Guard[typ]}
			}
		}
	case OverLimit:
		then := w.then(l.rank)
		both := &cluster{nodes: slices.Concat(then.clusters[l.A].nodes, then.clusters[l.B].nodes)}
		p.Exceeded = [2]int{then.most(both, typ), w.x.cfg.Rule(typ).Limit.Count}
	case OverSize:
		then := w.then(l.rank)
		p.Exceeded = [2]int{len(then.clusters[l.A].nodes) + len(then.clusters[l.B].nodes), w.x.cfg.ClusterMax}
	case KeptApart:
		a, b := w.x.d.clusters[l.A], w.x.d.clusters[l.B]
		for _, n := range a.nodes {
			for _, r := range w.x.d.rules.on[n] {
				if r.Apart && w.x.d.clusters[r.Other(n)] == b && !slices.Contains(p.Decisions, r.Decision) {
					p.Decisions = append(p.Decisions, r.Decision)
				}
			}
		}
	}
}

// held lists what a cluster has of each type.
func (w *why) held(c *cluster) []Holding {
	var types []string
	for _, n := range c.nodes {
		if t := w.x.d.ids[n].Type; !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	slices.SortFunc(types, func(a, b string) int {
		return cmp.Or(cmp.Compare(w.x.cfg.Rule(a).Priority, w.x.cfg.Rule(b).Priority), cmp.Compare(a, b))
	})
	var out []Holding
	for _, t := range types {
		out = append(out, Holding{Leader: w.x.leader(c.nodes[0]), Type: t, Count: w.x.d.most(c, t), Limit: w.x.cfg.Rule(t).Limit})
	}
	return out
}

// most is how many groups of values of a type a cluster has, or of a type whose
// limit has a window the most in any.
func (d *derivation) most(c *cluster, typ string) int {
	limit := d.cfg.Rule(typ).Limit
	var values []held
	for _, n := range c.nodes {
		if s, ok := d.spans[n]; d.ids[n].Type == typ && (ok || limit.Window == 0) {
			values = append(values, held{s.first, d.rules.groupOf(n)})
		}
	}
	slices.SortFunc(values, func(a, b held) int { return cmp.Compare(a.first, b.first) })
	most := 0
	for from := range values {
		groups := map[NodeID]bool{}
		for _, v := range values[from:] {
			if limit.Window != 0 && v.first-values[from].first >= limit.Window {
				break
			}
			groups[v.group] = true
		}
		if most = max(most, len(groups)); limit.Window == 0 {
			break
		}
	}
	return most
}
