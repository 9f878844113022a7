package lake_test

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/parquet-go/parquet-go"

	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
	"kith/internal/waypoint"
)

// world is a pipeline with a lake behind it.
type world struct {
	log    eventlog.Log
	store  state.Store
	clock  *sys.Manual
	runner *pipeline.Runner
	reader *profile.Reader
	fs     vfs.FS
	files  lake.Store
	writer *lake.Writer
	wired  uint64 // how often
	mirror lake.Mirror
	shared bool
	// distant: people are read together, as from a state on a server
	distant bool
	// roundFacts bounds rounds; 0: as usual
	roundFacts uint64
}

func newWorld(partitions, batch int) *world {
	w := &world{log: logmem.New(partitions), store: mem.New(), clock: sys.NewManual(time.UnixMilli(workload.Start))}
	w.fs = vfs.NewMem()
	w.files = local.New(w.fs, "lake")
	w.wire(batch)
	return w
}

// wire makes what holds nothing.
func (w *world) wire(batch int) {
	w.wired++
	index, keys, cfg := keyed.Index{}, identity.NewKeyring([]byte("lake")), identity.DefaultConfig()
	w.runner = &pipeline.Runner{
		Log: w.log, State: w.store, Stages: &pipeline.Stages{History: index}, Clock: w.clock,
		Interpreter: &pipeline.Interpreter{Identity: cfg, Keys: keys}, Config: pipeline.Config{BatchRecords: batch},
	}
	w.reader = &profile.Reader{State: w.store, History: index, Log: w.log, Config: cfg, Keys: keys}
	w.writer = lake.New(lake.Config{
		Store: w.files, State: w.store, Log: w.log, Partitions: w.log.Partitions(), Clock: w.clock, Rand: sys.Seeded(w.wired), Mirror: w.mirror, Shared: w.shared, Distant: w.distant, RoundFacts: w.roundFacts,
		Parts: func() lake.Parts { return lake.Parts{Interpreter: w.runner.Interpreter, Reader: w.reader} },
	})
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// append puts records into the log, spread over the partitions by their index.
func (w *world) append(t testing.TB, records [][]byte) {
	t.Helper()
	var entries []eventlog.Entry
	for i, r := range records {
		entries = append(entries, eventlog.Entry{Partition: int32(i % w.log.Partitions()), Data: r})
	}
	_, err := w.log.Append(context.Background(), entries)
	ok(t, err)
}

// note notes a waypoint where a round may end.
func (w *world) note(t testing.TB) {
	t.Helper()
	ok(t, waypoint.Note(context.Background(), w.store, w.log.Partitions(), w.roundFacts/5))
}

// steps writes rounds until everything shows, and returns how many.
func (w *world) steps(t testing.TB) (rounds int) {
	t.Helper()
	for {
		n, err := w.writer.Step(context.Background())
		ok(t, err)
		if n == 0 {
			return rounds
		}
		rounds++
	}
}

// table reads a table whole, as texts by column.
func (w *world) table(t testing.TB, name string) []map[string]string {
	t.Helper()
	m := must1(t)(lake.ReadManifest(context.Background(), w.files, name))
	if m == nil {
		t.Fatalf("there is no table %s", name)
	}
	table, _ := lake.TableOf(name)
	var out []map[string]string
	ok(t, lake.Rows(context.Background(), w.files, m, func(values []parquet.Value) error {
		row := map[string]string{}
		for i, v := range values {
			if !v.IsNull() {
				row[table.Columns[i].Name] = v.String()
			}
		}
		out = append(out, row)
		return nil
	}))
	return out
}

func must1(t testing.TB) func(*lake.Manifest, error) *lake.Manifest {
	return func(m *lake.Manifest, err error) *lake.Manifest {
		t.Helper()
		ok(t, err)
		return m
	}
}

func TestEventsShow(t *testing.T) {
	w := newWorld(2, 50)
	w.append(t, workload.Records(1, 500))
	ok(t, w.runner.Drain(context.Background()))
	n, err := w.writer.Step(context.Background())
	ok(t, err)
	s := must2(t)(w.runner.Status(context.Background()))
	want := s.Processed - s.Repeats - s.Held
	rows := w.table(t, lake.TableEvents)
	if int64(len(rows)) != want || want == 0 {
		t.Errorf("%d rows of %d facts, want %d", len(rows), n, want)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		k := r["source"] + "\x00" + r["message_id"] + "\x00" + r["received_at"]
		if seen[k] {
			t.Errorf("an event shows twice")
		}
		seen[k] = true
	}
	if n, err := w.writer.Step(context.Background()); err != nil || n != 0 {
		t.Errorf("a second step wrote %d facts, %v", n, err)
	}
}

// TestRoundsAreBounded: a lake that is far behind, or made anew, takes the facts in
// pieces that end where they once did, and has in the end what one that kept up has.
func TestRoundsAreBounded(t *testing.T) {
	const most, apart = 500, 100
	w := newWorld(3, 20)
	w.roundFacts = most
	w.wire(20)
	for seed := range uint64(4) {
		w.append(t, workload.Records(seed, 600))
		for more := true; more; {
			more = false
			for p := range w.log.Partitions() {
				n, err := w.runner.RunOnce(context.Background(), int32(p))
				ok(t, err)
				more = more || n > 0
			}
			w.note(t)
		}
	}
	for range 2 {
		rounds, facts := 0, uint64(0)
		for {
			n, err := w.writer.Step(context.Background())
			ok(t, err)
			if n == 0 {
				break
			}
			if n > most+2*apart {
				t.Errorf("a round takes in %d facts", n)
			}
			rounds, facts = rounds+1, facts+n
		}
		if rounds < int(facts/most) || rounds < 3 {
			t.Errorf("%d facts are taken in by %d rounds", facts, rounds)
		}
		w.compare(t)
		w.files = local.New(vfs.NewMem(), "lake") // it is lost
		w.clock.Advance(time.Minute)
		w.wire(20)
	}
}

func must2(t testing.TB) func(pipeline.Status, error) pipeline.Status {
	return func(s pipeline.Status, err error) pipeline.Status {
		t.Helper()
		ok(t, err)
		return s
	}
}
