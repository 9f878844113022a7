package job

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

func open(t *testing.T, store state.Store, resume func(Job) Work) (*Jobs, func()) {
	t.Helper()
	j := New(Config{Store: store, Clock: sys.NewManual(time.UnixMilli(1795305598000)), Rand: sys.Seeded(1), Alone: true, Resume: resume})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		j.Run(ctx, func(err error) { t.Error(err) })
	}()
	synctest.Wait()
	return j, func() { stop(); <-ended }
}

func TestAJobTellsHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, stop := open(t, mem.New(), nil)
		defer stop()
		on := make(chan struct{})
		started, err := j.Start(t.Context(), "count", nil, func(_ context.Context, report func(Progress)) (json.RawMessage, error) {
			report(Progress{Total: 10, Accepted: 4, Rejected: 1})
			<-on
			return json.RawMessage(`{"n":1}`), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got, err := j.Get(t.Context(), started.ID)
		if err != nil || got.State != Running || got.Accepted != 4 || got.Total != 10 || got.Rejected != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		close(on)
		synctest.Wait()
		got, err = j.Get(t.Context(), started.ID)
		if err != nil || got.State != Done || string(got.Result) != `{"n":1}` || got.EndedAt == 0 {
			t.Errorf("%+v, %v", got, err)
		}
		list, more, err := j.List(t.Context(), "", 10)
		if err != nil || more || len(list) != 1 || list[0].State != Done {
			t.Errorf("%+v %v %v", list, more, err)
		}
	})
}

func TestFailuresAndCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, stop := open(t, mem.New(), nil)
		defer stop()
		failed, err := j.Start(t.Context(), "fail", nil, func(context.Context, func(Progress)) (json.RawMessage, error) {
			return nil, errs.New(errs.Invalid, "x.y", "it will not do")
		})
		if err != nil {
			t.Fatal(err)
		}
		endless, err := j.Start(t.Context(), "endless", nil, func(ctx context.Context, _ func(Progress)) (json.RawMessage, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, err := j.Get(t.Context(), failed.ID); err != nil || got.State != Failed || *got.Error != (Problem{"x.y", "it will not do"}) {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := j.Cancel(t.Context(), endless.ID); err != nil || got.State != Cancelled {
			t.Errorf("%+v, %v", got, err)
		}
		synctest.Wait()
		if got, err := j.Get(t.Context(), endless.ID); err != nil || got.State != Cancelled {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := j.Get(t.Context(), "job_x"); !errs.Is(err, errs.NotFound) {
			t.Error(err)
		}
	})
}

// TestARestartFindsWhatWasUnderWay: a kind that can go on does, any other has
// failed.
func TestARestartFindsWhatWasUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New()
		wait := func(ctx context.Context, _ func(Progress)) (json.RawMessage, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		first, stop := open(t, store, nil)
		goes, err := first.Start(t.Context(), "goes on", json.RawMessage(`7`), wait)
		if err != nil {
			t.Fatal(err)
		}
		ends, err := first.Start(t.Context(), "ends", nil, wait)
		if err != nil {
			t.Fatal(err)
		}
		stop()
		second, stop := open(t, store, func(job Job) Work {
			if job.Kind != "goes on" {
				return nil
			}
			return func(context.Context, func(Progress)) (json.RawMessage, error) { return job.Params, nil }
		})
		defer stop()
		synctest.Wait()
		if got, err := second.Get(t.Context(), goes.ID); err != nil || got.State != Done || string(got.Result) != "7" {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := second.Get(t.Context(), ends.ID); err != nil || got.State != Failed || got.Error.Code != "job.interrupted" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestWithoutARunnerAJobIsDoneAtOnce: a command that opened the folder itself.
func TestWithoutARunnerAJobIsDoneAtOnce(t *testing.T) {
	j := New(Config{Store: mem.New(), Clock: sys.NewManual(time.UnixMilli(1)), Rand: sys.Seeded(1)})
	got, err := j.Start(t.Context(), "quick", nil, func(context.Context, func(Progress)) (json.RawMessage, error) { return nil, nil })
	if err != nil || got.State != Done {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOldJobsAreForgotten(t *testing.T) {
	j := New(Config{Store: mem.New(), Clock: sys.NewManual(time.UnixMilli(1)), Rand: sys.Seeded(1)})
	for range keepMax + 5 {
		if err := j.store(t.Context(), Job{ID: "job_" + string(rune('a'+len(j.under))) + time.Duration(len(j.under)).String(), State: Done}); err != nil {
			t.Fatal(err)
		}
		j.under[time.Duration(len(j.under)).String()] = nil
	}
	clear(j.under)
	if err := j.forgetOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, err := j.all(t.Context())
	if err != nil || len(all) != keepMax {
		t.Errorf("%d jobs, %v", len(all), err)
	}
}

// TestOneOfSeveralProcessesGoesOn: a job that its process left is taken up by one of
// the others, and one that is under way by none, however quiet it is.
func TestOneOfSeveralProcessesGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, clock := mem.New(), sys.NewManual(time.UnixMilli(1795305598000))
		ctx, stop := context.WithCancel(t.Context())
		var begun atomic.Int64
		work := func(ctx context.Context, _ func(Progress)) (json.RawMessage, error) {
			begun.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		var ended sync.WaitGroup
		start := func(ctx context.Context) *Jobs {
			j := New(Config{Store: store, Clock: clock, Rand: sys.Seeded(1), Resume: func(Job) Work { return work }})
			ended.Go(func() { j.Run(ctx, func(err error) { t.Error(err) }) })
			synctest.Wait()
			return j
		}
		first, leave := context.WithCancel(ctx)
		if _, err := start(first).Start(ctx, "long", nil, work); err != nil {
			t.Fatal(err)
		}
		start(ctx)
		start(ctx)
		pass := func(d time.Duration) {
			for range int(d / (5 * time.Second)) {
				clock.Advance(5 * time.Second)
				synctest.Wait()
			}
		}
		pass(10 * time.Minute)
		if n := begun.Load(); n != 1 {
			t.Errorf("a job under way was begun %d times", n)
		}
		leave()
		synctest.Wait()
		pass(10 * time.Minute)
		if n := begun.Load(); n != 2 {
			t.Errorf("a job that was left was begun %d times, want once more", n)
		}
		stop()
		ended.Wait()
	})
}
