// Package trait is computed traits: what a definition says, and the value that it
// has for a person's events at one moment.
//
// A type of trait is one line in the table of types and one file. All of them are
// functions of a set of events: the order in which events arrived does not show.
package trait

import (
	"slices"
	"strings"

	"kith/internal/expr"
	"kith/internal/resource/form"
)

// Definition is one computed trait.
type Definition struct {
	Key   string
	Name  string // for people
	Scope expr.Scope
	Type  string

	Selection expr.Selection
	Window    expr.Window
	Property  string // a path; of the types that need one

	Expression *Expression // of the type expression; nothing above is set then
	RFM        *RFM        // of the type rfm
}

// Value is the value of a trait at a moment.
type Value struct {
	expr.Trait
	JSON      []byte // as it stands in the profile; nil when the trait is absent
	Truncated bool   // a list that holds the first 1,000 values only

	stored []byte // of a trait that is worked out for everybody, without what is the same for all
}

// Type is one type of trait.
type Type struct {
	Name     string
	Property bool // needs one

	// Compute folds the events that count.
	Compute func(d *Definition, counted expr.Counted) Value
}

// Types returns the types that are made of events, in the order in which they are
// listed to people.
func Types() []Type {
	return []Type{
		{"count", false, computeCount},
		{"sum", true, aggregate("sum")}, {"avg", true, aggregate("avg")}, {"min", true, aggregate("min")}, {"max", true, aggregate("max")},
		{"first", true, computeFirst}, {"last", true, computeLast},
		{"most_frequent", true, computeMostFrequent},
		{"unique_list", true, computeUniqueList}, {"unique_count", true, computeUniqueCount},
		{"time_since_first", false, sinceFirst}, {"time_since_last", false, sinceLast},
	}
}

func typeOf(name string) (Type, bool) {
	for _, t := range Types() {
		if t.Name == name {
			return t, true
		}
	}
	return Type{}, false
}

// Timed reports whether the type's value runs with time.
func (d *Definition) Timed() bool { return strings.HasPrefix(d.Type, "time_since_") }

const nameBytesMax = 200

// Read reads the fields of the object as the definition of that key. What is wrong
// is refused on the object.
func Read(o *form.Object, key string, opts expr.Options) *Definition {
	d := &Definition{Key: key, Name: o.Text("name", nameBytesMax), Type: o.Required("type", 64)}
	if d.Name == "" {
		d.Name = key
	}
	switch s := o.Text("scope", 16); s {
	case "", "profile":
	case "account":
		d.Scope = expr.Account
	default:
		o.Refuse("scope", form.CodeInvalid, "must be profile or account")
	}
	if d.Type == "expression" {
		d.readExpression(o)
		return d
	}
	d.Selection, d.Window = expr.ReadSelection(o, opts), expr.ReadWindow(o, opts)
	if d.Type == TypeRFM {
		d.readRFM(o)
		return d
	}
	t, ok := typeOf(d.Type)
	switch {
	case !ok && d.Type != "":
		o.Refuse("type", form.CodeInvalid, "must be "+strings.Join(typeNames(), ", "))
		o.Skip("property")
	case t.Property:
		d.Property = expr.ReadPath(o, "property")
	case o.Has("property"):
		o.Refuse("property", form.CodeInvalid, "is not for this type: it counts events")
		o.Skip("property")
	}
	return d
}

func typeNames() []string {
	var names []string
	for _, t := range Types() {
		names = append(names, t.Name)
	}
	return append(names, "expression", TypeRFM)
}

// Eval computes the trait for the subject of the context. It is not for
// expressions; see Expression.Eval.
func (d *Definition) Eval(x *expr.Context) Value {
	t, ok := typeOf(d.Type)
	if !ok {
		return Value{Trait: expr.Trait{Next: expr.Never}}
	}
	line := d.Selection.Timeline(x, &d.Window, d.Property)
	v := t.Compute(d, line.Counted(x.Now))
	v.Next = line.Turn(func(now int64) bool { return !v.same(t.Compute(d, line.Counted(now))) })
	if v.Running {
		v.run(x.Now)
	}
	return v
}

func (v *Value) same(w Value) bool {
	return string(v.JSON) == string(w.JSON) && v.Running == w.Running && v.Since == w.Since && slices.Equal(v.Values, w.Values)
}
