package identity

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
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
	KeptApart      Verdict = "split"      // an operator has split what the joined cluster would hold
)

// Parts takes a verdict apart: what held the ends apart, and the type or number
// that it concerns.
func (v Verdict) Parts() (reason Verdict, of string) {
	what, of, _ := strings.Cut(string(v), ":")
	return Verdict(what), of
}

// Link is the evidence that two identifiers belong together: the observations of
// which one end is the identifier of the highest rank and the other a member, and
// the word of an operator. A ruled link comes before all others, whatever is seen
// later, and no quarantine touches it.
type Link struct {
	A, B    NodeID // A before B in byte order
	Seen    bool   // some event shows the two together; else First and Last are zero
	First   int64  // of event time, UTC milliseconds
	Last    int64
	Ruled   bool  // an operator has merged the two
	RuledAt int64 // the earliest such decision, UTC milliseconds
	Verdict Verdict
}

// Partition is the outcome of a derivation.
type Partition struct {
	Leader map[NodeID]NodeID  // of every node that was seen the leader of its cluster
	Links  []Link             // in the order in which they were judged
	Shared map[NodeID]Verdict // those in quarantine, and why
}

// seen is the span of event time in which an identifier was seen.
type seen struct{ first, last int64 }

// Derive computes clusters from observations and rulings: constrained Kruskal
// over links in a total order, which makes the result a function of the set alone.
// ids must name every node of both; a node that it lacks is left out. The
// algorithm is that of section 2.3 of the identity specification; docs/adr/0016
// says what rulings mean.
func Derive(observations []*Observation, ids map[NodeID]Identifier, cfg *Config, rulings ...Ruling) Partition {
	d := derivation{cfg: cfg, ids: ids, spans: map[NodeID]seen{}, links: map[[2]NodeID]*Link{}}
	for _, o := range observations {
		d.observe(o)
	}
	d.makeClusters()
	for _, r := range rulings {
		d.rule(r)
	}
	quarantined := d.quarantine()
	var p Partition
	for _, l := range d.sorted() {
		if reason, ok := quarantined[l.A]; ok && !l.Ruled {
			l.Verdict = reason
		} else if reason, ok := quarantined[l.B]; ok && !l.Ruled {
			l.Verdict = reason
		} else {
			l.Verdict = d.join(l)
		}
		p.Links = append(p.Links, *l)
	}
	p.Leader, p.Shared = d.leaders(), quarantined
	return p
}

type derivation struct {
	cfg      *Config
	ids      map[NodeID]Identifier
	spans    map[NodeID]seen
	links    map[[2]NodeID]*Link
	rules    rulebook
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

// rule takes in a ruling. Its nodes take part although they may not have been
// seen.
func (d *derivation) rule(r Ruling) {
	a, knownA := d.ids[r.A]
	b, knownB := d.ids[r.B]
	if !knownA || !knownB || r.A == r.B {
		return
	}
	d.rules.add(r, a.Type == b.Type)
	for _, n := range [...]NodeID{r.A, r.B} {
		if d.clusters[n] == nil {
			d.clusters[n] = &cluster{nodes: []NodeID{n}}
		}
	}
	if !r.Apart {
		d.between(r.A, r.B).rule(r)
	}
}

func (d *derivation) link(a, b NodeID, o *Observation) { d.between(a, b).see(o) }

// between returns the link of two nodes, which may be a new one without evidence.
func (d *derivation) between(a, b NodeID) *Link {
	l := newLink(a, b)
	if have, ok := d.links[[2]NodeID{l.A, l.B}]; ok {
		return have
	}
	d.links[[2]NodeID{l.A, l.B}] = l
	return l
}

// newLink is the link of two nodes, as yet without evidence.
func newLink(a, b NodeID) *Link {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return &Link{A: a, B: b}
}

// see adds what an observation shows.
func (l *Link) see(o *Observation) {
	if !l.Seen {
		l.Seen, l.First, l.Last = true, o.First, o.Last
		return
	}
	l.First, l.Last = min(l.First, o.First), max(l.Last, o.Last)
}

// rule adds the word of an operator.
func (l *Link) rule(r Ruling) {
	if !l.Ruled || r.At < l.RuledAt {
		l.Ruled, l.RuledAt = true, r.At
	}
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
		if l.Seen {
			count(l.A, l.B)
			count(l.B, l.A)
		}
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

// sorted is the total order in which links are judged: those that an operator
// made, then by priority of the weaker end, of the stronger end, the policy's key,
// and the nodes.
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
	tier         int // 0: an operator's, 1: an event's
	weak, strong int // priorities of the ends
	key          int64
	a, b         NodeID
}

func (r rank) compare(s rank) int {
	return cmp.Or(
		cmp.Compare(r.tier, s.tier),
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
	if l.Ruled {
		return rank{0, weak.Priority, strong.Priority, l.RuledAt, l.A, l.B}
	}
	return rank{1, weak.Priority, strong.Priority, policyKey(weak.Policy, l), l.A, l.B}
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
	if d.apart(a, b) {
		return KeptApart
	}
	if len(a.nodes)+len(b.nodes) > d.cfg.ClusterMax {
		return OverSize + ":" + Verdict(strconv.Itoa(d.cfg.ClusterMax))
	}
	if typ := d.exceeded(a, b); typ != "" {
		return OverLimit + ":" + Verdict(typ)
	}
	return ""
}

// apart reports whether an operator has split two clusters.
func (d *derivation) apart(a, b *cluster) bool {
	if len(d.rules.apart) == 0 {
		return false
	}
	for _, n := range b.nodes {
		for other := range d.rules.apart[n] {
			if d.clusters[other] == a {
				return true
			}
		}
	}
	return false
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
	var values []held
	for _, c := range [...]*cluster{a, b} {
		for _, n := range c.nodes {
			if d.ids[n].Type != typ {
				continue
			}
			if s, ok := d.spans[n]; ok || limit.Window == 0 {
				values = append(values, held{s.first, d.rules.groupOf(n)})
			}
		}
	}
	if len(values) <= limit.Count {
		return false
	}
	return crowded(values, limit, len(d.rules.group) > 0)
}

// held is one value of a type in a cluster: when it was first seen, and the group
// of values that are one.
type held struct {
	first int64
	group NodeID
}

// crowded reports whether some window holds the first sightings of more groups
// than a limit allows. Values keep their own times, so what crowds a part crowds
// the whole. Where nothing is grouped, every value is a group of its own.
func crowded(values []held, limit Limit, grouped bool) bool {
	slices.SortFunc(values, func(a, b held) int { return cmp.Compare(a.first, b.first) })
	if !grouped {
		for i := limit.Count; i < len(values); i++ {
			if limit.Window == 0 || values[i].first-values[i-limit.Count].first < limit.Window {
				return true
			}
		}
		return false
	}
	inside, from := map[NodeID]int{}, 0
	for _, v := range values {
		inside[v.group]++
		for ; limit.Window != 0 && v.first-values[from].first >= limit.Window; from++ {
			if g := values[from].group; inside[g] > 1 {
				inside[g]--
			} else {
				delete(inside, g)
			}
		}
		if len(inside) > limit.Count {
			return true
		}
	}
	return false
}

// leaders picks of every cluster the node of the least priority, first sighting
// and value among those that were seen.
func (d *derivation) leaders() map[NodeID]NodeID {
	leader := make(map[NodeID]NodeID, len(d.spans))
	best := map[*cluster]NodeID{}
	for n := range d.spans {
		c := d.clusters[n]
		have, ok := best[c]
		if !ok || d.leads(n, have) {
			best[c] = n
		}
	}
	for n := range d.spans {
		leader[n] = best[d.clusters[n]]
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
