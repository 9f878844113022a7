package expr

import (
	"cmp"

	"kith/event"
)

// Call is a kind of event: a type and, unless any will do, a name.
type Call struct {
	Type    event.Type
	Name    string
	AnyName bool
}

// Field names a value of an event: a path from its properties or its context. Of
// an entity's row it is a path from the row.
type Field struct {
	Context bool
	Path    string
}

// Fields are the values of an event that definitions name: of each field that leads
// to something its clean JSON. They are few, so they are looked through.
type Fields []FieldText

// FieldText is what one field leads to.
type FieldText struct {
	Field Field
	Text  []byte
}

// Text returns what a field leads to, or nil.
func (f Fields) Text(field Field) []byte {
	for i := range f {
		if f[i].Field == field {
			return f[i].Text
		}
	}
	return nil
}

// Event is one event as conditions see it.
type Event struct {
	Timestamp  int64 // corrected
	MessageID  string
	Source     string
	ReceivedAt int64
	Call       Call
	Fields     Fields
}

// Compare is the order of events: timestamp, message id, source; of two events of
// one message, which lie more than 30 days of receipt apart, the receipt.
func (e *Event) Compare(f *Event) int {
	return cmp.Or(cmp.Compare(e.Timestamp, f.Timestamp), cmp.Compare(e.MessageID, f.MessageID),
		cmp.Compare(e.Source, f.Source), cmp.Compare(e.ReceivedAt, f.ReceivedAt))
}

// Values returns the values that a field leads to.
func (f Fields) Values(field Field) []Value { return Values(f.Text(field)) }
