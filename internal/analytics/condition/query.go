package condition

import (
	"strconv"
	"strings"

	"kith/internal/analytics"
	"kith/internal/expr"
)

// Sizes implements Form.
func (q Question) Sizes(conditions []expr.Condition, sampled []int, sample int) (analytics.Query, error) {
	return q.over(conditions, func() string {
		columns := []string{"count(*) AS asked"}
		for i := range conditions {
			n := strconv.Itoa(i)
			columns = append(columns, "count(*) FILTER (WHERE c"+n+") AS n"+n)
		}
		for _, i := range sampled {
			// One more than asked for, as the engine knows no least none.
			n := strconv.Itoa(i)
			columns = append(columns, "array_to_string(coalesce(min(id, "+strconv.Itoa(sample+1)+") FILTER (WHERE c"+n+"), [])[1:"+strconv.Itoa(sample)+"], ',') AS s"+n)
		}
		return "SELECT " + strings.Join(columns, ", ") + " FROM k_v"
	})
}

// Regions implements Form.
func (q Question) Regions(conditions []expr.Condition) (analytics.Query, error) {
	return q.over(conditions, func() string {
		bits := "0"
		for i := range conditions {
			bits += " + c" + strconv.Itoa(i) + "::INTEGER * " + strconv.Itoa(1<<i)
		}
		return "SELECT " + bits + " AS region, count(*) AS size FROM k_v GROUP BY region ORDER BY region"
	})
}

// over returns a SELECT over k_v, which has the id of everybody and a column c0,
// c1 and so on for each condition.
func (q Question) over(conditions []expr.Condition, last func() string) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	var columns []string
	for i, c := range conditions {
		columns = append(columns, ", "+w.condition(f, c)+" AS c"+strconv.Itoa(i))
	}
	w.parts = append(w.parts, "k_v AS (SELECT "+f.base+".id AS id"+strings.Join(columns, "")+" FROM "+f.from()+")")
	return w.statement(last())
}

// Breakdown implements Form.
func (q Question) Breakdown(c expr.Condition, trait string) (analytics.Query, error) {
	w := newWriter(q)
	f := w.frame(q.Scope)
	list, is := w.trait(f, trait), w.condition(f, c)
	w.parts = append(w.parts,
		"k_v AS (SELECT list_distinct("+list+") AS l FROM "+f.from()+" WHERE "+is+")",
		"k_u AS (SELECT unnest(CASE WHEN len(l) = 0 THEN [NULL] ELSE l END) AS v FROM k_v)")
	return w.statement("SELECT CASE WHEN v IS NOT NULL THEN " + shownValue("v") + " END AS value, size FROM (SELECT v, count(*) AS size FROM k_u GROUP BY v) ORDER BY size DESC, v NULLS LAST")
}
