package lake

import (
	"github.com/parquet-go/parquet-go"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/strictjson"
)

// optional is a text that is null when empty.
func optional(s string) parquet.Value {
	if s == "" {
		return parquet.Value{}
	}
	return textValue(s)
}

func nodeText(n identity.NodeID) parquet.Value {
	if n.IsZero() {
		return parquet.Value{}
	}
	return textValue(n.String())
}

func moment(ms int64) parquet.Value {
	if ms == event.NoTime {
		return parquet.Value{}
	}
	return parquet.Int64Value(ms)
}

func document(v strictjson.Value) parquet.Value {
	if !v.Exists() {
		return parquet.Value{}
	}
	return parquet.ByteArrayValue(v.AppendCanonical(nil))
}

// merged is the event's context with that of its batch. Documents are in canonical
// form, so that values that are equal have the same text.
func merged(e *event.Event) parquet.Value {
	if e.BatchContext.Len() == 0 && e.Context.Exists() {
		return document(e.Context)
	}
	return canonical(e.AppendContext(nil))
}

// canonical is a document that was put together; one that cannot be read, which
// nobody should make, stays as it is.
func canonical(text []byte) parquet.Value {
	var doc strictjson.Doc
	if doc.Parse(text, strictjson.Limits{}) != nil {
		return parquet.ByteArrayValue(text)
	}
	return parquet.ByteArrayValue(doc.Root().AppendCanonical(nil))
}

// eventRow is an event's row of the table events; account is that of a group call.
func eventRow(f *fact.Fact, e *event.Event, account identity.NodeID) row {
	typed, apart := cells(e.Properties)
	return row{
		values: []parquet.Value{
			textValue(e.MessageID), textValue(e.Type.String()), optional(e.Name), textValue(e.Source),
			optional(e.UserID), optional(e.AnonymousID), optional(e.GroupID), optional(e.PreviousID),
			nodeText(f.Node), nodeText(f.Profile),
			parquet.Int64Value(e.Timestamp), moment(e.OriginalTimestamp), moment(e.SentAt), parquet.Int64Value(e.ReceivedAt),
			document(e.Traits), document(e.Properties), merged(e), integrations(e),
			parquet.Int64Value(int64(f.Record.Partition)), parquet.Int64Value(f.Record.Offset), nodeText(account),
		},
		typed: typed, apart: apart,
	}
}

// integrations merges those of the message with those of its batch.
func integrations(e *event.Event) parquet.Value {
	if !e.Integrations.Exists() && !e.BatchIntegrations.Exists() {
		return parquet.Value{}
	}
	b := []byte{'{'}
	add := func(k strictjson.Key, v strictjson.Value) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = strictjson.AppendString(b, k.String())
		b = v.AppendClean(append(b, ':'))
	}
	for k, v := range e.Integrations.Members() {
		add(k, v)
	}
	for k, v := range e.BatchIntegrations.Members() {
		if !e.Integrations.Get(k.String()).Exists() {
			add(k, v)
		}
	}
	return parquet.ByteArrayValue(append(b, '}'))
}

// traitRows are the rows of the table traits_history that a call makes. node is
// the home of a person or the account, scope says which.
func traitRows(at eventlog.Position, node identity.NodeID, scope string, e *event.Event) []row {
	sighting := identity.Sighting{Timestamp: e.Timestamp, MessageID: e.MessageID, Source: e.Source}
	var out []row
	for _, w := range profile.Writes(e.Traits, sighting) {
		out = append(out, row{values: []parquet.Value{
			nodeText(node), textValue(scope), textValue(w.Key), canonical(w.Value),
			parquet.Int64Value(e.Timestamp), textValue(e.MessageID), textValue(e.Source), parquet.Int64Value(e.ReceivedAt),
			parquet.Int64Value(int64(at.Partition)), parquet.Int64Value(at.Offset),
		}})
	}
	return out
}
