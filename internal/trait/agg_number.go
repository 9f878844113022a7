package trait

import "kith/internal/expr"

// aggregate is sum, avg, min or max of the numbers that the property leads to:
// each element of an array counts, and everything else is passed over. The sum of
// nothing is 0; the others are absent.
func aggregate(fn string) func(*Definition, []*expr.Event) Value {
	return func(d *Definition, counted []*expr.Event) Value {
		v := d.fold(fn, counted).Value(fn)
		if len(v) == 0 {
			return Value{}
		}
		return of(v[0])
	}
}

// fold aggregates the property's values.
func (d *Definition) fold(fn string, counted []*expr.Event) *expr.Aggregate {
	a := expr.NewAggregate(fn)
	for _, e := range counted {
		a.Add(e.Fields.Values(expr.Field{Path: d.Property}))
	}
	return a
}
