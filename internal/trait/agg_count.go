package trait

import (
	"kith/internal/decimal"
	"kith/internal/expr"
)

// computeCount is the number of events.
func computeCount(_ *Definition, counted expr.Counted) Value {
	return number(decimal.FromInt(int64(counted.Len())), true)
}

// number is the value of a number, or absent.
func number(n decimal.Decimal, ok bool) Value {
	if !ok {
		return Value{}
	}
	return of(expr.Num(n))
}

// of is the value of a trait that is one value.
func of(v expr.Value) Value {
	return Value{Trait: expr.Trait{Values: []expr.Value{v}}, JSON: v.AppendJSON(nil)}
}
