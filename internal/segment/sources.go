package segment

import (
	"slices"

	"kith/internal/expr"
)

// Sources is what the answer to a definition is made of: when none of it changes,
// only time changes the answer.
type Sources struct {
	Calls        []expr.Call
	CustomTraits bool // of the subject itself
	Consents     bool
	Rows         bool
	Accounts     bool // anything of the person's accounts
	Members      bool // anything of the account's members
	Lists        []string
	Scores       []string // keys of traits that are worked out for everybody
}

// SourcesOf returns what the membership of a segment is made of, through the
// traits and segments that it names.
func (s *Set) SourcesOf(key string) Sources {
	var out Sources
	s.segmentSources(key, &out, map[string]bool{})
	return out
}

func (s *Set) segmentSources(key string, out *Sources, seen map[string]bool) {
	d := s.segments[key]
	if d == nil || seen[key] {
		return
	}
	seen[key] = true
	if d.List {
		out.Lists = append(out.Lists, key)
		return
	}
	s.conditionSources(d.Where, d.Scope, out, seen)
}

// conditionSources adds what a condition of a scope is made of. Inside the
// conditions on accounts and on members everything counts as theirs.
func (s *Set) conditionSources(c expr.Condition, scope expr.Scope, out *Sources, seen map[string]bool) {
	switch c := c.(type) {
	case *expr.Group:
		for _, one := range c.Conditions {
			s.conditionSources(one, scope, out, seen)
		}
	case *expr.EventCondition:
		out.call(c.Calls)
	case *expr.SequenceCondition:
		for i := range c.Steps {
			out.call(c.Steps[i].Calls)
			for _, l := range c.Steps[i].Lines {
				if l.Ref != nil && l.Ref.Step < 0 {
					s.traitSources(l.Ref.Trait, scope, out, seen)
				}
			}
		}
	case *expr.TraitCondition:
		s.traitSources(c.Path, scope, out, seen)
	case *expr.SegmentCondition:
		s.segmentSources(c.Key, out, seen)
	case *expr.ConsentCondition:
		out.Consents = true
	case *expr.EntityCondition:
		out.Rows = true
	case *expr.AccountCondition:
		out.Accounts = true
	case *expr.MembersCondition:
		out.Members = true
	}
}

func (s *Set) traitSources(name string, scope expr.Scope, out *Sources, seen map[string]bool) {
	d := s.Trait(name)
	switch {
	case d == nil || d.Scope != scope:
		out.CustomTraits = true
	case d.RFM != nil:
		out.Scores = append(out.Scores, d.Key)
	case seen["trait "+name]:
	case d.Expression != nil:
		seen["trait "+name] = true
		for _, other := range d.Expression.Traits {
			s.traitSources(other, scope, out, seen)
		}
	case scope == expr.Account:
		out.Members = true // an account's events are those of its members
	default:
		out.call(d.Selection.Calls)
	}
}

func (out *Sources) call(calls []expr.Call) {
	for _, c := range calls {
		if !slices.Contains(out.Calls, c) {
			out.Calls = append(out.Calls, c)
		}
	}
}

// Fields returns the fields of events and rows that the definitions name, each
// once, in an order that follows from the definitions alone.
func (s *Set) Fields() []expr.Field {
	var out []expr.Field
	add := func(fields ...expr.Field) {
		for _, f := range fields {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	for _, d := range s.Traits() {
		for _, l := range d.Selection.Lines {
			add(l.Field)
		}
		add(d.Fields()...)
	}
	for _, d := range s.Segments() {
		if d.Where != nil {
			add(expr.FieldsOf(d.Where)...)
		}
	}
	return out
}

// Pick is the events that a definition picks, and the property of theirs that it
// aggregates, or empty.
type Pick struct {
	Selection *expr.Selection
	Property  string
}

// Picks returns what the definitions pick of events. The selections are those by
// which conditions and traits ask.
func (s *Set) Picks() []Pick {
	var out []Pick
	for _, d := range s.Traits() {
		if d.Expression == nil && d.RFM == nil {
			out = append(out, Pick{&d.Selection, d.Property})
		}
	}
	for _, d := range s.Segments() {
		if d.Where == nil {
			continue
		}
		d.Where.Walk(func(c expr.Condition) {
			switch c := c.(type) {
			case *expr.EventCondition:
				out = append(out, Pick{&c.Selection, c.Property})
			case *expr.SequenceCondition:
				for i := range c.Steps {
					out = append(out, Pick{&c.Steps[i].Selection, ""})
				}
			}
		})
	}
	return out
}
