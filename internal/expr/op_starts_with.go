package expr

import "strings"

// opStartsWith holds when some value is a string that begins with the operand.
func opStartsWith() *Operator {
	return &Operator{Name: "starts_with", Read: readText, Test: someText(strings.HasPrefix)}
}
