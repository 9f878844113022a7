package dialect

import (
	"strconv"
	"strings"

	"kith/internal/analytics/condition"
	"kith/internal/expr"
)

// condition writes the verdict on a subject of the frame: 1 or 0, never NULL.
func (w *writer) condition(f *frame, c expr.Condition) string {
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
	return "0"
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
		return "(NOT (" + strings.Join(all, " OR ") + "))"
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

func (w *writer) segment(f *frame, c *expr.SegmentCondition) string {
	is := "0"
	switch d := w.q.Set.Segment(c.Key); {
	case d == nil || d.Scope != f.scope:
	case d.List:
		w.refuse("the members of the list %s are not in the tables", c.Key)
	default:
		is = w.condition(f, d.Where)
	}
	if c.Not {
		return "(NOT " + is + ")"
	}
	return is
}

// event writes a comparison of the number of events or of an aggregate.
func (w *writer) event(f *frame, c *expr.EventCondition) string {
	only := w.selected(&c.Selection) + " AND " + w.within(&c.Window, "t")
	if c.Fn == "count" {
		n, ok := c.Value.Int()
		if !ok {
			w.refuse("a number of events is compared with no whole number")
		}
		return "(" + f.agg("countIf("+only+")") + " " + condition.Symbol(c.Op) + " " + whole(n) + ")"
	}
	a := w.aggregate(f, c.Fn, expr.Field{Path: c.Property}, only)
	switch c.Fn {
	case "sum":
		return "(" + a.sum + " " + condition.Symbol(c.Op) + " " + inUnits(c.Value) + ")"
	case "avg":
		return "if(" + a.count + " = 0, " + isNeq(c.Op) + ", " + a.sum + " " + condition.Symbol(c.Op) + " " + inUnits(c.Value) + " * " + a.count + ")"
	}
	return "ifNull(" + w.aggregated(c.Fn, a) + " " + condition.Symbol(c.Op) + " " + inUnits(c.Value) + ", " + isNeq(c.Op) + ")"
}

func isNeq(op string) string {
	if op == "neq" {
		return "1"
	}
	return "0"
}

// aggregate is the columns of an aggregate of the values of events.
type aggregate struct {
	sum   string // units, without bounds
	count string // of the numbers, or of different values
	end   string // units of the least or greatest; NULL when there is none
}

// aggregate writes an aggregate of a field's values over some of the events.
func (w *writer) aggregate(f *frame, fn string, field expr.Field, only string) (a aggregate) {
	if fn == "count_distinct" {
		a.count = "toInt256(" + f.agg("length(groupUniqArrayArrayIf("+w.field(field)+", "+only+"))") + ")"
		return a
	}
	list := w.units(field)
	switch fn {
	case "min":
		a.end = f.agg("minOrNullIf(arrayMin(" + list + "), notEmpty(" + list + ") AND " + only + ")")
	case "max":
		a.end = f.agg("maxOrNullIf(arrayMax(" + list + "), notEmpty(" + list + ") AND " + only + ")")
	default:
		a.sum = f.agg("sumArrayIf(" + list + ", " + only + ")")
		a.count = "toInt256(" + f.agg("sumIf(length("+list+"), "+only+")") + ")"
	}
	return a
}

// aggregated writes the units of an aggregate; NULL when it is missing.
func (w *writer) aggregated(fn string, a aggregate) string {
	switch fn {
	case "sum":
		return w.inRange(a.sum)
	case "avg":
		return "if(" + a.count + " = 0, NULL, " + w.inRange(w.quotient(a.sum, a.count)) + ")"
	case "count_distinct":
		return "(" + a.count + " * " + tenTo9 + ")"
	}
	return a.end
}

// inRange writes units, or NULL for too many.
func (w *writer) inRange(units string) string {
	return w.let(units, func(n string) string { return "if(abs(" + n + ") < " + limit + ", " + n + ", NULL)" })
}

// quotient writes a over b, rounded half to even; 0 where b is 0.
func (w *writer) quotient(a, b string) string {
	return w.let2(a, b, func(a, b string) string {
		return w.let2("intDivOrZero(abs("+a+"), abs("+b+"))", "2 * moduloOrZero(abs("+a+"), abs("+b+"))", func(q, rest string) string {
			return "(" + q + " + if(" + rest + " > abs(" + b + ") OR " + rest + " = abs(" + b + ") AND " + q + " % 2 = 1 AND " + b + " <> 0, 1, 0)) * if((" + a + " < 0) <> (" + b + " < 0), -1, 1)"
		})
	})
}

// consent compares what counts for a purpose and channel.
func consent(f *frame, c *expr.ConsentCondition) string {
	at := func(purpose, channel string) string {
		return "nullIf(JSONExtractString(" + f.base + ".consents, " + text(purpose) + ", " + text(channel) + "), '')"
	}
	return "(coalesce(" + at("="+c.Purpose, "="+c.Channel) + ", " + at("="+c.Purpose, "*") + ", " + at("*", "="+c.Channel) + ", " + at("*", "*") + ", '') = " + text(c.State) + ")"
}

// account tells that some account of the person meets the condition.
func (w *writer) account(f *frame, c *expr.AccountCondition) string {
	q := w.frame(expr.Account)
	is := w.condition(q, c.Condition)
	name := w.name("k_any")
	w.parts = append(w.parts, name+" AS (SELECT k_m.person AS id FROM k_m ALL INNER JOIN (SELECT k_q.id AS id FROM "+q.from(is)+" WHERE "+is+") AS k ON k.id = k_m.account)")
	return f.in(name)
}

// members asks a condition of the persons of an account.
func (w *writer) members(f *frame, c *expr.MembersCondition) string {
	p := w.frame(expr.Profile)
	is := w.condition(p, c.Condition)
	if c.Match == "all" {
		is = "NOT (" + is + ")"
	}
	name := w.name("k_of")
	w.parts = append(w.parts, name+" AS (SELECT k_m.account AS id FROM k_m ALL INNER JOIN (SELECT k_p.id AS id FROM "+p.from(is)+" WHERE "+is+") AS k ON k.id = k_m.person)")
	in := f.in(name)
	if c.Match == "any" {
		return in
	}
	return "(NOT " + in + ")"
}

// entity counts the rows that belong to a person.
func (w *writer) entity(f *frame, c *expr.EntityCondition) string {
	n, ok := c.Value.Int()
	if !ok {
		w.refuse("a number of rows is compared with no whole number")
	}
	row := w.name("x")
	rows := "JSONExtractArrayRaw(" + f.base + ".rows, " + key(c.Entity) + ")"
	if len(c.Lines) == 0 {
		return "(length(" + rows + ") " + condition.Symbol(c.Op) + " " + whole(n) + ")"
	}
	var places []location
	is, lists := "1", w.name("x")
	for i := range c.Lines {
		l := &c.Lines[i]
		places = append(places, location{row, l.Field.Path})
		is += " AND " + w.test(l.Op, &l.Operand, lists+"["+strconv.Itoa(i+1)+"]")
	}
	return "(arrayCount(" + lists + " -> " + is + ", arrayMap(" + row + " -> " + w.lists(places) + ", " + rows + ")) " + condition.Symbol(c.Op) + " " + whole(n) + ")"
}
