// Package errs gives every error of kith a kind, decided where the error
// arises and mapped once at each edge: to an HTTP status by the API, to an exit
// code by the command line, to a retry decision by the pipeline.
//
// An error's text never holds event content or an identifier: it may reach a
// log, an answer or a ticket.
package errs

import (
	"errors"
	"fmt"
)

// Kind is the class of an error: what the caller can do about it.
type Kind uint8

// The kinds. Internal is the zero value, so an unclassified error is a defect
// of kith rather than a mistake of the caller.
const (
	Internal    Kind = iota // a defect of kith
	Invalid                 // the input can never be accepted as it is
	NotFound                // nothing answers to that name
	Conflict                // the state has moved on; read again and retry
	Denied                  // the caller lacks the right
	Exhausted               // a limit or quota is reached; retry later
	Unavailable             // something below is out of reach or full; retry later
	Corrupt                 // stored bytes do not say what was written; stop
)

var kindNames = [...]string{
	"internal", "invalid", "not_found", "conflict", "denied", "exhausted", "unavailable", "corrupt",
}

// String returns the kind's stable lower-case name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Error is an error with a kind and a stable code such as
// "eventlog.disk_full". Detail is one plain sentence that says what to do.
type Error struct {
	Kind   Kind
	Code   string
	Detail string
	Err    error // the cause, or nil
}

// New makes an error without a cause.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Wrap makes an error around a cause; it returns nil when err is nil.
func Wrap(err error, kind Kind, code, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Code: code, Detail: fmt.Sprintf(format, args...), Err: err}
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code + ": " + e.Detail
	}
	return e.Code + ": " + e.Detail + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost classified error in err's chain.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the outermost classified error, or "internal".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return "internal"
}

// DetailOf returns the sentence of the outermost classified error, or err's text.
func DetailOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Detail
	}
	return err.Error()
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
