package condition

import (
	"strings"

	"kith/internal/expr"
)

// condition writes the verdict on a subject of the frame: true or false, never
// NULL.
func (w *writer) condition(f *frame, c expr.Condition) string {
	f.asked = true
	if is, ok := w.written[c]; ok {
		return is
	}
	is := w.form(f, c)
	w.written[c] = is
	return is
}

func (w *writer) form(f *frame, c expr.Condition) string {
	switch c := c.(type) {
	case *expr.Group:
		return w.group(f, c)
	case *expr.EventCondition:
		return w.event(f, c)
	case *expr.TraitCondition:
		return w.test(c.Op, &c.Operand, w.trait(f, c.Path))
	case *expr.SequenceCondition:
		return w.sequence(f, c)
	case *expr.SegmentCondition:
		return w.segment(f, c)
	case *expr.ConsentCondition:
		return consent(f, c)
	case *expr.AccountCondition:
		return w.account(f, c)
	case *expr.MembersCondition:
		return w.members(f, c)
	case *expr.EntityCondition:
		return w.entity(f, c)
	}
	w.refuse("there is a form of condition that has no form in SQL")
	return "false"
}

func (w *writer) group(f *frame, g *expr.Group) string {
	var all []string
	for _, c := range g.Conditions {
		all = append(all, w.condition(f, c))
	}
	switch g.Of {
	case "all":
		return "(" + strings.Join(all, " AND ") + ")"
	case "none":
		return "NOT (" + strings.Join(all, " OR ") + ")"
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

func (w *writer) segment(f *frame, c *expr.SegmentCondition) string {
	is := "false"
	switch d := w.q.Set.Segment(c.Key); {
	case d == nil || d.Scope != f.scope:
	case d.List:
		w.refuse("the members of the list %s are not in the tables", c.Key)
	default:
		is = w.condition(f, d.Where)
	}
	if c.Not {
		return "NOT " + is
	}
	return is
}

// event writes a comparison of the number of events or of an aggregate.
func (w *writer) event(f *frame, c *expr.EventCondition) string {
	filter := " FILTER (WHERE " + w.selected(&w.reads, &c.Selection, &c.Window) + " AND " + w.within(&c.Window, "t") + ")"
	if c.Fn == "count" {
		n, ok := c.Value.Int()
		if !ok {
			w.refuse("a number of events is compared with no whole number")
		}
		return "(coalesce(" + f.agg("count(*)"+filter) + ", 0) " + Symbol(c.Op) + " " + whole(n) + ")"
	}
	if is := w.compareTyped(f, c, filter); is != "" {
		return is
	}
	a := w.aggregate(f, c.Fn, expr.Field{Path: c.Property}, filter)
	if c.Fn == "sum" || c.Fn == "avg" {
		return w.compareSum(a, c)
	}
	return "coalesce(" + a.value + " " + Symbol(c.Op) + " " + inUnits(c.Value) + ", " + isNeq(c.Op) + ")"
}

// compareTyped compares a sum, a least or a greatest of a column of numbers as it
// is; empty when there is none. A sum that overflows makes the engine refuse the
// whole query.
func (w *writer) compareTyped(f *frame, c *expr.EventCondition, filter string) string {
	if c.Fn != "sum" && c.Fn != "min" && c.Fn != "max" {
		return ""
	}
	t, ok := w.typed(expr.Field{Path: c.Property})
	if !ok {
		return ""
	}
	a, none := f.agg(c.Fn+"("+t.number+")"+filter), isNeq(c.Op)
	if c.Fn == "sum" {
		a = "coalesce(" + a + ", 0)"
	}
	return "coalesce(" + a + " " + Symbol(c.Op) + " " + c.Value.String() + "::DECIMAL(38,9), " + none + ")"
}

func isNeq(op string) string {
	if op == "neq" {
		return "true"
	}
	return "false"
}

// aggregated is the columns of an aggregate of the values of events.
type aggregated struct {
	value     string // in units; NULL when it is missing
	high, low string // of a sum: units are high times 10^18 plus low
	count     string // of the numbers
}

// tenTo18 parts sums in two, so that neither part overflows.
const tenTo18 = "1000000000000000000"

// aggregate writes an aggregate of a field's values over the events of a filter.
func (w *writer) aggregate(f *frame, fn string, field expr.Field, filter string) aggregated {
	if t, ok := w.typed(field); ok && fn != "count_distinct" {
		return w.aggregateTyped(f, fn, t.number, filter)
	}
	list := w.field(field)
	numbers := "list_transform(list_filter(" + list + ", lambda v: v.k = 2), lambda v: v.n)"
	switch fn {
	case "min", "max":
		return aggregated{value: f.agg(fn + "(list_" + fn + "(" + numbers + "))" + filter)}
	case "count_distinct":
		n := f.agg("len(list_distinct(flatten(list(" + list + ")" + filter + ")))")
		return aggregated{value: "(coalesce(" + n + ", 0)::HUGEINT * 1000000000)"}
	}
	a := aggregated{
		high:  "coalesce(" + f.agg("sum(list_sum(list_transform("+numbers+", lambda n: n // "+tenTo18+")))"+filter) + ", 0::HUGEINT)",
		low:   "coalesce(" + f.agg("sum(list_sum(list_transform("+numbers+", lambda n: n % "+tenTo18+")))"+filter) + ", 0::HUGEINT)",
		count: "coalesce(" + f.agg("sum(len("+numbers+"))"+filter) + ", 0::HUGEINT)",
	}
	return a.finish(fn)
}

// aggregateTyped is aggregate of a column of numbers.
func (w *writer) aggregateTyped(f *frame, fn, number, filter string) aggregated {
	if fn == "min" || fn == "max" {
		return aggregated{value: "replace(" + f.agg(fn+"("+number+")"+filter) + "::VARCHAR, '.', '')::HUGEINT"}
	}
	// A sum that overflows makes the engine refuse the whole query.
	sum := "coalesce(replace(" + f.agg("sum("+number+")"+filter) + "::VARCHAR, '.', '')::HUGEINT, 0::HUGEINT)"
	a := aggregated{
		high: "(" + sum + " // " + tenTo18 + ")", low: "(" + sum + " % " + tenTo18 + ")",
		count: "coalesce(" + f.agg("count("+number+")"+filter) + ", 0)::HUGEINT",
	}
	return a.finish(fn)
}

// finish works out the value of a sum or an average.
func (a aggregated) finish(fn string) aggregated {
	if fn == "avg" {
		a.value = "CASE WHEN " + a.count + " = 0 THEN NULL ELSE " + quotient(a) + " END"
		return a
	}
	h, l := "("+a.high+" + "+a.low+" // "+tenTo18+")", "("+a.low+" % "+tenTo18+")"
	a.value = "CASE WHEN abs(" + h + ") > 100000000000000000001::HUGEINT THEN NULL ELSE " + inRange(h+" * "+tenTo18+"::HUGEINT + "+l) + " END"
	return a
}

// inRange writes units, or NULL for too many.
func inRange(n string) string {
	return let("n", n, "CASE WHEN abs(n) < "+limit+" THEN n END")
}

// quotient writes the sum over the count, rounded half to even.
func quotient(a aggregated) string {
	// The magnitude is divided, so that what is cut off is never negative.
	sum := let("s", "{'h': "+a.high+" + "+a.low+" // "+tenTo18+", 'l': "+a.low+" % "+tenTo18+", 'c': "+a.count+"}",
		"CASE WHEN s.h < 0 OR s.h = 0 AND s.l < 0 THEN CASE WHEN s.l > 0 THEN {'neg': true, 'h': -s.h - 1, 'l': "+tenTo18+"::HUGEINT - s.l, 'c': s.c} ELSE {'neg': true, 'h': -s.h, 'l': -s.l, 'c': s.c} END"+
			" ELSE CASE WHEN s.l < 0 THEN {'neg': false, 'h': s.h - 1, 'l': s.l + "+tenTo18+"::HUGEINT, 'c': s.c} ELSE {'neg': false, 'h': s.h, 'l': s.l, 'c': s.c} END END")
	return let("m", sum, let("r", "{'hq': m.h // m.c, 'rest': (m.h % m.c) * "+tenTo18+"::HUGEINT + m.l}",
		let("u", "r.hq * "+tenTo18+"::HUGEINT + r.rest // m.c + CASE WHEN 2 * (r.rest % m.c) > m.c OR 2 * (r.rest % m.c) = m.c AND (r.rest // m.c) % 2 = 1 THEN 1 ELSE 0 END",
			"CASE WHEN u < "+limit+" THEN CASE WHEN m.neg THEN -u ELSE u END END")))
}

// compareSum compares a sum, or an average without dividing, with a number.
func (w *writer) compareSum(a aggregated, c *expr.EventCondition) string {
	n := inUnits(c.Value)
	high, low := a.high+" - "+n+" // "+tenTo18, a.low+" - "+n+" % "+tenTo18
	if c.Fn == "avg" {
		high, low = a.high+" - ("+n+" // "+tenTo18+") * "+a.count, a.low+" - ("+n+" % "+tenTo18+") * "+a.count
	}
	is := w.let("{'h': "+high+", 'l': "+low+"}", func(d string) string {
		return w.let("{'h': "+d+".h + "+d+".l // "+tenTo18+", 'l': "+d+".l % "+tenTo18+"}", func(d string) string {
			// The low part is less than 10^18, so the high one decides unless it is 0.
			return "CASE WHEN " + d + ".h <> 0 THEN sign(" + d + ".h) ELSE sign(" + d + ".l) END " + Symbol(c.Op) + " 0"
		})
	})
	if c.Fn == "avg" {
		return "CASE WHEN " + a.count + " = 0 THEN " + isNeq(c.Op) + " ELSE " + is + " END"
	}
	return is
}

// consent compares what counts for a purpose and channel.
func consent(f *frame, c *expr.ConsentCondition) string {
	at := func(purpose, channel string) string {
		escape := strings.NewReplacer("~", "~0", "/", "~1")
		return "json_extract_string(" + f.base + ".consents, " + text("/"+escape.Replace(purpose)+"/"+escape.Replace(channel)) + ")"
	}
	return "coalesce(coalesce(" + at("="+c.Purpose, "="+c.Channel) + ", " + at("="+c.Purpose, "*") + ", " + at("*", "="+c.Channel) + ", " + at("*", "*") + ") = " + text(c.State) + ", false)"
}

// account tells that some account of the person meets the condition.
func (w *writer) account(f *frame, c *expr.AccountCondition) string {
	q := w.frame(expr.Account)
	is := w.condition(q, c.Condition)
	name := w.name("k_any")
	w.parts = append(w.parts, name+" AS (SELECT DISTINCT k_m.person AS id FROM k_m JOIN (SELECT k_q.id FROM "+q.from()+" WHERE "+is+") k ON k.id = k_m.account)")
	return "(" + f.base + ".id IN (FROM " + name + "))"
}

// members asks a condition of the persons of an account.
func (w *writer) members(f *frame, c *expr.MembersCondition) string {
	p := w.frame(expr.Profile)
	is := w.condition(p, c.Condition)
	name := w.name("k_of")
	w.parts = append(w.parts, name+" AS (SELECT DISTINCT k_m.account AS id FROM k_m JOIN (SELECT k_p.id, "+is+" AS v FROM "+p.from()+") k ON k.id = k_m.person WHERE "+map[string]string{"any": "k.v", "none": "k.v", "all": "NOT k.v"}[c.Match]+")")
	in := "(" + f.base + ".id IN (FROM " + name + "))"
	if c.Match == "any" {
		return in
	}
	return "NOT " + in
}

// entity counts the rows that belong to a person.
func (w *writer) entity(f *frame, c *expr.EntityCondition) string {
	n, ok := c.Value.Int()
	if !ok {
		w.refuse("a number of rows is compared with no whole number")
	}
	r := w.name("r")
	is := "true"
	for i := range c.Lines {
		l := &c.Lines[i]
		is += " AND " + w.test(l.Op, &l.Operand, values(r, l.Field.Path))
	}
	rows := "coalesce(json_extract(" + marked("coalesce("+f.base+".entities, '{}')") + ", " + text("/K"+strings.NewReplacer("~", "~0", "/", "~1").Replace(c.Entity)+"") + "), '[]')"
	list := "list_filter(json_extract(" + rows + ", '$[*]'), lambda " + r + ": " + r + `::VARCHAR <> '"e"' AND ` + is + ")"
	return "(len(" + list + ") " + Symbol(c.Op) + " " + whole(n) + ")"
}

// one is the number of a whole count, in units.
func one(count string) string { return "(" + count + ")::HUGEINT * 1000000000" }
