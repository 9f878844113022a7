package expr

import (
	"slices"

	"kith/internal/resource/form"
)

// Operator compares the values that a path leads to with an operand.
type Operator struct {
	Name string

	// Read takes the operand, the field value, from the line's object.
	Read func(r *reader, o *form.Object) Operand

	// Test reports whether the operator holds for the values. An operator that is
	// the opposite of another one has Opposite instead.
	Test     func(x *Operand, values []Value, at *Context) bool
	Opposite *Operator

	// Next is, for an operator whose verdict changes with time alone, the earliest
	// moment after now at which it can.
	Next func(x *Operand, values []Value, at *Context) int64

	// Order is set for the six operators by which a reference can be compared: it
	// tells whether a value stands so to another one.
	Order func(v, other Value) bool
}

// Operators returns the operators, in the order in which they are listed to
// people.
func Operators() []*Operator {
	return []*Operator{
		opEq(), opposite("neq", opEq()),
		opCompare("lt"), opCompare("lte"), opCompare("gt"), opCompare("gte"),
		opIn(), opposite("not_in", opIn()),
		opContains(), opNotContains(), opStartsWith(), opEndsWith(), opMatches(),
		opExists(), opposite("not_exists", opExists()),
		opBefore(), opAfter(), opWithinLast(), opWithinNext(),
	}
}

// opposite is the operator that holds exactly where op does not.
func opposite(name string, op *Operator) *Operator {
	return &Operator{Name: name, Read: op.Read, Opposite: op, Next: op.Next, Order: op.Order}
}

// Operand is what an operator compares with.
type Operand struct {
	Values []Value // one, or those of a list
	Set    map[Value]bool
	Match  func(string) bool // of matches
	Text   string            // of a text, a pattern or a time, as written
	Time   int64             // of a time; of a duration its length
}

// holds asks an operator.
func (op *Operator) holds(x *Operand, values []Value, at *Context) bool {
	if op.Opposite != nil {
		return !op.Opposite.holds(x, values, at)
	}
	return op.Test(x, values, at)
}

// next returns when the operator's verdict can change by time alone.
func (op *Operator) next(x *Operand, values []Value, at *Context) int64 {
	if op.Next == nil {
		return Never
	}
	return op.Next(x, values, at)
}

// ordering returns the operator's name when it is one of the six that numbers are
// compared by.
func isOrdering(name string) bool {
	return slices.Contains([]string{"eq", "neq", "lt", "lte", "gt", "gte"}, name)
}

// holdsOrder tells whether c, the outcome of a comparison, is what the operator
// asks for.
func holdsOrder(name string, c int) bool {
	switch name {
	case "eq":
		return c == 0
	case "neq":
		return c != 0
	case "lt":
		return c < 0
	case "lte":
		return c <= 0
	case "gt":
		return c > 0
	}
	return c >= 0
}
