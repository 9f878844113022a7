package expr

import (
	"kith/internal/decimal"
	"kith/internal/resource/form"
)

// EventCondition counts or aggregates events within a window and compares the
// outcome with a number.
type EventCondition struct {
	Selection
	Window   Window
	Fn       string // count, or sum, avg, min, max, count_distinct of Property
	Property string
	Op       string
	Value    decimal.Decimal
}

func (r *reader) event(o *form.Object) Condition {
	c := &EventCondition{Selection: r.selection(o), Window: r.window(o), Fn: "count", Op: "gte", Value: decimal.FromInt(1)}
	o.Object("count", func(o *form.Object) { c.Op, c.Value = r.count(o) })
	if !o.Has("aggregate") {
		o.Skip("aggregate")
		return c
	}
	if o.Has("count") {
		o.Refuse("count", CodeForm, "cannot stand beside aggregate")
	}
	o.Object("aggregate", func(o *form.Object) {
		c.Fn = oneName(o, "fn", "sum", "avg", "min", "max", "count_distinct")
		c.Property = path(o, "property")
	})
	c.Op, c.Value = r.comparison(o)
	return c
}

// count reads the comparison of a number of events.
func (r *reader) count(o *form.Object) (string, decimal.Decimal) {
	op, value := r.comparison(o)
	if n, ok := value.Int(); !ok || n < 0 {
		o.Refuse("value", CodeOperand, "must be a whole number from 0")
	}
	return op, value
}

// Walk implements Condition.
func (c *EventCondition) Walk(f func(Condition)) { f(c) }

// Eval implements Condition.
func (c *EventCondition) Eval(x *Context) Result {
	t := c.Timeline(x, &c.Window, c.Property)
	counted := t.Counted(x.Now)
	var r Result
	r.Verdict = c.verdict(counted)
	r.Next = t.Turn(func(now int64) bool { return c.verdict(t.Counted(now)) != r.Verdict })
	if !x.Explain {
		return r
	}
	return x.explain(r, c, c.outcome(counted), newest(counted, eventsShown+1), nil)
}

// verdict compares the aggregate of the events.
func (c *EventCondition) verdict(events Counted) bool {
	if c.Fn == "count" {
		return holdsOrder(c.Op, decimal.FromInt(int64(events.Len())).Cmp(c.Value))
	}
	return events.Fold(c.Fn, c.Property).compare(c.Fn, c.Op, c.Value)
}

// outcome is the aggregate for an explanation.
func (c *EventCondition) outcome(events Counted) []Value {
	if c.Fn == "count" {
		return []Value{Num(decimal.FromInt(int64(events.Len())))}
	}
	return events.Fold(c.Fn, c.Property).Value(c.Fn)
}
