package pipeline_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"kith/internal/errs"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/state/mem"
)

// oneDay is in milliseconds.
const oneDay = 24 * 60 * 60 * 1000

// fragile returns an engine on which folding the message "poison" panics while
// broken is true.
func fragile(broken *bool) *engine {
	e := newEngine(logmem.New(1), mem.New(), 1000)
	e.runner.Stages.History = brittle{keyed.Index{}, broken}
	return e
}

// sameAsOracle compares the state and the counts with the oracle's.
func (e *engine) sameAsOracle(t *testing.T, set [][]byte) {
	t.Helper()
	want := oracle.Fold(set, e.cfg, e.keys)
	if got := e.explain(t); got.Total != want.Contents.Hash(e.cfg).Total {
		t.Error("the state differs from the oracle's")
	}
	e.checkCounts(t, set, want)
}

// TestPutBackAfterItsMarkIsForgotten: a record that is put back after a month
// meets the copies of its message all the same, and folding the log anew gives
// the same counts.
func TestPutBackAfterItsMarkIsForgotten(t *testing.T) {
	broken := true
	e := fragile(&broken)
	set := [][]byte{
		track("poison", "u1-x", workload.Start),
		track("other", "u1-x", workload.Start+oneDay),
		track("now", "u1-x", workload.Start+60*oneDay),
	}
	e.append(t, set)
	e.drain(t)
	held := e.held(t)
	if len(held) != 1 {
		t.Fatalf("held: %+v", held)
	}
	broken = false
	copied := track("poison", "u1-x", workload.Start+oneDay)
	set = append(set, copied)
	e.append(t, set[3:])
	e.drain(t)
	if err := e.runner.ForgetMarks(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := e.marks(t); n != 2 {
		t.Errorf("%d marks are left, want those of the newest and of the held message", n)
	}
	if err := e.runner.Retry(context.Background(), held[0].ID()); err != nil {
		t.Fatal(err)
	}
	e.sameAsOracle(t, set)
	again := newEngine(e.log, mem.New(), 2)
	again.drain(t)
	again.sameAsOracle(t, set)
	if err := e.runner.ForgetMarks(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := e.marks(t); n != 1 {
		t.Errorf("%d marks are left once nothing is held, want 1", n)
	}
}

// TestPutBackTooEarlyStaysHeld: a record that still cannot be folded changes
// nothing.
func TestPutBackTooEarlyStaysHeld(t *testing.T) {
	broken := true
	e := fragile(&broken)
	e.append(t, [][]byte{track("poison", "u1-x", workload.Start), track("m", "u1-x", workload.Start)})
	e.drain(t)
	before := e.status(t)
	id := e.held(t)[0].ID()
	if err := e.runner.Retry(context.Background(), id); !errs.Is(err, errs.Invalid) || errs.CodeOf(err) != "pipeline.panic" {
		t.Errorf("putting it back gave %v", err)
	}
	if after := e.status(t); after.Held != 1 || after.Processed != before.Processed || len(e.held(t)) != 1 {
		t.Errorf("%+v became %+v", before, after)
	}
	broken = false
	if err := e.runner.Retry(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	if err := e.runner.Retry(context.Background(), id); !errs.Is(err, errs.NotFound) {
		t.Errorf("putting it back twice gave %v", err)
	}
}

// TestPutBackWhileFolding puts records back while the pipeline runs.
func TestPutBackWhileFolding(t *testing.T) {
	broken := true
	e := fragile(&broken)
	set := [][]byte{track("poison", "u0-x", workload.Start), track("poison", "u1-x", workload.Start+40*oneDay)}
	e.append(t, set)
	e.drain(t)
	broken = false
	e.runner.Config.BatchRecords = 5
	e.runner.Clock = tickless{}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := e.runner.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	other := &pipeline.Runner{Log: e.log, State: e.store, Stages: e.runner.Stages, Interpreter: e.runner.Interpreter, Clock: tickless{}}
	for i := range 300 {
		r := track(fmt.Sprint("m", i), "u1-x", workload.Start+40*oneDay+int64(i))
		set = append(set, r)
		e.append(t, [][]byte{r})
		if i == 100 || i == 200 {
			if err := other.Retry(ctx, fmt.Sprintf("0-%d", i/100-1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.runner.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	stop()
	wg.Wait()
	e.sameAsOracle(t, set)
}
