package trait

import (
	"kith/internal/decimal"
	"kith/internal/expr"
)

// sinceFirst counts whole seconds from the first event on.
func sinceFirst(_ *Definition, counted expr.Counted) Value {
	for e := range counted.Forward() {
		return since(e)
	}
	return Value{}
}

// sinceLast counts whole seconds from the last event on.
func sinceLast(_ *Definition, counted expr.Counted) Value {
	for e := range counted.Backward() {
		return since(e)
	}
	return Value{}
}

func since(e *expr.Event) Value {
	return Value{Trait: expr.Trait{Running: true, Since: e.Timestamp}}
}

// run sets what the clock shows now.
func (v *Value) run(now int64) {
	shown := of(expr.Num(decimal.FromInt((now - v.Since) / 1000)))
	v.Values, v.JSON = shown.Values, shown.JSON
}
