package profile_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"kith/internal/consent"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

// spoken folds a workload of consents and returns a reader over it.
func spoken(t *testing.T, seed uint64, n int) *profile.Reader {
	t.Helper()
	rules, keys := identity.DefaultConfig(), identity.NewKeyring([]byte("k"))
	log, store := logmem.New(1), mem.New()
	var entries []eventlog.Entry
	for _, data := range workload.Consents(seed, n) {
		entries = append(entries, eventlog.Entry{Data: data})
	}
	if _, err := log.Append(context.Background(), entries); err != nil {
		t.Fatal(err)
	}
	runner := &pipeline.Runner{
		Log: log, State: store, Stages: &pipeline.Stages{History: keyed.Index{}},
		Interpreter: &pipeline.Interpreter{Identity: rules, Keys: keys, Consent: consent.DefaultConfig()},
		Clock:       sys.NewManual(time.UnixMilli(workload.Start)),
	}
	if err := runner.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	return &profile.Reader{State: store, History: keyed.Index{}, Log: log, Config: rules, Keys: keys}
}

// TestLedgerComesInPages: pages of any size are the whole ledger, each statement
// once, the last received first, and folding it gives what the profile shows.
func TestLedgerComesInPages(t *testing.T) {
	told := 0
	for seed := range uint64(12) {
		r := spoken(t, seed, 80)
		for _, ref := range []profile.Ref{{Type: "user_id", Value: "u0-x"}, {Type: "anonymous_id", Value: "u1-x"}} {
			whole, err := r.ConsentLedger(context.Background(), ref, profile.Page{Limit: 1000})
			if errs.Is(err, errs.NotFound) {
				continue
			}
			if err != nil || whole.Next != "" {
				t.Fatal(err, whole.Next)
			}
			told += len(whole.Records)
			var paged []profile.ConsentRecord
			for cursor, size := "", 1; ; size = size%5 + 1 {
				page, err := r.ConsentLedger(context.Background(), ref, profile.Page{Limit: size, Cursor: cursor})
				if err != nil {
					t.Fatal(err)
				}
				paged = append(paged, page.Records...)
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			if len(paged) != len(whole.Records) {
				t.Fatalf("seed %d, %v: %d in pages, %d at once", seed, ref, len(paged), len(whole.Records))
			}
			for i := range paged {
				if paged[i].Statement != whole.Records[i].Statement || i > 0 && paged[i].ReceivedAt > paged[i-1].ReceivedAt {
					t.Fatalf("seed %d: %+v stands at %d, want %+v", seed, paged[i].Statement, i, whole.Records[i].Statement)
				}
				if len(paged[i].Evidence) > 0 && !json.Valid(paged[i].Evidence) {
					t.Fatalf("evidence %s", paged[i].Evidence)
				}
			}
			shows(t, r, ref, whole.Records)
		}
	}
	if told < 100 {
		t.Errorf("only %d statements were told", told)
	}
}

// shows folds a ledger by nodes and compares it with the profile, now and as of
// every moment.
func shows(t *testing.T, r *profile.Reader, ref profile.Ref, records []profile.ConsentRecord) {
	t.Helper()
	p, err := r.Read(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if got := foldRecords(records, consent.EndOfTime); !sameStates(got, p.Consents) {
		t.Fatalf("the ledger comes to %+v, the profile shows %+v", got, p.Consents)
	}
	for _, rec := range records {
		past, err := r.ReadAsOf(context.Background(), ref, rec.At)
		if errs.Is(err, errs.NotFound) {
			continue // nothing had happened yet
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := foldRecords(records, rec.At); !sameStates(got, past.Consents) {
			t.Fatalf("as of %d the ledger comes to %+v, the profile shows %+v", rec.At, got, past.Consents)
		}
	}
}

func foldRecords(records []profile.ConsentRecord, at int64) []consent.Standing {
	nodes := map[identity.NodeID]consent.Node{}
	for i := range records {
		if records[i].At > at {
			continue
		}
		if nodes[records[i].Node] == nil {
			nodes[records[i].Node] = consent.Node{}
		}
		nodes[records[i].Node].Add(&records[i].Statement)
	}
	var p consent.Person
	for _, n := range nodes {
		p = append(p, n)
	}
	return p.Standings()
}

func sameStates(a, b []consent.Standing) bool {
	return slices.EqualFunc(a, b, func(x, y consent.Standing) bool { return x.Key == y.Key && x.State == y.State })
}

// TestWhoOnlySpokeIsAPerson: a consent alone makes a profile without events.
func TestWhoOnlySpokeIsAPerson(t *testing.T) {
	for seed := range uint64(20) {
		r := spoken(t, seed, 1)
		for _, typ := range []string{"user_id", "anonymous_id"} {
			p, err := r.Read(context.Background(), profile.Ref{Type: typ, Value: "u0-x"})
			if err != nil || p.Events != 0 {
				continue
			}
			if len(p.Consents) == 0 && p.FirstSeen == 0 {
				t.Errorf("%+v", p)
			}
			return
		}
	}
	t.Error("nobody spoke without doing anything")
}

func TestLedgerCursorsThatAreNone(t *testing.T) {
	r := spoken(t, 1, 40)
	for _, cursor := range []string{"?", "bm8", "e30x"} {
		if _, err := r.ConsentLedger(context.Background(), profile.Ref{Type: "user_id", Value: "u0-x"}, profile.Page{Limit: 1, Cursor: cursor}); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", cursor, err)
		}
	}
	if _, err := r.ConsentLedger(context.Background(), profile.Ref{Type: "user_id", Value: "nobody-here"}, profile.Page{Limit: 1}); !errs.Is(err, errs.NotFound) {
		t.Errorf("nobody: %v", err)
	}
}
