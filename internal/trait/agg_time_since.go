package trait

import (
	"kith/internal/decimal"
	"kith/internal/expr"
)

// sinceFirst counts whole seconds from the first event on.
func sinceFirst(_ *Definition, counted []*expr.Event) Value {
	if len(counted) == 0 {
		return Value{}
	}
	return Value{Trait: expr.Trait{Running: true, Since: counted[0].Timestamp}}
}

// sinceLast counts whole seconds from the last event on.
func sinceLast(_ *Definition, counted []*expr.Event) Value {
	if len(counted) == 0 {
		return Value{}
	}
	return Value{Trait: expr.Trait{Running: true, Since: counted[len(counted)-1].Timestamp}}
}

// run sets what the clock shows now.
func (v *Value) run(now int64) {
	shown := of(expr.Num(decimal.FromInt((now - v.Since) / 1000)))
	v.Values, v.JSON = shown.Values, shown.JSON
}
