package expr

import (
	"slices"
	"strconv"
	"strings"

	"kith/internal/resource/form"
)

// SequenceCondition holds when some choice of events, one for each positive step,
// follows the steps.
type SequenceCondition struct {
	Steps  []Step
	Window Window
}

// Step is one step of a sequence: an event that follows the one before, or (Not)
// an event that does not.
type Step struct {
	Selection
	Not    bool
	Within int64 // milliseconds after the event of the positive step before; 0 for no bound
}

func (r *reader) sequence(o *form.Object) Condition {
	c := &SequenceCondition{Window: r.window(o)}
	referred := map[int]bool{}
	o.Objects("sequence", StepsMax, func(o *form.Object) {
		n := len(c.Steps)
		s := Step{Not: o.Flag("not", false)}
		if n == 0 && s.Not {
			o.Refuse("not", CodeForm, "the first step must be an event that happens")
		}
		if o.Has("within") {
			s.Within = duration(o, "within")
			if n == 0 {
				o.Refuse("within", CodeForm, "the first step has none before it; use the sequence's window")
			}
		}
		o.Skip("within")
		s.Calls = r.calls(o)
		s.Lines = r.lines(o, []string{"property", "context"}, func(o *form.Object, op *Operator) *Ref {
			return readRef(o, op, c.Steps, referred)
		})
		c.Steps = append(c.Steps, s)
	})
	if len(c.Steps) == 0 {
		o.Refuse("sequence", form.CodeRequired, "must be a list of 1 to "+strconv.Itoa(StepsMax)+" steps")
	}
	if len(referred) > RefsMax {
		o.Refuse("sequence", CodeRef, "may refer to at most "+strconv.Itoa(RefsMax)+" different steps")
	}
	return c
}

// readRef reads the field ref: steps.N.PATH or traits.NAME.
func readRef(o *form.Object, op *Operator, before []Step, referred map[int]bool) *Ref {
	if o.Has("value") {
		o.Skip("value")
		o.Refuse("ref", CodeRef, "cannot stand beside value")
	}
	s := o.Text("ref", PathBytesMax)
	if op.base().Order == nil {
		o.Refuse("op", CodeOperator, "must be eq, neq, lt, lte, gt or gte beside a ref")
		return nil
	}
	if name, ok := strings.CutPrefix(s, "traits."); ok && name != "" {
		return &Ref{Step: -1, Trait: name}
	}
	rest, ok := strings.CutPrefix(s, "steps.")
	number, p, found := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	switch {
	case !ok || !found || err != nil || n < 0 || slices.Contains(strings.Split(p, "."), ""):
		o.Refuse("ref", CodeRef, "must be steps.N.PATH or traits.NAME")
	case n >= len(before):
		o.Refuse("ref", CodeRef, "must name an earlier step; the first one is steps.0")
	case before[n].Not:
		o.Refuse("ref", CodeRef, "step "+number+" is an event that does not happen; there is nothing to refer to")
	default:
		referred[n] = true
		return &Ref{Step: n, Field: Field{Path: p}}
	}
	return nil
}

// TraitRefs returns the names of the traits that the steps refer to.
func (c *SequenceCondition) TraitRefs() []string {
	var names []string
	for i := range c.Steps {
		for _, l := range c.Steps[i].Lines {
			if l.Ref != nil && l.Ref.Step < 0 {
				names = append(names, l.Ref.Trait)
			}
		}
	}
	return names
}

// Walk implements Condition.
func (c *SequenceCondition) Walk(f func(Condition)) { f(c) }

// sequenceTurnsMax bounds the moments to come that are tried for the next turn of
// a sequence: each costs a search.
const sequenceTurnsMax = 8

// Eval implements Condition.
func (c *SequenceCondition) Eval(x *Context) Result {
	m := c.material(x)
	if m == nil {
		return x.explain(Result{Next: Never}, c, nil, nil, nil)
	}
	found, chosen, more := m.search(x.Now)
	r := Result{Verdict: found, Next: m.traitsNext}
	for i, at := range m.turns {
		if at >= r.Next {
			break
		}
		if again, _, _ := m.search(at); again != found || i == sequenceTurnsMax {
			r.Next = at
			break
		}
	}
	r = x.explain(r, c, nil, chosen, nil)
	if r.Detail != nil {
		r.Detail.More = more
	}
	return r
}

// material reads what a search needs: for every step the events that it may pick
// or must not find, now or later. It is nil when a positive step has none: then
// only another event can make the condition hold.
func (c *SequenceCondition) material(x *Context) *material {
	m := &material{x: x, steps: c.Steps, window: &c.Window, traitsNext: Never, events: make([][]*Event, len(c.Steps))}
	var last *Step // positive
	oldest := int64(Never)
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.Not {
			continue
		}
		last = s
		m.positive = append(m.positive, i)
		m.events[i] = s.candidates(x, c.Window.Oldest(x.Now))
		if len(m.events[i]) == 0 {
			return nil
		}
		oldest = min(oldest, m.events[i][0].Timestamp)
	}
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.Not {
			m.events[i] = s.Events(x, oldest-1, Never) // what lies before every candidate follows none
		}
		for _, l := range s.Lines {
			switch {
			case l.Ref == nil:
			case l.Ref.Step >= 0:
				m.refer(l.Ref, i)
			default:
				m.traitsNext = min(m.traitsNext, x.Subject.Trait(l.Ref.Trait).Next)
			}
		}
	}
	m.findTurns(last)
	return m
}

// candidates returns the events that a positive step may choose now or later: of
// those up to now one more than are looked at, and all to come.
func (s *Step) candidates(x *Context, after int64) []*Event {
	t := s.tally(x, "")
	if t == nil {
		return s.Events(x, after, Never)
	}
	past := newest(t.Between(after, x.Now), candidatesMax+1)
	return slices.AppendSeq(past, t.Between(x.Now, Never).Forward())
}

// material is the events of one person for one sequence.
type material struct {
	x          *Context
	steps      []Step
	window     *Window
	positive   []int      // the positive steps
	events     [][]*Event // of each step, in the order of events
	refs       []reference
	read       map[stepLine]*readValues
	turns      []int64 // moments after now at which the verdict can turn, ascending
	traitsNext int64   // when a trait that is referred to can change
}

// reference is a step that others refer to.
type reference struct {
	step, last int     // the step, and the last one that refers to it
	fields     []Field // that are referred to

	classes  map[string]int // of its events, by the text of those fields; from 1
	examples []*Event       // one of each class
}

// refer notes that a step refers to an earlier one.
func (m *material) refer(to *Ref, by int) {
	for i := range m.refs {
		if r := &m.refs[i]; r.step == to.Step {
			r.last = by
			if !slices.Contains(r.fields, to.Field) {
				r.fields = append(r.fields, to.Field)
			}
			return
		}
	}
	m.refs = append(m.refs, reference{step: to.Step, last: by, fields: []Field{to.Field}})
}

// findTurns collects the moments at which an event begins or ends to count, and
// at which the time of a closing not-step has run out.
func (m *material) findTurns(last *Step) {
	now := m.x.Now
	note := func(at int64) {
		if at > now && at != Never {
			m.turns = append(m.turns, at)
		}
	}
	for i, events := range m.events {
		for _, e := range events {
			enters, leaves, ok := m.window.span(e.Timestamp)
			switch {
			case m.steps[i].Not:
				note(e.Timestamp)
			case ok:
				note(enters)
				note(leaves)
			}
			if &m.steps[i] != last {
				continue
			}
			for j := i + 1; j < len(m.steps); j++ {
				if w := m.steps[j].Within; w > 0 {
					note(add(e.Timestamp, w+1))
				}
			}
		}
	}
	slices.Sort(m.turns)
	m.turns = slices.Compact(m.turns)
}
