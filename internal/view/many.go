package view

import (
	"iter"
	"math"
	"slices"

	"kith/internal/expr"
	"kith/internal/history"
	"kith/internal/identity"
)

var _ expr.Keeper = (*View)(nil)

// Tally implements expr.Keeper: of a person with many events it is what the picks
// come to.
func (v *View) Tally(s *expr.Selection, property string) expr.Tally {
	if v.scope == expr.Account || v.upTo != math.MaxInt64 {
		return nil
	}
	if !v.looked {
		v.readSmall()
	}
	if v.small != nil || v.Err() != nil {
		return nil
	}
	t := &tally{v: v}
	for _, node := range v.ownNodes() {
		one := v.recall().of(node)
		p := pick{s, property}
		if one.series[p] == nil {
			if err := v.build(one, p); err != nil {
				v.fail(err)
				return nil
			}
		}
		t.parts = append(t.parts, one.series[p])
	}
	return t
}

// build makes the series of a pick, and with it those of all picks of the
// definitions that are not there yet: each event is read once.
func (v *View) build(one *recalled, p pick) error {
	bounds := &v.recall().Bounds
	fresh := []*series{{pick: p, node: one.node, bounds: bounds}}
	for _, other := range v.r.Picks {
		if o := (pick{other.Selection, other.Property}); o != p && one.series[o] == nil {
			fresh = append(fresh, &series{pick: o, node: one.node, bounds: bounds})
		}
	}
	var calls []expr.Call
	for _, s := range fresh {
		calls = append(calls, s.selection.Calls...)
	}
	for _, call := range distinct(calls) {
		for e, err := range v.r.History.Range(v.ctx, v.s, query(call, one.node, math.MinInt64, math.MaxInt64)) {
			if err != nil {
				return err
			}
			event, err := v.r.event(v.ctx, e)
			if err != nil {
				return err
			}
			for _, s := range fresh {
				if s.picks(event, v.r.zone()) {
					s.add(event)
				}
			}
		}
	}
	for _, s := range fresh {
		s.ends = slices.Clone(v.recall().ends)
		s.even(v.read)
		one.series[s.pick] = s
	}
	v.recall().weigh(one)
	return v.Err()
}

// distinct returns the calls that cover all of them, each event once.
func distinct(calls []expr.Call) []expr.Call {
	var out []expr.Call
	for _, c := range calls {
		whole := expr.Call{Type: c.Type, AnyName: true}
		if !slices.Contains(out, c) && (c == whole || !slices.Contains(calls, whole)) {
			out = append(out, c)
		}
	}
	return out
}

func query(c expr.Call, node identity.NodeID, from, to int64) history.Query {
	return history.Query{Node: node, Type: c.Type, Name: c.Name, AnyName: c.AnyName, From: from, To: to}
}

// read implements source.
func (v *View) read(s *series, from, to int64) []*expr.Event {
	var out []*expr.Event
	for _, call := range distinct(s.selection.Calls) {
		for e, err := range v.r.History.Range(v.ctx, v.s, query(call, s.node, from, to)) {
			if err != nil {
				v.fail(err)
				return out
			}
			event, err := v.r.event(v.ctx, e)
			if err != nil {
				v.fail(err)
				return out
			}
			if s.picks(event, v.r.zone()) {
				out = append(out, event)
			}
		}
	}
	slices.SortFunc(out, (*expr.Event).Compare)
	return out
}

// tally is what is kept of a pick for the nodes of one person.
type tally struct {
	v     *View
	parts []*series
}

// Between implements expr.Tally.
func (t *tally) Between(lo, hi int64) expr.Counted { return counted{t, lo, hi} }

// Times implements expr.Tally.
func (t *tally) Times(after int64, n int) []int64 {
	var out []int64
	for _, s := range t.parts {
		out = s.times(out, after, n, t.v.read)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), n)]
}

// counted is the events of a tally with lo < t ≤ hi.
type counted struct {
	*tally
	lo, hi int64
}

// Len implements expr.Counted.
func (c counted) Len() int {
	n := 0
	for _, s := range c.parts {
		n += s.len(c.lo, c.hi, c.v.read)
	}
	return n
}

// Fold implements expr.Counted. The property is the tally's.
func (c counted) Fold(fn, _ string) *expr.Aggregate {
	a := expr.NewAggregate(fn)
	for _, s := range c.parts {
		switch {
		case a.Distinct == nil:
			s.fold(a, c.lo, c.hi, c.v.read)
		case len(c.parts) == 1:
			return s.different(c.lo, c.hi, c.v.read)
		default:
			a.Merge(s.different(c.lo, c.hi, c.v.read))
		}
	}
	return a
}

// Forward implements expr.Counted.
func (c counted) Forward() iter.Seq[*expr.Event] {
	return c.merged((*series).forward, (*expr.Event).Compare)
}

// Backward implements expr.Counted.
func (c counted) Backward() iter.Seq[*expr.Event] {
	return c.merged((*series).backward, func(a, b *expr.Event) int { return b.Compare(a) })
}

// merged yields the events of all parts, each of which yields its own in order.
func (c counted) merged(of func(*series, int64, int64, source) iter.Seq[*expr.Event], compare func(a, b *expr.Event) int) iter.Seq[*expr.Event] {
	if len(c.parts) == 1 {
		return of(c.parts[0], c.lo, c.hi, c.v.read)
	}
	return func(yield func(*expr.Event) bool) {
		heads := make([]*expr.Event, len(c.parts))
		next := make([]func() (*expr.Event, bool), len(c.parts))
		for i, s := range c.parts {
			var stop func()
			next[i], stop = iter.Pull(of(s, c.lo, c.hi, c.v.read))
			defer stop()
			heads[i], _ = next[i]()
		}
		for {
			first := -1
			for i, e := range heads {
				if e != nil && (first < 0 || compare(e, heads[first]) < 0) {
					first = i
				}
			}
			if first < 0 || !yield(heads[first]) {
				return
			}
			heads[first], _ = next[first]()
		}
	}
}
