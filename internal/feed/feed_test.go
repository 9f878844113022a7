package feed

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

// fixture is a pipeline that folds when told, and a feed over it.
type fixture struct {
	*Feed
	t      *testing.T
	runner *pipeline.Runner
	sent   int
}

func open(t *testing.T, partitions int, cfg Config) *fixture {
	store, log, keys, rules := mem.New(), logmem.New(partitions), identity.NewKeyring([]byte("feed")), identity.DefaultConfig()
	runner := &pipeline.Runner{
		Log: log, State: store, Stages: &pipeline.Stages{History: keyed.Index{}},
		Interpreter: &pipeline.Interpreter{Identity: rules, Keys: keys}, Clock: sys.Wall(),
	}
	reader := &profile.Reader{State: store, History: keyed.Index{}, Log: log, Config: rules, Keys: keys}
	cfg.State, cfg.Clock = store, sys.Wall()
	cfg.Parts = func() Parts { return Parts{runner, reader} }
	return &fixture{New(cfg), t, runner, 0}
}

// fold appends records to the partitions in turn and folds them.
func (f *fixture) fold(records int) {
	f.t.Helper()
	var entries []eventlog.Entry
	for range records {
		r := record.Record{
			Kind:  record.Event,
			Stamp: event.Stamp{Source: "web", MessageID: fmt.Sprint("m", f.sent), Type: event.Track, ReceivedAt: 1000, Timestamp: 1000},
			Body:  []byte(`{"event":"E","userId":"u-x"}`),
		}
		entries = append(entries, eventlog.Entry{Partition: int32(f.sent % f.runner.Log.Partitions()), Data: r.AppendTo(nil)})
		f.sent++
	}
	if _, err := f.runner.Log.Append(context.Background(), entries); err != nil {
		f.t.Fatal(err)
	}
	if err := f.runner.Drain(context.Background()); err != nil {
		f.t.Fatal(err)
	}
}

// reading is a listener that reads a frame only when asked. Its feed's clock
// stands still until then, and passes while a frame is waited for.
type reading struct {
	t      *testing.T
	frames chan Frame
	ended  chan error
}

func (f *fixture) listen(ctx context.Context, from string) *reading {
	l := &reading{f.t, make(chan Frame), make(chan error, 1)}
	go func() {
		l.ended <- f.Listen(ctx, Request{From: from}, func(m Frame) error {
			select {
			case l.frames <- m:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return l
}

// next checks the next frames, each written as its event and id, and its content
// if it is lost.
func (l *reading) next(want ...string) {
	l.t.Helper()
	for _, w := range want {
		m := <-l.frames
		got := m.Event + " " + m.ID
		if m.Event == "lost" {
			got += " " + string(m.Data)
		}
		if got != w {
			l.t.Errorf("got %q, want %q", got, w)
		}
	}
}

func TestAListenerIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, 2, Config{})
		f.fold(3)
		ctx, stop := context.WithCancel(t.Context())
		l := f.listen(ctx, "")
		l.next(" 2.1")
		synctest.Wait() // it waits for a commit
		sent := time.Now()
		f.fold(2)
		l.next("verdict 2.1", "event 3.1", "verdict 3.1", "event 3.2")
		if took := time.Since(sent); took > 2*f.cfg.Pace {
			t.Errorf("a waiting listener was told after %s of the feed's clock", took)
		}
		l.next(" 3.2") // a sign of life on a quiet stream
		if quiet := time.Since(sent); quiet < f.cfg.Beat {
			t.Errorf("a sign of life after %s", quiet)
		}
		stop()
		if err := <-l.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestASlowListenerLosesAndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, 2, Config{LagMax: 20, LagKept: 4, RoundMax: 2})
		l := f.listen(t.Context(), "")
		l.next(" 0.0")
		f.fold(2)
		l.next("verdict 0.0")
		f.fold(30) // folding does not wait for a listener that reads nothing
		l.next("event 1.0", "verdict 1.0", "event 1.1", `lost 14.14 {"lost":26}`)
		l.next("verdict 14.14", "event 15.14", "verdict 15.14", "event 15.15", "verdict 15.15", "event 16.15", "verdict 16.15", "event 16.16")
		f.End()
		if err := <-l.ended; err != nil {
			t.Error(err)
		}
	})
}

func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := open(t, 1, Config{ListenersMax: 1})
		f.fold(3)
		ctx, stop := context.WithCancel(t.Context())
		l := f.listen(ctx, "1")
		l.next(" 1", "verdict 1", "event 2", "verdict 2", "event 3")
		if err := f.Listen(ctx, Request{}, nil); !errs.Is(err, errs.Exhausted) {
			t.Errorf("a listener too many: %v", err)
		}
		stop()
		if err := <-l.ended; err != nil {
			t.Error(err)
		}
		for _, place := range []string{"x", "1.2", "-1", "99999999999999999999", "1."} {
			if err := f.Listen(t.Context(), Request{From: place}, nil); !errs.Is(err, errs.Invalid) {
				t.Errorf("%q: %v", place, err)
			}
		}
		full := errors.New("full")
		err := f.Listen(t.Context(), Request{From: "900"}, func(m Frame) error {
			if m.ID != "3" {
				t.Errorf("a place of another log: %+v", m)
			}
			return full
		})
		if !errors.Is(err, full) {
			t.Errorf("a listener that fails: %v", err)
		}
	})
}
