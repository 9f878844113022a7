package identity

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"kith/internal/errs"
	"kith/internal/state"
)

// Bulk derives the clusters of a whole state, as Derive does, in memory that is
// near what its nodes and links take: about 60 bytes and the value for an
// identifier, and 40 bytes for a link. Identifiers come first, then the rest. It is
// not safe for concurrent use.
type Bulk struct {
	cfg    *Config
	types  []string
	rules  []Rule
	byType map[string]uint16

	nodes  []NodeID // ascending once sealed
	typ    []uint16
	values []byte
	ends   []uint64 // of the values, in the order of nodes as they came
	order  []uint32 // by node: which identifier as they came; nil: they came ascending
	sealed bool

	first []int64 // of event time; unseen where no observation names the node
	links []bulkLink

	book  rulebook
	named map[uint32]bool // nodes of rulings

	up     []uint32 // union-find
	size   []uint32
	next   []uint32 // circular list of the members of a cluster
	shared []bool
}

const unseen = math.MaxInt64

// bulkLink is a link, or one piece of evidence for it.
type bulkLink struct {
	a, b        uint32 // a before b, which is the order of their nodes
	first, last int64
	ruledAt     int64
	seen, ruled bool
}

// NewBulk returns a derivation of nothing.
func NewBulk(cfg *Config) *Bulk {
	return &Bulk{cfg: cfg, byType: map[string]uint16{}, named: map[uint32]bool{}}
}

// ReadBulk collects the identifiers, observations and rulings of a state.
func ReadBulk(ctx context.Context, r state.Reader, cfg *Config) (*Bulk, error) {
	b := NewBulk(cfg)
	for _, f := range [...]state.Family{state.FamilyIdentifier, state.FamilyObservation, state.FamilyRuling} {
		for kv, err := range r.Scan(ctx, state.Prefix([]byte{byte(f)})) {
			if err != nil {
				return nil, err
			}
			if err := b.Row(kv.Key, kv.Value); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

// Row takes in a row of one of the families that ReadBulk reads; others are passed
// over.
func (b *Bulk) Row(key, value []byte) error {
	switch state.Family(key[0]) {
	case state.FamilyIdentifier:
		id, err := DecodeIdentifier(value)
		if err != nil {
			return err
		}
		return b.Identifier(NodeID(key[1:]), id)
	case state.FamilyObservation:
		o, err := DecodeObservation(NodeID(key[1:17]), value)
		if err != nil {
			return err
		}
		return b.Observation(o)
	case state.FamilyRuling:
		r, err := DecodeRuling(key, value)
		if err != nil || NodeID(key[1:17]) != r.A {
			return err // each ruling has two rows
		}
		return b.Ruling(r)
	}
	return nil
}

// Identifier takes in what a node stands for. It fails with kind Internal after the
// first observation or ruling.
func (b *Bulk) Identifier(node NodeID, id Identifier) error {
	if b.sealed {
		return errs.New(errs.Internal, "identity.bulk_order", "identifiers come before observations")
	}
	t, ok := b.byType[id.Type]
	if !ok {
		t = uint16(len(b.types))
		b.byType[id.Type] = t
		b.types, b.rules = append(b.types, id.Type), append(b.rules, b.cfg.Rule(id.Type))
	}
	b.nodes, b.typ = append(b.nodes, node), append(b.typ, t)
	b.values = append(b.values, id.Value...)
	b.ends = append(b.ends, uint64(len(b.values)))
	return nil
}

// seal ends the identifiers and brings them into the order of their nodes.
func (b *Bulk) seal() {
	if b.sealed {
		return
	}
	b.sealed = true
	if !slices.IsSortedFunc(b.nodes, compareNodes) {
		b.order = make([]uint32, len(b.nodes))
		for i := range b.order {
			b.order[i] = uint32(i)
		}
		slices.SortFunc(b.order, func(x, y uint32) int { return compareNodes(b.nodes[x], b.nodes[y]) })
		nodes, typ := make([]NodeID, len(b.nodes)), make([]uint16, len(b.nodes))
		for i, at := range b.order {
			nodes[i], typ[i] = b.nodes[at], b.typ[at]
		}
		b.nodes, b.typ = nodes, typ
	}
	b.first = make([]int64, len(b.nodes))
	for i := range b.first {
		b.first[i] = unseen
	}
}

// find returns the place of a node. Ids are keyed hashes, so a node is near where
// its first bytes say.
func (b *Bulk) find(node NodeID) (uint32, bool) {
	low, high := 0, len(b.nodes)
	at := int(float64(binary.BigEndian.Uint64(node[:])) / (1 << 64) * float64(high))
	for step := 16; step < len(b.nodes); step *= 8 {
		if from := max(0, at-step); compareNodes(b.nodes[min(from, high-1)], node) <= 0 {
			low = max(low, from)
		}
		if to := min(high, at+step); to < len(b.nodes) && compareNodes(b.nodes[to], node) > 0 {
			high = to
		}
		if low > at-step-1 && high < at+step+1 {
			break
		}
	}
	i, ok := slices.BinarySearchFunc(b.nodes[low:high], node, compareNodes)
	return uint32(low + i), ok
}

func (b *Bulk) value(i uint32) []byte {
	if b.order != nil {
		i = b.order[i]
	}
	from := uint64(0)
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.values[from:b.ends[i]]
}

// Observation takes in an observation; nodes that no identifier was given of are
// left out.
func (b *Bulk) Observation(o *Observation) error {
	b.seal()
	var few [8]uint32
	at := few[:0]
	hub := uint32(math.MaxUint32)
	for _, n := range o.Nodes {
		i, known := b.find(n)
		if !known {
			continue
		}
		at = append(at, i)
		b.first[i] = min(b.first[i], o.First)
		if hub == math.MaxUint32 || b.less(i, hub) {
			hub = i
		}
	}
	for _, i := range at {
		if i != hub {
			b.links = append(b.links, bulkLink{a: min(i, hub), b: max(i, hub), first: o.First, last: o.Last, seen: true})
		}
	}
	return nil
}

// less is the order of identifiers by rank.
func (b *Bulk) less(x, y uint32) bool {
	if p, q := b.rules[b.typ[x]].Priority, b.rules[b.typ[y]].Priority; p != q {
		return p < q
	}
	if s, t := b.types[b.typ[x]], b.types[b.typ[y]]; s != t {
		return s < t
	}
	return bytes.Compare(b.value(x), b.value(y)) < 0
}

// Ruling takes in an operator's word.
func (b *Bulk) Ruling(r Ruling) error {
	b.seal()
	x, knownX := b.find(r.A)
	y, knownY := b.find(r.B)
	if !knownX || !knownY || x == y {
		return nil
	}
	b.book.add(r, b.typ[x] == b.typ[y])
	b.named[x], b.named[y] = true, true
	if !r.Apart {
		b.links = append(b.links, bulkLink{a: min(x, y), b: max(x, y), ruledAt: r.At, ruled: true})
	}
	return nil
}

// Whole is the outcome of a bulk derivation.
type Whole struct {
	b      *Bulk
	leader []uint32 // by root; of those that were never seen none
}

const nobody = math.MaxUint32

// Derive judges all links. The bulk takes in nothing afterwards.
func (b *Bulk) Derive() *Whole {
	b.seal()
	b.unite()
	b.quarantine()
	n := len(b.nodes)
	b.up, b.size, b.next = make([]uint32, n), make([]uint32, n), make([]uint32, n)
	for i := range b.up {
		b.up[i], b.size[i], b.next[i] = uint32(i), 1, uint32(i)
	}
	slices.SortFunc(b.links, b.compare)
	for i := range b.links {
		if l := &b.links[i]; l.ruled || !b.shared[l.a] && !b.shared[l.b] {
			b.join(l)
		}
	}
	b.links = nil
	return b.leaders()
}

// unite makes one link of all evidence for it.
func (b *Bulk) unite() {
	slices.SortFunc(b.links, func(l, m bulkLink) int {
		return cmp.Or(cmp.Compare(l.a, m.a), cmp.Compare(l.b, m.b))
	})
	out := b.links[:0]
	for _, l := range b.links {
		if len(out) == 0 || out[len(out)-1].a != l.a || out[len(out)-1].b != l.b {
			out = append(out, l)
			continue
		}
		have := &out[len(out)-1]
		switch {
		case l.seen && have.seen:
			have.first, have.last = min(have.first, l.first), max(have.last, l.last)
		case l.seen:
			have.first, have.last, have.seen = l.first, l.last, true
		case have.ruled:
			have.ruledAt = min(have.ruledAt, l.ruledAt)
		default:
			have.ruledAt, have.ruled = l.ruledAt, true
		}
	}
	b.links = out
}

// quarantine counts for every node the values of the types that its guards name.
func (b *Bulk) quarantine() {
	b.shared = make([]bool, len(b.nodes))
	width := len(b.types)
	guard := make([]int, width*width)
	slot := make([]int, width*width)
	slots := 0
	for i, r := range b.rules {
		used := 0
		for typ, most := range r.Guard {
			if j, ok := b.byType[typ]; ok && most > 0 {
				guard[i*width+int(j)], slot[i*width+int(j)] = most, used
				used++
			}
		}
		slots = max(slots, used)
	}
	counts := make([]uint16, slots*len(b.nodes))
	count := func(n, other uint32) {
		pair := int(b.typ[n])*width + int(b.typ[other])
		if guard[pair] == 0 {
			return
		}
		c := &counts[int(n)*slots+slot[pair]]
		if *c < math.MaxUint16 {
			*c++
		}
		b.shared[n] = b.shared[n] || int(*c) > guard[pair]
	}
	for i := range b.links {
		if l := &b.links[i]; l.seen {
			count(l.a, l.b)
			count(l.b, l.a)
		}
	}
}

// compare is the order in which links are judged.
func (b *Bulk) compare(l, m bulkLink) int {
	if l.ruled != m.ruled {
		if l.ruled {
			return -1
		}
		return 1
	}
	lw, ls, lk := b.rank(&l)
	mw, ms, mk := b.rank(&m)
	return cmp.Or(cmp.Compare(lw, mw), cmp.Compare(ls, ms), cmp.Compare(lk, mk), cmp.Compare(l.a, m.a), cmp.Compare(l.b, m.b))
}

func (b *Bulk) rank(l *bulkLink) (weak, strong int, key int64) {
	w, s := &b.rules[b.typ[l.a]], &b.rules[b.typ[l.b]]
	if w.Priority < s.Priority {
		w, s = s, w
	}
	if l.ruled {
		return w.Priority, s.Priority, l.ruledAt
	}
	return w.Priority, s.Priority, policyKey(w.Policy, &Link{First: l.first, Last: l.last})
}

func (b *Bulk) root(i uint32) uint32 {
	for b.up[i] != i {
		b.up[i] = b.up[b.up[i]]
		i = b.up[i]
	}
	return i
}

// join unites the clusters of a link's ends unless something forbids it.
func (b *Bulk) join(l *bulkLink) {
	x, y := b.root(l.a), b.root(l.b)
	if x == y {
		return
	}
	if b.size[x] < b.size[y] {
		x, y = y, x
	}
	if int(b.size[x]+b.size[y]) > b.cfg.ClusterMax || b.kept(x, y) || b.exceeds(x, y) {
		return
	}
	b.up[y] = x
	b.size[x] += b.size[y]
	b.next[x], b.next[y] = b.next[y], b.next[x]
}

// members calls f with the members of a cluster until it returns false.
func (b *Bulk) members(root uint32, f func(uint32) bool) bool {
	for i := root; ; {
		if !f(i) {
			return false
		}
		if i = b.next[i]; i == root {
			return true
		}
	}
}

// kept reports whether an operator keeps two clusters apart.
func (b *Bulk) kept(x, y uint32) bool {
	if len(b.book.apart) == 0 {
		return false
	}
	return !b.members(y, func(i uint32) bool {
		for other := range b.book.apart[b.nodes[i]] {
			if at, known := b.find(other); known && b.root(at) == x {
				return false
			}
		}
		return true
	})
}

// exceeds reports whether the union would break the limit of a type, which can
// only be one that the smaller cluster holds.
func (b *Bulk) exceeds(x, y uint32) bool {
	var done [16]uint16
	seen := done[:0]
	return !b.members(y, func(i uint32) bool {
		t := b.typ[i]
		if b.rules[t].Limit.Count == 0 || slices.Contains(seen, t) {
			return true
		}
		seen = append(seen, t)
		return !b.breaks(t, x, y)
	})
}

func (b *Bulk) breaks(t uint16, x, y uint32) bool {
	limit := b.rules[t].Limit
	n := 0
	count := func(i uint32) bool {
		if b.typ[i] == t {
			n++
		}
		return true
	}
	b.members(x, count)
	b.members(y, count)
	if n <= limit.Count {
		return false
	}
	values := make([]held, 0, n)
	collect := func(i uint32) bool {
		if b.typ[i] == t && (b.first[i] != unseen || limit.Window == 0) {
			h := held{group: b.book.groupOf(b.nodes[i])}
			if b.first[i] != unseen {
				h.first = b.first[i]
			}
			values = append(values, h)
		}
		return true
	}
	b.members(x, collect)
	b.members(y, collect)
	return len(values) > limit.Count && crowded(values, limit, len(b.book.group) > 0)
}

func (b *Bulk) leaders() *Whole {
	w := &Whole{b: b, leader: make([]uint32, len(b.nodes))}
	for i := range w.leader {
		w.leader[i] = nobody
	}
	for i := range b.nodes {
		if b.first[i] == unseen {
			continue
		}
		r := b.root(uint32(i))
		if w.leader[r] == nobody || b.leads(uint32(i), w.leader[r]) {
			w.leader[r] = uint32(i)
		}
	}
	return w
}

func (b *Bulk) leads(x, y uint32) bool {
	if p, q := b.rules[b.typ[x]].Priority, b.rules[b.typ[y]].Priority; p != q {
		return p < q
	}
	if b.first[x] != b.first[y] {
		return b.first[x] < b.first[y]
	}
	if c := bytes.Compare(b.value(x), b.value(y)); c != 0 {
		return c < 0
	}
	return b.types[b.typ[x]] < b.types[b.typ[y]]
}

// Leader returns the leader of a node's cluster; ok is false of a node that was
// never seen.
func (w *Whole) Leader(node NodeID) (leader NodeID, ok bool) {
	i, known := w.b.find(node)
	if !known || w.b.first[i] == unseen {
		return leader, false
	}
	return w.b.nodes[w.leader[w.b.root(i)]], true
}

// Profiles returns the number of clusters of which some node was seen.
func (w *Whole) Profiles() int {
	n := 0
	for _, l := range w.leader {
		if l != nobody {
			n++
		}
	}
	return n
}

// cluster returns a node's cluster.
func (w *Whole) cluster(i uint32) *Cluster {
	r := w.b.root(i)
	k := &Cluster{}
	w.b.members(r, func(m uint32) bool {
		k.Nodes = append(k.Nodes, w.b.nodes[m])
		if w.b.shared[m] {
			if k.Shared == nil {
				k.Shared = map[NodeID]bool{}
			}
			k.Shared[w.b.nodes[m]] = true
		}
		return true
	})
	SortNodes(k.Nodes)
	k.Leader = k.Nodes[0]
	if w.leader[r] != nobody {
		k.Leader = w.b.nodes[w.leader[r]]
	}
	return k
}

// Differences returns how many nodes have another stored row than the derivation
// gives them, and the first of them, at most limit.
func (w *Whole) Differences(ctx context.Context, r state.Reader, limit int) (count int, first []NodeID, err error) {
	differs := func(n NodeID) {
		if count++; len(first) < limit {
			first = append(first, n)
		}
	}
	at := 0
	until := func(node *NodeID) { // the nodes before it have no row
		for ; at < len(w.b.nodes) && (node == nil || compareNodes(w.b.nodes[at], *node) < 0); at++ {
			if w.row(uint32(at)) != nil {
				differs(w.b.nodes[at])
			}
		}
	}
	for kv, err := range r.Scan(ctx, state.Prefix([]byte{byte(state.FamilyCluster)})) {
		if err != nil {
			return count, first, err
		}
		n := NodeID(kv.Key[1:])
		until(&n)
		if at == len(w.b.nodes) || w.b.nodes[at] != n {
			differs(n)
			continue
		}
		if string(w.row(uint32(at))) != string(kv.Value) {
			differs(n)
		}
		at++
	}
	until(nil)
	return count, first, nil
}

func (w *Whole) row(i uint32) []byte {
	if w.b.next[i] == i && !w.b.shared[i] {
		return nil
	}
	return w.cluster(i).Row(w.b.nodes[i])
}
