package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/statehash"
	"kith/internal/sys"

	"time"
)

// engine is everything that one fold runs on.
type engine struct {
	log    eventlog.Log
	store  state.Store
	runner *pipeline.Runner
	cfg    *identity.Config
	keys   *identity.Keyring
}

func newEngine(log eventlog.Log, store state.Store, batch int) *engine {
	e := &engine{log: log, store: store, cfg: identity.DefaultConfig(), keys: identity.NewKeyring([]byte("law"))}
	e.runner = &pipeline.Runner{
		Log: log, State: store, Stages: &pipeline.Stages{History: keyed.Index{}},
		Interpreter: &pipeline.Interpreter{Identity: e.cfg, Keys: e.keys},
		Clock:       sys.NewManual(time.UnixMilli(workload.Start)),
		Config:      pipeline.Config{BatchRecords: batch},
	}
	return e
}

// partitionOf sends a record to the partition of its home, as the collector does.
func (e *engine) partitionOf(data []byte) int32 {
	c := e.runner.Interpreter.Contribute(&record.Docs{}, eventlog.Position{}, data)
	return int32(int(state.LockOf(c.Home)) % e.log.Partitions())
}

func (e *engine) append(t *testing.T, records [][]byte) {
	t.Helper()
	entries := make([]eventlog.Entry, len(records))
	for i, r := range records {
		entries[i] = eventlog.Entry{Partition: e.partitionOf(r), Data: r}
	}
	if _, err := e.log.Append(context.Background(), entries); err != nil {
		t.Fatal(err)
	}
}

func (e *engine) explain(t *testing.T) statehash.Hash {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	c, err := statehash.Read(context.Background(), snap, keyed.Index{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Explain(e.cfg)
}

// TestStateIsAFunctionOfTheSet folds one set in many orders, with repeats, in
// batches of several sizes and over several partitions, and holds each outcome
// against the oracle's.
func TestStateIsAFunctionOfTheSet(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	for seed := range uint64(seeds) {
		set := workload.Records(seed, 20+int(seed)*4)
		want := oracle.Fold(set, identity.DefaultConfig(), identity.NewKeyring([]byte("law")))
		wantHash := want.Contents.Explain(identity.DefaultConfig())
		for round, shape := range []struct{ batch, partitions int }{{1, 1}, {7, 1}, {1000, 1}, {3, 3}, {1000, 3}} {
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
			})
		}
	}
}

// checkCounts: every record is an event, a repeat or held, and the events are the
// oracle's.
func (e *engine) checkCounts(t *testing.T, sent [][]byte, want oracle.Result) {
	t.Helper()
	s, err := e.runner.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if s.Accepted != int64(len(sent)) || s.Processed != s.Accepted {
		t.Errorf("accepted %d, processed %d of %d sent", s.Accepted, s.Processed, len(sent))
	}
	if events := s.Processed - s.Repeats - s.Held; events != want.Events {
		t.Errorf("%d events, want %d", events, want.Events)
	}
	if s.Homeless != want.Homeless {
		t.Errorf("%d events without a node, want %d", s.Homeless, want.Homeless)
	}
}
