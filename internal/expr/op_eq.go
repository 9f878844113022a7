package expr

// opEq holds when some value is equal to the operand. Types never convert: a
// value of another type is unequal.
func opEq() *Operator {
	return &Operator{
		Name: "eq",
		Read: readScalar,
		Test: func(x *Operand, values []Value, _ *Context) bool {
			for _, v := range values {
				if v == x.Values[0] {
					return true
				}
			}
			return false
		},
		Order: func(v, other Value) bool { return v == other },
	}
}
