package trait

import "kith/internal/expr"

// computeMostFrequent is the value found most often; of those found equally often
// the least: numbers by size, strings by code point.
func computeMostFrequent(d *Definition, counted expr.Counted) Value {
	a := counted.Fold("count_distinct", d.Property)
	var best expr.Value
	most := int64(0)
	for _, v := range a.Values() { // ascending, so the least of equals stays
		if n := a.Distinct[v]; n > most {
			best, most = v, n
		}
	}
	if most == 0 {
		return Value{}
	}
	return of(best)
}
