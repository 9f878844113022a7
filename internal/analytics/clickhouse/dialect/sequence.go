package dialect

import (
	"slices"
	"strconv"
	"strings"

	"kith/internal/expr"
)

// candidatesMax is how many events of a positive step are looked at: the newest.
const candidatesMax = 1000

// endless is a place behind all events.
const endless = "toInt64(9223372036854775807)"

// sequence is one that is being written. It is worked out of one array for each
// subject: the events of any step in their order, each a tuple of its place, its
// time, a bit for each step that it is an event of, and the fields that references
// name. Of that the choices of each positive step are made: tuples of the place and
// time of the event chosen last, of the place up to which the next one may come
// because of the not-steps behind, and of the values of earlier events that later
// steps refer to.
type sequence struct {
	w      *writer
	c      *expr.SequenceCondition
	events string            // the name of the array
	fields []string          // of its events, from the fourth place on
	traits map[string]string // names of the lists of traits that are referred to
}

// sequence tells that some choice of events follows the steps.
func (w *writer) sequence(f *frame, c *expr.SequenceCondition) string {
	s := &sequence{w: w, c: c, traits: map[string]string{}}
	masks, any := make([]string, len(c.Steps)), make([]string, len(c.Steps))
	for i := range c.Steps {
		step := &c.Steps[i]
		any[i] = w.selected(&step.Selection)
		if step.Not {
			w.oldest = -expr.Never
		} else {
			any[i] += " AND " + w.within(&c.Window, "t")
		}
		masks[i] = "(" + any[i] + ") * " + strconv.Itoa(1<<i)
		s.note(i)
	}
	list := strings.Join(append([]string{"t", "m", "s", "r", strings.Join(masks, " + ")}, s.fields...), ", ")
	e, place := w.name("x"), w.name("x")
	kept := "toInt64(" + place + ")"
	for _, at := range []int{1, 5} {
		kept += ", " + element(e, at)
	}
	for i := range s.fields {
		kept += ", " + element(e, 6+i)
	}
	all := "arraySort(groupArrayIf((" + list + "), (" + strings.Join(any, ") OR (") + ")))"
	events := f.agg("arrayMap((" + e + ", " + place + ") -> (" + kept + "), " + all + ", arrayEnumerate(" + all + "))")
	return s.named(f, s.referred(), func() string {
		return w.let(events, func(x string) string {
			s.events = x
			return s.follow(-1, 0, "")
		})
	})
}

// note adds the fields that references of a step name to those of the events.
func (s *sequence) note(i int) {
	for _, l := range s.c.Steps[i].Lines {
		if l.Ref == nil {
			continue
		}
		fields := []expr.Field{l.Field}
		if l.Ref.Step >= 0 {
			fields = append(fields, l.Ref.Field)
		}
		for _, f := range fields {
			if name := s.w.field(f); !slices.Contains(s.fields, name) {
				s.fields = append(s.fields, name)
			}
		}
	}
}

// referred returns the traits that the steps refer to.
func (s *sequence) referred() (names []string) {
	for i := range s.c.Steps {
		for _, l := range s.c.Steps[i].Lines {
			if l.Ref != nil && l.Ref.Step < 0 && !slices.Contains(names, l.Ref.Trait) {
				names = append(names, l.Ref.Trait)
			}
		}
	}
	return names
}

// named gives the lists of values of traits names.
func (s *sequence) named(f *frame, traits []string, body func() string) string {
	if len(traits) == 0 {
		return body()
	}
	return s.w.let(s.w.trait(f, traits[0]), func(x string) string {
		s.traits[traits[0]] = x
		return s.named(f, traits[1:], body)
	})
}

// element is a part of a tuple.
func element(tuple string, at int) string {
	return "tupleElement(" + tuple + ", " + strconv.Itoa(at) + ")"
}

// field is the part of an event that holds a field.
func (s *sequence) field(event string, f expr.Field) string {
	return element(event, 4+slices.Index(s.fields, s.w.field(f)))
}

// carry is a value of an event chosen earlier: of which step, and which field.
type carry struct {
	step  int
	field expr.Field
}

// carried returns what the steps behind one refer to of it and of earlier ones.
func (s *sequence) carried(behind int) (out []carry) {
	for j := behind + 1; j < len(s.c.Steps); j++ {
		for _, l := range s.c.Steps[j].Lines {
			if l.Ref == nil || l.Ref.Step < 0 || l.Ref.Step > behind {
				continue
			}
			if c := (carry{l.Ref.Step, l.Ref.Field}); !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// follow tells that the steps from the positive step i on can be gone behind the
// choices of the positive step before; negative, and no choices, for the first.
func (s *sequence) follow(before, i int, choices string) string {
	return s.w.let(s.stepEvents(i), func(events string) string {
		return s.w.let(s.choose(before, i, choices, events), func(chosen string) string {
			next := i + 1
			for next < len(s.c.Steps) && s.c.Steps[next].Not {
				next++
			}
			return s.w.let(s.limited(i, next, chosen), func(chosen string) string {
				if next < len(s.c.Steps) {
					return s.follow(i, next, chosen)
				}
				b := s.w.name("x")
				is := element(b, 3) + " = " + endless
				for j := i + 1; j < next; j++ {
					if d := s.c.Steps[j].Within; d > 0 {
						is += " AND " + element(b, 2) + " < " + whole(s.w.q.Now-d)
					}
				}
				return "arrayExists(" + b + " -> " + is + ", " + chosen + ")"
			})
		})
	})
}

// stepEvents writes the events of a step.
func (s *sequence) stepEvents(i int) string {
	e := s.w.name("x")
	list := "arrayFilter(" + e + " -> bitTest(" + element(e, 3) + ", " + strconv.Itoa(i) + "), " + s.events + ")"
	if s.c.Steps[i].Not {
		return list
	}
	return s.w.let(list, func(all string) string {
		return "arraySlice(" + all + ", greatest(toInt64(length(" + all + ")) - " + strconv.Itoa(candidatesMax-1) + ", 1))"
	})
}

// choose writes the choices up to a positive step, without regard to what comes
// behind it.
func (s *sequence) choose(before, i int, choices, events string) string {
	e, b := s.w.name("x"), s.w.name("x")
	after := func(b string) string {
		is := element(b, 1) + " < " + element(e, 1) + " AND " + element(e, 1) + " <= " + element(b, 3)
		if d := s.c.Steps[i].Within; d > 0 {
			is += " AND " + element(e, 2) + " - " + element(b, 2) + " <= " + whole(d)
		}
		return is
	}
	tuple := func(b string) string {
		parts := []string{element(e, 1), element(e, 2), endless}
		for _, c := range s.carried(i) {
			if c.step == i {
				parts = append(parts, s.field(e, c.field))
			} else {
				parts = append(parts, s.had(before, b, c))
			}
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	made := func(events string) string { return "arrayMap(" + e + " -> " + tuple("") + ", " + events + ")" }
	earlier := slices.ContainsFunc(s.carried(i), func(c carry) bool { return c.step < i })
	switch {
	case before < 0:
		return made("arrayFilter(" + e + " -> " + s.refers(i, e, before, "") + ", " + events + ")")
	case earlier:
		return "arrayDistinct(arrayFlatten(arrayMap(" + e + " -> arrayMap(" + b + " -> " + tuple(b) + ", arrayFilter(" + b + " -> " + after(b) + " AND " + s.refers(i, e, before, b) + ", " + choices + ")), " + events + ")))"
	case i == before+1 && s.c.Steps[i].Within == 0 && !s.refersToSteps(i):
		// The choices are in order and none has a limit, so the first one lets all pass.
		return "if(empty(" + choices + "), [], " + made("arrayFilter("+e+" -> "+element(e, 1)+" > "+element(choices+"[1]", 1)+" AND "+s.refers(i, e, before, "")+", "+events+")") + ")"
	}
	if i == before+1 && len(s.carried(before)) == 0 && len(s.carried(i)) == 0 && !s.refersToSteps(i) {
		return s.behind(events, choices, s.refers(i, e, before, ""), e, s.c.Steps[i].Within)
	}
	return made("arrayFilter(" + e + " -> arrayExists(" + b + " -> " + after(b) + " AND " + s.refers(i, e, before, b) + ", " + choices + "), " + events + ")")
}

// behind writes the choices of the events for which is holds and that come at most so
// long after a choice before. The latest one before an event decides; both are put
// into one order, where every event is told the choice that came last.
func (s *sequence) behind(events, choices, is, event string, within int64) string {
	x, y := s.w.name("x"), s.w.name("x")
	return s.merged(choices, "arrayFilter("+event+" -> "+is+", "+events+")", "1", "0", func(all string) string {
		last := "arrayFill(" + x + " -> " + element(x, 3) + " = 1, " + all + ")"
		found := "arrayFilter((" + x + ", " + y + ") -> " + element(x, 3) + " = 0 AND " + element(y, 3) + " = 1 AND " + element(x, 2) + " - " + element(y, 2) + " <= " + whole(within) + ", " + all + ", " + last + ")"
		return "arrayMap(" + x + " -> (" + element(x, 1) + ", " + element(x, 2) + ", " + endless + "), " + found + ")"
	})
}

// merged names the places and times of two lists in their order, each with its mark;
// of the same place the lesser mark comes first.
func (s *sequence) merged(a, b, markA, markB string, body func(all string) string) string {
	x := s.w.name("x")
	part := func(list, mark string) string {
		return "arrayMap(" + x + " -> (" + element(x, 1) + ", " + element(x, 2) + ", " + mark + "), " + list + ")"
	}
	return s.w.let("arraySort("+x+" -> ("+element(x, 1)+", "+element(x, 3)+"), arrayConcat("+part(a, markA)+", "+part(b, markB)+"))", body)
}

// had is a value of an event chosen earlier, out of a choice of a positive step.
func (s *sequence) had(step int, choice string, c carry) string {
	return element(choice, 4+slices.Index(s.carried(step), c))
}

// limited writes the choices of a positive step with the places up to which the next
// event may come: those of the first events that the not-steps between name.
func (s *sequence) limited(i, next int, chosen string) string {
	if next == i+1 {
		return chosen
	}
	b := s.w.name("x")
	if len(s.carried(i)) == 0 && !slices.ContainsFunc(s.c.Steps[i+1:next], func(st expr.Step) bool {
		return slices.ContainsFunc(st.Lines, func(l expr.Line) bool { return l.Ref != nil })
	}) {
		for j := i + 1; j < next; j++ {
			chosen = s.before(chosen, s.stepEvents(j), s.c.Steps[j].Within)
		}
		return chosen
	}
	limits := endless
	for j := i + 1; j < next; j++ {
		n := s.w.name("x")
		is := element(n, 1) + " > " + element(b, 1)
		if d := s.c.Steps[j].Within; d > 0 {
			is += " AND " + element(n, 2) + " - " + element(b, 2) + " <= " + whole(d)
		}
		first := "arrayFirst(" + n + " -> " + is + " AND " + s.refers(j, n, i, b) + ", " + s.stepEvents(j) + ")"
		limits = "least(" + limits + ", " + s.w.let(element(first, 1), func(place string) string {
			return "if(" + place + " = 0, " + endless + ", " + place + ")"
		}) + ")"
	}
	parts := []string{element(b, 1), element(b, 2), limits}
	for k := range s.carried(i) {
		parts = append(parts, element(b, 4+k))
	}
	return "arrayMap(" + b + " -> (" + strings.Join(parts, ", ") + "), " + chosen + ")"
}

// before writes the choices with their limits no further than the first event of a
// not-step behind each, if that comes in its time.
func (s *sequence) before(chosen, events string, within int64) string {
	x, y := s.w.name("x"), s.w.name("x")
	return s.w.let(chosen, func(chosen string) string {
		return s.merged(chosen, events, "1", "0", func(all string) string {
			is := element(y, 3) + " = 0"
			if within > 0 {
				is += " AND " + element(y, 2) + " - " + element(x, 2) + " <= " + whole(within)
			}
			next := "arrayReverseFill(" + x + " -> " + element(x, 3) + " = 0, " + all + ")"
			limits := "arrayFilter(" + x + " -> " + x + " >= 0, arrayMap((" + x + ", " + y + ") -> if(" + element(x, 3) + " = 0, toInt64(-1), if(" + is + ", " + element(y, 1) + ", " + endless + ")), " + all + ", " + next + "))"
			return "arrayMap((" + x + ", " + y + ") -> (" + element(x, 1) + ", " + element(x, 2) + ", least(" + element(x, 3) + ", " + y + ")), " + chosen + ", " + limits + ")"
		})
	})
}

// refersToSteps reports whether a line of a step refers to another step.
func (s *sequence) refersToSteps(i int) bool {
	return slices.ContainsFunc(s.c.Steps[i].Lines, func(l expr.Line) bool { return l.Ref != nil && l.Ref.Step >= 0 })
}

// refers tells that the lines of a step that refer hold for its event; choice is one
// of the positive step before.
func (s *sequence) refers(i int, event string, before int, choice string) string {
	is := "1"
	for j := range s.c.Steps[i].Lines {
		l := &s.c.Steps[i].Lines[j]
		if l.Ref == nil {
			continue
		}
		others := ""
		if l.Ref.Step < 0 {
			others = s.traits[l.Ref.Trait]
		} else {
			others = s.had(before, choice, carry{l.Ref.Step, l.Ref.Field})
		}
		is += " AND " + s.w.refers(l.Op, s.field(event, l.Field), others)
	}
	return is
}
