package expr

import "strings"

// opContains holds when some value is a string that has the operand inside.
func opContains() *Operator {
	return &Operator{Name: "contains", Read: readText, Test: someText(strings.Contains)}
}

// opNotContains holds when there is no value, or when there is a string and none
// has the operand inside. Values of other types alone are a wrong type.
func opNotContains() *Operator {
	return &Operator{
		Name: "not_contains",
		Read: readText,
		Test: func(x *Operand, values []Value, _ *Context) bool {
			texts := 0
			for _, v := range values {
				if v.Kind != String {
					continue
				}
				texts++
				if strings.Contains(v.Text, x.Text) {
					return false
				}
			}
			return texts > 0 || len(values) == 0
		},
	}
}

// someText tests the strings among the values.
func someText(holds func(text, operand string) bool) func(*Operand, []Value, *Context) bool {
	return func(x *Operand, values []Value, _ *Context) bool {
		for _, v := range values {
			if v.Kind == String && holds(v.Text, x.Text) {
				return true
			}
		}
		return false
	}
}
