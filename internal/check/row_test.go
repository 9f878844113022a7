package check

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/resource"
	"kith/internal/state"
	statemem "kith/internal/state/mem"
	"kith/internal/sys"
)

// rows folds a random set of records, some of them unreadable, and returns every
// row of the state that this makes, and the ends of the log.
func rows(tb testing.TB) (out []state.KV, ends []int64) {
	tb.Helper()
	ctx := context.Background()
	log, store := logmem.New(2), statemem.New()
	for i, data := range append(workload.Records(5, 400), []byte("no record")) {
		if _, err := log.Append(ctx, []eventlog.Entry{{Partition: int32(i % 2), Data: data}}); err != nil {
			tb.Fatal(err)
		}
	}
	clock := sys.NewManual(time.UnixMilli(workload.Start))
	sources, err := resource.OpenSources(ctx, store, clock, sys.Seeded(1))
	if err != nil {
		tb.Fatal(err)
	}
	src, err := sources.EnsureDefault(ctx, "key")
	if err != nil {
		tb.Fatal(err)
	}
	sources.ByWriteKey(src.CurrentKey())
	if err := sources.StoreUsage(ctx); err != nil {
		tb.Fatal(err)
	}
	cfg := identity.DefaultConfig()
	r := &pipeline.Runner{
		Log: log, State: store, Clock: clock, Stages: &pipeline.Stages{History: keyed.Index{}},
		Interpreter: &pipeline.Interpreter{Identity: cfg, Keys: identity.NewKeyring([]byte("key"))},
	}
	if _, err := r.Prepare(ctx); err != nil {
		tb.Fatal(err)
	}
	if err := r.Drain(ctx); err != nil {
		tb.Fatal(err)
	}
	snap, err := store.Snapshot(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	defer snap.Close()
	for kv, err := range snap.Scan(ctx, state.Range{}) {
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, state.KV{Key: append([]byte(nil), kv.Key...), Value: append([]byte(nil), kv.Value...)})
	}
	ends, err = log.Ends(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return out, ends
}

// TestRowsOfEveryFamily: what the pipeline and the resources write can be read,
// and a row of which the end is missing cannot.
func TestRowsOfEveryFamily(t *testing.T) {
	families := map[byte]int{}
	all, ends := rows(t)
	for _, kv := range all {
		families[kv.Key[0]]++
		if err := Row(kv.Key, kv.Value); err != nil {
			t.Errorf("%q: %v", kv.Key, err)
		}
		if err := Ends(kv.Key, kv.Value, ends); err != nil {
			t.Errorf("%q: %v", kv.Key, err)
		}
		if err := Row(kv.Key[:len(kv.Key)/2], kv.Value); !errs.Is(err, errs.Corrupt) && kv.Key[0] != 'R' && kv.Key[0] != 'T' {
			t.Errorf("%q with half a key: %v", kv.Key, err)
		}
		if len(kv.Value) == 0 || kv.Key[0] == 'Q' || kv.Key[0] == 'T' || kv.Key[0] == 'I' {
			continue // the value ends in a text of any length
		}
		if err := Row(kv.Key, kv.Value[:len(kv.Value)-1]); !errs.Is(err, errs.Corrupt) {
			t.Errorf("%q with a shorter value: %v", kv.Key, err)
		}
	}
	for _, f := range "ACDFHIMOQRT" {
		if families[byte(f)] == 0 {
			t.Errorf("no row of family %c", f)
		}
	}
	if err := Row([]byte("C\xff\xff\xff\xff"), append(make([]byte, 32), 3)); err != nil {
		t.Errorf("a state that is being emptied: %v", err)
	}
	for _, key := range []string{"", "Zebra"} {
		if err := Row([]byte(key), nil); !errs.Is(err, errs.Corrupt) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// TestAStateBeyondItsLog: a cursor behind the end of the log is found.
func TestAStateBeyondItsLog(t *testing.T) {
	found := 0
	all, ends := rows(t)
	for _, kv := range all {
		for _, wrong := range [][]int64{{ends[0] - 1, ends[1]}, {ends[0], ends[1] - 1}, {ends[0]}} {
			if err := Ends(kv.Key, kv.Value, wrong); err != nil {
				found++
			}
		}
	}
	if found != 3 {
		t.Errorf("found %d of 3", found)
	}
}

// FuzzRow reads any bytes as a row.
func FuzzRow(f *testing.F) {
	seen := map[byte]int{}
	all, _ := rows(f)
	for _, kv := range all {
		if seen[kv.Key[0]]++; seen[kv.Key[0]] < 4 {
			f.Add(kv.Key, kv.Value)
		}
	}
	f.Add(binary.BigEndian.AppendUint32([]byte("C"), 0xffffffff), append(make([]byte, 32), 3))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if err := Row(key, value); err != nil && !errs.Is(err, errs.Corrupt) {
			t.Errorf("%v", err)
		}
		if err := Ends(key, value, []int64{5}); err != nil && !errs.Is(err, errs.Corrupt) {
			t.Errorf("%v", err)
		}
	})
}
