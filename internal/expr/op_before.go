package expr

// opBefore holds when some value is a time strictly before the operand.
func opBefore() *Operator {
	return &Operator{Name: "before", Read: readTime, Test: someTime(func(v, x, _ int64) bool { return v < x })}
}

// opAfter holds when some value is a time strictly after the operand.
func opAfter() *Operator {
	return &Operator{Name: "after", Read: readTime, Test: someTime(func(v, x, _ int64) bool { return v > x })}
}

// someTime tests the times among the values.
func someTime(holds func(v, operand, now int64) bool) func(*Operand, []Value, *Context) bool {
	return func(x *Operand, values []Value, at *Context) bool {
		for _, v := range values {
			if v.Kind != String {
				continue
			}
			if t, ok := Time(v.Text, at.Zone); ok && holds(t, x.Time, at.Now) {
				return true
			}
		}
		return false
	}
}
