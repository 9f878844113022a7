package identity

import (
	"bytes"
	"cmp"
	"slices"
	"sort"
	"strconv"
)

// Verdict says what became of a link.
type Verdict string

// Accepted links join their ends; the others name what held them apart, some
// followed by a colon and the type whose limit or guard it was.
const (
	Accepted       Verdict = "accepted"
	OverLimit      Verdict = "limit"      // the joined cluster would hold too many of one type
	OverSize       Verdict = "size"       // the joined cluster would be too large
	GuardedByRival Verdict = "quarantine" // one end is shared by too many values of a type
)

// Link is the evidence that two identifiers belong together: the observations of
// which one end is the identifier of the highest rank and the other a member.
type Link struct {
	A, B    NodeID // A before B in byte order
	First   int64  // of event time, UTC milliseconds
	Last    int64
	Verdict Verdict
}

// Partition is the outcome of a derivation.
type Partition struct {
	Leader map[NodeID]NodeID // of every node the leader of its cluster
	Links  []Link            // in the order in which they were judged, quarantined ones first
}

// seen is the span of event time in which an identifier was seen.
type seen struct{ first, last int64 }

// Derive computes clusters from observations: constrained Kruskal over links in
// a total order, which makes the result a function of the set alone. ids must
// name every node of the observations; a node that it lacks is left out. The
// algorithm is that of section 2.3 of the identity specification.
func Derive(observations []*Observation, ids map[NodeID]Identifier, cfg *Config) Partition {
	d := derivation{cfg: cfg, ids: ids, spans: map[NodeID]seen{}, links: map[[2]NodeID]*Link{}}
	for _, o := range observations {
		d.observe(o)
	}
	quarantined := d.quarantine()
	d.makeClusters()
	var p Partition
	for _, l := range d.sorted() {
		if reason, ok := quarantined[l.A]; ok {
			l.Verdict = reason
		} else if reason, ok := quarantined[l.B]; ok {
			l.Verdict = reason
		} else {
			l.Verdict = d.join(l)
		}
		p.Links = append(p.Links, *l)
	}
	p.Leader = d.leaders()
	return p
}

type derivation struct {
	cfg      *Config
	ids      map[NodeID]Identifier
	spans    map[NodeID]seen
	links    map[[2]NodeID]*Link
	clusters map[NodeID]*cluster // by node
}

// cluster is a set of nodes that grows; the smaller of two is poured into the
// larger.
type cluster struct {
	nodes []NodeID
}

// observe folds an observation into spans and a star of links around its member
// of the highest rank.
func (d *derivation) observe(o *Observation) {
	var hub NodeID
	for _, n := range o.Nodes {
		id, known := d.ids[n]
		if !known {
			continue
		}
		s, ok := d.spans[n]
		if !ok {
			s = seen{o.First, o.Last}
		}
		d.spans[n] = seen{min(s.first, o.First), max(s.last, o.Last)}
		if hub.IsZero() || d.cfg.less(id, d.ids[hub]) {
			hub = n
		}
	}
	for _, n := range o.Nodes {
		if _, known := d.ids[n]; known && n != hub {
			d.link(hub, n, o)
		}
	}
}

func (d *derivation) link(a, b NodeID, o *Observation) {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	l, ok := d.links[[2]NodeID{a, b}]
	if !ok {
		d.links[[2]NodeID{a, b}] = newLink(a, b, o)
		return
	}
	l.First, l.Last = min(l.First, o.First), max(l.Last, o.Last)
}

// newLink is the link of two nodes as one observation shows it.
func newLink(a, b NodeID, o *Observation) *Link {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return &Link{A: a, B: b, First: o.First, Last: o.Last}
}

// quarantine finds the identifiers that are linked to more distinct values of a
// guarded type than one person has.
func (d *derivation) quarantine() map[NodeID]Verdict {
	degrees := map[NodeID]map[string]int{}
	count := func(n, other NodeID) {
		typ := d.ids[other].Type
		if d.cfg.Rule(d.ids[n].Type).Guard[typ] == 0 {
			return
		}
		if degrees[n] == nil {
			degrees[n] = map[string]int{}
		}
		degrees[n][typ]++
	}
	for _, l := range d.links {
		count(l.A, l.B)
		count(l.B, l.A)
	}
	out := map[NodeID]Verdict{}
	for n, byType := range degrees {
		guard := d.cfg.Rule(d.ids[n].Type).Guard
		for typ, c := range byType {
			reason := GuardedByRival + ":" + Verdict(typ)
			if c > guard[typ] && (out[n] == "" || reason < out[n]) {
				out[n] = reason
			}
		}
	}
	return out
}

func (d *derivation) makeClusters() {
	d.clusters = make(map[NodeID]*cluster, len(d.spans))
	for n := range d.spans {
		d.clusters[n] = &cluster{nodes: []NodeID{n}}
	}
}

// sorted is the total order in which links are judged: priority of the weaker
// end, of the stronger end, the policy's key, and the nodes.
func (d *derivation) sorted() []*Link {
	links, ranks := make([]*Link, 0, len(d.links)), make(map[*Link]rank, len(d.links))
	for _, l := range d.links {
		links = append(links, l)
		ranks[l] = d.rank(l)
	}
	slices.SortFunc(links, func(a, b *Link) int { return ranks[a].compare(ranks[b]) })
	return links
}

// rank is a link's place in the order in which links are judged. No two links
// share one.
type rank struct {
	weak, strong int // priorities of the ends
	key          int64
	a, b         NodeID
}

func (r rank) compare(s rank) int {
	return cmp.Or(
		cmp.Compare(r.weak, s.weak),
		cmp.Compare(r.strong, s.strong),
		cmp.Compare(r.key, s.key),
		bytes.Compare(r.a[:], s.a[:]),
		bytes.Compare(r.b[:], s.b[:]),
	)
}

func (d *derivation) rank(l *Link) rank {
	weak, strong := d.cfg.Rule(d.ids[l.A].Type), d.cfg.Rule(d.ids[l.B].Type)
	if weak.Priority < strong.Priority {
		weak, strong = strong, weak
	}
	return rank{weak.Priority, strong.Priority, policyKey(weak.Policy, l), l.A, l.B}
}

// policyKey sorts the earliest first for First and the latest first for Latest.
func policyKey(p Policy, l *Link) int64 {
	if p == Latest {
		return -l.Last
	}
	return l.First
}

// join unites the clusters of a link's ends unless a limit forbids it.
func (d *derivation) join(l *Link) Verdict {
	a, b := d.clusters[l.A], d.clusters[l.B]
	if a == b {
		return Accepted
	}
	if len(a.nodes) < len(b.nodes) {
		a, b = b, a
	}
	if reason := d.obstacle(a, b); reason != "" {
		return reason
	}
	a.nodes = append(a.nodes, b.nodes...)
	for _, n := range b.nodes {
		d.clusters[n] = a
	}
	return Accepted
}

// obstacle says what forbids the union of two clusters, or "". It is hereditary:
// what forbids the union of two parts forbids that of the wholes.
func (d *derivation) obstacle(a, b *cluster) Verdict {
	if len(a.nodes)+len(b.nodes) > d.cfg.ClusterMax {
		return OverSize + ":" + Verdict(strconv.Itoa(d.cfg.ClusterMax))
	}
	if typ := d.exceeded(a, b); typ != "" {
		return OverLimit + ":" + Verdict(typ)
	}
	return ""
}

// exceeded returns the least type whose limit the union would break, or "".
func (d *derivation) exceeded(a, b *cluster) string {
	worst := ""
	for _, n := range b.nodes {
		typ := d.ids[n].Type
		if (worst == "" || typ < worst) && d.breaks(typ, a, b) {
			worst = typ
		}
	}
	return worst
}

func (d *derivation) breaks(typ string, a, b *cluster) bool {
	limit := d.cfg.Rule(typ).Limit
	if limit.Count == 0 {
		return false
	}
	var firsts []int64
	for _, c := range [...]*cluster{a, b} {
		for _, n := range c.nodes {
			if d.ids[n].Type == typ {
				firsts = append(firsts, d.spans[n].first)
			}
		}
	}
	if len(firsts) <= limit.Count {
		return false
	}
	if limit.Window == 0 {
		return true
	}
	sort.Slice(firsts, func(i, j int) bool { return firsts[i] < firsts[j] })
	for i := limit.Count; i < len(firsts); i++ {
		if firsts[i]-firsts[i-limit.Count] < limit.Window {
			return true
		}
	}
	return false
}

// leaders picks of every cluster the node of the least priority, first sighting
// and value.
func (d *derivation) leaders() map[NodeID]NodeID {
	leader := make(map[NodeID]NodeID, len(d.clusters))
	best := map[*cluster]NodeID{}
	for n, c := range d.clusters {
		have, ok := best[c]
		if !ok || d.leads(n, have) {
			best[c] = n
		}
	}
	for n, c := range d.clusters {
		leader[n] = best[c]
	}
	return leader
}

func (d *derivation) leads(a, b NodeID) bool {
	ida, idb := d.ids[a], d.ids[b]
	if c := cmp.Compare(d.cfg.Rule(ida.Type).Priority, d.cfg.Rule(idb.Type).Priority); c != 0 {
		return c < 0
	}
	if c := cmp.Compare(d.spans[a].first, d.spans[b].first); c != 0 {
		return c < 0
	}
	if ida.Value != idb.Value {
		return ida.Value < idb.Value
	}
	return ida.Type < idb.Type
}
