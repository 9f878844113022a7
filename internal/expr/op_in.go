package expr

// opIn holds when some value is equal to one of the list.
func opIn() *Operator {
	return &Operator{
		Name: "in",
		Read: readList,
		Test: func(x *Operand, values []Value, _ *Context) bool {
			for _, v := range values {
				if x.Set[v] {
					return true
				}
			}
			return false
		},
	}
}
