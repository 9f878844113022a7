package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

// Engine is a log, a state and the runner between them, opened on a folder.
type Engine struct {
	Log      eventlog.Log
	State    state.Store
	Runner   *pipeline.Runner
	Profiles *profile.Reader
	Close    func() error
}

// Opener opens an engine on a folder. Committed is told of every batch.
type Opener func(ctx context.Context, dir string, committed func(records int, took time.Duration)) (*Engine, error)

// Fold measures the pipeline: events from the log into profiles, and beside it a
// bare program that decodes each record of the same log into a map and does
// nothing with it. The use of the machine is this whole process's.
func Fold(ctx context.Context, o Options, open Opener) ([]Row, error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var batches []time.Duration
	e, err := open(ctx, dir, func(_ int, took time.Duration) { batches = append(batches, took) })
	if err != nil {
		return nil, err
	}
	defer e.Close()
	bytes, err := fill(ctx, e.Log, o)
	if err != nil {
		return nil, err
	}
	before, err := diskUsage(filepath.Join(dir, "state"))
	if err != nil {
		return nil, err
	}
	row, err := e.fold(ctx, o)
	if err != nil {
		return nil, err
	}
	after, err := diskUsage(filepath.Join(dir, "state"))
	if err != nil {
		return nil, err
	}
	row.Latencies, row.RecordedBytes = percentiles(batches), bytes
	row.DiskBytes = (after - before) / row.Operations
	bare, err := readOnly(ctx, e.Log)
	bare.Scenario = row.Scenario
	return []Row{row, bare}, err
}

// fold runs the pipeline until everything in the log is folded.
func (e *Engine) fold(ctx context.Context, o Options) (Row, error) {
	pid := os.Getpid()
	row := Row{Scenario: fmt.Sprintf("fold %d events of %d people", o.Events, o.People), System: kith}
	used, began := cpu(pid), time.Now()
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Runner.Run(running) }()
	err := e.Runner.Flush(ctx)
	row.Elapsed, row.CPU = time.Since(began), cpu(pid)-used
	stop()
	if rerr := <-ended; err == nil {
		err = rerr
	}
	row.Operations, row.RSSBytes = int64(o.Events), peakRSS(pid)
	return row, err
}

// fill appends the events and returns their average size.
func fill(ctx context.Context, log eventlog.Writer, o Options) (int64, error) {
	g := NewGenerator(77, o.People)
	at := time.Now().UnixMilli()
	var total int64
	var entries []eventlog.Entry
	for i := range o.Events {
		body := g.AppendEvent(nil)
		r := record.Record{
			Kind:  record.Event,
			Stamp: event.Stamp{Source: "default", MessageID: fmt.Sprintf("fold-%d", i), Type: event.Track, ReceivedAt: at + int64(i/10), Timestamp: at + int64(i/10)},
			Body:  body,
		}
		total += int64(len(body))
		entries = append(entries, eventlog.Entry{Data: r.AppendTo(nil)})
		if len(entries) == 1000 || i == o.Events-1 {
			if _, err := log.Append(ctx, entries); err != nil {
				return 0, err
			}
			entries = entries[:0]
		}
	}
	return total / int64(o.Events), nil
}

// readOnly is the baseline of folding.
func readOnly(ctx context.Context, log eventlog.Reader) (Row, error) {
	row := Row{System: "bare decoder"}
	used, began := cpu(os.Getpid()), time.Now()
	for at := (eventlog.Position{}); ; {
		data, err := log.Read(ctx, at, 1000, 4<<20)
		if err != nil {
			return row, err
		}
		if len(data) == 0 {
			break
		}
		for _, d := range data {
			rec, err := record.Decode(d)
			if err != nil {
				return row, err
			}
			var body map[string]any
			if err := json.Unmarshal(rec.Body, &body); err != nil {
				return row, err
			}
		}
		row.Operations += int64(len(data))
		at.Offset += int64(len(data))
	}
	row.Elapsed, row.CPU = time.Since(began), cpu(os.Getpid())-used
	return row, nil
}
