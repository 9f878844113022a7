package txn

import (
	"context"

	"kith/internal/errs"
)

func errMixed() error {
	return errs.New(errs.Internal, "state.mixed_writes", "one key has writes in one transaction that may not go together")
}

// ErrClosed is the answer of a store, or of a snapshot of it, after Close.
func ErrClosed() error {
	return errs.New(errs.Unavailable, "state.closed", "the state is closed")
}

// ErrEnded is the answer of a transaction after Commit or Rollback.
func ErrEnded() error {
	return errs.New(errs.Internal, "state.tx_ended", "the transaction has already ended")
}

// Canceled returns an error around the context's when it has ended, else nil.
// The caller that ended the context finds its own error with errors.Is.
func Canceled(ctx context.Context) error {
	return errs.Wrap(ctx.Err(), errs.Unavailable, "state.canceled", "the caller stopped waiting")
}
