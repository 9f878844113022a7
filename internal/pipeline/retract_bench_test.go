package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"kith/event"
	"kith/internal/decision"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/oracle/workload"
	"kith/internal/record"
	"kith/internal/state/mem"
)

// BenchmarkRetract takes back a load of one identify call for each of many people,
// who have another call each.
func BenchmarkRetract(b *testing.B) {
	for range b.N {
		b.StopTimer()
		e := newEngine(logmem.New(1), mem.New(), 1000)
		var calls [][]byte
		for i := range 4000 {
			for _, run := range []string{"", "load-0"} {
				r := record.Record{Kind: record.Event, Body: fmt.Appendf(nil, `{"userId":"u%d","traits":{"plan":"%s","phone":"+336%08d"},"context":{"run":"%s"}}`, i, run, i, run)}
				r.Stamp.Source, r.Stamp.MessageID, r.Stamp.Type = "web", fmt.Sprint(run, i), event.Identify
				r.Stamp.ReceivedAt, r.Stamp.Timestamp = workload.Start, workload.Start
				calls = append(calls, r.AppendTo(nil))
			}
		}
		e.fill(b, calls)
		d := decision.Decision{ID: "dec_r", At: workload.Start, Kind: decision.Retract, Source: "web", Run: "load-0"}
		r, err := d.Record()
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		e.fill(b, [][]byte{r.AppendTo(nil)})
	}
	b.ReportMetric(float64(b.N)*4000/b.Elapsed().Seconds(), "messages/s")
}

func (e *engine) fill(b *testing.B, records [][]byte) {
	b.Helper()
	entries := make([]eventlog.Entry, len(records))
	for i, r := range records {
		entries[i] = eventlog.Entry{Partition: e.partitionOf(r), Data: r}
	}
	if _, err := e.log.Append(context.Background(), entries); err != nil {
		b.Fatal(err)
	}
	if err := e.runner.Drain(context.Background()); err != nil {
		b.Fatal(err)
	}
}
