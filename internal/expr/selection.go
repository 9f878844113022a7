package expr

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/event"
	"kith/internal/resource/form"
	"kith/internal/strictjson"
)

// Selection picks events: those of its calls for which all lines hold.
type Selection struct {
	Calls []Call
	Lines []Line
}

// Line is one line of a where: a field, an operator, and an operand or a
// reference.
type Line struct {
	Field   Field
	Op      *Operator
	Operand Operand
	Ref     *Ref // instead of the operand
}

// Ref names values elsewhere: a field of the event that an earlier step of a
// sequence chose, or a trait of the person.
type Ref struct {
	Step  int // Counted from 0; -1 for a trait
	Field Field
	Trait string
}

// lineContext is what a line is asked with, beside the event.
type lineContext struct {
	*Context
	step func(n int, f Field) []Value // of the event chosen for an earlier step
}

// holds reports whether all lines hold for the fields.
func (s *Selection) holds(f Fields, at lineContext) bool {
	for i := range s.Lines {
		if !s.Lines[i].holds(f, at) {
			return false
		}
	}
	return true
}

func (l *Line) holds(f Fields, at lineContext) bool {
	values := f.Values(l.Field)
	if l.Ref == nil {
		return l.Op.holds(&l.Operand, values, at.Context)
	}
	return l.Op.refers(values, l.Ref.values(at))
}

func (r *Ref) values(at lineContext) []Value {
	if r.Step >= 0 {
		return at.step(r.Step, r.Field)
	}
	return at.Subject.Trait(r.Trait).Values
}

// refers compares with referred values: some one of them must satisfy the
// operator, and of an opposite none may satisfy what it is the opposite of. With
// nothing to refer to no comparison holds.
func (op *Operator) refers(values, others []Value) bool {
	if len(others) == 0 {
		return false
	}
	for _, v := range values {
		for _, other := range others {
			if op.Order(v, other) {
				return op.Opposite == nil
			}
		}
	}
	return op.Opposite != nil
}

// Events returns the subject's events that the selection picks, without regard
// to lines that refer, with lo < timestamp ≤ hi in the order of events.
func (s *Selection) Events(x *Context, lo, hi int64) []*Event {
	var all []*Event
	for _, c := range s.Calls {
		for _, e := range x.Subject.Events(c, lo, hi) {
			if s.plain(e.Fields, x) {
				all = append(all, e)
			}
		}
	}
	if len(s.Calls) > 1 {
		slices.SortFunc(all, (*Event).Compare)
	}
	return all
}

// plain reports whether all lines without a reference hold.
func (s *Selection) plain(f Fields, x *Context) bool {
	for i := range s.Lines {
		if s.Lines[i].Ref == nil && !s.Lines[i].holds(f, lineContext{Context: x}) {
			return false
		}
	}
	return true
}

// selection reads the fields event and where.
func (r *reader) selection(o *form.Object) Selection {
	return Selection{Calls: r.calls(o), Lines: r.lines(o, []string{"property", "context"}, nil)}
}

// calls reads the field event: a name, a list of names, or {type: T}.
func (r *reader) calls(o *form.Object) []Call {
	v := o.Value("event")
	switch v.Kind() {
	case strictjson.String:
		return []Call{{Type: event.Track, Name: r.eventName(o, v, "event")}}
	case strictjson.Array:
		return r.names(o, v)
	case strictjson.Object:
		var c Call
		o.At(v, func(o *form.Object) { c = callOf(o) }, "event")
		return []Call{c}
	}
	o.Refuse("event", form.CodeType, "must be the name of an event, a list of names, or {\"type\": \"page\"}")
	return nil
}

func (r *reader) names(o *form.Object, v strictjson.Value) []Call {
	if v.Len() == 0 || v.Len() > ListMax {
		o.Refuse("event", form.CodeInvalid, "must be a list of 1 to "+strconv.Itoa(ListMax)+" names")
	}
	var calls []Call
	i := 0
	for e := range v.Elements() {
		c := Call{Type: event.Track, Name: r.eventName(o, e, "event", strconv.Itoa(i))}
		if !slices.Contains(calls, c) {
			calls = append(calls, c)
		}
		i++
	}
	return calls
}

func (r *reader) eventName(o *form.Object, v strictjson.Value, at ...string) string {
	name := v.Text()
	if v.Kind() != strictjson.String || name == "" || len(name) > NameBytesMax {
		o.RefuseAt(form.CodeType, "must be the name of an event, a string of 1 to "+strconv.Itoa(NameBytesMax)+" bytes", at...)
	}
	return name
}

func callOf(o *form.Object) Call {
	name := o.Required("type", 16)
	types := []event.Type{event.Track, event.Identify, event.Page, event.Screen, event.Group, event.Alias}
	var names []string
	for _, t := range types {
		if t.String() == name {
			return Call{Type: t, AnyName: true}
		}
		names = append(names, t.String())
	}
	if name != "" {
		o.Refuse("type", form.CodeInvalid, "no such type of call"+DidYouMean(name, names)+"; there are "+strings.Join(names, ", "))
	}
	return Call{}
}

// lines reads the field where: each line has exactly one of the roots, an
// operator and its operand. refs reads a reference; without it there are none.
func (r *reader) lines(o *form.Object, roots []string, refs func(o *form.Object, op *Operator) *Ref) []Line {
	var lines []Line
	o.Objects("where", NodesMax, func(o *form.Object) {
		if l, ok := r.line(o, roots, refs); ok {
			lines = append(lines, l)
		}
	})
	return lines
}

func (r *reader) line(o *form.Object, roots []string, refs func(*form.Object, *Operator) *Ref) (Line, bool) {
	if !r.room(o, 1) {
		return Line{}, false
	}
	var l Line
	found := 0
	for _, root := range roots {
		if !o.Has(root) {
			continue
		}
		found++
		l.Field = Field{Context: root == "context", Path: path(o, root)}
	}
	if found != 1 {
		o.SkipAll()
		o.Refuse("", CodeForm, "must have exactly one of "+strings.Join(roots, ", "))
		return l, false
	}
	if l.Op = r.operator(o); l.Op == nil {
		o.Skip("value", "ref")
		return l, false
	}
	if l.Op.base().Next != nil {
		o.Skip("value", "ref")
		o.Refuse("op", CodeOperator, "is for traits; for events use window")
		return l, false
	}
	if refs != nil && o.Has("ref") {
		l.Ref = refs(o, l.Op)
		return l, l.Ref != nil
	}
	l.Operand = l.Op.Read(r, o)
	return l, true
}

// base is the operator itself, or the one that it is the opposite of.
func (op *Operator) base() *Operator {
	if op.Opposite != nil {
		return op.Opposite
	}
	return op
}

// Meets reports whether all lines that do not refer hold for an event of one of
// the selection's calls. The zone is that in which a date alone is its midnight.
func (s *Selection) Meets(e *Event, zone *time.Location) bool {
	return s.plain(e.Fields, &Context{Zone: zone})
}
