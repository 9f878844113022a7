package trait

import "kith/internal/expr"

// aggregate is sum, avg, min or max of the numbers that the property leads to:
// each element of an array counts, and everything else is passed over. The sum of
// nothing is 0; the others are absent.
func aggregate(fn string) func(*Definition, expr.Counted) Value {
	return func(d *Definition, counted expr.Counted) Value {
		v := counted.Fold(fn, d.Property).Value(fn)
		if len(v) == 0 {
			return Value{}
		}
		return of(v[0])
	}
}
