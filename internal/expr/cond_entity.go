package expr

import (
	"kith/internal/decimal"
	"kith/internal/resource/form"
)

// EntityCondition counts the rows of an entity that belong to the person.
type EntityCondition struct {
	Entity string
	Lines  []Line
	Op     string
	Value  decimal.Decimal
}

func (r *reader) entity(o *form.Object) Condition {
	c := &EntityCondition{Entity: o.Required("entity", NameBytesMax), Op: "gte", Value: decimal.FromInt(1)}
	c.Lines = r.lines(o, []string{"property"}, nil)
	o.Object("count", func(o *form.Object) { c.Op, c.Value = r.count(o) })
	return c
}

// Walk implements Condition.
func (c *EntityCondition) Walk(f func(Condition)) { f(c) }

// Eval implements Condition.
func (c *EntityCondition) Eval(x *Context) Result {
	picks := Selection{Lines: c.Lines}
	n := int64(0)
	for _, row := range x.Subject.Rows(c.Entity) {
		if picks.plain(row, x) {
			n++
		}
	}
	count := decimal.FromInt(n)
	r := Result{Verdict: holdsOrder(c.Op, count.Cmp(c.Value)), Next: Never}
	return x.explain(r, c, []Value{Num(count)}, nil, nil)
}
