package trait

import "kith/internal/expr"

// computeFirst is the property of the first event that has one, an array whole.
func computeFirst(d *Definition, counted expr.Counted) Value {
	for e := range counted.Forward() {
		if v, ok := d.whole(e); ok {
			return v
		}
	}
	return Value{}
}

// computeLast is the property of the last event that has one, an array whole.
func computeLast(d *Definition, counted expr.Counted) Value {
	for e := range counted.Backward() {
		if v, ok := d.whole(e); ok {
			return v
		}
	}
	return Value{}
}

// whole is the property of one event as it was sent; false when it has none.
func (d *Definition) whole(e *expr.Event) (Value, bool) {
	text := e.Fields.Text(expr.Field{Path: d.Property})
	values := expr.Values(text)
	if len(values) == 0 {
		return Value{}, false
	}
	return Value{Trait: expr.Trait{Values: values}, JSON: text}, true
}
