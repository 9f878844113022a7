package expr

// opMatches holds when some value is a string in which the RE2 pattern is found
// anywhere.
func opMatches() *Operator {
	return &Operator{
		Name: "matches",
		Read: readPattern,
		Test: func(x *Operand, values []Value, _ *Context) bool {
			for _, v := range values {
				if v.Kind == String && x.Match(v.Text) {
					return true
				}
			}
			return false
		},
	}
}
