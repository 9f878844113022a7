package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// adminToken is the token under which profiles are read.
const adminToken = "bench-admin-token"

// Read measures profile reads: from a server that holds the folded events of the
// options, at rest and while it takes in and folds 2,000 events a second, beside
// a bare handler that answers a fixed text.
func Read(ctx context.Context, o Options) ([]Row, error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, err := start(ctx, []string{
		"KITH_DATA=" + filepath.Join(dir, "data"), "KITH_ADDR=127.0.0.1:0", "KITH_WRITE_KEY=" + writeKey,
		"KITH_ADMIN_TOKEN=" + adminToken, "KITH_ROLES=all", "KITH_CONFIG=",
	}, o.Binary, "serve")
	if err != nil {
		return nil, err
	}
	people, err := preload(ctx, p.url, o)
	if err != nil {
		return nil, err
	}
	rest, err := o.readServer(ctx, p, fmt.Sprintf("%d readers, as fast as they can", readers), people, 0)
	if err != nil {
		return nil, err
	}
	loaded, err := o.readUnderLoad(ctx, p, people)
	if err != nil {
		return nil, err
	}
	if err := p.stop(); err != nil {
		return nil, err
	}
	bare, err := o.readBaseline(ctx, dir, people)
	bare.Scenario = rest.Scenario
	return []Row{loaded, rest, bare}, err
}

func (o Options) readBaseline(ctx context.Context, dir string, people []uint64) (Row, error) {
	base, err := start(ctx, nil, o.Binary, "bench", "baseline", "--dir", dir)
	if err != nil {
		return Row{}, err
	}
	row, err := o.readServer(ctx, base, "", people, 0)
	if err != nil {
		return Row{}, err
	}
	row.System = "bare handler"
	return row, base.stop()
}

// preload sends the events, waits until they are folded and returns whom they
// were about.
func preload(ctx context.Context, url string, o Options) ([]uint64, error) {
	client := &http.Client{Timeout: 10 * time.Minute}
	g := NewGenerator(5, o.People)
	var people []uint64
	for len(people) < o.Events {
		body := []byte(`{"batch":[`)
		for n := range min(500, o.Events-len(people)) {
			if n > 0 {
				body = append(body, ',')
			}
			body = g.AppendEvent(body)
			people = append(people, g.last)
		}
		if !post(ctx, client, url, true, append(body, `]}`...)) {
			return nil, fmt.Errorf("a batch was refused while the profiles were made")
		}
	}
	return people, call(ctx, client, http.MethodPost, url+"/v1/flush?timeout=10m")
}

func call(ctx context.Context, client *http.Client, method, url string) error {
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", req.URL.Path, res.Status)
	}
	return nil
}

// readers is how many connections read at once.
const readers = 8

// readServer reads profiles of the given people. With a rate (reads a second in
// all) the readers keep to it, and a read's time counts from when it was due, so
// that a slow answer does not hide those that wait behind it; at 0 each reads as
// fast as it can.
func (o Options) readServer(ctx context.Context, p *process, scenario string, people []uint64, rate int) (Row, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	row := Row{Scenario: scenario, System: kith}
	samples, failed := make([][]time.Duration, readers), make([]int64, readers)
	used, began := cpu(p.cmd.Process.Pid), time.Now()
	var wg sync.WaitGroup
	for c := range readers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 1))
			for n := 0; ctx.Err() == nil && time.Since(began) < o.Duration; n++ {
				due := time.Now()
				if rate > 0 {
					due = began.Add(time.Duration(n*readers+c) * time.Second / time.Duration(rate))
					waitUntil(ctx, due)
				}
				person := people[rng.IntN(len(people))]
				if err := call(ctx, client, http.MethodGet, p.url+"/v1/profiles/user_id:"+UserID(person)); err != nil {
					failed[c]++
				}
				samples[c] = append(samples[c], time.Since(due))
			}
		})
	}
	wg.Wait()
	row.Elapsed, row.CPU = time.Since(began), cpu(p.cmd.Process.Pid)-used
	var all []time.Duration
	for c := range readers {
		all = append(all, samples[c]...)
		row.Failures += failed[c]
	}
	row.Operations, row.Latencies, row.RSSBytes = int64(len(all))-row.Failures, percentiles(all), peakRSS(p.cmd.Process.Pid)
	return row, ctx.Err()
}

func waitUntil(ctx context.Context, t time.Time) {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pacedReads is how many reads a second go beside the events.
const pacedReads = 500

// readUnderLoad reads while events come in at a steady rate.
func (o Options) readUnderLoad(ctx context.Context, p *process, people []uint64) (Row, error) {
	loading, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		client := &http.Client{Timeout: 30 * time.Second}
		g := NewGenerator(6, o.People)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-loading.Done():
				return
			case <-tick.C:
				post(loading, client, p.url, true, g.AppendBatch(nil, 100))
			}
		}
	})
	row, err := o.readServer(ctx, p, fmt.Sprintf("%d reads/s beside 2,000 events/s", pacedReads), people, pacedReads)
	stop()
	wg.Wait()
	return row, err
}
