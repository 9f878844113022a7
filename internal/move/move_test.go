package move_test

import (
	"fmt"
	"slices"
	"testing"

	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/move"
	"kith/internal/state"
	"kith/internal/state/mem"
)

func quiet(string, int64, int64) {}

func fill(t *testing.T, log eventlog.Log, partition int32, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := log.Append(t.Context(), []eventlog.Entry{{Partition: partition, Data: fmt.Append(nil, partition, "-", i)}}); err != nil {
			t.Fatal(err)
		}
	}
}

func contents(t *testing.T, log eventlog.Log) (out []string) {
	t.Helper()
	for p := range log.Partitions() {
		records, err := log.Read(t.Context(), eventlog.Position{Partition: int32(p)}, 1<<20, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			out = append(out, fmt.Sprint(p, ".", i, " ", string(r)))
		}
	}
	return out
}

// TestLog: every record gets its position, in a log with more partitions too, a
// second pass copies what has come since, and what is another workspace's is not
// touched.
func TestLog(t *testing.T) {
	from, to := logmem.New(2), logmem.New(3)
	fill(t, from, 0, 0, 2500)
	fill(t, from, 1, 0, 3)
	if n, err := move.Log(t.Context(), from, to, quiet); err != nil || n != 2503 {
		t.Fatalf("copied %d, %v", n, err)
	}
	fill(t, from, 1, 3, 5)
	if n, err := move.Log(t.Context(), from, to, quiet); err != nil || n != 2 {
		t.Fatalf("then copied %d, %v", n, err)
	}
	if got, want := contents(t, to), contents(t, from); !slices.Equal(got, want) {
		t.Errorf("the copy has %d records, the source %d, and they differ", len(got), len(want))
	}
	if _, err := move.Log(t.Context(), to, from, quiet); !errs.Is(err, errs.Invalid) {
		t.Errorf("into fewer partitions: %v", err)
	}
	fill(t, to, 2, 0, 1)
	if _, err := move.Log(t.Context(), from, to, quiet); !errs.Is(err, errs.Conflict) {
		t.Errorf("into a log in use: %v", err)
	}
	other := logmem.New(2)
	fill(t, other, 0, 7, 9)
	if _, err := move.Log(t.Context(), from, other, quiet); !errs.Is(err, errs.Conflict) {
		t.Errorf("into another workspace's log: %v", err)
	}
}

func write(t *testing.T, s state.Store, rows map[string]string) {
	t.Helper()
	tx, err := s.Begin(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for k, v := range rows {
		if v == "-" {
			tx.Delete([]byte(k))
		} else {
			tx.Put([]byte(k), []byte(v))
		}
	}
	if err := tx.Commit(t.Context(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
}

func rows(t *testing.T, s state.Store) (out []string) {
	t.Helper()
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for kv, err := range snap.Scan(t.Context(), state.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(kv.Key)+"="+string(kv.Value))
	}
	return out
}

// TestState: a copy is equal, also where rows have changed, come or gone, and only
// those are written.
func TestState(t *testing.T) {
	from, to := mem.New(), mem.New()
	many := map[string]string{"Aempty": "", "Lround": "of the source"}
	for i := range 9000 {
		many[fmt.Sprint("H", i)] = fmt.Sprint("v", i)
	}
	write(t, from, many)
	write(t, to, map[string]string{"Lround": "of the target", "Zgone": "x"})
	out, err := move.State(t.Context(), from, to, quiet)
	if err != nil || out != (move.Rows{Total: 9001, Written: 9001, Deleted: 1}) {
		t.Fatalf("copied %+v, %v", out, err)
	}
	write(t, from, map[string]string{"H5": "-", "H7": "other", "Znew": "x", "A0": "first"})
	out, err = move.State(t.Context(), from, to, quiet)
	if err != nil || out != (move.Rows{Total: 9002, Written: 3, Deleted: 1}) {
		t.Fatalf("then copied %+v, %v", out, err)
	}
	write(t, from, map[string]string{"Lround": "-"})
	write(t, to, map[string]string{"Lround": "-"})
	if got, want := rows(t, to), rows(t, from); !slices.Equal(got, want) {
		t.Errorf("the copy has %d rows, the source %d, and they differ", len(got), len(want))
	}
}
