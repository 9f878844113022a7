package pipeline_test

import (
	"context"
	"testing"

	"kith/internal/errs"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
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
