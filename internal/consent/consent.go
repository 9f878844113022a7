// Package consent says what a person has agreed to. What was said is a ledger
// of statements that is only ever added to; the state of a node is a fold of its
// statements, and a decision is a pure function of the states of a person's
// nodes. Silence is a no wherever a purpose needs consent.
//
// # The fold
//
// Statements of one (node, purpose, channel) are ordered by receipt. Of refusals
// the last received counts. A grant lifts a refusal when it was received after it
// and does not claim to be older than any refusal; of several grants the one that
// claims to be the newest is asked. A grant that came with an event, under a
// write key that anybody can read in a page, lifts only refusals that came the
// same way: never what the person said through the API, and never Global Privacy
// Control.
//
// All of that is a least or greatest of the statements, so neither their order
// nor repeats show, and a statement can be taken out again.
package consent

import (
	"cmp"

	"kith/internal/errs"
)

// State is what a statement says of a purpose.
type State uint8

// The states. The numbers are stored; of two refusals that tie the greater one
// is shown.
const (
	Silent    State = 0 // nothing was said
	Granted   State = 1
	Denied    State = 2 // asked, and the answer was no
	Withdrawn State = 3 // taken back, or objected to
)

var stateNames = [...]string{"", "granted", "denied", "withdrawn"}

// String returns the state's name in documents.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return ""
}

// StateOf returns the state of that name, or Silent.
func StateOf(name string) State {
	for i := 1; i < len(stateNames); i++ {
		if stateNames[i] == name {
			return State(i)
		}
	}
	return Silent
}

// Refuses reports whether the state is a no that was said.
func (s State) Refuses() bool { return s == Denied || s == Withdrawn }

// Via tells how a statement came.
type Via uint8

// The ways. The numbers are stored.
const (
	ViaAPI   Via = 1 // POST /v1/consents
	ViaEvent Via = 2 // the consent object of an event
	ViaGPC   Via = 3 // Global Privacy Control: the browser's header, or context.consent.gpc
)

var viaNames = [...]string{"", "api", "event", "gpc"}

// String returns the way's name in answers.
func (v Via) String() string {
	if int(v) < len(viaNames) {
		return viaNames[v]
	}
	return ""
}

// Every is the purpose that stands for all of them. A refusal of it is an
// objection to everything; a grant of it takes that objection back and grants
// nothing.
const Every = "*"

// Bounds of what a statement names.
const (
	PurposeBytesMax = 64
	ChannelBytesMax = 64
)

// Said is one thing that a record says.
type Said struct {
	Purpose string // key of a purpose, or Every
	Channel string // empty: all channels, also those that are yet to come
	State   State
	Via     Via
}

// Statement is what was said of one (node, purpose, channel), with its place in
// the ledger.
type Statement struct {
	Said
	At         int64 // when it claims to have been said, UTC milliseconds; never after ReceivedAt
	ReceivedAt int64 // UTC milliseconds
	MessageID  string
	Source     string
}

// strong reports whether the statement came with more authority than a public
// write key has. Refusals of Global Privacy Control are binding by law.
func (v Via) strong() bool { return v != ViaEvent }

// ValidName reports whether s can be a purpose or channel: 1 to 64 letters,
// digits, '.', '_' and '-' with a letter or digit in front.
func ValidName(s string) bool {
	if s == "" || len(s) > PurposeBytesMax {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}

// Slot is the one statement of its sort that counts.
type Slot struct {
	State      State // Silent: there is none
	Via        Via
	At         int64
	ReceivedAt int64
	MessageID  string
	Source     string
}

func (s *Statement) slot() Slot {
	return Slot{s.State, s.Via, s.At, s.ReceivedAt, s.MessageID, s.Source}
}

// byReceipt is the order of refusals.
func (s *Slot) byReceipt(o *Slot) int {
	return cmp.Or(cmp.Compare(s.ReceivedAt, o.ReceivedAt), cmp.Compare(s.At, o.At), cmp.Compare(s.State, o.State), s.tie(o))
}

// byClaim is the order of grants.
func (s *Slot) byClaim(o *Slot) int {
	return cmp.Or(cmp.Compare(s.At, o.At), cmp.Compare(s.ReceivedAt, o.ReceivedAt), s.tie(o))
}

func (s *Slot) tie(o *Slot) int {
	return cmp.Or(cmp.Compare(s.MessageID, o.MessageID), cmp.Compare(s.Source, o.Source), cmp.Compare(s.Via, o.Via))
}

// after reports whether a grant was received after a refusal; of one moment the
// refusal stands unless the grant claims to be later.
func (s *Slot) after(refusal *Slot) bool {
	return s.ReceivedAt > refusal.ReceivedAt || s.ReceivedAt == refusal.ReceivedAt && s.At > refusal.At
}

func errFormat(what string) error {
	return errs.New(errs.Corrupt, "consent.format", "a stored %s cannot be read", what)
}
