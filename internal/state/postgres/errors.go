package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"kith/internal/errs"
	"kith/internal/state/internal/txn"
)

// classes are the conditions of the server that mean something to the caller, by
// code or, two characters long, by class of codes.
func classes(code string) (kind errs.Kind, name, detail string) {
	switch code {
	case "40001", "40P01": // serialization failure, deadlock
		return errs.Conflict, "state.collision", "the server broke off one of several transactions that collided; try again"
	case "55P03": // lock not available
		return errs.Unavailable, "state.row_timeout", "another commit keeps a row locked; try again"
	case "57014": // query canceled, and not by the caller
		return errs.Unavailable, "state.statement_timeout", "the server took too long"
	case "25P03", "57P05": // idle in transaction, idle session
		return errs.Unavailable, "state.idle_timeout", "the transaction did nothing for too long"
	case "53300":
		return errs.Unavailable, "state.too_many_connections", "the server takes no more connections; raise its max_connections, or give each process fewer by pool_max_conns in the URL of the state"
	case "53100":
		return errs.Unavailable, "state.disk_full", "the disk of the server is full; make room and try again"
	case "25006":
		return errs.Unavailable, "state.read_only", "the server takes no writes at the moment; it may be a standby"
	case "XX001", "XX002": // data, index corrupted
		return errs.Corrupt, "state.corrupt", "the server found its data damaged"
	case "42501":
		return errs.Denied, "state.denied", "the user of the state's URL lacks a right on the server"
	case "3D000":
		return errs.Unavailable, "state.no_database", "the database of the state's URL does not exist; create it"
	}
	switch code[:2] {
	case "28":
		return errs.Denied, "state.denied", "the server does not accept the user of the state's URL"
	case "08", "53", "57", "58":
		return errs.Unavailable, "state.unreachable", "the server of the state cannot serve at the moment"
	}
	return errs.Internal, "state.server", "the server refused a statement"
}

// mapError gives an error of the server or of the way to it its kind. doing says
// what was attempted.
func mapError(ctx context.Context, err error, doing string) error {
	var own *errs.Error
	var server *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return err
	case ctx.Err() != nil:
		if errors.As(context.Cause(ctx), &own) {
			return own
		}
		return txn.Canceled(ctx)
	case errors.As(err, &server) && len(server.Code) == 5:
		kind, code, detail := classes(server.Code)
		return errs.Wrap(plain(err), kind, code, "%s: %s", doing, detail)
	default:
		return errs.Wrap(plain(err), errs.Unavailable, "state.unreachable", "%s: the server of the state cannot be reached", doing)
	}
}

// plain puts an error's text on one line: that of a failed connection has one
// for each address.
func plain(err error) error {
	return &plainError{text: strings.Join(strings.Fields(err.Error()), " "), err: err}
}

type plainError struct {
	text string
	err  error
}

// Error implements error.
func (e *plainError) Error() string { return e.text }

// Unwrap returns the cause.
func (e *plainError) Unwrap() error { return e.err }
