package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/consent"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/record"
	"kith/internal/state/mem"
	"kith/internal/statehash"
)

// purposes is a configuration with a declared purpose, whose categories have to
// be in a consent object.
func purposes() *consent.Config {
	return consent.With([]consent.Purpose{{Key: "marketing", Required: true, Categories: []string{"Marketing"}}})
}

func (e *engine) oracle() oracle.Config {
	return oracle.Config{Identity: e.cfg, Keys: e.keys, Consent: e.runner.Interpreter.Consent, Entities: e.runner.Interpreter.Entities}
}

// holds compares the state with what the oracle makes of a set.
func (e *engine) holds(t *testing.T, set [][]byte) {
	t.Helper()
	want := oracle.FoldUnder(set, e.oracle()).Contents.Explain(e.cfg)
	if got := e.explain(t); got.Total != want.Total {
		t.Fatalf("the state differs from the oracle's (-want +got):\n%s", cmp.Diff(strings.Join(want.Lines, "\n"), strings.Join(got.Lines, "\n")))
	}
}

func consentEngine(partitions, batch int) *engine {
	e := newEngine(logmem.New(partitions), mem.New(), batch)
	e.runner.Interpreter.Consent = purposes()
	return e
}

// TestConsentsAreAFunctionOfTheSet: order, repeats, batches and partitions do not
// show in what people have agreed to.
func TestConsentsAreAFunctionOfTheSet(t *testing.T) {
	seeds := 80
	if testing.Short() {
		seeds = 10
	}
	said := 0
	for seed := range uint64(seeds) {
		set := workload.Consents(seed, 5+int(seed)/2)
		for round, shape := range []struct{ batch, partitions int }{{1, 1}, {3, 1}, {1000, 1}, {2, 3}, {1000, 3}} {
			t.Run(fmt.Sprintf("seed=%d/batch=%d/partitions=%d", seed, shape.batch, shape.partitions), func(t *testing.T) {
				e := consentEngine(shape.partitions, shape.batch)
				sent := set
				if round > 0 {
					sent = workload.Shuffled(seed+uint64(round)*1000, set)
				}
				e.append(t, sent)
				if err := e.runner.Drain(context.Background()); err != nil {
					t.Fatal(err)
				}
				e.holds(t, set)
				said += e.explain(t).Rows[statehash.Consents]
			})
		}
	}
	if said == 0 {
		t.Fatal("no workload said anything")
	}
}

// TestAnEventAndAConsentOfOneMessageID: an event and a consent of the API that have
// source, message id and receipt in common are two entries of the ledger, and what
// the event's lesser copy withdraws leaves the consent alone.
func TestAnEventAndAConsentOfOneMessageID(t *testing.T) {
	at := int64(workload.Start)
	stamp := func(received int64, kind record.Kind, body string) []byte {
		r := record.Record{Kind: kind, Body: []byte(body), Stamp: event.Stamp{
			Source: "api", MessageID: "m-1", ReceivedAt: received, Timestamp: at,
		}}
		if kind == record.Event {
			r.Stamp.Type = event.Identify
		}
		return r.AppendTo(nil)
	}
	said := stamp(at, record.Consent, `{"identity":{"type":"user_id","value":"u-1"},"purpose":"*","channel":"email","state":"granted"}`)
	told := stamp(at, record.Event, `{"userId":"u-1","context":{"consent":{"categoryPreferences":{"Analytics":false}}}}`)
	less := stamp(at-1000, record.Event, `{"userId":"u-1","context":{}}`)
	for i, set := range [][][]byte{{said, told}, {told, said}, {said, told, less}, {told, said, less}, {less, told, said}} {
		for _, batch := range []int{1, 1000} {
			t.Run(fmt.Sprintf("order=%d/batch=%d", i, batch), func(t *testing.T) {
				e := consentEngine(1, batch)
				e.append(t, set)
				if err := e.runner.Drain(context.Background()); err != nil {
					t.Fatal(err)
				}
				e.holds(t, set)
				want := 1
				if len(set) == 2 { // no lesser copy, so the event speaks of its category and of the declared one
					want = 3
				}
				if got := e.explain(t).Rows[statehash.Consents]; got != want {
					t.Errorf("%d rows of consents, want %d", got, want)
				}
			})
		}
	}
}

// TestLedgerFoldsToTheRegisters: what is stored of a node is the fold of its
// ledger, so the ledger is the proof of every decision.
func TestLedgerFoldsToTheRegisters(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for seed := range uint64(40) {
		e := consentEngine(2, 1+rng.IntN(9))
		e.append(t, workload.Shuffled(seed, workload.Consents(seed, 60)))
		if err := e.runner.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
		snap, err := e.store.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		c, err := statehash.Read(context.Background(), snap, e.runner.Stages.History)
		if err != nil {
			t.Fatal(err)
		}
		for n := range c.Consents {
			stored, err := consent.ReadNode(context.Background(), snap, n)
			if err != nil {
				t.Fatal(err)
			}
			folded := consent.Node{}
			for entry, err := range consent.Ledger(context.Background(), snap, n, consent.EndOfTime, false, 0) {
				if err != nil {
					t.Fatal(err)
				}
				for s := range entry.Statements() {
					folded.Add(s)
				}
			}
			if diff := cmp.Diff(folded, stored, cmp.AllowUnexported(consent.Register{})); diff != "" {
				t.Fatalf("seed %d (-ledger +stored):\n%s", seed, diff)
			}
		}
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
