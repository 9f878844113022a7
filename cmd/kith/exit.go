package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"

	"kith/internal/errs"
)

// The exit codes, as documented in docs/reference/cli.md.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitEnvironment = 3
	exitDenied      = 4
	exitCheck       = 5
	exitNotFound    = 6
	exitSignal      = 128 // plus the signal's number
)

// interrupted is why a command's context ended: a signal.
type interrupted struct{ os.Signal }

func (i interrupted) Error() string { return "ended by a signal: " + i.String() }

// usageError is a mistake in the command line itself.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usage(err error) error { return &usageError{err} }

// errCheck is the error of a command whose check failed and has been reported.
var errCheck = errors.New("a check failed")

// exitCode maps an error to the exit code, once for all commands.
func exitCode(ctx context.Context, err error) int {
	var u *usageError
	var i interrupted
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errCheck):
		return exitCheck
	case errors.As(err, &u), strings.HasPrefix(err.Error(), "unknown command"):
		return exitUsage
	case errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &i):
		if n, ok := i.Signal.(syscall.Signal); ok {
			return exitSignal + int(n)
		}
	}
	switch errs.KindOf(err) {
	case errs.Invalid:
		return exitUsage
	case errs.Unavailable:
		return exitEnvironment
	case errs.Denied:
		return exitDenied
	case errs.NotFound:
		return exitNotFound
	}
	return exitFailed
}

// message is what a person reads: the sentence of a classified error with what
// caused it, or the error's own text.
func message(err error) string {
	var e *errs.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}
