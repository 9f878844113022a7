package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/decision"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/oracle/workload"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
)

// dumpOf writes down families of the state, byte by byte.
func (e *engine) dumpOf(t *testing.T, families ...state.Family) string {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var out strings.Builder
	for _, f := range families {
		for kv, err := range snap.Scan(context.Background(), state.Prefix([]byte{byte(f)})) {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%c %x = %x\n", f, kv.Key, kv.Value)
		}
	}
	return out.String()
}

// TestWhatIsTakenBackWasNeverSaid: consents of events and writes of rows that a run
// brought leave no trace when the run is retracted, and are back, byte by byte,
// when the retraction is revoked.
func TestWhatIsTakenBackWasNeverSaid(t *testing.T) {
	families := []state.Family{
		state.FamilyLedger, state.FamilyConsent, state.FamilyEntity, state.FamilyEntityWrite, state.FamilyOwned,
		state.FamilyObservation, state.FamilyHistory,
	}
	seeds, traces := uint64(16), 0
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		set := append(workload.Consents(seed, 20+2*int(seed)), workload.Rows(seed, 20+2*int(seed))...)
		for i, source := range []string{"web", "crm", "api"} {
			var never [][]byte
			for _, r := range set {
				if rec, err := record.Decode(r); err == nil && rec.Stamp.Source == source && bytes.Contains(rec.Body, []byte(`"load-1"`)) {
					r = []byte("\x01\x01 not a record")
				}
				never = append(never, r)
			}
			batch := []int{1, 7, 1000}[(int(seed)+i)%3]
			fold := func(records ...[]byte) (*engine, string) {
				e := consentEngine(1, batch)
				e.runner.Interpreter.Entities = entities()
				e.append(t, records)
				if err := e.runner.Drain(context.Background()); err != nil {
					t.Fatal(err)
				}
				return e, e.dumpOf(t, families...)
			}
			retract := retraction(t, "dec_r", decision.Decision{Kind: decision.Retract, Source: source, Run: "load-1"})
			revoke := retraction(t, "dec_u", decision.Decision{Kind: decision.Revoke, Target: "dec_r"})
			_, want := fold(never...)
			_, whole := fold(set...)
			e, got := fold(append(slices.Clone(set), retract)...)
			if got != want {
				t.Fatalf("seed %d, %s: what was retracted has left a trace (-never +retracted):\n%s", seed, source, cmp.Diff(want, got))
			}
			e.holds(t, append(slices.Clone(set), retract))
			if _, got := fold(append(slices.Clone(set), retract, revoke)...); got != whole {
				t.Fatalf("seed %d, %s: what is no longer retracted is not as before:\n%s", seed, source, cmp.Diff(whole, got))
			}
			if want != whole {
				traces++
			}
		}
	}
	if traces < int(seeds) {
		t.Fatalf("only %d retractions took anything out", traces)
	}
}

// TestFoldedAnewAllIsTheSame: a state that is made anew from the log has the same
// rows and consents.
func TestFoldedAnewAllIsTheSame(t *testing.T) {
	families := []state.Family{state.FamilyLedger, state.FamilyConsent, state.FamilyEntity, state.FamilyEntityWrite, state.FamilyOwned}
	for seed := range uint64(10) {
		set := append(workload.Consents(seed, 60), workload.Rows(seed, 60)...)
		log := logmem.New(2)
		dumps := []string{}
		for _, batch := range []int{5, 1000} {
			e := newEngine(log, mem.New(), batch)
			e.runner.Interpreter.Consent, e.runner.Interpreter.Entities = purposes(), entities()
			if len(dumps) == 0 {
				e.append(t, set)
			}
			if err := e.runner.Drain(context.Background()); err != nil {
				t.Fatal(err)
			}
			dumps = append(dumps, e.dumpOf(t, families...))
		}
		if dumps[0] != dumps[1] || dumps[0] == "" {
			t.Fatalf("seed %d:\n%s", seed, cmp.Diff(dumps[0], dumps[1]))
		}
	}
}
