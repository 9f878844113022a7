package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/decision"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/statehash"
)

// TestDecisionsAreFreeOfOrder folds events and decisions in many orders and holds
// each outcome against the oracle's, and the stored clusters against what deriving
// everything gives.
func TestDecisionsAreFreeOfOrder(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 10
	}
	for seed := range uint64(seeds) {
		set := append(workload.Loaded(seed, 20+int(seed)*3), workload.Decisions(seed, 3+int(seed%25))...)
		want := oracle.Fold(set, identity.DefaultConfig(), identity.NewKeyring([]byte("law")))
		wantHash := want.Contents.Explain(identity.DefaultConfig())
		for round, shape := range []struct{ batch, partitions int }{{1, 1}, {7, 1}, {1000, 1}, {3, 3}} {
			t.Run(fmt.Sprintf("seed=%d/batch=%d/partitions=%d", seed, shape.batch, shape.partitions), func(t *testing.T) {
				e := newEngine(logmem.New(shape.partitions), mem.New(), shape.batch)
				sent := set
				if round > 0 {
					sent = workload.Shuffled(seed+uint64(round)*1000, set)
				}
				e.append(t, sent)
				if err := e.runner.Drain(context.Background()); err != nil {
					t.Fatal(err)
				}
				got := e.explain(t)
				if got.Total != wantHash.Total {
					t.Fatalf("the state differs from the oracle's (-want +got):\n%s", cmp.Diff(strings.Join(wantHash.Lines, "\n"), strings.Join(got.Lines, "\n")))
				}
				e.checkCounts(t, sent, want)
				e.checkClusters(t)
			})
		}
	}
}

// checkClusters holds the stored clusters against those that deriving everything
// gives.
func (e *engine) checkClusters(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	snap, err := e.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	c, err := statehash.Read(ctx, snap, keyed.Index{})
	if err != nil {
		t.Fatal(err)
	}
	clusters := identity.NewClusters(snap)
	for n, want := range c.Derive(e.cfg).Leader {
		if got, err := clusters.Leader(ctx, n); err != nil || got != want {
			t.Fatalf("%v is led by %v, want %v (%v)", c.IDs[n], c.IDs[got], c.IDs[want], err)
		}
	}
}

// load0 tells whether a record is of the run load-0 of web.
func load0(data []byte) bool {
	r, err := record.Decode(data)
	return err == nil && r.Stamp.Source == "web" && strings.Contains(string(r.Envelope), "load-0")
}

// retraction is the decision that takes load-0 of web back, and what revokes it.
func retraction(t *testing.T, id string, d decision.Decision) []byte {
	t.Helper()
	d.ID, d.At = id, workload.Start
	r, err := d.Record()
	if err != nil {
		t.Fatal(err)
	}
	return r.AppendTo(nil)
}

// kept are the families in which a load that was taken back leaves no trace. Of the
// others marks and loads remember it, facts tell of it, cursors count it, and searches look
// whether whom they find is still there.
var kept = []state.Family{
	state.FamilyAdjacent, state.FamilyCluster, state.FamilyHistory, state.FamilyObservation, state.FamilyRuling,
	state.FamilyTrait, state.FamilyLedger, state.FamilyConsent,
}

func (e *engine) dump(t *testing.T) string {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var out strings.Builder
	for _, f := range kept {
		for kv, err := range snap.Scan(context.Background(), state.Prefix([]byte{byte(f)})) {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%c %x = %x\n", f, kv.Key, kv.Value)
		}
	}
	return out.String()
}

// TestARetractedLoadLeavesNoTrace holds the state after a retraction, byte by byte,
// against one in which the load's records never could be read, and the state after
// the retraction is revoked against one that knew of neither.
func TestARetractedLoadLeavesNoTrace(t *testing.T) {
	retract := retraction(t, "dec_r", decision.Decision{Kind: decision.Retract, Source: "web", Run: "load-0"})
	revoke := retraction(t, "dec_u", decision.Decision{Kind: decision.Revoke, Target: "dec_r"})
	fold := func(batch int, records ...[]byte) string {
		e := newEngine(logmem.New(1), mem.New(), batch)
		e.append(t, records)
		if err := e.runner.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		return e.dump(t)
	}
	for seed := range uint64(40) {
		set := workload.Loaded(seed, 30+int(seed)*3)
		var never [][]byte
		for _, r := range set {
			if load0(r) {
				r = []byte("\x01\x01 not a record")
			}
			never = append(never, r)
		}
		batch := []int{1, 7, 1000}[seed%3]
		want, whole := fold(batch, never...), fold(batch, set...)
		if got := fold(batch, append(slices.Clone(set), retract)...); got != want {
			t.Fatalf("seed %d: what was retracted has left a trace:\n%s", seed, cmp.Diff(want, got))
		}
		if got := fold(batch, append(slices.Clone(set), retract, revoke)...); got != whole {
			t.Fatalf("seed %d: what is no longer retracted is not as before:\n%s", seed, cmp.Diff(whole, got))
		}
		if seed%4 == 0 { // one by one, each step swept before the next
			e := newEngine(logmem.New(1), mem.New(), batch)
			for i, step := range [][][]byte{set, {retract}, {revoke}} {
				e.append(t, step)
				if err := e.runner.Drain(context.Background()); err != nil {
					t.Fatal(err)
				}
				if got := e.dump(t); got != []string{whole, want, whole}[i] {
					t.Fatalf("seed %d: step %d:\n%s", seed, i, cmp.Diff([]string{whole, want, whole}[i], got))
				}
			}
		}
	}
}

// TestARetractedMessageIDIsFree: a copy that comes after the retraction is the
// event, and when the retraction is revoked the two are one message again.
func TestARetractedMessageIDIsFree(t *testing.T) {
	e := newEngine(logmem.New(1), mem.New(), 100)
	call := func(received int64, plan, run string) []byte {
		r := record.Record{Kind: record.Event, Body: []byte(`{"userId":"u1","traits":{"plan":"` + plan + `"},"context":{"run":"` + run + `"}}`)}
		r.Stamp.Source, r.Stamp.MessageID, r.Stamp.Type = "web", "m1", event.Identify
		r.Stamp.ReceivedAt, r.Stamp.Timestamp = received, received
		return r.AppendTo(nil)
	}
	plan := func(want string) {
		t.Helper()
		if err := e.runner.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		r := profile.Reader{State: e.store, History: keyed.Index{}, Log: e.log, Config: e.cfg, Keys: e.keys}
		p, err := r.Read(context.Background(), profile.Ref{Type: "user_id", Value: "u1"})
		if got := string(p.Traits["plan"].Value); err != nil && want != "" || got != want {
			t.Errorf("plan %s, want %s (%v)", got, want, err)
		}
	}
	e.append(t, [][]byte{call(1000, "loaded", "load-0")})
	plan(`"loaded"`)
	e.append(t, [][]byte{call(2000, "repeat", "")})
	plan(`"loaded"`)
	e.append(t, [][]byte{retraction(t, "dec_r", decision.Decision{Kind: decision.Retract, Source: "web", Run: "load-0"})})
	plan(`"repeat"`)
	e.append(t, [][]byte{call(500, "again loaded", "load-0")})
	plan(`"repeat"`)
	e.append(t, [][]byte{retraction(t, "dec_u", decision.Decision{Kind: decision.Revoke, Target: "dec_r"})})
	plan(`"again loaded"`)
}

// TestAliasesUnderTheSettingAreFreeOfOrder folds aliases between known users under
// the settings that make them merges and leave a browser's own events with it.
func TestAliasesUnderTheSettingAreFreeOfOrder(t *testing.T) {
	cfg := identity.DefaultConfig()
	cfg.AliasMerges, cfg.AnonymousNever = true, true
	for seed := range uint64(40) {
		set := append(workload.Loaded(seed, 30+int(seed)), workload.Decisions(seed, int(seed%10))...)
		for i := range 4 {
			r := record.Record{Kind: record.Event, Body: fmt.Appendf(nil, `{"userId":"u%d-x","previousId":"u%d-x"}`, seed%4, i)}
			r.Stamp.Source, r.Stamp.MessageID, r.Stamp.Type = "web", fmt.Sprint("alias", i/2), event.Alias
			r.Stamp.ReceivedAt, r.Stamp.Timestamp = workload.Start+int64(i/3), workload.Start+int64(i%3)
			set = append(set, r.AppendTo(nil))
		}
		want := oracle.Fold(set, cfg, identity.NewKeyring([]byte("law")))
		wantHash := want.Contents.Explain(cfg)
		for round, batch := range []int{1, 7, 1000} {
			e := newEngine(logmem.New(1), mem.New(), batch)
			e.cfg, e.runner.Interpreter.Identity = cfg, cfg
			sent := set
			if round > 0 {
				sent = workload.Shuffled(seed+uint64(round)*1000, set)
			}
			e.append(t, sent)
			if err := e.runner.Drain(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := e.explain(t); got.Total != wantHash.Total {
				t.Fatalf("seed %d, batch %d: the state differs from the oracle's (-want +got):\n%s", seed, batch,
					cmp.Diff(strings.Join(wantHash.Lines, "\n"), strings.Join(got.Lines, "\n")))
			}
			e.checkCounts(t, sent, want)
			e.checkClusters(t)
		}
	}
}
