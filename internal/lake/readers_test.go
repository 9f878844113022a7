package lake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"

	"kith/internal/lake"
	"kith/internal/oracle/workload"
)

// TestReadersBesideTheWriter reads the events again and again while records are
// folded, copies take each other's place, rounds are written and files merged: never
// a file that is gone, never a message twice.
func TestReadersBesideTheWriter(t *testing.T) {
	const seeds = 3
	readings := 0
	for seed := range uint64(seeds) {
		readings += besideWriter(t, seed)
	}
	t.Logf("%d readings in %d workloads", readings, seeds)
}

func besideWriter(t *testing.T, seed uint64) (readings int) {
	t.Helper()
	w := newWorld(3, 5)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	_, err := w.writer.Step(ctx)
	ok(t, err)
	g := errgroup.Group{}
	g.Go(func() error {
		for ctx.Err() == nil {
			m, err := lake.ReadManifest(context.Background(), w.files, lake.TableEvents)
			if err != nil {
				return err
			}
			if err := once(w.files, m); err != nil {
				return err
			}
			readings++
		}
		return nil
	})
	r := rand.New(rand.NewPCG(seed, 5))
	records := workload.Records(seed, 300)
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for len(records) > 0 {
		n := min(10+r.IntN(20), len(records))
		w.append(t, records[:n])
		records = records[n:]
		for range 4 {
			_, err := w.runner.RunOnce(ctx, int32(r.IntN(3)))
			ok(t, err)
		}
		_, err := w.writer.Step(ctx)
		ok(t, err)
		// Time moves on by less than files stay, so that a slow reader still finds them.
		w.clock.Advance([]time.Duration{time.Second, 20 * time.Second}[r.IntN(2)])
		ok(t, w.writer.Tidy(ctx))
	}
	stop()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	return readings
}

// once reads a list of events and tells of a message that shows twice. Two events of
// one message are over thirty days apart.
func once(s lake.Store, m *lake.Manifest) error {
	table, _ := lake.TableOf(lake.TableEvents)
	at := map[string]int{}
	for i, c := range table.Columns {
		at[c.Name] = i
	}
	received := map[string][]int64{}
	return lake.Rows(context.Background(), s, m, func(values []parquet.Value) error {
		name := strconv.Quote(values[at["source"]].String()) + values[at["message_id"]].String()
		ms := values[at["received_at"]].Int64()
		for _, other := range received[name] {
			if d := ms - other; -30*24*3600_000 <= d && d <= 30*24*3600_000 {
				return fmt.Errorf("in version %d a message shows twice", m.Version)
			}
		}
		received[name] = append(received[name], ms)
		return nil
	})
}
