package law_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/eventlog"
	"kith/internal/eventlog/kafka"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/eventlog/local"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	statemem "kith/internal/state/mem"
	"kith/internal/state/pebble"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
	"kith/internal/sys"
	"kith/test/law"
)

// logEngine and stateEngine open an engine that is empty and belongs to the test
// alone. cost says how many of the random sets it is run on: one in so many.
type logEngine struct {
	name string
	cost int
	open func(t *testing.T, partitions int) eventlog.Log
}

type stateEngine struct {
	name string
	cost int
	open func(t *testing.T) state.Store
}

// logEngines and stateEngines are those of the product, embedded and distributed.
// The broker is one in this process that speaks the protocol; PostgreSQL is real.
func logEngines() []logEngine {
	return []logEngine{
		{"memory", 1, func(_ *testing.T, partitions int) eventlog.Log { return logmem.New(partitions) }},
		{"local", 1, func(t *testing.T, partitions int) eventlog.Log {
			l, err := local.Open("/log", local.Options{
				FS: vfs.NewMem(), Rand: sys.Seeded(1), Partitions: partitions, SegmentBytes: 16 << 10,
			})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}},
		{"kafka", 4, func(t *testing.T, partitions int) eventlog.Log {
			l, err := kafka.Open(context.Background(), kafkatest.Start(t), "law", kafka.Options{Partitions: partitions})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}},
	}
}

func stateEngines() []stateEngine {
	return []stateEngine{
		{"memory", 1, func(*testing.T) state.Store { return statemem.New() }},
		{"pebble", 1, func(t *testing.T) state.Store {
			s, err := pebble.Open("/state", pebble.Options{
				FS: vfs.NewMem(), NoSync: true, ReserveBytes: -1, CacheBytes: 1 << 20, MemTableBytes: 64 << 10,
			})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}},
		{"postgres", 6, func(t *testing.T) state.Store {
			url := pgtest.Start(t)
			s, err := postgres.Open(context.Background(), url, postgres.Options{Schema: pgtest.Schema(t, url), WriteConns: 8, ReadConns: 4})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}},
	}
}

// world is a pipeline over one log and one state.
type world struct {
	law.Place
	runner *pipeline.Runner
}

func newWorld(t *testing.T, log eventlog.Log, store state.Store, batch int) *world {
	t.Helper()
	w := &world{Place: law.Place{
		Log: log, State: store, History: keyed.Index{},
		Identity: identity.DefaultConfig(), Keys: identity.NewKeyring([]byte("law")),
	}}
	w.runner = &pipeline.Runner{
		Log: log, State: store, Stages: &pipeline.Stages{History: w.History},
		Interpreter: &pipeline.Interpreter{Identity: w.Identity, Keys: w.Keys},
		Clock:       sys.NewManual(time.UnixMilli(workload.Start)),
		Config:      pipeline.Config{BatchRecords: batch},
	}
	return w
}

// append sends each record to the partition of its home, as the collector does,
// a few at a time.
func (w *world) append(records [][]byte) error {
	var docs record.Docs
	for len(records) > 0 {
		some := records[:min(len(records), 100)]
		records = records[len(some):]
		entries := make([]eventlog.Entry, len(some))
		for i, r := range some {
			c := w.runner.Interpreter.Contribute(&docs, eventlog.Position{}, r)
			entries[i] = eventlog.Entry{Partition: int32(int(state.LockOf(c.Home)) % w.Log.Partitions()), Data: r}
		}
		if _, err := w.Log.Append(context.Background(), entries); err != nil {
			return err
		}
	}
	return nil
}

// fold brings the state to the end of the log and verifies it.
func (w *world) fold() (law.Tally, error) {
	ctx := context.Background()
	if _, err := w.runner.Prepare(ctx); err != nil {
		return law.Tally{}, err
	}
	if err := w.runner.Drain(ctx); err != nil {
		return law.Tally{}, err
	}
	return law.Verify(ctx, w.Place)
}

// shape is how a set of records is sent and folded.
type shape struct {
	log        logEngine
	state      stateEngine
	batch      int
	partitions int
	shuffled   bool // with one in five sent twice
}

func (s shape) String() string {
	order := "as made"
	if s.shuffled {
		order = "shuffled with repeats"
	}
	return fmt.Sprintf("log %s, state %s, batches of %d, %d partitions, %s", s.log.name, s.state.name, s.batch, s.partitions, order)
}
