package pipeline_test

import (
	"context"
	"slices"
	"testing"

	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state/mem"
)

const day = 24 * 60 * 60 * 1000

// outcome tells what has become of the record at an offset of partition 0.
func (e *engine) outcome(t *testing.T, offset int64) pipeline.Outcome {
	t.Helper()
	ctx := context.Background()
	c, err := e.runner.ReadOne(ctx, eventlog.Position{Offset: offset})
	if err != nil {
		t.Fatal(err)
	}
	snap, err := e.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	out, err := pipeline.Outcomes(ctx, snap, keyed.Index{}, []pipeline.Contribution{c})
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func (e *engine) locate(t *testing.T, source, message string) []int64 {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	at, complete, err := pipeline.Locate(context.Background(), snap, e.log.Partitions(), source, message)
	if err != nil || !complete {
		t.Fatal(complete, err)
	}
	var offsets []int64
	for _, p := range at {
		offsets = append(offsets, p.Offset)
	}
	return offsets
}

func TestWhatBecomesOfRecords(t *testing.T) {
	e := newEngine(logmem.New(1), mem.New(), 10)
	e.runner.Stages.History = keyed.Index{}
	const now = workload.Start
	refused := record.Record{Kind: record.Rejected, Admission: record.Admission{Body: []byte(`{"code":"event.name_required","detail":"x"}`)}, Body: []byte(`{}`)}
	refused.Stamp.Source, refused.Stamp.MessageID, refused.Stamp.ReceivedAt = "web", "r", now
	e.append(t, [][]byte{
		track("a", "u1-x", now+1000),     // 0: withdrawn for 1
		track("a", "u1-x", now),          // 1: the event
		track("a", "u1-x", now+2000),     // 2: a repeat
		track("a", "u1-x", now+40*day),   // 3: another event of the message
		[]byte("no record"),              // 4
		refused.AppendTo(nil),            // 5
		track("b", "null", now),          // 6: no identifier
		track("late", "u2-x", now+5*day), // 7: not folded below
	})
	for range 7 {
		e.runner.Config.BatchRecords = 1
		if _, err := e.runner.RunOnce(context.Background(), 0); err != nil {
			t.Fatal(err)
		}
	}
	f := func(offset int64, want pipeline.Fate, at, last int64) {
		t.Helper()
		got := e.outcome(t, offset)
		if got.Fate != want || got.Event.Offset != at || got.LastCopy != last {
			t.Errorf("record %d: %+v", offset, got)
		}
	}
	f(0, pipeline.FateRepeat, 1, now+2000)
	f(1, pipeline.FateFolded, 1, now+2000)
	f(2, pipeline.FateRepeat, 1, now+2000)
	f(3, pipeline.FateFolded, 3, now+40*day)
	f(4, pipeline.FateHeld, 0, 0)
	f(5, pipeline.FateRejected, 0, 0)
	f(6, pipeline.FateFolded, 6, now)
	f(7, pipeline.FateWaiting, 0, 0)
	if h := e.outcome(t, 4).Held; h == nil || h.Code != "record.format" {
		t.Errorf("why a record is held: %+v", h)
	}
	if got := e.locate(t, "web", "a"); !slices.Equal(got, []int64{1, 3}) {
		t.Errorf("the events of a message lie at %v", got)
	}
	if got := e.locate(t, "web", "r"); !slices.Equal(got, []int64{5}) {
		t.Errorf("a refused message lies at %v", got)
	}
	if got := e.locate(t, "crm", "a"); got != nil {
		t.Errorf("another source's message of that id lies at %v", got)
	}
	if _, err := e.runner.ReadOne(context.Background(), eventlog.Position{Offset: 99}); !errs.Is(err, errs.NotFound) {
		t.Errorf("behind the end of the log: %v", err)
	}
}

// TestOutcomesOutliveMarks: without its mark, what has a home is found in the
// history, and of the rest nothing is claimed.
func TestOutcomesOutliveMarks(t *testing.T) {
	e := newEngine(logmem.New(1), mem.New(), 10)
	const now = workload.Start
	e.append(t, [][]byte{
		track("a", "u1-x", now), track("a", "u1-x", now+1), track("b", "null", now), track("new", "u1-x", now+90*day),
	})
	e.drain(t)
	if err := e.runner.ForgetMarks(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := e.marks(t); n != 1 {
		t.Fatalf("%d marks are left", n)
	}
	for offset, want := range []pipeline.Fate{pipeline.FateFolded, pipeline.FateUnknown, pipeline.FateUnknown, pipeline.FateFolded} {
		if got := e.outcome(t, int64(offset)); got.Fate != want {
			t.Errorf("record %d: %+v", offset, got)
		}
	}
}
