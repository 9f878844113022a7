package search

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"kith/internal/identity"
	"kith/internal/state"
)

// weight of a term: the fewer have it, the more it says.
func (t *term) weight() float64 { return 1 / math.Log2(2+float64(t.rows)) }

// weigh notes the weights of the terms.
func (f *finder) weigh() {
	f.plan.weights, f.plan.weight = [termsMax]float64{}, 0
	for i, t := range f.plan.terms {
		f.plan.weights[i] = t.weight()
		f.plan.weight += f.plan.weights[i]
	}
}

// score of what fits: how many terms, and between people with as many how well
// and how rare they are. at are the nodes of the fits; nil: all the same.
func (f *finder) score(fits *[termsMax]fit, at *[termsMax]identity.NodeID) (matched int, score float64) {
	have := 0.0
	for i := range f.plan.terms {
		if q := fits[i].quality; q != absent {
			matched++
			have += f.plan.weights[i] * q.value() * (0.95 + 0.05*f.covered(fits, at, i))
		}
	}
	if f.plan.weight == 0 {
		return 0, 0
	}
	return matched, (float64(matched) + have/f.plan.weight) / float64(len(f.plan.terms)+1)
}

// covered is how much of the value that a term was found in the terms make up:
// all of "Ana García" is a better find than a part of "Ana García López".
func (f *finder) covered(fits *[termsMax]fit, at *[termsMax]identity.NodeID, i int) float64 {
	n := 0
	for j := range f.plan.terms {
		same := fits[j].quality != absent && fits[j].field == fits[i].field && fits[j].name == fits[i].name
		if same && (at == nil || at[j] == at[i]) {
			n++
		}
	}
	return min(1, float64(n)/float64(max(fits[i].words, 1)))
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
	f.weigh()
	all := make([]scored, len(f.nodes))
	full := 0
	for i := range f.nodes {
		c := &f.nodes[i]
		matched, score := f.score(&c.fits, nil)
		if c.whole {
			score++
		}
		if c.whole || matched == len(f.plan.terms) {
			full++
		}
		all[i] = scored{c, score, score - float64(matched)/float64(len(f.plan.terms)+1)}
	}
	most := max(peopleMax, min(f.want+1, HitsMax))
	f.more = full > most
	if full > 0 {
		most = min(most, full)
	}
	out := top(nil, all, most, func(s *scored) float64 { return s.score })
	if len(f.plan.terms) > 1 {
		out = top(out, all, partsMax, func(s *scored) float64 { return s.part })
	}
	return out
}

// top appends the first n by a measure, greatest first and ties by node, to those
// that there are.
func top(out []*candidate, all []scored, n int, by func(*scored) float64) []*candidate {
	order := func(a, b *scored) int {
		return cmp.Or(-cmp.Compare(by(a), by(b)), bytes.Compare(a.node[:], b.node[:]))
	}
	var best []*scored
	for i := range all {
		s := &all[i]
		if len(best) == n && order(s, best[n-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, s, order)
		best = slices.Insert(best, at, s)
		best = best[:min(len(best), n)]
	}
	for _, s := range best {
		if !slices.Contains(out, s.candidate) {
			out = append(out, s.candidate)
		}
	}
	return out
}

// resolve makes people of the best candidates and ranks them.
func (f *finder) resolve(ctx context.Context) error {
	f.found = nil
	for _, c := range f.best() {
		p, err := f.whose(ctx, c.node)
		if err != nil {
			return err
		}
		if p != nil && !slices.Contains(f.found, p) {
			f.found = append(f.found, p)
		}
	}
	for _, p := range f.found {
		for _, n := range p.Nodes {
			if i, ok := f.places[n]; ok {
				p.join(&f.nodes[i])
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

// join takes in what was found at one of the person's nodes.
func (p *person) join(c *candidate) {
	p.whole = p.whole || c.whole
	for i := range c.fits {
		p.improve(i, c.fits[i], c.node)
	}
}

func (p *person) improve(i int, by fit, at identity.NodeID) {
	same := by == p.fits[i] && by.quality != absent
	if by.better(p.fits[i]) || same && bytes.Compare(at[:], p.at[i][:]) < 0 {
		p.fits[i], p.at[i] = by, at
	}
}

// complete looks for terms that were not found at a person's candidates: they may
// lie at other nodes of the person.
func (f *finder) complete(ctx context.Context) error {
	if len(f.plan.terms) < 2 {
		return nil
	}
	type check struct {
		p *person
		i int
		q quality
	}
	var checks []check
	var ranges []state.Range
	for _, p := range f.found {
		for i, t := range f.plan.terms {
			if p.fits[i].quality != absent {
				continue
			}
			for _, e := range t.expanded[:min(len(t.expanded), spreadMax)] {
				for _, n := range p.Nodes[:min(len(p.Nodes), spreadMax)] {
					if len(checks) < checksMax {
						checks = append(checks, check{p, i, e.quality})
						ranges = append(ranges, first(append(e.prefix(), n[:]...), 1))
					}
				}
			}
		}
	}
	got, err := state.ScanAll(ctx, f.snap, ranges)
	if err != nil {
		return err
	}
	for j, kvs := range got {
		for _, kv := range kvs {
			node, fits, _, err := f.read(checks[j].q, kv)
			if err != nil {
				return err
			}
			checks[j].p.improve(checks[j].i, fits, node)
		}
	}
	return nil
}

// rank orders the people: identifiers as a whole, then by score, then who was seen
// last, then by id. Where all terms fit somebody, whom only some fit is left out,
// and always whom not half of them fit.
func (f *finder) rank() {
	for _, p := range f.found {
		p.matched, p.score = f.score(&p.fits, &p.at)
		if p.whole {
			p.score = 1
		}
		p.score = math.Round(p.score*1000) / 1000
	}
	all := func(p *person) bool { return p.whole || p.matched == len(f.plan.terms) }
	somebody := slices.ContainsFunc(f.found, all)
	f.found = slices.DeleteFunc(f.found, func(p *person) bool {
		return somebody && !all(p) || !p.whole && 2*p.matched < len(f.plan.terms)
	})
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
