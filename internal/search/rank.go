package search

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// weight of a term: the fewer have it, the more it says.
func (t *term) weight() float64 { return 1 / math.Log2(2+float64(t.rows)) }

// score of what fits: how many terms, and between people with as many how well
// and how rare they are.
func (f *finder) score(fits *[termsMax]fit) (matched int, score float64) {
	var all, have float64
	for i, t := range f.plan.terms {
		w := t.weight()
		all += w
		if q := fits[i].quality; q != absent {
			matched++
			have += w * q.value() * (0.95 + 0.05*f.covered(fits, i))
		}
	}
	if all == 0 {
		return 0, 0
	}
	return matched, (float64(matched) + have/all) / float64(len(f.plan.terms)+1)
}

// covered is how much of the value that a term was found in the terms make up:
// all of "Ana García" is a better find than a part of "Ana García López".
func (f *finder) covered(fits *[termsMax]fit, i int) float64 {
	of, n := &fits[i].row, 0
	for j := range f.plan.terms {
		row := &fits[j].row
		if fits[j].quality != absent && row.Node == of.Node && row.Field == of.Field && row.Name == of.Name {
			n++
		}
	}
	return min(1, float64(n)/float64(of.Words))
}

// scored is a candidate with its place in the order.
type scored struct {
	*candidate
	score float64
	part  float64 // the same without regard to how many terms fit
}

// best are the candidates that are worth resolving: those of which all terms fit,
// and some whose part is rare, for the other terms may lie at other nodes of the
// same person. Where none fits all terms, those of which the most fit.
func (f *finder) best() []*candidate {
	all := make([]scored, 0, len(f.byNode))
	full := 0
	for _, c := range f.byNode {
		matched, score := f.score(&c.fits)
		if c.whole {
			score++
		}
		if c.whole || matched == len(f.plan.terms) {
			full++
		}
		all = append(all, scored{c, score, score - float64(matched)/float64(len(f.plan.terms)+1)})
	}
	most := max(peopleMax, min(f.want+1, HitsMax))
	f.more = full > most
	if full > 0 {
		most = min(most, full)
	}
	first := top(all, most, func(a, b *scored) int { return -cmp.Compare(a.score, b.score) })
	if len(f.plan.terms) > 1 {
		first = append(first, top(all, partsMax, func(a, b *scored) int { return -cmp.Compare(a.part, b.part) })...)
	}
	out := make([]*candidate, 0, len(first))
	for _, s := range first {
		if !slices.Contains(out, s.candidate) {
			out = append(out, s.candidate)
		}
	}
	return out
}

// top returns the first n in an order, ties by node.
func top(all []scored, n int, order func(a, b *scored) int) []scored {
	full := func(a, b scored) int {
		return cmp.Or(order(&a, &b), bytes.Compare(a.node[:], b.node[:]))
	}
	var out []scored
	for _, s := range all {
		if len(out) == n && full(s, out[n-1]) >= 0 {
			continue
		}
		i, _ := slices.BinarySearchFunc(out, s, full)
		out = slices.Insert(out, i, s)
		if len(out) > n {
			out = out[:n]
		}
	}
	return out
}

// resolve makes people of the best candidates and ranks them.
func (f *finder) resolve(ctx context.Context) error {
	f.found = f.found[:0:0]
	for _, c := range f.best() {
		p, err := f.whose(ctx, c.node)
		if err != nil {
			return err
		}
		if p != nil && !slices.Contains(f.found, p) {
			f.found = append(f.found, p)
		}
		if p != nil {
			p.join(c)
		}
	}
	for _, p := range f.found {
		for _, n := range p.Nodes {
			if c := f.byNode[n]; c != nil {
				p.join(c)
			}
		}
	}
	if err := f.complete(ctx); err != nil {
		return err
	}
	f.rank()
	return nil
}

// whose returns the person that a node belongs to, or nil when no event names it
// any more.
func (f *finder) whose(ctx context.Context, n identity.NodeID) (*person, error) {
	if p, ok := f.known[n]; ok {
		return p, nil
	}
	who, err := f.people.Person(ctx, f.snap, n)
	if unknown(err) {
		f.known[n] = nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &person{Person: who}
	for _, n := range who.Nodes {
		f.known[n] = p
	}
	return p, nil
}

func (p *person) join(c *candidate) {
	p.whole = p.whole || c.whole
	for i := range c.fits {
		if c.fits[i].quality != absent && c.fits[i].better(&p.fits[i]) {
			p.fits[i] = c.fits[i]
		}
	}
}

// check is one look at whether a node has a token of a term.
type check struct {
	p    *person
	term int
	e    expansion
}

// complete looks for terms that were not found at a person's candidates: they may
// lie at other nodes of the person, or behind what was read of a common word.
func (f *finder) complete(ctx context.Context) error {
	if len(f.plan.terms) < 2 {
		return nil
	}
	var checks []check
	var ranges []state.Range
	for _, p := range f.found {
		for i, t := range f.plan.terms {
			if p.fits[i].quality != absent {
				continue
			}
			for _, e := range t.expanded[:min(len(t.expanded), expansionMax)] {
				for _, n := range p.Nodes[:min(len(p.Nodes), expansionMax)] {
					if len(checks) == checksMax {
						break
					}
					rng := state.Prefix(append(e.prefix(), n[:]...))
					rng.Limit = 1
					checks, ranges = append(checks, check{p, i, e}), append(ranges, rng)
				}
			}
		}
	}
	got, err := state.ScanAll(ctx, f.snap, ranges)
	if err != nil {
		return err
	}
	for i, kvs := range got {
		if len(kvs) == 0 {
			continue
		}
		row, err := DecodeRow(kvs[0].Key, kvs[0].Value)
		if err != nil {
			return err
		}
		if have := &checks[i].p.fits[checks[i].term]; checks[i].e.quality > have.quality {
			*have = fit{checks[i].e.quality, row}
		}
	}
	return nil
}

// rank orders the people: identifiers as a whole, then by score, then who was seen
// last, then by id. Where all terms fit
// somebody, whom only some fit is left out, and always whom not half of them fit.
func (f *finder) rank() {
	for _, p := range f.found {
		p.matched, p.score = f.score(&p.fits)
		if p.whole {
			p.score = 1
		}
		p.score = math.Round(p.score*1000) / 1000
	}
	f.found = slices.DeleteFunc(f.found, func(p *person) bool {
		return !p.whole && 2*p.matched < len(f.plan.terms)
	})
	if all := func(p *person) bool { return p.whole || p.matched == len(f.plan.terms) }; slices.ContainsFunc(f.found, all) {
		f.found = slices.DeleteFunc(f.found, func(p *person) bool { return !all(p) })
	}
	slices.SortFunc(f.found, func(a, b *person) int {
		return cmp.Or(
			boolean(b.whole)-boolean(a.whole), -cmp.Compare(a.score, b.score), -cmp.Compare(a.LastSeen, b.LastSeen),
			bytes.Compare(a.ID[:], b.ID[:]),
		)
	})
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// textOf is a stored value as text: what a text says, else its JSON.
func textOf(value []byte) string {
	var doc strictjson.Doc
	if doc.Parse(value, strictjson.Limits{}) == nil && doc.Root().Kind() == strictjson.String {
		return doc.Root().Text()
	}
	return string(value)
}
