package expr

import (
	"encoding/binary"
	"slices"

	"kith/event"
	"kith/internal/strictjson"
)

// projectedMax bounds what is kept of one field in bytes. A longer one is read
// from the event's body when it is asked for.
const projectedMax = 512

// Projection is the fields of events that definitions name, in the order in which
// they were first named. It only ever grows, so that what was projected under a
// shorter one can still be read: a field beyond its end was not looked at.
type Projection []Field

// Append appends what the fields lead to, from the properties and the context of
// an event. The stored form is the number of fields that were looked at, and for
// each one that leads to something its place in the projection and its clean
// JSON, which is empty when that is longer than what is kept.
func (p Projection) Append(dst []byte, properties, context strictjson.Value) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(p)))
	for i, f := range p {
		root := properties
		if f.Context {
			root = context
		}
		text := Project(root, f.Path)
		if text == nil {
			continue
		}
		if len(text) > projectedMax {
			text = nil
		}
		dst = binary.AppendUvarint(dst, uint64(i))
		dst = binary.AppendUvarint(dst, uint64(len(text)))
		dst = append(dst, text...)
	}
	return dst
}

// Read returns the fields that Append wrote. whole is false when a field of the
// projection was not looked at or not kept: then the event's body has to be read.
// Bytes that Append did not write give false too.
func (p Projection) Read(data []byte) (f Fields, whole bool) {
	looked, data, ok := cut(data)
	if !ok || looked < uint64(len(p)) {
		return f, len(p) == 0
	}
	for len(data) > 0 {
		var i, n uint64
		if i, data, ok = cut(data); ok {
			n, data, ok = cut(data)
		}
		if !ok || n > uint64(len(data)) || n == 0 && i < uint64(len(p)) {
			return f, false
		}
		if i < uint64(len(p)) {
			f = append(f, FieldText{p[i], data[:n:n]})
		}
		data = data[n:]
	}
	return f, true
}

// Of returns what the fields lead to, without bounds.
func (p Projection) Of(properties, context strictjson.Value) Fields {
	var out Fields
	for _, f := range p {
		root := properties
		if f.Context {
			root = context
		}
		if text := Project(root, f.Path); text != nil {
			out = append(out, FieldText{f, text})
		}
	}
	return out
}

func cut(data []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(data)
	if size <= 0 {
		return 0, nil, false
	}
	return n, data[size:], true
}

// FieldsOf returns the fields of events that a condition names.
func FieldsOf(c Condition) []Field {
	var out []Field
	add := func(lines []Line) {
		for _, l := range lines {
			out = append(out, l.Field)
			if l.Ref != nil && l.Ref.Step >= 0 {
				out = append(out, l.Ref.Field)
			}
		}
	}
	c.Walk(func(c Condition) {
		switch c := c.(type) {
		case *EventCondition:
			add(c.Lines)
			if c.Property != "" {
				out = append(out, Field{Path: c.Property})
			}
		case *EntityCondition:
			add(c.Lines)
		case *SequenceCondition:
			for i := range c.Steps {
				add(c.Steps[i].Lines)
			}
		}
	})
	return out
}

// ContextOf returns an event's context, its own and its batch's together, when
// the projection has a field of it; else nothing.
func ContextOf(ev *event.Event, p Projection) strictjson.Value {
	if !slices.ContainsFunc(p, func(f Field) bool { return f.Context }) {
		return strictjson.Value{}
	}
	if ev.BatchContext.Len() == 0 {
		return ev.Context
	}
	var doc strictjson.Doc
	if doc.Parse(ev.AppendContext(nil), strictjson.Limits{}) != nil {
		return ev.Context
	}
	return doc.Root()
}

// RowFields returns what the fields lead to in an entity's row.
func RowFields(row strictjson.Value, p Projection) Fields {
	return p.Of(row, strictjson.Value{})
}
