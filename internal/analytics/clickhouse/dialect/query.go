package dialect

import (
	"strconv"

	"kith/internal/analytics"
	"kith/internal/expr"
)

// Sizes implements condition.Form.
func (q Question) Sizes(conditions []expr.Condition, sampled []int, sample int) (analytics.Query, error) {
	w := newWriter(q)
	from, columns := w.verdicts(conditions, "", ""), "count() AS asked"
	for i := range conditions {
		n := strconv.Itoa(i)
		columns += ", countIf(c" + n + ") AS n" + n
	}
	for _, i := range sampled {
		// One more than asked for, as the server knows no least none.
		n := strconv.Itoa(i)
		columns += ", arrayStringConcat(arraySlice(groupArraySortedIf(" + strconv.Itoa(sample+1) + ")(id, c" + n + "), 1, " + strconv.Itoa(sample) + "), ',') AS s" + n
	}
	return w.statement("SELECT " + columns + " FROM (" + from + ")")
}

// Regions implements condition.Form.
func (q Question) Regions(conditions []expr.Condition) (analytics.Query, error) {
	w := newWriter(q)
	from, bits := w.verdicts(conditions, "", ""), "toInt64(0)"
	for i := range conditions {
		bits += " + c" + strconv.Itoa(i) + " * " + strconv.Itoa(1<<i)
	}
	return w.statement("SELECT " + bits + " AS region, count() AS size FROM (" + from + ") GROUP BY region ORDER BY region")
}

// Breakdown implements condition.Form.
func (q Question) Breakdown(c expr.Condition, trait string) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	list, is := w.trait(f, trait), w.condition(f, c)
	return w.statement("SELECT if(empty(v), NULL, " + w.shownValue("v") + ") AS value, size FROM (SELECT v, count() AS size FROM (SELECT arrayJoin(" +
		w.let("arrayDistinct("+list+")", func(l string) string { return "if(empty(" + l + "), [''], " + l + ")" }) +
		") AS v FROM " + f.from(list+is) + " WHERE " + is + ") GROUP BY v) ORDER BY size DESC, empty(v), v")
}
