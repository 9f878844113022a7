package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings of a measurement.
type Options struct {
	Dir      string        // where data folders are made
	Binary   string        // kith itself, which runs as the measured process
	Duration time.Duration // of each scenario
	Events   int           // for folding
	People   int

	Identifiers int // of the state whose clusters are derived at once; 0: none
}

// load is one way of sending.
type load struct {
	name  string
	conns int
	batch int // messages in a request
}

var loads = [...]load{{"batches of 100, 16 connections", 16, 100}, {"one by one, 16 connections", 16, 1}, {"one by one, 64 connections", 64, 1}}

// writeKey is the key under which the load is sent.
const writeKey = "bench-key"

// Ingest measures the collector: how many messages are accepted and durable.
func Ingest(ctx context.Context, o Options) ([]Row, error) {
	var rows []Row
	for i, l := range loads {
		dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
		if err != nil {
			return nil, err
		}
		row, err := o.measureServer(ctx, l, uint64(2*i), kith, dir, o.serveKith(dir), "serve")
		if err != nil {
			return nil, err
		}
		base := filepath.Join(dir, "baseline")
		if err := os.Mkdir(base, 0o700); err != nil {
			return nil, err
		}
		bare, err := o.measureServer(ctx, l, uint64(2*i+1), "bare handler", base, nil, "bench", "baseline", "--dir", base)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row, bare)
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// serveKith is the environment of a server that collects alone, as the baseline
// does.
func (o Options) serveKith(dir string) []string {
	return []string{"KITH_DATA=" + filepath.Join(dir, "data"), "KITH_ADDR=127.0.0.1:0", "KITH_WRITE_KEY=" + writeKey, "KITH_ROLES=collect", "KITH_CONFIG="}
}

// measureServer runs a server, loads it and reads what it used.
func (o Options) measureServer(ctx context.Context, l load, number uint64, system, dir string, env []string, args ...string) (Row, error) {
	p, err := start(ctx, env, o.Binary, args...)
	if err != nil {
		return Row{}, err
	}
	if _, err := drive(ctx, p.url, l, number+1000, o.People, o.Duration/5); err != nil {
		return Row{}, err
	}
	diskBefore, err := diskUsage(dir)
	if err != nil {
		return Row{}, err
	}
	before := cpu(p.cmd.Process.Pid)
	row, err := drive(ctx, p.url, l, number, o.People, o.Duration)
	if err != nil {
		return Row{}, err
	}
	row.System = system
	row.CPU, row.RSSBytes = cpu(p.cmd.Process.Pid)-before, peakRSS(p.cmd.Process.Pid)
	disk, err := diskUsage(dir)
	if err != nil {
		return Row{}, err
	}
	if row.Operations > 0 {
		row.DiskBytes = (disk - diskBefore) / row.Operations
	}
	return row, p.stop()
}

// drive sends for a time and counts what was answered 200.
func drive(ctx context.Context, url string, l load, number uint64, people int, d time.Duration) (Row, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.conns, MaxConnsPerHost: l.conns, DisableCompression: true}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	row := Row{Scenario: l.name}
	var done, failed, sent atomic.Int64
	samples := make([][]time.Duration, l.conns)
	began := time.Now()
	var wg sync.WaitGroup
	for c := range l.conns {
		wg.Go(func() {
			g := NewGenerator(number<<16|uint64(c), people)
			var body []byte
			for ctx.Err() == nil && time.Since(began) < d {
				if body = body[:0]; l.batch > 1 {
					body = g.AppendBatch(body, l.batch)
				} else {
					body = g.AppendEvent(body)
				}
				at := time.Now()
				if post(ctx, client, url, l.batch > 1, body) {
					done.Add(int64(l.batch))
					sent.Add(int64(len(body)))
				} else {
					failed.Add(int64(l.batch))
				}
				samples[c] = append(samples[c], time.Since(at))
			}
		})
	}
	wg.Wait()
	row.Elapsed, row.Operations, row.Failures = time.Since(began), done.Load(), failed.Load()
	if row.Operations == 0 {
		return row, fmt.Errorf("%s: no request succeeded", l.name)
	}
	row.RecordedBytes = sent.Load() / row.Operations
	var all []time.Duration
	for _, s := range samples {
		all = append(all, s...)
	}
	row.Latencies = percentiles(all)
	return row, ctx.Err()
}

func post(ctx context.Context, client *http.Client, url string, batch bool, body []byte) bool {
	path := "/v1/batch"
	if !batch {
		path = "/v1/track" // an identify among them goes by its path's type, as a track would
		if bytes.Contains(body, []byte(`"type":"identify"`)) {
			path = "/v1/identify"
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+path, bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.SetBasicAuth(writeKey, "")
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.Body.Close() == nil && err == nil && res.StatusCode == http.StatusOK
}
