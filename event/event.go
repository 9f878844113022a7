// Package event describes one call of the Segment specification: what a source
// says that a person did or is. An Event is made once, from the bytes that were
// received and the stamp of acceptance, and never changes afterwards.
package event

import (
	"kith/internal/strictjson"
)

// Type is the kind of a call.
type Type uint8

// The calls of the Segment specification. The numbers are stored.
const (
	Unknown  Type = 0
	Identify Type = 1
	Track    Type = 2
	Page     Type = 3
	Screen   Type = 4
	Group    Type = 5
	Alias    Type = 6
)

var typeNames = [...]string{"", "identify", "track", "page", "screen", "group", "alias"}

// String returns the call's name on the wire.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return ""
}

// TypeOf returns the call of that name, or Unknown. Names are case-exact.
func TypeOf(name string) Type {
	for i := 1; i < len(typeNames); i++ {
		if typeNames[i] == name {
			return Type(i)
		}
	}
	return Unknown
}

// Flags tell what had to be done to a message so that it could be taken.
type Flags uint16

// The flags. The numbers are stored.
const (
	Replaced      Flags = 1 << 0 // a string held NUL or a lone surrogate, read as U+FFFD
	ClampedTime   Flags = 1 << 1 // the timestamp was over 24 h ahead and became received_at
	CorrectedTime Flags = 1 << 2 // the client's clock was off and the timestamp was corrected
	MadeMessageID Flags = 1 << 3 // the message came without a usable messageId
	HashedID      Flags = 1 << 4 // the messageId was over 100 characters, or held NUL or a lone surrogate; its hash stands for it
	GPC           Flags = 1 << 5 // the request carried Sec-GPC: 1
	ServerSide    Flags = 1 << 6 // the message came from a server, so its connection is not the person's
	Distrusted    Flags = 1 << 7 // the source may not claim an address or history: context.ip, or a timestamp over a week old, does not count
)

// Stamp is what the collector adds to a message when it accepts it. It is made
// once and decides for ever: nothing of it is computed again at a replay.
type Stamp struct {
	Source     string // key of the source
	MessageID  string // never empty; at most 100 characters
	Type       Type
	Flags      Flags
	ReceivedAt int64  // UTC milliseconds
	Timestamp  int64  // UTC milliseconds, corrected for the client's clock
	IP         string // address of the person's connection; empty when unknown or not to be kept
	UserAgent  string // of the person's browser; empty when unknown
}

// Event is one accepted call. Traits, Properties, Context and Integrations are
// views of the received JSON and missing where the message had none; they live
// as long as the buffers the event was made from.
type Event struct {
	Stamp

	UserID      string
	AnonymousID string
	GroupID     string
	PreviousID  string
	Name        string // of the event, page or screen
	Run         string // context.run: the load this event belongs to, for retraction
	Channel     string // web, mobile, server or sources where the message says so; else empty

	OriginalTimestamp int64 // as the client said, UTC milliseconds; NoTime when it said none
	SentAt            int64 // likewise

	Traits       strictjson.Value // of identify: the person's; of group: the account's
	Properties   strictjson.Value
	Context      strictjson.Value // the message's own
	Integrations strictjson.Value

	BatchContext      strictjson.Value // of the batch that carried the message; the message's own keys win
	BatchIntegrations strictjson.Value // likewise

	body     strictjson.Value
	explicit int64 // see Explicit
}

// ContextValue returns the value at a path of the merged context: the message's
// own top-level keys win over those of its batch.
func (e *Event) ContextValue(path ...string) strictjson.Value {
	if len(path) == 0 {
		return e.Context
	}
	if v := e.Context.Get(path[0]); v.Exists() {
		return v.Path(path[1:]...)
	}
	return e.BatchContext.Path(path...)
}

// Integration returns what the message, or else its batch, says of one
// destination. Names are case-sensitive; "All" is the member of that name.
func (e *Event) Integration(name string) strictjson.Value {
	if v := e.Integrations.Get(name); v.Exists() {
		return v
	}
	return e.BatchIntegrations.Get(name)
}
