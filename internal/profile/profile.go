// Package profile makes the 360° view of a person out of node states: what the
// nodes of one cluster know, combined when it is read. Nothing here is stored
// per profile, so a merge or a split is a recombination and never a rewrite.
package profile

import (
	"encoding/json"

	"kith/internal/consent"
	"kith/internal/identity"
)

// Ref names a profile by any identifier of the person, or, with the type "id",
// by any profile id that was ever handed out.
type Ref struct {
	Type, Value string
}

// Profile is one person (or one device that nobody has signed in on) as it is
// answered. Times are UTC milliseconds.
type Profile struct {
	ID          identity.NodeID
	Identifiers []Identifier     // by priority, type, value
	Traits      map[string]Trait // custom traits, by key
	Accounts    []string         // account ids, ascending
	Consents    []consent.Standing
	FirstSeen   int64
	LastSeen    int64
	Events      int64 // number of events of all nodes
}

// Identifier is one identifier of a profile.
type Identifier struct {
	identity.Identifier
	Node      identity.NodeID
	FirstSeen int64
	LastSeen  int64
	Sources   []string // keys of the sources that sent it, ascending
}

// Trait is the value of one custom trait and where it comes from.
type Trait struct {
	Value     json.RawMessage
	Timestamp int64 // of the write that counts
	MessageID string
	Source    string
	Policy    string // by which it counts, see identity.Survivorship; empty for the last write
}

// Page asks for a part of a list.
type Page struct {
	Limit  int    // 1 to 1000
	Cursor string // what the page before answered as next; empty for the first
}

// EventPage is a part of a profile's timeline, newest first.
type EventPage struct {
	Events []json.RawMessage // each one the wire event plus received_at and node_id
	Next   string            // empty at the end
}
