package expr

// opCompare is lt, lte, gt or gte: some value of the operand's type stands so to
// the operand, numbers by size and strings by code point.
func opCompare(name string) *Operator {
	order := func(v, other Value) bool {
		return v.Kind == other.Kind && (v.Kind == Number || v.Kind == String) && holdsOrder(name, v.Compare(other))
	}
	return &Operator{
		Name: name,
		Read: readOrdered,
		Test: func(x *Operand, values []Value, _ *Context) bool {
			for _, v := range values {
				if order(v, x.Values[0]) {
					return true
				}
			}
			return false
		},
		Order: order,
	}
}
