package decision

import (
	"strconv"

	"kith/internal/resource/form"
)

// Codes of refusals.
const (
	CodeTooMany = "decision.too_many_pairs"
	CodeSame    = "decision.same_identifier"
)

// valueBytes bounds an identifier in a body; the engine has a bound of its own.
const valueBytes = 1024

// ReadBody reads the body of a request to decide something of a kind. The error is
// of kind Invalid with the place of every mistake.
func ReadBody(kind Kind, body []byte) (Decision, error) {
	d := Decision{Kind: kind}
	err := form.Read(body, func(o *form.Object) {
		switch kind {
		case Merge:
			d.A, d.B = readValue(o, "a"), readValue(o, "b")
		case Split:
			d.Left, d.Right = readSide(o, "left"), readSide(o, "right")
			if len(d.Left)*len(d.Right) > PairsMax {
				o.Refuse("", CodeTooMany, "a split keeps at most "+strconv.Itoa(PairsMax)+" pairs apart; make several of it")
			}
		case Retract:
			d.Source, d.Run = o.Required("source", 64), o.Required("run", valueBytes)
		}
		d.Reason = o.Text("reason", TextMax)
	})
	return d, err
}

func readValue(o *form.Object, name string) *Value {
	if !o.Has(name) {
		o.Refuse(name, form.CodeRequired, `must be an identifier such as {"type":"user_id","value":"u1"}`)
		o.Skip(name)
		return &Value{}
	}
	v := &Value{}
	o.Object(name, func(o *form.Object) { *v = value(o) })
	return v
}

func value(o *form.Object) Value {
	return Value{Type: o.Required("type", 64), Value: o.Required("value", valueBytes)}
}

func readSide(o *form.Object, name string) []Value {
	var side []Value
	o.Objects(name, SideMax, func(o *form.Object) { side = append(side, value(o)) })
	if !o.Has(name) {
		o.Refuse(name, form.CodeRequired, "must be a list of identifiers")
	} else if len(side) == 0 {
		o.Refuse(name, form.CodeRequired, "must name at least one identifier")
	}
	return side
}
