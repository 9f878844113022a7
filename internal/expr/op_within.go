package expr

// opWithinLast holds when some value is a time v with now − D < v ≤ now.
func opWithinLast() *Operator {
	return &Operator{
		Name: "within_last",
		Read: readDuration,
		Test: someTime(func(v, d, now int64) bool { return now-d < v && v <= now }),
		Next: nextTurn(func(v, d int64) [2]int64 { return [2]int64{v, add(v, d)} }),
	}
}

// opWithinNext holds when some value is a time v with now < v ≤ now + D.
func opWithinNext() *Operator {
	return &Operator{
		Name: "within_next",
		Read: readDuration,
		Test: someTime(func(v, d, now int64) bool { return now < v && v-d <= now }),
		Next: nextTurn(func(v, d int64) [2]int64 { return [2]int64{v - d, v} }),
	}
}

// nextTurn is the earliest moment to come at which a value's verdict turns; turns
// gives the two moments at which that of a time v does.
func nextTurn(turns func(v, d int64) [2]int64) func(*Operand, []Value, *Context) int64 {
	return func(x *Operand, values []Value, at *Context) int64 {
		next := int64(Never)
		for _, v := range values {
			t, ok := Time(v.Text, at.Zone)
			if v.Kind != String || !ok {
				continue
			}
			for _, turn := range turns(t, x.Time) {
				if turn > at.Now {
					next = min(next, turn)
				}
			}
		}
		return next
	}
}
