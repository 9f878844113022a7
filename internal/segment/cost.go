package segment

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"kith/internal/expr"
	"kith/internal/resource/form"
	"kith/internal/trait"
)

// CodeDear is the code of a definition that costs more than it may.
const CodeDear = "condition.too_dear"

// Cost is what one answer to a definition costs at most, for a busy person. Its unit
// is the reading of one event, about a microsecond. It follows from the definition
// alone, so the same document costs the same everywhere and at all times.
type Cost struct {
	Total int64
	Parts []CostPart // of what the definition itself says, the dearest first
}

// CostPart is the share of one place of a definition.
type CostPart struct {
	Pointer string // JSON pointer from the definition
	Cost    int64
	Why     string // what it is made of
	Remedy  string // what would make it cheaper
}

// What a busy person is taken for. A window that is open at its beginning reaches
// so many days back.
const (
	namedPerDay  = 1  // events of one name
	callsPerDay  = 50 // calls of one type, whatever their name
	everDays     = 1000
	accountsEach = 5   // of a person
	membersEach  = 100 // of an account
	rowsEach     = 100 // of an entity, of a person
)

// Prices in nanoseconds, of which a unit has a thousand.
const (
	unit         = 1000
	priceEvent   = 1000 // to read an event
	priceLine    = 100  // to hold a line against it; of a text that is searched ten times that
	priceTurns   = 3000 // to try the moments at which it leaves a window
	priceBranch  = 250  // to go on from one combination of values that steps refer to
	priceWalk    = 30   // to look what follows an event
	priceTrait   = 2000 // to read a trait, a consent, a membership
	turns        = 9    // searches of a sequence for one answer
	candidates   = 1000 // events of a step that are looked at
	needsMax     = 200  // definitions that one is made of, through all levels
	dearestShown = 3
)

// CostOf returns what a segment costs with all that it names in the set.
func (s *Set) CostOf(d *Definition) Cost { return s.segmentCosts(d).cost() }

// TraitCostOf returns what a computed trait costs with all that it names.
func (s *Set) TraitCostOf(d *trait.Definition) Cost { return s.traitCosts(d).cost() }

func (s *Set) segmentCosts(d *Definition) *costing {
	m := s.costs("segment " + d.Key)
	if d.Where != nil {
		m.condition(d.Where, "/where", d.Scope, 1)
	}
	return m
}

func (s *Set) traitCosts(d *trait.Definition) *costing {
	m := s.costs("trait " + d.Key)
	m.trait(d, "")
	return m
}

// costing adds up what a definition costs. What it names counts once: its answer is
// worked out once for each person.
type costing struct {
	set   *Set
	seen  map[string]bool
	parts []CostPart // in nanoseconds
}

func (s *Set) costs(of string) *costing {
	return &costing{set: s, seen: map[string]bool{of: true}}
}

func (m *costing) cost() Cost {
	var c Cost
	for _, p := range m.parts {
		p.Cost = max(p.Cost/unit, 1)
		c.Total = plus(c.Total, p.Cost)
		c.Parts = append(c.Parts, p)
	}
	slices.SortStableFunc(c.Parts, func(a, b CostPart) int { return cmp.Compare(b.Cost, a.Cost) })
	return c
}

func (m *costing) add(at string, ns int64, why, remedy string) {
	m.parts = append(m.parts, CostPart{at, ns, why, remedy})
}

// condition adds a condition that is asked of so many subjects.
func (m *costing) condition(c expr.Condition, at string, scope expr.Scope, subjects int64) {
	switch c := c.(type) {
	case *expr.Group:
		for i, one := range c.Conditions {
			m.condition(one, at+"/"+c.Of+"/"+strconv.Itoa(i), scope, subjects)
		}
	case *expr.EventCondition:
		n := eventsOf(&c.Selection, &c.Window)
		m.add(at, times(subjects, priceOf(n, &c.Selection, &c.Window)), reads(n, &c.Selection, &c.Window), remedyOf(&c.Selection, &c.Window))
	case *expr.SequenceCondition:
		m.sequence(c, at, subjects)
		for _, name := range c.TraitRefs() {
			m.named("trait", name, at, scope, subjects)
		}
	case *expr.TraitCondition:
		m.add(at, times(subjects, priceTrait), "it reads a trait", "")
		m.named("trait", c.Path, at, scope, subjects)
	case *expr.SegmentCondition:
		m.named("segment", c.Key, at, scope, subjects)
	case *expr.ConsentCondition:
		m.add(at, times(subjects, priceTrait), "it reads a consent", "")
	case *expr.EntityCondition:
		m.add(at, times(subjects, rowsEach*(priceEvent+linesPrice(c.Lines))), "it reads the person's rows", "")
	case *expr.AccountCondition:
		m.condition(c.Condition, at+"/account", expr.Account, times(subjects, accountsEach))
	case *expr.MembersCondition:
		m.condition(c.Condition, at+"/members", expr.Profile, times(subjects, membersEach))
	}
}

// named adds what a definition costs that another one names, unless it is counted.
func (m *costing) named(kind, key, at string, scope expr.Scope, subjects int64) {
	if m.seen[kind+" "+key] {
		return
	}
	inner := &costing{set: m.set, seen: m.seen}
	switch {
	case kind == "segment" && m.set.segments[key] != nil && m.set.segments[key].Where != nil:
		m.seen[kind+" "+key] = true
		inner.condition(m.set.segments[key].Where, at, scope, 1)
	case kind == "trait" && m.set.traits[key] != nil && m.set.traits[key].Scope == scope:
		m.seen[kind+" "+key] = true
		inner.trait(m.set.traits[key], at)
	default:
		return
	}
	sum := int64(0)
	for _, p := range inner.parts {
		sum = plus(sum, p.Cost)
	}
	m.add(at, times(subjects, sum), "it is made of the "+kind+" "+key, "make the "+kind+" "+key+" cheaper")
}

// trait adds a computed trait.
func (m *costing) trait(d *trait.Definition, at string) {
	if d.Expression != nil {
		for _, name := range d.Expression.Traits {
			m.named("trait", name, at+"/expression", d.Scope, 1)
		}
		return
	}
	n := eventsOf(&d.Selection, &d.Window)
	subjects := int64(1)
	if d.Scope == expr.Account {
		subjects = membersEach // its events are those of its members
	}
	m.add(at+"/event", times(subjects, priceOf(n, &d.Selection, &d.Window)), reads(n, &d.Selection, &d.Window), remedyOf(&d.Selection, &d.Window))
}

// sequence adds the reading of a sequence's events and the search among them.
func (m *costing) sequence(c *expr.SequenceCondition, at string, subjects int64) {
	ever := expr.Window{}
	last := map[int]int{} // of each step that is referred to, the last one that does
	for i := range c.Steps {
		step := &c.Steps[i]
		w := &c.Window
		if step.Not {
			w = &ever // an event that is not to follow is looked for without a window
		}
		n := eventsOf(&step.Selection, w)
		m.add(at+"/sequence/"+strconv.Itoa(i), times(subjects, times(n, priceEvent+linesPrice(step.Lines))), reads(n, &step.Selection, w), remedyOf(&step.Selection, w))
		for _, l := range step.Lines {
			if l.Ref != nil && l.Ref.Step >= 0 {
				last[l.Ref.Step] = i
			}
		}
	}
	ns, branches := m.search(c, last)
	why := "it looks for what follows what"
	remedy := "give the sequence a shorter window"
	if branches > candidates {
		why = fmt.Sprintf("it tries about %d combinations of the values that its steps refer to", branches)
		remedy = "give the sequence a window, or let the second of the steps that are referred to refer to the first one by eq"
	}
	m.add(at+"/sequence", times(subjects, ns), why, remedy)
}

// search returns what the search of a sequence costs, and how many combinations of
// values are under way at most.
func (m *costing) search(c *expr.SequenceCondition, last map[int]int) (ns, most int64) {
	open := map[int]int64{} // by the step that is referred to, the number of its values
	before, spread := -1, int64(1)
	for i := range c.Steps {
		if c.Steps[i].Not {
			continue
		}
		n := min(eventsOf(&c.Steps[i].Selection, &c.Window), candidates)
		branches := int64(1)
		for _, values := range open {
			branches = times(branches, values)
		}
		most = max(most, branches)
		walk := int64(1)
		if before >= 0 && (c.Steps[i].Within > 0 || i > before+1) {
			walk = spread
		}
		ns = plus(ns, times(branches, priceBranch+times(walk, priceWalk)))
		for step := range open {
			if last[step] <= i {
				delete(open, step)
			}
		}
		spread = n
		if _, referred := last[i]; referred {
			open[i], spread = n, 1
			if byValue(&c.Steps[i], open) {
				open[i] = 1 // its values follow from those of the step that it refers to
			}
		}
		before = i
	}
	return times(ns, turns), most
}

// byValue reports whether a step is bound to another one whose values are open by
// equality.
func byValue(s *expr.Step, open map[int]int64) bool {
	return slices.ContainsFunc(s.Lines, func(l expr.Line) bool {
		return l.Ref != nil && l.Ref.Step >= 0 && open[l.Ref.Step] > 0 && l.Op.Name == "eq"
	})
}

// eventsOf is how many events of a busy person a selection and a window read.
func eventsOf(s *expr.Selection, w *expr.Window) int64 {
	perDay := int64(0)
	for _, c := range s.Calls {
		if c.AnyName {
			perDay += callsPerDay
		} else {
			perDay += namedPerDay
		}
	}
	return max(times(perDay, daysOf(w)), 1)
}

func daysOf(w *expr.Window) int64 {
	if w.Form == expr.Last || w.Form == expr.Between {
		return min(w.Far/86_400_000+1, everDays)
	}
	return everDays
}

func priceOf(events int64, s *expr.Selection, w *expr.Window) int64 {
	price := priceEvent + linesPrice(s.Lines)
	if w.Form == expr.Last || w.Form == expr.Between {
		price += priceTurns
	}
	return times(events, price)
}

func linesPrice(lines []expr.Line) int64 {
	price := int64(0)
	for _, l := range lines {
		switch l.Op.Name {
		case "contains", "not_contains", "matches":
			price += 10 * priceLine
		default:
			price += priceLine
		}
	}
	return price
}

// reads says what is read of each person.
func reads(n int64, s *expr.Selection, w *expr.Window) string {
	what := "events"
	if len(s.Calls) == 1 && s.Calls[0].AnyName {
		what = s.Calls[0].Type.String() + " calls, whatever their name,"
	}
	if daysOf(w) == everDays {
		return fmt.Sprintf("it reads about %d %s of a busy person's whole history", n, what)
	}
	return fmt.Sprintf("it reads about %d %s of a busy person's last %d days", n, what, daysOf(w))
}

func remedyOf(s *expr.Selection, w *expr.Window) string {
	var all []string
	if slices.ContainsFunc(s.Calls, func(c expr.Call) bool { return c.AnyName }) {
		all = append(all, "name the event")
	}
	if daysOf(w) > 30 {
		all = append(all, `give it a shorter window, such as {"last": "30d"}`)
	}
	if len(s.Calls) > 10 {
		all = append(all, "list fewer names")
	}
	return strings.Join(all, ", or ")
}

// refuseDear refuses a definition that costs more than it may, at the places that
// cost most, and one that would make others of the set cost more than they may.
func (s *Set) refuseDear(o *form.Object, m *costing, with *Set, most int64) {
	if most <= 0 {
		return
	}
	c := m.cost()
	if needs := len(m.seen) - 1; needs > needsMax {
		o.Refuse("", CodeDear, fmt.Sprintf("is made of %d other definitions through all levels; %d are allowed", needs, needsMax))
	}
	for i, p := range c.Parts {
		if c.Total <= most || i == dearestShown || i > 0 && p.Cost < c.Total/20 {
			break
		}
		detail := fmt.Sprintf("costs about %d of the %d that a definition may cost for one person (the whole one costs %d): %s", p.Cost, most, c.Total, p.Why)
		if p.Remedy != "" {
			detail += "; " + p.Remedy
		}
		o.RefuseAt(CodeDear, detail, strings.Split(strings.TrimPrefix(p.Pointer, "/"), "/")...)
	}
	for _, d := range with.Segments() {
		if cost := with.CostOf(d).Total; cost > most && c.Total <= most && cost > s.CostOf(d).Total {
			o.Refuse("", CodeDear, fmt.Sprintf("would make the segment %s, which is made of it, cost about %d of the %d that a definition may cost for one person", d.Key, cost, most))
			return
		}
	}
}

// times and plus stop at the greatest number.
func times(a, b int64) int64 {
	if a > 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}

func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
