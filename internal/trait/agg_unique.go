package trait

import (
	"kith/internal/decimal"
	"kith/internal/expr"
)

// listMax bounds a list: its first values.
const listMax = 1000

// computeUniqueList is the different values, ascending.
func computeUniqueList(d *Definition, counted expr.Counted) Value {
	all := counted.Fold("count_distinct", d.Property).Values()
	v := Value{Truncated: len(all) > listMax, JSON: []byte{'['}}
	if v.Truncated {
		all = all[:listMax]
	}
	v.Values = all
	for i, one := range all {
		if i > 0 {
			v.JSON = append(v.JSON, ',')
		}
		v.JSON = one.AppendJSON(v.JSON)
	}
	v.JSON = append(v.JSON, ']')
	return v
}

// computeUniqueCount is the number of different values.
func computeUniqueCount(d *Definition, counted expr.Counted) Value {
	return number(decimal.FromInt(int64(len(counted.Fold("count_distinct", d.Property).Distinct))), true)
}
