package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"kith/internal/lake"
	"kith/internal/sys"
)

// lakeRound is how many events one round of the lake takes in.
const lakeRound = 5000

// Lake measures the open tables: rounds of events into files, each table of them,
// and the merging of all that to files of a day. Folding is not counted. write
// returns a writer of a lake in a folder.
func Lake(ctx context.Context, o Options, open Opener, write func(e *Engine, dir string, clock sys.Clock) *lake.Writer) ([]Row, error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	e, err := open(ctx, dir, func(int, time.Duration) {})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	body, err := fill(ctx, e.Log, o)
	if err != nil {
		return nil, err
	}
	clock := sys.NewManual(time.Now())
	files := filepath.Join(dir, "lake")
	w := write(e, files, clock)
	rounds := Row{Scenario: fmt.Sprintf("%d events in rounds of %d to the open tables", o.Events, lakeRound), System: kith, RecordedBytes: body}
	if err := e.rounds(ctx, w, clock, &rounds); err != nil {
		return nil, err
	}
	if rounds.DiskBytes, err = perEvent(filepath.Join(files, lake.TableEvents), rounds.Operations); err != nil {
		return nil, err
	}
	merged := Row{Scenario: "merging them to files of a day", System: kith, Operations: rounds.Operations}
	clock.Advance(25 * time.Hour)
	used, began := cpu(os.Getpid()), time.Now()
	if err := w.Tidy(ctx); err != nil {
		return nil, err
	}
	merged.Elapsed, merged.CPU, merged.RSSBytes = time.Since(began), cpu(os.Getpid())-used, peakRSS(os.Getpid())
	clock.Advance(time.Hour)
	if err := w.Tidy(ctx); err != nil { // what was merged is deleted
		return nil, err
	}
	merged.DiskBytes, err = perEvent(filepath.Join(files, lake.TableEvents), rounds.Operations)
	return []Row{rounds, merged}, err
}

// rounds folds all events, some at a time, and after each time writes a round, which
// alone is counted.
func (e *Engine) rounds(ctx context.Context, w *lake.Writer, clock *sys.Manual, row *Row) error {
	var took []time.Duration
	for more := true; more; {
		folded := 0
		for folded < lakeRound && more {
			n, err := e.Runner.RunOnce(ctx, 0)
			if err != nil {
				return err
			}
			folded += n
			more = n > 0
		}
		clock.Advance(time.Second)
		used, began := cpu(os.Getpid()), time.Now()
		if _, err := w.Step(ctx); err != nil {
			return err
		}
		took = append(took, time.Since(began))
		row.Elapsed, row.CPU = row.Elapsed+time.Since(began), row.CPU+cpu(os.Getpid())-used
		row.Operations += int64(folded)
	}
	row.Latencies, row.RSSBytes = percentiles(took), peakRSS(os.Getpid())
	return nil
}

func perEvent(dir string, events int64) (int64, error) {
	bytes, err := diskUsage(dir)
	return bytes / max(events, 1), err
}
