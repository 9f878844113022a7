package expr

import (
	"bytes"
	"strings"

	"kith/internal/decimal"
	"kith/internal/strictjson"
)

// Kind is the type of a value.
type Kind uint8

// The kinds. A Value is never null and never an array: null is a missing value,
// and an array stands for its elements.
const (
	String Kind = iota + 1
	Number
	Bool
	Object // compared as a whole, with nothing but itself
	Unfit  // a number that is too large to take part
)

// Value is one value that a path leads to. Two values are the same when they are
// equal with ==: numbers by their size, everything else by its text.
type Value struct {
	Kind Kind
	Bool bool
	Num  decimal.Decimal
	Text string // of a string; canonical JSON of an object and of an unfit number
}

// Text makes the value of a string.
func Text(s string) Value { return Value{Kind: String, Text: s} }

// Num makes the value of a number.
func Num(d decimal.Decimal) Value { return Value{Kind: Number, Num: d} }

// Truth makes the value of a boolean.
func Truth(b bool) Value { return Value{Kind: Bool, Bool: b} }

// Compare orders values of one kind: numbers by size, strings by code point,
// false before true. Kinds come in the order of their constants.
func (v Value) Compare(w Value) int {
	switch {
	case v.Kind != w.Kind:
		return int(v.Kind) - int(w.Kind)
	case v.Kind == Number:
		return v.Num.Cmp(w.Num)
	case v.Bool != w.Bool:
		if w.Bool {
			return -1
		}
		return 1
	}
	return strings.Compare(v.Text, w.Text) // UTF-8 sorts by code point
}

// AppendJSON appends the value as JSON.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.Kind {
	case String:
		return strictjson.AppendString(b, v.Text)
	case Number:
		return v.Num.AppendTo(b)
	case Bool:
		if v.Bool {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	}
	return append(b, v.Text...)
}

// Leaves appends the values that a JSON value stands for: none for null and for
// what is missing, those of its elements for an array, else itself.
func Leaves(out []Value, v strictjson.Value) []Value {
	switch v.Kind() {
	case strictjson.Missing, strictjson.Null:
		return out
	case strictjson.Array:
		for e := range v.Elements() {
			out = Leaves(out, e)
		}
		return out
	case strictjson.String:
		return append(out, Text(v.Text()))
	case strictjson.Bool:
		return append(out, Truth(v.Bool()))
	case strictjson.Number:
		return append(out, number(v.Raw(), v))
	}
	return append(out, Value{Kind: Object, Text: string(v.AppendCanonical(nil))})
}

func number(literal []byte, v strictjson.Value) Value {
	d, err := decimal.Parse(literal)
	if err != nil {
		return Value{Kind: Unfit, Text: string(v.AppendCanonical(nil))}
	}
	return Num(d)
}

// Values returns the values that a JSON text stands for; a text that is no JSON
// stands for none.
func Values(text []byte) []Value {
	if v, ok := plain(text); ok {
		return []Value{v}
	}
	var doc strictjson.Doc
	if len(text) == 0 || doc.Parse(text, strictjson.Limits{}) != nil {
		return nil
	}
	return Leaves(nil, doc.Root())
}

// plain reads the texts that nearly all values are, without a parser: a string
// without escapes, a number, a boolean.
func plain(text []byte) (Value, bool) {
	if len(text) == 0 {
		return Value{}, false
	}
	switch c := text[0]; {
	case c == '"':
		if len(text) < 2 || text[len(text)-1] != '"' || bytes.IndexByte(text, '\\') >= 0 {
			return Value{}, false
		}
		return Text(string(text[1 : len(text)-1])), true
	case c == '-' || c >= '0' && c <= '9':
		d, err := decimal.Parse(text)
		return Num(d), err == nil
	}
	switch string(text) {
	case "true":
		return Truth(true), true
	case "false":
		return Truth(false), true
	}
	return Value{}, false
}
