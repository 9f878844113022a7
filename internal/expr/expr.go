// Package expr is the grammar of conditions: parsed and checked when a definition
// is saved, then asked of one person (or account) at one moment. It holds every
// operator and form, and what each means exactly.
//
// A condition is closed: it calls nothing, loops over nothing but the person's
// own events, and its cost is bounded when it is parsed. Asked of the same
// events, traits and memberships at the same moment it gives the same answer,
// whatever engine holds them; and beside the verdict it gives the earliest moment
// at which the verdict can change without anything new happening, so that one
// timer keeps it up to date.
//
// Times and durations are UTC milliseconds.
package expr

import (
	"math"
	"time"
)

// Never is the moment that does not come.
const Never = math.MaxInt64

// Condition is one condition, a group or not.
type Condition interface {
	// Eval asks the condition of the context's subject.
	Eval(x *Context) Result

	// Walk calls f for the condition and everything in it, outermost first.
	Walk(f func(Condition))
}

// Result is what a condition comes to.
type Result struct {
	Verdict bool
	Next    int64   // no earlier than this, and after now, can the verdict change by itself; Never
	Detail  *Detail // if the context asks for explanations
}

// Context is the moment at which, and the subject of which, a condition is asked.
type Context struct {
	Now     int64
	Zone    *time.Location // in which a date alone is its midnight; never nil
	Subject Subject
	Explain bool
}

// about returns the context with another subject.
func (x *Context) about(s Subject) *Context {
	y := *x
	y.Subject = s
	return &y
}

// Subject is the person or account that a condition is asked of. It answers from
// memory: whoever makes it has read what Needs asks for.
type Subject interface {
	// Events returns the subject's events of a call with lo < timestamp ≤ hi, in
	// the order of events.
	Events(call Call, lo, hi int64) []*Event

	// Trait returns what a path of traits leads to now: the computed trait of that
	// name, else the custom one.
	Trait(path string) Trait

	// Member tells whether the subject is in a segment now, and when that can
	// change by itself.
	Member(segment string) (in bool, next int64)

	// Consent returns the state of a purpose and channel: granted, denied,
	// withdrawn, or empty when there is no record.
	Consent(purpose, channel string) string

	// Accounts returns the accounts of a person, and Members the persons of an
	// account.
	Accounts() []Subject
	Members() []Subject

	// Rows returns the rows of an entity that belong to the subject.
	Rows(entity string) []Fields
}

// Trait is the value of a trait at a moment.
type Trait struct {
	Values []Value
	Next   int64 // no earlier than this can the values change by themselves; Never

	// Since is set for a trait that counts the whole seconds from that moment on:
	// Values holds their number now, and Next tells when Since can change.
	Since   int64
	Running bool
}

// Scope is whom a condition is asked of.
type Scope uint8

// The scopes.
const (
	Profile Scope = iota
	Account
)
