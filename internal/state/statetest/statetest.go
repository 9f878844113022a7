// Package statetest is the suite that every engine of the state passes. It tests
// the contract of package state from outside, so that whatever runs on one
// engine runs on all, and measures the engines with the same benchmarks.
package statetest

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/state"
)

// Engine is how the suite gets at one engine.
type Engine struct {
	// Open returns an empty store that is closed at the end of the test.
	Open func(tb testing.TB) state.Store

	// Reopen closes the store and opens what it left behind. It is nil for an
	// engine that leaves nothing behind.
	Reopen func(tb testing.TB, s state.Store) state.Store

	// Hides is a family whose rows are the engine's own, and left out of ranges that
	// hold other families too; 0: there is none.
	Hides state.Family
}

// patience is how long a step may take before the suite calls it a deadlock.
const patience = time.Minute

// Run runs the whole suite.
func Run(t *testing.T, e Engine) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, e Engine)
	}{
		{"Get", testGet},
		{"GetOwnsItsSlices", testGetOwnership},
		{"ScanForward", testScanForward},
		{"ScanReverse", testScanReverse},
		{"ScanAll", testScanAll},
		{"ScanFamilies", testScanFamilies},
		{"ScanEdges", testScanEdges},
		{"ScanManyPages", testScanManyPages},
		{"ScanNested", testScanNested},
		{"SnapshotIsOneMoment", testSnapshot},
		{"OwnWritesInvisible", testOwnWrites},
		{"LastWriteWins", testLastWrite},
		{"CallerReusesSlices", testSliceReuse},
		{"PutIf", testPutIf},
		{"PutIfRace", testPutIfRace},
		{"MixedWritesRefused", testMixedWrites},
		{"LongKeyRefused", testLongKey},
		{"MergeOps", testMergeOps},
		{"MergeRepeatedInOneTransaction", testMergeOneTx},
		{"MergeOverPutAndDelete", testMergeOverPut},
		{"MergeManyTimes", testMergeMany},
		{"MergeConcurrently", testMergeConcurrently},
		{"MergeBesideRemoval", testMergeBesideRemoval},
		{"MergeMixedOps", testMergeMixed},
		{"MergeBadOperand", testMergeBadOperand},
		{"Cursor", testCursor},
		{"LocksExclude", testLocksExclude},
		{"LocksOppositeOrders", testLocksOrders},
		{"LocksCancel", testLocksCancel},
		{"LocksDisjoint", testLocksDisjoint},
		{"LocksRepeated", testLocksRepeated},
		{"TransactionEnds", testTxEnds},
		{"Canceled", testCanceled},
		{"Close", testClose},
		{"LargeBatch", testLargeBatch},
		{"LargeValue", testLargeValue},
		{"Reopen", testReopen},
		{"Model", testModel},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, e) })
	}
}

func ctxFor(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	tb.Cleanup(cancel)
	return ctx
}

func b(s string) []byte { return []byte(s) }

func keys(s ...string) [][]byte {
	k := make([][]byte, len(s))
	for i := range s {
		k[i] = b(s[i])
	}
	return k
}

func begin(tb testing.TB, s state.Store, locks ...state.Lock) state.Tx {
	tb.Helper()
	tx, err := s.Begin(ctxFor(tb), locks)
	if err != nil {
		tb.Fatalf("Begin: %v", err)
	}
	tb.Cleanup(tx.Rollback)
	return tx
}

// commit runs fill in a transaction without locks and cursor.
func commit(tb testing.TB, s state.Store, fill func(tx state.Tx)) {
	tb.Helper()
	if err := tryCommit(tb, s, state.Cursor{}, fill); err != nil {
		tb.Fatalf("Commit: %v", err)
	}
}

func tryCommit(tb testing.TB, s state.Store, c state.Cursor, fill func(tx state.Tx)) error {
	tb.Helper()
	tx := begin(tb, s)
	fill(tx)
	return tx.Commit(ctxFor(tb), c)
}

func putAll(tb testing.TB, s state.Store, pairs map[string]string) {
	tb.Helper()
	commit(tb, s, func(tx state.Tx) {
		for k, v := range pairs {
			tx.Put(b(k), b(v))
		}
	})
}

func snapshot(tb testing.TB, s state.Store) state.Snapshot {
	tb.Helper()
	snap, err := s.Snapshot(ctxFor(tb))
	if err != nil {
		tb.Fatalf("Snapshot: %v", err)
	}
	tb.Cleanup(func() {
		if err := snap.Close(); err != nil {
			tb.Errorf("Snapshot.Close: %v", err)
		}
	})
	return snap
}

// read returns the value of a key as it is committed now.
func read(tb testing.TB, s state.Store, key string) []byte {
	tb.Helper()
	snap, err := s.Snapshot(ctxFor(tb))
	if err != nil {
		tb.Fatalf("Snapshot: %v", err)
	}
	v := readFrom(tb, snap, key)
	if err := snap.Close(); err != nil {
		tb.Fatalf("Snapshot.Close: %v", err)
	}
	return v
}

func readFrom(tb testing.TB, r state.Reader, key string) []byte {
	tb.Helper()
	v, err := r.Get(ctxFor(tb), keys(key))
	if err != nil {
		tb.Fatalf("Get: %v", err)
	}
	if len(v) != 1 {
		tb.Fatalf("Get of one key returned %d values", len(v))
	}
	return v[0]
}

func wantValue(tb testing.TB, s state.Store, key string, want []byte) {
	tb.Helper()
	if got := read(tb, s, key); (got == nil) != (want == nil) || !bytes.Equal(got, want) {
		tb.Fatalf("value of %q: got %s, want %s", key, show(got), show(want))
	}
}

func show(v []byte) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("%q", v)
}

func wantKind(tb testing.TB, err error, kind errs.Kind, code string) {
	tb.Helper()
	if !errs.Is(err, kind) || errs.CodeOf(err) != code {
		tb.Fatalf("got error %v, want kind %v and code %s", err, kind, code)
	}
}

// pairs collects a scan as "key=value" lines.
func pairs(tb testing.TB, r state.Reader, rng state.Range) []string {
	tb.Helper()
	var got []string
	for kv, err := range r.Scan(ctxFor(tb), rng) {
		if err != nil {
			tb.Fatalf("Scan: %v", err)
		}
		got = append(got, string(kv.Key)+"="+string(kv.Value))
	}
	return got
}
