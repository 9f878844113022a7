package lake_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/state"
	"kith/internal/strictjson"
)

var lawRuns = flag.Int("lake.runs", 8, "random workloads after which the tables are held against the state")

// TestTablesEqualState folds random records, writes the lake and merges it at random
// moments, and holds the tables against the state in the end.
func TestTablesEqualState(t *testing.T) {
	rows := 0
	for seed := uint64(*firstSeed); seed < uint64(*firstSeed+*lawRuns); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { rows += runLaw(t, seed) })
	}
	t.Logf("%d workloads, %d events in the tables", *lawRuns, rows)
}

func runLaw(t *testing.T, seed uint64) int {
	r := rand.New(rand.NewPCG(seed, 3))
	batch := []int{1, 7, 50}
	w := newWorld(1+r.IntN(3), batch[r.IntN(3)])
	w.distant = seed%2 == 0
	w.roundFacts = []uint64{0, 10, 60}[r.IntN(3)]
	w.wire(batch[seed%3])
	ctx := context.Background()
	records := append(workload.Records(seed, 200+r.IntN(400)), workload.Decisions(seed, r.IntN(20))...)
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for len(records) > 0 {
		n := min(1+r.IntN(120), len(records))
		w.append(t, records[:n])
		records = records[n:]
		for range r.IntN(8) {
			_, err := w.runner.RunOnce(ctx, int32(r.IntN(w.log.Partitions())))
			ok(t, err)
			w.note(t)
		}
		if r.IntN(4) == 0 {
			_, err := w.writer.Step(ctx)
			ok(t, err)
		}
		if r.IntN(12) == 0 {
			w.files = local.New(vfs.NewMem(), "lake") // it is lost, and made anew
			w.clock.Advance(time.Minute)
			w.wire(batch[seed%3])
		}
		if r.IntN(3) == 0 {
			w.clock.Advance([]time.Duration{time.Second, 2 * time.Minute, 2 * time.Hour, 30 * time.Hour}[r.IntN(4)])
			ok(t, w.writer.Tidy(ctx))
		}
	}
	ok(t, w.runner.Drain(ctx))
	w.steps(t)
	n := w.compare(t)
	if n == 0 || len(w.table(t, lake.TableProfiles)) == 0 {
		t.Error("the workload made nothing")
	}
	return n
}

// compare holds every table against the state and returns how many events there are.
func (w *world) compare(t testing.TB) int {
	t.Helper()
	snap, err := w.store.Snapshot(context.Background())
	ok(t, err)
	defer snap.Close()
	n := w.compareEvents(t, snap)
	w.comparePeople(t, snap)
	w.compareLinks(t, snap)
	return n
}

func (w *world) compareEvents(t testing.TB, snap state.Reader) int {
	t.Helper()
	ctx := context.Background()
	ends, err := w.log.Ends(ctx)
	ok(t, err)
	want := map[eventlog.Position]bool{}
	for p, end := range ends {
		for at := (eventlog.Position{Partition: int32(p)}); at.Offset < end; {
			data, err := w.log.Read(ctx, at, 100, 1<<20)
			ok(t, err)
			c := w.runner.Interpreter.All(at, data)
			out, err := pipeline.Outcomes(ctx, snap, keyed.Index{}, c)
			ok(t, err)
			for i := range c {
				if out[i].Fate == pipeline.FateFolded && c[i].Entry.MessageID != "" {
					want[c[i].Position] = true
				}
			}
			at.Offset += int64(len(data))
		}
	}
	got := map[eventlog.Position]bool{}
	first := int64(math.MaxInt64)
	defer func() {
		if begins, known := must1(t)(lake.ReadManifest(ctx, w.files, lake.TableEvents)).Begins(); !known || begins != first {
			t.Errorf("the list says that history begins at %d (%t), the rows at %d", begins, known, first)
		}
	}()
	for _, r := range w.table(t, lake.TableEvents) {
		stamp, err := strconv.ParseInt(r["timestamp"], 10, 64)
		ok(t, err)
		first = min(first, stamp)
		p, _ := strconv.Atoi(r["record_partition"])
		o, _ := strconv.Atoi(r["record_offset"])
		at := eventlog.Position{Partition: int32(p), Offset: int64(o)}
		if got[at] {
			t.Errorf("the event at %v shows twice", at)
		}
		got[at] = true
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	return len(got)
}

func (w *world) comparePeople(t testing.TB, snap state.Reader) {
	t.Helper()
	ctx := context.Background()
	profiles, identifiers := map[string]string{}, map[string]string{}
	for kv, err := range snap.Scan(ctx, state.Prefix([]byte{byte(state.FamilyIdentifier)})) {
		ok(t, err)
		node := identity.NodeID(kv.Key[1:])
		whole, err := w.reader.Whole(ctx, snap, node)
		if errs.Is(err, errs.NotFound) {
			continue
		}
		ok(t, err)
		traits := map[string]json.RawMessage{}
		for k, v := range whole.Traits {
			traits[k] = v.Value
		}
		plain, err := json.Marshal(traits)
		ok(t, err)
		doc := canonical(t, plain)
		accounts, err := json.Marshal(append([]string{}, whole.Accounts...))
		ok(t, err)
		profiles[whole.ID.String()] = fmt.Sprint(string(doc), string(accounts), whole.FirstSeen, whole.LastSeen, whole.Events, len(whole.Identifiers))
		for _, id := range whole.Identifiers {
			if id.Node == node {
				sources, err := json.Marshal(id.Sources)
				ok(t, err)
				identifiers[node.String()] = fmt.Sprint(id.Type, id.Value, whole.ID, id.FirstSeen, id.LastSeen, string(sources))
			}
		}
	}
	gotProfiles, gotIdentifiers := map[string]string{}, map[string]string{}
	for _, r := range w.table(t, lake.TableProfiles) {
		if _, twice := gotProfiles[r["profile_id"]]; twice {
			t.Errorf("a profile shows twice")
		}
		doc := canonical(t, []byte(r["traits"]))
		gotProfiles[r["profile_id"]] = fmt.Sprint(string(doc), r["accounts"], r["first_seen"], " ", r["last_seen"], " ", r["events"], " ", r["identifiers"])
	}
	for _, r := range w.table(t, lake.TableIdentifiers) {
		if _, twice := gotIdentifiers[r["node_id"]]; twice {
			t.Errorf("an identifier shows twice")
		}
		gotIdentifiers[r["node_id"]] = fmt.Sprint(r["type"], r["value"], r["profile_id"], " ", r["first_seen"], " ", r["last_seen"], " ", r["sources"])
	}
	for _, c := range []struct {
		name      string
		want, got map[string]string
	}{{"profiles", profiles, gotProfiles}, {"identifiers", identifiers, gotIdentifiers}} {
		if d := cmp.Diff(squeezed(c.want), squeezed(c.got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// compareLinks holds the links against all observations and the derivation over
// them.
func (w *world) compareLinks(t testing.TB, snap state.Reader) {
	t.Helper()
	ctx := context.Background()
	type seen struct {
		first, last, count int64
		verdict            string
	}
	want := map[string]seen{}
	for kv, err := range snap.Scan(ctx, state.Prefix([]byte{byte(state.FamilyObservation)})) {
		ok(t, err)
		o, err := identity.DecodeObservation(identity.NodeID(kv.Key[1:17]), slices.Clone(kv.Value))
		ok(t, err)
		for _, n := range o.Nodes {
			if n == o.Home {
				continue
			}
			a, b := o.Home.String(), n.String()
			if a > b {
				a, b = b, a
			}
			l, known := want[a+b]
			if !known {
				l = seen{first: o.First, last: o.Last}
				l.verdict = "rejected"
				pa, err := w.reader.Leader(ctx, snap, o.Home)
				ok(t, err)
				pb, err := w.reader.Leader(ctx, snap, n)
				ok(t, err)
				if pa == pb {
					l.verdict = "accepted"
				}
			}
			want[a+b] = seen{min(l.first, o.First), max(l.last, o.Last), l.count + o.Count, l.verdict}
		}
	}
	got := map[string]seen{}
	for _, r := range w.table(t, lake.TableLinks) {
		number := func(name string) int64 {
			n, err := strconv.ParseInt(r[name], 10, 64)
			ok(t, err)
			return n
		}
		got[r["node_a"]+r["node_b"]] = seen{number("first_seen"), number("last_seen"), number("count"), r["verdict"]}
		if (r["reason"] == "") != (r["verdict"] == "accepted") {
			t.Errorf("a link is %s for the reason %q", r["verdict"], r["reason"])
		}
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(seen{})); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
}

// canonical is a document in the form in which equal ones have the same bytes.
func canonical(t testing.TB, text []byte) []byte {
	t.Helper()
	var doc strictjson.Doc
	if err := doc.Parse(text, strictjson.Limits{}); err != nil {
		t.Fatal(err)
	}
	return doc.Root().AppendCanonical(nil)
}

// squeezed takes the blanks out of the values.
func squeezed(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		b := []byte(v)
		out[k] = string(slices.DeleteFunc(b, func(c byte) bool { return c == ' ' }))
	}
	return out
}
