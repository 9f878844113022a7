package engines_test

import (
	"context"
	"testing"
	"time"

	"kith/internal/bench/engines"
	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/postgres/pgtest"
)

// TestEachMeasurementBeginsEmpty: what one measurement has written on a server is
// gone in the next, and a schema that holds something is nobody's to drop.
func TestEachMeasurementBeginsEmpty(t *testing.T) {
	ctx := context.Background()
	open := engines.On(pgtest.Start(t))
	none := func(int, time.Duration) {}
	for range 2 {
		e, err := open(ctx, t.TempDir(), none)
		if err != nil {
			t.Fatal(err)
		}
		tx, err := e.State.Begin(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		tx.Put([]byte("k"), []byte("v"))
		if err := tx.Commit(ctx, state.Cursor{}); err != nil {
			t.Fatal(err)
		}
		if _, err := open(ctx, t.TempDir(), none); !errs.Is(err, errs.Invalid) {
			t.Errorf("beside another measurement: %v", err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
