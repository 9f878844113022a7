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

// Fields are the values of an event that definitions name, each as clean JSON.
type Fields map[Field][]byte

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
func (f Fields) Values(field Field) []Value { return Values(f[field]) }
