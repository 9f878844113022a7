package strictjson

import "iter"

// Kind is what a Value is.
type Kind uint8

// The kinds. Missing is the zero value: there is no such value.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String returns the kind's lower-case name.
func (k Kind) String() string {
	names := [...]string{"missing", "null", "bool", "number", "string", "array", "object"}
	if int(k) < len(names) {
		return names[k]
	}
	return "missing"
}

// Value is a place in a Doc, small and passed by value. The zero Value is
// Missing, and every method may be called on it. A Value lives until its Doc
// parses again.
type Value struct {
	d *Doc
	i uint32
}

// Key is the name of an object's member.
type Key struct{ v Value }

func (v Value) node() *node { return &v.d.nodes[v.i] }

// inner returns a string's bytes between the quotes.
func (v Value) inner() []byte {
	n := v.node()
	return v.d.data[n.start+1 : n.end-1]
}

// Kind returns what the value is.
func (v Value) Kind() Kind {
	if v.d == nil {
		return Missing
	}
	return v.node().kind()
}

// Exists reports whether there is such a value; null is one.
func (v Value) Exists() bool { return v.d != nil }

// Span returns the offsets of the value's first byte and behind its last one.
func (v Value) Span() (start, end int) {
	if v.d == nil {
		return 0, 0
	}
	n := v.node()
	return int(n.start), int(n.end)
}

// Raw returns the bytes of the value as written, without white space around
// it. They are part of the data that was parsed, not a copy.
func (v Value) Raw() []byte {
	if v.d == nil {
		return nil
	}
	n := v.node()
	return v.d.data[n.start:n.end:n.end]
}

// Get returns the object's member of that name, compared exactly with the
// decoded key, the first one if it is repeated. It is Missing when there is no
// such member or v is no object. The search is linear.
func (v Value) Get(key string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	nodes, data := v.d.nodes, v.d.data
	for k, end := v.i+1, nodes[v.i].next; k < end; k = nodes[k+1].next {
		n := &nodes[k]
		raw := data[n.start+1 : n.end-1]
		if string(raw) == key && n.meta&flagEscaped == 0 || n.meta&flagEscaped != 0 && textIs(raw, key) {
			return Value{v.d, k + 1}
		}
	}
	return Value{}
}

// Path follows keys from object to object, as Get does.
func (v Value) Path(keys ...string) Value {
	for _, key := range keys {
		v = v.Get(key)
	}
	return v
}

// Len returns how many members or elements an object or array has, and 0 for
// everything else.
func (v Value) Len() int {
	if v.d == nil {
		return 0
	}
	return int(v.node().meta >> countShift)
}

// Members ranges over an object's members in their order in the text; there
// are none if v is no object.
func (v Value) Members() iter.Seq2[Key, Value] {
	return func(yield func(Key, Value) bool) { v.members(yield) }
}

func (v Value) members(yield func(Key, Value) bool) {
	if v.Kind() != Object {
		return
	}
	nodes := v.d.nodes
	for k, end := v.i+1, nodes[v.i].next; k < end; k = nodes[k+1].next {
		if !yield(Key{Value{v.d, k}}, Value{v.d, k + 1}) {
			return
		}
	}
}

// Elements ranges over an array's elements; there are none if v is no array.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) { v.elements(yield) }
}

func (v Value) elements(yield func(Value) bool) {
	if v.Kind() != Array {
		return
	}
	nodes := v.d.nodes
	for e, end := v.i+1, nodes[v.i].next; e < end; e = nodes[e].next {
		if !yield(Value{v.d, e}) {
			return
		}
	}
}

// Text returns the decoded string, with U+FFFD for NUL and for each lone
// surrogate; it is empty for every other kind. It is a copy, so it outlives
// the data.
func (v Value) Text() string {
	if v.Kind() != String {
		return ""
	}
	raw := v.inner()
	if v.node().meta&flagEscaped == 0 {
		return string(raw)
	}
	return decodedString(raw)
}

// TextBytes appends to dst what Text returns.
func (v Value) TextBytes(dst []byte) []byte {
	if v.Kind() != String {
		return dst
	}
	if v.node().meta&flagEscaped == 0 {
		return append(dst, v.inner()...)
	}
	return decode(dst, v.inner())
}

// Is reports whether v is a string with exactly this decoded text. It
// allocates nothing.
func (v Value) Is(text string) bool {
	if v.Kind() != String {
		return false
	}
	if v.node().meta&flagEscaped == 0 {
		return string(v.inner()) == text
	}
	return textIs(v.inner(), text)
}

// Bool reports whether v is the literal true.
func (v Value) Bool() bool {
	return v.Kind() == Bool && v.d.data[v.node().start] == 't'
}

// String returns the decoded key; see Value.Text.
func (k Key) String() string { return k.v.Text() }

// AppendTo appends the decoded key to dst.
func (k Key) AppendTo(dst []byte) []byte { return k.v.TextBytes(dst) }

// Is reports whether the decoded key is name. It allocates nothing.
func (k Key) Is(name string) bool { return k.v.Is(name) }

// Raw returns the key as written, with its quotes.
func (k Key) Raw() []byte { return k.v.Raw() }

// Span returns the offsets of the key's quote and behind its last one.
func (k Key) Span() (start, end int) { return k.v.Span() }

// Replaced reports whether the key holds NUL or a lone surrogate, which decode
// as U+FFFD.
func (k Key) Replaced() bool { return k.v.d != nil && k.v.node().meta&flagReplaced != 0 }
