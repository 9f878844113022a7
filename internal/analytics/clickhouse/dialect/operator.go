package dialect

import (
	"strings"
	"time"

	"kith/internal/analytics/condition"
	"kith/internal/expr"
)

// test writes an operator over a list of values.
func (w *writer) test(op *expr.Operator, x *expr.Operand, list string) string {
	if op.Opposite != nil {
		return "(NOT " + w.test(op.Opposite, x, list) + ")"
	}
	v := w.name("x")
	some := func(is string) string { return "arrayExists(" + v + " -> " + is + ", " + list + ")" }
	rest := "substring(" + v + ", 2)"
	switch op.Name {
	case "eq", "in":
		var all []string
		for _, one := range x.Values {
			all = append(all, text(constant(one)))
		}
		return "hasAny(" + list + ", [" + strings.Join(all, ", ") + "])"
	case "lt", "lte", "gt", "gte":
		c := constant(x.Values[0])
		return some("startsWith(" + v + ", " + text(c[:1]) + ") AND " + v + " " + condition.Symbol(op.Name) + " " + text(c))
	case "contains":
		return some("startsWith(" + v + ", '1') AND position(" + rest + ", " + text(x.Text) + ") > 0")
	case "starts_with":
		return some("startsWith(" + v + ", " + text("1"+x.Text) + ")")
	case "ends_with":
		return some("startsWith(" + v + ", '1') AND endsWith(" + rest + ", " + text(x.Text) + ")")
	case "matches":
		// The server lets a point stand for the end of a line too.
		return some("startsWith(" + v + ", '1') AND match(" + rest + ", " + text("(?-s)"+x.Text) + ")")
	case "not_contains":
		return "(empty(" + list + ") OR " + some("startsWith("+v+", '1')") + " AND NOT " + some("startsWith("+v+", '1') AND position("+rest+", "+text(x.Text)+") > 0") + ")"
	case "exists":
		return "notEmpty(" + list + ")"
	}
	return some("startsWith(" + v + ", '1') AND " + w.timed(op.Name, x, rest))
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
	return "ifNull(" + w.moment(t) + " " + is + ", 0)"
}

// refers writes the comparison of values with referred ones.
func (w *writer) refers(op *expr.Operator, list, others string) string {
	base, not := op, ""
	if op.Opposite != nil {
		base, not = op.Opposite, "NOT "
	}
	is := "hasAny(" + list + ", " + others + ")"
	if base.Name != "eq" {
		v, o := w.name("x"), w.name("x")
		is = "arrayExists(" + v + " -> substring(" + v + ", 1, 1) IN ('1', '2') AND arrayExists(" + o + " -> substring(" + v + ", 1, 1) = substring(" + o + ", 1, 1) AND " + v + " " + condition.Symbol(base.Name) + " " + o + ", " + others + "), " + list + ")"
	}
	return "(notEmpty(" + others + ") AND " + not + is + ")"
}
