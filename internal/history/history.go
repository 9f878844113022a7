// Package history is the port to the index of everything that happened to a
// node: for each event its place in the order of events, where its body lies in
// the log, and the few fields that folding needs again. Late events,
// retractions and evaluation read the index alone; bodies are for people.
//
// The engine history/keyed keeps the index in the state, so that it commits in
// the batch's transaction; historytest is the suite that every engine passes.
package history

import (
	"cmp"
	"context"
	"iter"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/state"
)

// Entry is one event in the history of one node. (Node, Strand, Type, Name,
// Timestamp, MessageID, Source, ReceivedAt) name it; the rest is its content. The
// moment of receipt is in the name because a message that comes again after more
// than 30 days is another event, which may say that it happened at the same time.
type Entry struct {
	Node       identity.NodeID
	Strand     byte // 0; a node with very much history may be spread over several
	Type       event.Type
	Name       string // of a track, page or screen; of a group the account; bounded by state.BoundName
	Timestamp  int64  // corrected, UTC milliseconds
	MessageID  string
	Source     string
	ReceivedAt int64 // UTC milliseconds

	Position    eventlog.Position // where the record lies
	Flags       event.Flags
	Observation identity.ObservationKey // what the event supports; zero in the history of an account
	Account     identity.NodeID         // of a group call: the account's node; else zero
	Member      identity.NodeID         // in the history of an account: the home of the person whose group call it is; else zero
	Traits      []byte                  // of identify and group: the traits written, as clean JSON; else empty
	Numbers     []string                // of orders and the like that the event names, by which its person is found
	Fields      []byte                  // what definitions name of the event, as expr.Projection writes it; empty when it was never looked at
}

// Sighting is the entry's place in the order of events.
func (e *Entry) Sighting() identity.Sighting {
	return identity.Sighting{Timestamp: e.Timestamp, MessageID: e.MessageID, Source: e.Source}
}

// Place is an entry's place in the order of entries: that of events, and of two
// events of one message that of their receipt. No two events share one.
type Place struct {
	identity.Sighting
	ReceivedAt int64 // UTC milliseconds
}

// Place returns the entry's place in the order of entries.
func (e *Entry) Place() Place { return Place{e.Sighting(), e.ReceivedAt} }

// Compare is the order of entries.
func (p Place) Compare(q Place) int {
	if c := p.Sighting.Compare(q.Sighting); c != 0 {
		return c
	}
	return cmp.Compare(p.ReceivedAt, q.ReceivedAt)
}

// Query selects entries of one node and strand.
type Query struct {
	Node    identity.NodeID
	Strand  byte
	Type    event.Type // event.Unknown: every type
	Name    string     // with Type: only this name; see AnyName
	AnyName bool       // with Type: every name, each one's entries in order
	From    int64      // first timestamp, inclusive
	To      int64      // last timestamp, inclusive
	Reverse bool       // latest first
	Limit   int        // 0: all
}

// Call is one (type, name) that occurs in a node's history.
type Call struct {
	Type event.Type
	Name string
}

// Index is the port.
type Index interface {
	// Append writes an entry in the transaction; writing the same name again
	// replaces it.
	Append(tx state.Tx, e *Entry)

	// Remove takes an entry out in the transaction. Removing what is not there
	// does nothing.
	Remove(tx state.Tx, e *Entry)

	// Get returns the entry of that name, or nil.
	Get(ctx context.Context, r state.Reader, name *Entry) (*Entry, error)

	// GetAll returns the entries of these names, nil for one that is not there. It is
	// one way to a server, or a few.
	GetAll(ctx context.Context, r state.Reader, names []*Entry) ([]*Entry, error)

	// Range yields the entries of one type and name, or of all names of a type,
	// or of all types. Within one (type, name) they come in the order of entries;
	// the pairs come in the order of type and name. Limit counts entries overall.
	Range(ctx context.Context, r state.Reader, q Query) iter.Seq2[*Entry, error]

	// RangeAll returns the entries of each query, which is of one type and name, not
	// Reverse, and has a Limit. It is one way to a server, or a few.
	RangeAll(ctx context.Context, r state.Reader, queries []Query) ([][]*Entry, error)

	// Calls yields the pairs of type and name that a node's history holds: of one
	// type, or with event.Unknown of all.
	Calls(ctx context.Context, r state.Reader, node identity.NodeID, strand byte, only event.Type) iter.Seq2[Call, error]
}
