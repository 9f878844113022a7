package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"kith/internal/errs"
)

func TestErrorsOfTheServer(t *testing.T) {
	for code, want := range map[string]struct {
		kind errs.Kind
		code string
	}{
		"40001": {errs.Conflict, "state.collision"},
		"40P01": {errs.Conflict, "state.collision"},
		"55P03": {errs.Unavailable, "state.row_timeout"},
		"57014": {errs.Unavailable, "state.statement_timeout"},
		"25P03": {errs.Unavailable, "state.idle_timeout"},
		"25006": {errs.Unavailable, "state.read_only"},
		"53100": {errs.Unavailable, "state.disk_full"},
		"53300": {errs.Unavailable, "state.too_many_connections"},
		"53400": {errs.Unavailable, "state.unreachable"},
		"57P01": {errs.Unavailable, "state.unreachable"},
		"57P03": {errs.Unavailable, "state.unreachable"},
		"08006": {errs.Unavailable, "state.unreachable"},
		"58030": {errs.Unavailable, "state.unreachable"},
		"3D000": {errs.Unavailable, "state.no_database"},
		"28P01": {errs.Denied, "state.denied"},
		"42501": {errs.Denied, "state.denied"},
		"XX000": {errs.Internal, "state.server"},
		"XX001": {errs.Corrupt, "state.corrupt"},
		"42P01": {errs.Internal, "state.server"},
	} {
		cause := fmt.Errorf("wrapped:\n%w", &pgconn.PgError{Severity: "ERROR", Code: code, Message: "text", Detail: "Key (k)=(content) exists"})
		err := mapError(context.Background(), cause, "doing")
		if errs.KindOf(err) != want.kind || errs.CodeOf(err) != want.code {
			t.Errorf("%s: got %v, want kind %v and code %s", code, err, want.kind, want.code)
		}
		if got, exp := err.Error(), "wrapped: ERROR: text (SQLSTATE "+code+")"; len(got) < len(exp) || got[len(got)-len(exp):] != exp {
			t.Errorf("%s: the text is %q", code, got)
		}
	}
	if err := mapError(context.Background(), errors.New("broken pipe"), "doing"); errs.CodeOf(err) != "state.unreachable" {
		t.Errorf("an error of the network: %v", err)
	}
}
