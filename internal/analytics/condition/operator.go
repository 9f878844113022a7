package condition

import (
	"strings"
	"time"

	"kith/internal/expr"
)

// test writes an operator over a list of values.
func (w *writer) test(op *expr.Operator, x *expr.Operand, list string) string {
	if op.Opposite != nil {
		return "NOT " + w.test(op.Opposite, x, list)
	}
	v := w.name("v")
	some := func(is string) string {
		return "(len(list_filter(" + list + ", lambda " + v + ": " + is + ")) > 0)"
	}
	is := v + ".k = 1 AND "
	switch op.Name {
	case "eq":
		return some(v + " = " + constant(x.Values[0]))
	case "in":
		var all []string
		for _, one := range x.Values {
			all = append(all, constant(one))
		}
		return some("list_contains([" + strings.Join(all, ", ") + "], " + v + ")")
	case "lt", "lte", "gt", "gte":
		if one := x.Values[0]; one.Kind == expr.Number {
			return some(v + ".k = 2 AND " + v + ".n " + Symbol(op.Name) + " " + inUnits(one.Num))
		}
		return some(is + v + ".t " + Symbol(op.Name) + " " + text(x.Values[0].Text))
	case "contains":
		return some(is + "contains(" + v + ".t, " + text(x.Text) + ")")
	case "starts_with":
		return some(is + "starts_with(" + v + ".t, " + text(x.Text) + ")")
	case "ends_with":
		return some(is + "suffix(" + v + ".t, " + text(x.Text) + ")")
	case "matches":
		return some(is + "regexp_matches(" + v + ".t, " + text(x.Text) + ")")
	case "not_contains":
		return "(len(" + list + ") = 0 OR len(list_filter(" + list + ", lambda " + v + ": " + v + ".k = 1)) > 0 AND NOT " + some(is+"contains("+v+".t, "+text(x.Text)+")") + ")"
	case "exists":
		return "(len(" + list + ") > 0)"
	}
	return some(v + ".k = 1 AND " + w.timed(op.Name, x, v+".t"))
}

// line writes a line about an event, without a reference.
func (w *writer) line(l *expr.Line) string {
	t, ok := w.typed(l.Field)
	if !ok {
		return w.test(l.Op, &l.Operand, w.field(l.Field))
	}
	return w.direct(l.Op, &l.Operand, t)
}

// direct writes an operator over the columns of a property, at most one of which
// has a value.
func (w *writer) direct(op *expr.Operator, x *expr.Operand, t typed) string {
	if op.Opposite != nil {
		return "NOT " + w.direct(op.Opposite, x, t)
	}
	is := func(test string) string { return "coalesce(" + test + ", false)" }
	switch op.Name {
	case "eq", "in":
		var all []string
		for _, v := range x.Values {
			switch v.Kind {
			case expr.Number:
				all = append(all, t.number+" = "+v.Num.String()+"::DECIMAL(38,9)")
			case expr.Bool:
				all = append(all, map[bool]string{true: t.boolean, false: "NOT " + t.boolean}[v.Bool])
			default:
				all = append(all, t.text+" = "+text(v.Text))
			}
		}
		return is(strings.Join(all, " OR "))
	case "lt", "lte", "gt", "gte":
		if v := x.Values[0]; v.Kind == expr.Number {
			return is(t.number + " " + Symbol(op.Name) + " " + v.Num.String() + "::DECIMAL(38,9)")
		}
		return is(t.text + " " + Symbol(op.Name) + " " + text(x.Values[0].Text))
	case "contains":
		return is("contains(" + t.text + ", " + text(x.Text) + ")")
	case "starts_with":
		return is("starts_with(" + t.text + ", " + text(x.Text) + ")")
	case "ends_with":
		return is("suffix(" + t.text + ", " + text(x.Text) + ")")
	case "matches":
		return is("regexp_matches(" + t.text + ", " + text(x.Text) + ")")
	case "not_contains":
		return "CASE WHEN " + t.text + " IS NOT NULL THEN NOT contains(" + t.text + ", " + text(x.Text) + ") ELSE " + t.number + " IS NULL AND " + t.boolean + " IS NULL END"
	case "exists":
		return "(" + t.text + " IS NOT NULL OR " + t.number + " IS NOT NULL OR " + t.boolean + " IS NOT NULL)"
	}
	return is(w.timed(op.Name, x, t.text))
}

// timed writes an operator over a text that may be a time.
func (w *writer) timed(op string, x *expr.Operand, t string) string {
	if w.q.Zone != nil && w.q.Zone != time.UTC {
		w.refuse("a date alone is its midnight in the workspace's zone, which only UTC has a form in SQL for")
	}
	now := w.q.Now
	is := ""
	switch op {
	case "before":
		is = "< " + whole(x.Time)
	case "after":
		is = "> " + whole(x.Time)
	case "within_last":
		is = "BETWEEN " + whole(now-x.Time+1) + " AND " + whole(now)
	case "within_next":
		is = "BETWEEN " + whole(now+1) + " AND " + whole(now+x.Time)
	default:
		w.refuse("the operator %s has no form in SQL", op)
	}
	return "coalesce(" + moment(t) + " " + is + ", false)"
}

// Symbol is the sign of one of the six comparisons, in any dialect.
func Symbol(op string) string {
	switch op {
	case "eq":
		return "="
	case "neq":
		return "<>"
	case "lt":
		return "<"
	case "lte":
		return "<="
	case "gt":
		return ">"
	}
	return ">="
}

// refers writes the comparison of values with referred ones.
func (w *writer) refers(op *expr.Operator, list, others string) string {
	base, not := op, ""
	if op.Opposite != nil {
		base, not = op.Opposite, "NOT "
	}
	v, o := w.name("v"), w.name("o")
	is := v + " = " + o
	if base.Name != "eq" {
		s := Symbol(base.Name)
		is = v + ".k = " + o + ".k AND (" + v + ".k = 2 AND " + v + ".n " + s + " " + o + ".n OR " + v + ".k = 1 AND " + v + ".t " + s + " " + o + ".t)"
	}
	return "(len(" + others + ") > 0 AND " + not + "(len(list_filter(" + list + ", lambda " + v + ": len(list_filter(" + others + ", lambda " + o + ": " + is + ")) > 0)) > 0))"
}
