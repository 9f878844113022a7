package segment

import (
	"slices"

	"kith/internal/expr"
	"kith/internal/trait"
)

// History is since when there is history at all.
type History struct {
	Begins int64 // UTC milliseconds; math.MaxInt64 while there is none
	Known  bool
}

// Shortens reports whether a window, as of a moment, reaches back before the
// history begins, so that what lies in it may be less than what happened. A window
// without a beginning is all there is, whenever that began.
func (h History) Shortens(w *expr.Window, now int64) bool {
	if !h.Known || w.Form == expr.Ever || w.Form == expr.Absolute && w.Since == -expr.Never {
		return false
	}
	first := w.Oldest(now) + 1
	return first < h.Begins && first <= now
}

// Partial tells of the definitions of a set whether the history shortens what they
// come to, through what they name.
type Partial struct {
	set     *Set
	history History
	now     int64
	seen    []string // that are being asked
}

// Partial returns it as of a moment.
func (s *Set) Partial(h History, now int64) *Partial {
	return &Partial{set: s, history: h, now: now}
}

// Trait reports whether a computed trait is partial.
func (p *Partial) Trait(d *trait.Definition) bool {
	if d.Expression == nil {
		return p.history.Shortens(&d.Window, p.now)
	}
	return p.once("trait "+d.Key, func() bool {
		return slices.ContainsFunc(d.Expression.Traits, func(name string) bool { return p.named(name, d.Scope) })
	})
}

// Segment reports whether a segment is partial.
func (p *Partial) Segment(d *Definition) bool {
	return d.Where != nil && p.once("segment "+d.Key, func() bool { return p.Condition(d.Where, d.Scope) })
}

// Condition reports whether some part of a condition of a scope is partial.
func (p *Partial) Condition(c expr.Condition, scope expr.Scope) bool {
	switch c := c.(type) {
	case *expr.Group:
		return slices.ContainsFunc(c.Conditions, func(c expr.Condition) bool { return p.Condition(c, scope) })
	case *expr.EventCondition:
		return p.history.Shortens(&c.Window, p.now)
	case *expr.SequenceCondition:
		return p.history.Shortens(&c.Window, p.now) || slices.ContainsFunc(c.TraitRefs(), func(name string) bool { return p.named(name, scope) })
	case *expr.TraitCondition:
		return p.named(c.Path, scope)
	case *expr.SegmentCondition:
		d := p.set.segments[c.Key]
		return d != nil && p.Segment(d)
	case *expr.AccountCondition:
		return p.Condition(c.Condition, expr.Account)
	case *expr.MembersCondition:
		return p.Condition(c.Condition, expr.Profile)
	}
	return false
}

func (p *Partial) named(name string, scope expr.Scope) bool {
	d := p.set.traits[name]
	return d != nil && d.Scope == scope && p.Trait(d)
}

// once answers for a definition, and no for one that is asked for itself.
func (p *Partial) once(what string, ask func() bool) bool {
	if slices.Contains(p.seen, what) {
		return false
	}
	p.seen = append(p.seen, what)
	defer func() { p.seen = p.seen[:len(p.seen)-1] }()
	return ask()
}
