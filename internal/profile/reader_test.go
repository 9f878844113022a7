package profile_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

// folded is a reader over a folded random set, and the set's identifiers.
func folded(t *testing.T, seed uint64) (*profile.Reader, oracle.Result) {
	t.Helper()
	ctx := context.Background()
	log, store, rules, keys := logmem.New(1), mem.New(), identity.DefaultConfig(), identity.NewKeyring([]byte("reader"))
	set := workload.Shuffled(seed, workload.Records(seed, 300))
	var entries []eventlog.Entry
	for _, r := range set {
		entries = append(entries, eventlog.Entry{Data: r})
	}
	if _, err := log.Append(ctx, entries); err != nil {
		t.Fatal(err)
	}
	runner := pipeline.Runner{
		Log: log, State: store, Stages: &pipeline.Stages{History: keyed.Index{}}, Clock: sys.NewManual(time.UnixMilli(workload.Start)),
		Interpreter: &pipeline.Interpreter{Identity: rules, Keys: keys},
	}
	if err := runner.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	return &profile.Reader{State: store, History: keyed.Index{}, Log: log, Config: rules, Keys: keys}, oracle.Fold(set, rules, keys)
}

// refs names every person's identifier of a set; accounts are no people.
func refs(r oracle.Result) []profile.Ref {
	var out []profile.Ref
	for _, id := range r.Contents.IDs {
		if id.Type != profile.AccountType {
			out = append(out, profile.Ref{Type: id.Type, Value: id.Value})
		}
	}
	return out
}

// TestProfilesAreThePartition: every identifier finds the profile of its cluster,
// profiles do not overlap, and together they hold every event that has a home.
func TestProfilesAreThePartition(t *testing.T) {
	without := 0 // profiles without events of their own
	for seed := range uint64(8) {
		r, want := folded(t, seed)
		leaders := identity.Derive(want.Contents.Observations, want.Contents.IDs, r.Config).Leader
		events := map[identity.NodeID]int64{}
		for _, ref := range refs(want) {
			p, err := r.Read(context.Background(), ref)
			if err != nil {
				t.Fatalf("%v: %v", ref, err)
			}
			node := r.Keys.Node(identity.Identifier(ref))
			if p.ID != leaders[node] {
				t.Errorf("seed %d: %v has profile %s, want %s", seed, ref, p.ID, leaders[node])
			}
			if byID, err := r.Read(context.Background(), profile.Ref{Type: "id", Value: node.String()}); err != nil || byID.ID != p.ID {
				t.Errorf("seed %d: the id of %v finds %s (%v)", seed, ref, byID.ID, err)
			}
			events[p.ID] = p.Events
			first, last := int64(math.MaxInt64), int64(math.MinInt64)
			for _, id := range p.Identifiers {
				first, last = min(first, id.FirstSeen), max(last, id.LastSeen)
			}
			if p.FirstSeen < first || p.LastSeen > last || p.FirstSeen > p.LastSeen || p.Events == 0 && (p.FirstSeen != first || p.LastSeen != last) {
				t.Errorf("seed %d: %v with %d events spans %d to %d, its identifiers %d to %d", seed, ref, p.Events, p.FirstSeen, p.LastSeen, first, last)
			}
			if p.Events == 0 {
				without++
			}
		}
		var total int64
		for _, n := range events {
			total += n
		}
		if total != want.Events-want.Homeless {
			t.Errorf("seed %d: the profiles hold %d events, want %d", seed, total, want.Events-want.Homeless)
		}
	}
	if without == 0 {
		t.Error("no identifier is alone without events")
	}
}

// TestTimelineIsPagedWithoutGaps: pages of any size give the same list, newest
// first, one entry for each event of the profile.
func TestTimelineIsPagedWithoutGaps(t *testing.T) {
	r, want := folded(t, 3)
	for _, ref := range refs(want)[:10] {
		p, err := r.Read(context.Background(), ref)
		if err != nil {
			t.Fatal(err)
		}
		all := pages(t, r, ref, 1000)
		if int64(len(all)) != p.Events {
			t.Errorf("%v: %d events in the timeline, %d in the profile", ref, len(all), p.Events)
		}
		for _, size := range []int{1, 3} {
			if d := cmp.Diff(all, pages(t, r, ref, size)); d != "" {
				t.Errorf("%v in pages of %d:\n%s", ref, size, d)
			}
		}
		for i := 1; i < len(all); i++ {
			if all[i-1].Timestamp < all[i].Timestamp {
				t.Errorf("%v: %s before %s", ref, all[i-1].Timestamp, all[i].Timestamp)
			}
		}
	}
}

type listed struct {
	MessageID string `json:"messageId"`
	Timestamp string `json:"timestamp"`
	NodeID    string `json:"node_id"`
	Source    string `json:"source"`
}

func pages(t *testing.T, r *profile.Reader, ref profile.Ref, size int) (out []listed) {
	t.Helper()
	for cursor, more := "", true; more; more = cursor != "" {
		page, err := r.Events(context.Background(), ref, profile.Page{Limit: size, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range page.Events {
			var e listed
			if err := json.Unmarshal(raw, &e); err != nil || e.Source == "" {
				t.Fatalf("%v, source %q in %s", err, e.Source, raw)
			}
			out = append(out, e)
		}
		cursor = page.Next
	}
	return out
}

// TestAsOf: at the end of time a profile is what it is now; earlier it holds the
// events up to then and no others.
func TestAsOf(t *testing.T) {
	r, want := folded(t, 5)
	for _, ref := range refs(want)[:10] {
		now, err := r.Read(context.Background(), ref)
		if err != nil {
			t.Fatal(err)
		}
		end, err := r.ReadAsOf(context.Background(), ref, math.MaxInt64-1)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(now, end); d != "" {
			t.Errorf("%v at the end of time:\n%s", ref, d)
		}
		timeline := pages(t, r, ref, 1000)
		for _, i := range []int{0, len(timeline) / 2, len(timeline) - 1} {
			checkAsOf(t, r, ref, timeline, timeline[i].Timestamp)
		}
		first, _ := event.ParseTime(timeline[len(timeline)-1].Timestamp)
		if _, err := r.ReadAsOf(context.Background(), ref, first-1); !errs.Is(err, errs.NotFound) {
			t.Errorf("%v before its first event: %v", ref, err)
		}
	}
}

func checkAsOf(t *testing.T, r *profile.Reader, ref profile.Ref, timeline []listed, moment string) {
	t.Helper()
	at, ok := event.ParseTime(moment)
	if !ok {
		t.Fatalf("%q is no time", moment)
	}
	p, err := r.ReadAsOf(context.Background(), ref, at)
	if err != nil {
		t.Fatal(err)
	}
	var events int64
	for _, e := range timeline {
		if e.Timestamp <= moment {
			events++
		}
	}
	if p.Events != events || p.LastSeen > at {
		t.Errorf("%v at %s: %d events up to %d, want %d", ref, moment, p.Events, p.LastSeen, events)
	}
	for key, trait := range p.Traits {
		if trait.Timestamp > at {
			t.Errorf("%v at %s: the trait %s is of %d", ref, moment, key, trait.Timestamp)
		}
	}
}

func TestWhatNamesNobodyIsNotFound(t *testing.T) {
	r, _ := folded(t, 1)
	for _, ref := range []profile.Ref{{"user_id", "nobody-here"}, {"user_id", "null"}, {"email", "x"}, {"id", "x"}, {"id", "6f1c2d3e-0000-8000-8000-000000000000"}} {
		if _, err := r.Read(context.Background(), ref); !errs.Is(err, errs.NotFound) {
			t.Errorf("%v: %v", ref, err)
		}
	}
	if _, err := r.Events(context.Background(), profile.Ref{Type: "user_id", Value: "u0-x"}, profile.Page{Limit: 1, Cursor: "?"}); !errs.Is(err, errs.Invalid) {
		t.Errorf("a made-up cursor: %v", err)
	}
}
