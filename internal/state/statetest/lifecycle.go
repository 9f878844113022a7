package statetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"kith/internal/errs"
	"kith/internal/state"
)

func testTxEnds(t *testing.T, e Engine) {
	s := e.Open(t)
	ended := func(tx state.Tx) {
		t.Helper()
		wantKind(t, tx.Commit(ctxFor(t), state.Cursor{}), errs.Internal, "state.tx_ended")
		_, err := tx.Get(ctxFor(t), keys("a"))
		wantKind(t, err, errs.Internal, "state.tx_ended")
		for _, err := range tx.Scan(ctxFor(t), state.Range{}) {
			wantKind(t, err, errs.Internal, "state.tx_ended")
		}
		tx.Rollback()
		tx.Rollback()
	}
	rolledBack := begin(t, s, 1)
	rolledBack.Put(b("a"), b("1"))
	rolledBack.Rollback()
	ended(rolledBack)
	wantValue(t, s, "a", nil)

	committed := begin(t, s, 1)
	committed.Put(b("a"), b("2"))
	if err := committed.Commit(ctxFor(t), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	ended(committed)
	wantValue(t, s, "a", b("2"))

	refused := begin(t, s, 1)
	refused.PutIf(b("a"), nil, b("3"))
	wantKind(t, refused.Commit(ctxFor(t), state.Cursor{}), errs.Conflict, "state.guard_failed")
	ended(refused)
	wantValue(t, s, "a", b("2"))

	empty := begin(t, s, 1)
	if err := empty.Commit(ctxFor(t), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	ended(empty)
}

func testCanceled(t *testing.T, e Engine) {
	s := e.Open(t)
	putAll(t, s, map[string]string{"a": "1"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	canceled := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) || !errs.Is(err, errs.Unavailable) {
			t.Errorf("%s with an ended context: %v", what, err)
		}
	}
	_, err := s.Begin(ctx, []state.Lock{1})
	canceled("Begin", err)
	_, err = s.Snapshot(ctx)
	canceled("Snapshot", err)
	for _, r := range []state.Reader{snapshot(t, s), begin(t, s)} {
		_, err = r.Get(ctx, keys("a"))
		canceled("Get", err)
		for _, err := range r.Scan(ctx, state.Range{}) {
			canceled("Scan", err)
		}
	}
	tx := begin(t, s, 1)
	tx.Put(b("a"), b("2"))
	canceled("Commit", tx.Commit(ctx, state.Cursor{}))
	wantValue(t, s, "a", b("1"))
	begin(t, s, 1).Rollback()
}

func testClose(t *testing.T, e Engine) {
	s := e.Open(t)
	putAll(t, s, map[string]string{"a": "1"})
	snap, err := s.Snapshot(ctxFor(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := snap.Close(); err != nil {
			t.Fatalf("Snapshot.Close: %v", err)
		}
	}
	_, err = snap.Get(ctxFor(t), keys("a"))
	wantKind(t, err, errs.Unavailable, "state.closed")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	_, err = s.Begin(ctxFor(t), nil)
	wantKind(t, err, errs.Unavailable, "state.closed")
	_, err = s.Snapshot(ctxFor(t))
	wantKind(t, err, errs.Unavailable, "state.closed")
}

func testReopen(t *testing.T, e Engine) {
	if e.Reopen == nil {
		t.Skip("this engine leaves nothing behind")
	}
	s := e.Open(t)
	putAll(t, s, map[string]string{"a": "1", "b": "1", "empty": "", "\x00\xff": "edge"})
	commit(t, s, func(tx state.Tx) {
		tx.Delete(b("b"))
		tx.Merge(b("sum"), state.OpAdd, i64(3))
	})
	for round := range 3 {
		before := pairs(t, snapshotNow(t, s), state.Range{})
		s = e.Reopen(t, s)
		if after := pairs(t, snapshotNow(t, s), state.Range{}); !slices.Equal(before, after) {
			t.Fatalf("round %d: before %q, after %q", round, before, after)
		}
		commit(t, s, func(tx state.Tx) { tx.Merge(b("sum"), state.OpAdd, i64(4)) })
	}
	wantValue(t, s, "sum", merged(state.OpAdd, i64(15)))
	wantValue(t, s, "empty", []byte{})
	wantValue(t, s, "b", nil)
}
