package bench

import (
	"context"
	"fmt"
	"io"
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
	if err := preload(ctx, p.url, o); err != nil {
		return nil, err
	}
	rest, err := o.readServer(ctx, p, fmt.Sprintf("profile of one of %d people, at rest", o.People))
	if err != nil {
		return nil, err
	}
	loaded, err := o.readUnderLoad(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := p.stop(); err != nil {
		return nil, err
	}
	bare, err := o.readBaseline(ctx, dir)
	bare.Scenario = rest.Scenario
	return []Row{loaded, rest, bare}, err
}

func (o Options) readBaseline(ctx context.Context, dir string) (Row, error) {
	base, err := start(ctx, nil, o.Binary, "bench", "baseline", "--dir", dir)
	if err != nil {
		return Row{}, err
	}
	row, err := o.readServer(ctx, base, "")
	if err != nil {
		return Row{}, err
	}
	row.System = "bare handler"
	return row, base.stop()
}

// preload sends the events and waits until they are folded.
func preload(ctx context.Context, url string, o Options) error {
	client := &http.Client{Timeout: 10 * time.Minute}
	g := NewGenerator(5, o.People)
	for sent := 0; sent < o.Events; sent += 500 {
		if !post(ctx, client, url, true, g.AppendBatch(nil, min(500, o.Events-sent))) {
			return fmt.Errorf("a batch was refused while the profiles were made")
		}
	}
	return call(ctx, client, http.MethodPost, url+"/v1/flush?timeout=10m")
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

func (o Options) readServer(ctx context.Context, p *process, scenario string) (Row, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	row := Row{Scenario: scenario, System: kith}
	samples, failed := make([][]time.Duration, readers), make([]int64, readers)
	used, began := cpu(p.cmd.Process.Pid), time.Now()
	var wg sync.WaitGroup
	for c := range readers {
		wg.Go(func() {
			// The generator that filled the server names people that it knows.
			g := NewGenerator(5, o.People)
			g.rng.Uint64() // each reader starts elsewhere in the sequence
			for range c * 1000 {
				g.Person()
			}
			for ctx.Err() == nil && time.Since(began) < o.Duration {
				at := time.Now()
				if err := call(ctx, client, http.MethodGet, p.url+"/v1/profiles/user_id:"+UserID(g.Person())); err != nil {
					failed[c]++
				}
				samples[c] = append(samples[c], time.Since(at))
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

// readUnderLoad reads while events come in at a steady rate.
func (o Options) readUnderLoad(ctx context.Context, p *process) (Row, error) {
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
	row, err := o.readServer(ctx, p, "the same while 2,000 events/s come in")
	stop()
	wg.Wait()
	return row, err
}
