package condition

import (
	"slices"
	"strconv"
	"strings"

	"kith/internal/expr"
)

// candidatesMax is how many events of a positive step are looked at: the newest.
const candidatesMax = 1000

// sequence tells that some choice of events follows the steps. The tables are the
// events of each step, and for each positive step the choices that have come so
// far: the event chosen last, and the values of earlier ones that later steps refer
// to. What cannot be told apart by what follows is one choice.
func (w *writer) sequence(f *frame, c *expr.SequenceCondition) string {
	s := &sequence{w: w, c: c, name: w.name("k_s")}
	last := -1
	for i := range c.Steps {
		s.candidates(i)
		if !c.Steps[i].Not {
			s.choose(last, i)
			last = i
		}
	}
	is := "true"
	for i := last + 1; i < len(c.Steps); i++ {
		if d := c.Steps[i].Within; d > 0 {
			is += " AND b.t < " + whole(w.q.Now-d)
		}
		is += " AND b.k NOT IN (FROM " + s.heard(i, s.chosen(last), "b.o", "b.t", "") + ")"
	}
	w.parts = append(w.parts, s.name+" AS (SELECT DISTINCT b.id FROM "+s.chosen(last)+" b WHERE "+is+")")
	return "(" + f.base + ".id IN (FROM " + s.name + "))"
}

// sequence is one that is being written.
type sequence struct {
	w    *writer
	c    *expr.SequenceCondition
	name string
}

func (s *sequence) events(step int) string { return s.name + "e" + strconv.Itoa(step) }
func (s *sequence) chosen(step int) string { return s.name + "c" + strconv.Itoa(step) }

// candidates writes the table of the events of a step.
func (s *sequence) candidates(i int) {
	step := &s.c.Steps[i]
	columns := append([]string{"id", "o", "t"}, s.own(i)...)
	// No step looks at what happened before the window, a not-step neither: it comes
	// behind one that is in it.
	is := s.w.selected(&s.w.steps, &step.Selection, &s.c.Window)
	list := strings.Join(columns, ", ")
	if step.Not {
		s.w.parts = append(s.w.parts, s.events(i)+" AS (SELECT "+list+" FROM k_o WHERE "+is+")")
		return
	}
	is += " AND " + s.w.within(&s.c.Window, "t")
	// Only who has many events at all can have too many of one step.
	s.w.parts = append(s.w.parts, s.events(i)+" AS (SELECT "+list+" FROM k_o WHERE "+is+" AND id NOT IN (FROM k_h) UNION ALL SELECT "+list+
		" FROM k_o WHERE "+is+" AND id IN (FROM k_h) QUALIFY row_number() OVER (PARTITION BY id ORDER BY o DESC) <= "+strconv.Itoa(candidatesMax)+")")
}

// own returns the columns of a step's events that any step needs: fields of its own
// lines that refer, and fields that others refer to.
func (s *sequence) own(i int) []string {
	var out []string
	add := func(f expr.Field) {
		if name := s.w.field(f); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for j := range s.c.Steps {
		for _, l := range s.c.Steps[j].Lines {
			switch {
			case l.Ref == nil:
				continue
			case l.Ref.Step == i:
				add(l.Ref.Field)
			}
			if i == j {
				add(l.Field)
			}
		}
	}
	return out
}

// carried returns the fields of a step that the steps behind another one refer to.
func (s *sequence) carried(step, behind int) []string {
	var out []string
	for j := behind + 1; j < len(s.c.Steps); j++ {
		for _, l := range s.c.Steps[j].Lines {
			if l.Ref == nil || l.Ref.Step != step {
				continue
			}
			if name := s.w.field(l.Ref.Field); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func carriedName(step int, field string) string { return "c" + strconv.Itoa(step) + field }

// choose writes the table of the choices up to a positive step, given those up to
// the positive step before it.
func (s *sequence) choose(before, i int) {
	next := i + 1
	if i == before+1 && (next == len(s.c.Steps) || !s.c.Steps[next].Not) && s.direct(before, i) {
		return
	}
	pairs, columns := s.pair(before, i)
	is := "true"
	for j := before + 1; j < i; j++ {
		is += " AND k NOT IN (FROM " + s.heard(j, pairs, "b.po", "b.pt", " AND n.o < b.o") + ")"
	}
	kept := "id, o, t"
	for _, c := range columns {
		kept += ", " + c
	}
	s.w.parts = append(s.w.parts, s.chosen(i)+" AS MATERIALIZED (SELECT row_number() OVER () AS k, * FROM (SELECT DISTINCT "+kept+" FROM "+pairs+" WHERE "+is+"))")
}

// direct writes the table of the choices up to a positive step where no not-step
// stands before or behind it and later steps refer to no event before its own; ok is
// false when they do. Then nothing has to be told of how its events were come to.
func (s *sequence) direct(before, i int) (ok bool) {
	for step := range i {
		if len(s.carried(step, i)) > 0 {
			return false
		}
	}
	columns := []string{"e.id", "e.o", "e.t"}
	for _, f := range s.carried(i, i) {
		columns = append(columns, "e."+f+" AS "+carriedName(i, f))
	}
	from, distinct := s.events(i)+" e", ""
	if before >= 0 {
		distinct = "DISTINCT "
		from = s.chosen(before) + " b JOIN " + from + " ON e.id = b.id AND e.o > b.o"
		if d := s.c.Steps[i].Within; d > 0 {
			from += " AND e.t - b.t <= " + whole(d)
		}
	}
	s.w.parts = append(s.w.parts, s.chosen(i)+" AS (SELECT "+distinct+strings.Join(columns, ", ")+" FROM "+from+s.traits(i, "e")+" WHERE "+s.refers(i, "e", "b")+")")
	return true
}

// pair writes the table of the events that may follow what was chosen before, and
// returns its name and the columns that later steps refer to.
func (s *sequence) pair(before, i int) (name string, kept []string) {
	name = s.name + "p" + strconv.Itoa(i)
	columns := []string{"row_number() OVER () AS k", "e.id", "e.o", "e.t"}
	from := s.events(i) + " e"
	if before >= 0 {
		columns = append(columns, "b.o AS po", "b.t AS pt")
		from = s.chosen(before) + " b JOIN " + from + " ON e.id = b.id AND e.o > b.o"
		if d := s.c.Steps[i].Within; d > 0 {
			from += " AND e.t - b.t <= " + whole(d)
		}
	}
	for step := range i {
		for _, f := range s.carried(step, before) {
			columns = append(columns, "b."+carriedName(step, f))
		}
		for _, f := range s.carried(step, i) {
			kept = append(kept, carriedName(step, f))
		}
	}
	for _, f := range s.carried(i, i) {
		columns = append(columns, "e."+f+" AS "+carriedName(i, f))
		kept = append(kept, carriedName(i, f))
	}
	s.w.parts = append(s.w.parts, name+" AS MATERIALIZED (SELECT "+strings.Join(columns, ", ")+" FROM "+from+s.traits(i, "e")+" WHERE "+s.refers(i, "e", "b")+")")
	return name, kept
}

// heard writes the table of the choices after which an event of a not-step comes,
// within its time and before what bound says, and returns its name. The event
// chosen before has the place and time that after and at name.
func (s *sequence) heard(i int, choices, after, at, bound string) string {
	name := s.name + "n" + strconv.Itoa(i)
	is := "n.id = b.id AND n.o > " + after + bound
	if d := s.c.Steps[i].Within; d > 0 {
		is += " AND n.t - " + at + " <= " + whole(d)
	}
	s.w.parts = append(s.w.parts, name+" AS (SELECT DISTINCT b.k FROM "+choices+" b JOIN "+s.events(i)+" n ON "+is+s.traits(i, "n")+" WHERE "+s.refers(i, "n", "b")+")")
	return name
}

// traits joins the traits of persons to the events of a step that refers to them.
func (s *sequence) traits(i int, event string) string {
	for _, l := range s.c.Steps[i].Lines {
		if l.Ref != nil && l.Ref.Step < 0 {
			return " LEFT JOIN k_t ON k_t.id = " + event + ".id"
		}
	}
	return ""
}

// refers tells that the lines of a step that refer hold for its event; b has what
// was chosen before.
func (s *sequence) refers(i int, event, b string) string {
	is := "true"
	for j := range s.c.Steps[i].Lines {
		l := &s.c.Steps[i].Lines[j]
		if l.Ref == nil {
			continue
		}
		var others string
		if l.Ref.Step >= 0 {
			others = b + "." + carriedName(l.Ref.Step, s.w.field(l.Ref.Field))
		} else {
			others = s.w.referredTrait(l.Ref.Trait)
		}
		is += " AND " + s.w.refers(l.Op, event+"."+s.w.field(l.Field), others)
	}
	return is
}

// referredTrait writes the values of a person's trait that a sequence refers to.
func (w *writer) referredTrait(name string) string {
	i := slices.Index(w.refs, name)
	if i < 0 {
		i = len(w.refs)
		w.refs = append(w.refs, name)
		w.refLists = append(w.refLists, w.trait(w.frame(expr.Profile), name))
	}
	return "coalesce(k_t.r" + strconv.Itoa(i) + ", " + none + ")"
}

// referred is the table of the traits that sequences refer to.
func (w *writer) referred(f *frame) string {
	columns := []string{f.base + ".id AS id"}
	for i := range w.refLists {
		columns = append(columns, w.refLists[i]+" AS r"+strconv.Itoa(i))
	}
	return "k_t AS (SELECT " + strings.Join(columns, ", ") + " FROM " + f.from() + ")"
}
