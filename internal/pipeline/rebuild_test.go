package pipeline_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"kith/internal/errs"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/state"
	"kith/internal/state/mem"
)

// failing is a state of which every commit from a certain one on fails.
type failing struct {
	state.Store
	left int
}

// Begin implements state.Store.
func (f *failing) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	tx, err := f.Store.Begin(ctx, locks)
	return &failingTx{tx, f}, err
}

type failingTx struct {
	state.Tx
	of *failing
}

// Commit implements state.Tx.
func (t *failingTx) Commit(ctx context.Context, c state.Cursor) error {
	if t.of.left--; t.of.left < 0 {
		return errs.New(errs.Unavailable, "test.commit", "planted")
	}
	return t.Tx.Commit(ctx, c)
}

// TestRebuildCutShort: a change of the configuration that is broken off at any
// commit and then taken back leaves the state that the configuration makes.
func TestRebuildCutShort(t *testing.T) {
	ctx := context.Background()
	set := workload.Records(5, 60)
	changed := identity.DefaultConfig()
	changed.ClusterMax = 499
	for commits := 0; ; commits++ {
		e := newEngine(logmem.New(2), mem.New(), 50)
		e.append(t, set)
		if _, err := e.runner.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
		e.drain(t)
		e.runner.State = &failing{e.store, commits}
		e.runner.Interpreter.Identity = changed
		_, cut := e.runner.Prepare(ctx)
		e.runner.State, e.runner.Interpreter.Identity = e.store, e.cfg
		if _, err := e.runner.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
		e.drain(t)
		want := oracle.Fold(set, e.cfg, e.keys)
		if got := e.explain(t); got.Total != want.Contents.Hash(e.cfg).Total {
			t.Fatalf("broken off after %d commits: the state differs from the oracle's", commits)
		}
		e.checkCounts(t, set, want)
		if cut == nil {
			break
		}
	}
}

// late is a state whose next commit is held up while something else happens.
type late struct {
	state.Store
	meanwhile func()
}

// Begin implements state.Store.
func (l *late) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	if f := l.meanwhile; f != nil {
		l.meanwhile = nil
		f()
	}
	return l.Store.Begin(ctx, locks)
}

// TestAWorkerOfAnEarlierEpoch: a worker that was paused over a change of the
// configuration does not commit what it read under the earlier one, although the
// log is folded to the same place again.
func TestAWorkerOfAnEarlierEpoch(t *testing.T) {
	ctx := context.Background()
	set := workload.Records(6, 60)
	e := newEngine(logmem.New(1), mem.New(), 30)
	e.append(t, set)
	if _, err := e.runner.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := e.runner.RunOnce(ctx, 0); err != nil {
		t.Fatal(err)
	}
	changed := identity.DefaultConfig()
	changed.ClusterMax = 499
	next := newEngine(e.log, e.store, 30)
	next.cfg, next.runner.Interpreter.Identity = changed, changed
	paused := &late{Store: e.store, meanwhile: func() {
		if _, err := next.runner.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := next.runner.RunOnce(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}}
	e.runner.State = paused
	if n, err := e.runner.RunOnce(ctx, 0); !errs.Is(err, errs.Conflict) {
		t.Errorf("a batch of %d records was folded under a configuration that is no longer that of the state: %v", n, err)
	}
	next.drain(t)
	want := oracle.Fold(set, changed, next.keys)
	if got := next.explain(t); got.Total != want.Contents.Hash(changed).Total {
		t.Error("the state differs from the oracle's")
	}
}

// interpretation is the row that tells for what a state was made.
func interpretation(t *testing.T, s state.Store) (key, row []byte) {
	t.Helper()
	snap, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = snap.Close() }()
	if key, row, err = pipeline.Interpretation(context.Background(), snap); err != nil {
		t.Fatal(err)
	}
	return key, row
}

// takeOver writes that row as a newer kith would, which has made the state, or is
// emptying it.
func takeOver(t *testing.T, s state.Store, made byte) []byte {
	t.Helper()
	key, was := interpretation(t, s)
	row := binary.AppendUvarint(bytes.Repeat([]byte{made}, 32), pipeline.FoldVersion+1)
	tx, err := s.Begin(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	tx.PutIf(key, was, row)
	if err := tx.Commit(context.Background(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
	return row
}

// TestANewerKith: a state that a newer kith has made, or is emptying to make it anew,
// is left alone by an older one, also by one that began before the newer one did.
func TestANewerKith(t *testing.T) {
	ctx := context.Background()
	for _, made := range []byte{0, 1} {
		e := newEngine(logmem.New(2), mem.New(), 50)
		e.append(t, workload.Records(7, 60))
		if _, err := e.runner.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
		e.drain(t)
		before := e.explain(t).Total
		e.runner.Interpreter.Identity = identity.DefaultConfig()
		e.runner.Interpreter.Identity.ClusterMax = 499
		var row []byte
		e.runner.State = &late{e.store, func() { row = takeOver(t, e.store, made) }}
		if _, err := e.runner.Prepare(ctx); !errs.Is(err, errs.Conflict) {
			t.Errorf("while a newer one takes the state over it is emptied: %v", err)
		}
		e.runner.State = e.store
		if _, err := e.runner.Prepare(ctx); errs.CodeOf(err) != pipeline.CodeOlder {
			t.Errorf("after a newer one has taken the state over it is emptied: %v", err)
		}
		if _, err := e.runner.Prepared(ctx); errs.CodeOf(err) != pipeline.CodeOlder {
			t.Errorf("that a newer one has taken the state over is not told: %v", err)
		}
		if _, err := e.runner.Sweep(ctx); errs.CodeOf(err) != pipeline.CodeOlder {
			t.Errorf("after a newer one has taken the state over it is written: %v", err)
		}
		_, left := interpretation(t, e.store)
		if !bytes.Equal(left, row) || e.explain(t).Total != before {
			t.Error("what a newer one has made is not left alone")
		}
	}
}
