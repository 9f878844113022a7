package expr

import "strings"

// opEndsWith holds when some value is a string that ends with the operand.
func opEndsWith() *Operator {
	return &Operator{Name: "ends_with", Read: readText, Test: someText(strings.HasSuffix)}
}
