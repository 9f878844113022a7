package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Place is an empty log and an empty state that nodes share; without URLs they are
// the embedded ones.
type Place struct {
	LogURL, StateURL string
	Remove           func(ctx context.Context) error // nil: there is nothing to remove
}

// NodesOptions are the settings of Nodes.
type NodesOptions struct {
	Options
	Counts      []int // of nodes
	Place       func(ctx context.Context, nodes int) (Place, error)
	Watched     []Watched
	Definitions int // segments that nearly every event concerns
}

// NodesRow is one number of nodes, measured from the first request on until all
// events were so far.
type NodesRow struct {
	Nodes   int           `json:"nodes"`
	Engines string        `json:"engines"` // embedded, or shared
	Until   string        `json:"until"`   // accepted; folded, as GET /v1/status says; shown by segments and open tables, as POST /v1/flush says
	Events  int64         `json:"events"`
	Elapsed time.Duration `json:"elapsed_ns"`
	Use     []Use         `json:"use"` // of kith first
	Load    time.Duration `json:"load_cpu_ns"`
	Others  time.Duration `json:"others_cpu_ns"` // of all that is neither kith nor watched nor load
	Refused int64         `json:"refused"`       // requests that were sent again
	Batches int64         `json:"batches"`       // transactions that folded them; 0: not yet all
	InBatch time.Duration `json:"batch_ns"`      // of each, its wait for locks too
}

// Use is what one part took of the machine.
type Use struct {
	Name      string        `json:"name"`
	CPU       time.Duration `json:"cpu_ns"`
	DiskBytes int64         `json:"disk_bytes"` // more than before; 0: not known
}

// Nodes measures processes that share a log and a state, and before them one process
// on embedded engines, under the same load: batches through the collectors of all
// nodes, as fast as they are accepted, until everything is folded and shows.
func Nodes(ctx context.Context, o NodesOptions) (rows []NodesRow, err error) {
	embedded := o
	embedded.Place = func(context.Context, int) (Place, error) { return Place{}, nil }
	embedded.Watched = nil
	rows, err = embedded.measure(ctx, "embedded", 1)
	for _, n := range o.Counts {
		if err != nil {
			break
		}
		var some []NodesRow
		some, err = o.measure(ctx, "shared", n)
		rows = append(rows, some...)
	}
	return rows, err
}

func (o NodesOptions) measure(ctx context.Context, engines string, n int) (rows []NodesRow, err error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	place, err := o.Place(ctx, n)
	if err != nil {
		return nil, err
	}
	nodes, err := o.startNodes(ctx, dir, place, n)
	if err == nil {
		rows, err = nodes.run(ctx, o, dir)
	}
	for i := range rows {
		rows[i].Engines = engines
	}
	for _, p := range nodes {
		if serr := p.stop(); err == nil {
			err = serr
		}
	}
	if place.Remove != nil {
		if rerr := place.Remove(ctx); err == nil {
			err = rerr
		}
	}
	return rows, err
}

// nodes are processes that share a log and a state.
type nodes []*process

// startNodes starts so many nodes. Those that were started are returned with an
// error, too.
func (o NodesOptions) startNodes(ctx context.Context, dir string, place Place, n int) (all nodes, err error) {
	for i := range n {
		p, err := start(ctx, []string{
			"KITH_DATA=" + filepath.Join(dir, "node-"+strconv.Itoa(i)), "KITH_LAKE=" + filepath.Join(dir, "lake"),
			"KITH_LOG=" + place.LogURL, "KITH_STATE=" + place.StateURL, "KITH_ANALYTICS=", "KITH_HISTORY=", "KITH_ADDR=127.0.0.1:0", "KITH_ROLES=all",
			"KITH_CONFIG=", "KITH_WRITE_KEY=" + writeKey, "KITH_ADMIN_TOKEN=" + adminToken, "KITH_ID_KEY=bench-secret-of-ids",
		}, o.Binary, "serve")
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

// run loads nodes that have just started.
func (all nodes) run(ctx context.Context, o NodesOptions, dir string) (rows []NodesRow, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: nodeConns, DisableCompression: true}, Timeout: 15 * time.Minute}
	defer client.CloseIdleConnections()
	if err := all.define(ctx, client, o.Definitions); err != nil {
		return nil, err
	}
	if err := all.warm(ctx, client, o.People); err != nil {
		return nil, err
	}
	before, err := all.status(ctx, client)
	if err != nil {
		return nil, err
	}
	var refused int64
	m := startMeter(append([]Watched{{Name: kith, PIDs: all.pids(), Folders: []string{dir}}}, o.Watched...))
	batches, seconds := all.batches(ctx, client)
	reached := func(until string) {
		row := NodesRow{Nodes: len(all), Until: until, Events: int64(o.Events), Refused: refused}
		m.read(&row)
		b, s := all.batches(ctx, client)
		if until == "accepted" {
			b = batches // not all of them
		}
		if row.Batches = int64(b - batches); row.Batches > 0 {
			row.InBatch = time.Duration((s - seconds) / float64(row.Batches) * float64(time.Second))
		}
		rows = append(rows, row)
	}
	if refused, err = all.send(ctx, client, o); err != nil {
		return nil, err
	}
	reached("accepted")
	after, err := all.awaitFolded(ctx, client)
	if err != nil {
		return rows, err
	}
	reached("folded")
	if err := call(ctx, client, http.MethodPost, all[0].url+"/v1/flush?timeout=10m"); err != nil {
		return rows, err
	}
	reached("shown")
	if got := after.events() - before.events(); got != int64(o.Events) {
		return rows, fmt.Errorf("%d events were sent, %d count", o.Events, got)
	}
	return rows, nil
}

func (all nodes) pids() (pids []int) {
	for _, p := range all {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

// define sets up segments that all but one in twenty events of the load concern.
func (all nodes) define(ctx context.Context, client *http.Client, n int) error {
	for i := range n {
		body := fmt.Sprintf(`{"name":"Bench %[1]d","where":{"event":"Product Viewed","where":[{"property":"price","op":"gt","value":%[1]d}],"count":{"op":"gte","value":%[2]d},"window":{"last":"%[3]dd"}}}`, i%15, 2+i%4, 7+i)
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, fmt.Sprintf("%s/v1/segments/bench-%d", all[0].url, i), strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+adminToken)
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(res.Body)
		if cerr := res.Body.Close(); err != nil || cerr != nil || res.StatusCode/100 != 2 {
			return fmt.Errorf("a segment was refused: %s: %s", res.Status, answer)
		}
	}
	return nil
}

// warm sends events until every node has folded some, so that it is not the joining
// of nodes that is measured.
func (all nodes) warm(ctx context.Context, client *http.Client, people int) error {
	g := NewGenerator(1<<40, people)
	for began := time.Now(); ; {
		if !post(ctx, client, all[0].url, true, g.AppendBatch(nil, nodeBatch)) {
			return fmt.Errorf("a batch was refused before the measurement")
		}
		if err := call(ctx, client, http.MethodPost, all[0].url+"/v1/flush?timeout=2m"); err != nil {
			return err
		}
		idle := 0
		for i := range all {
			if n, _ := all[i:i+1].batches(ctx, client); n == 0 {
				idle++
			}
		}
		if idle == 0 {
			return nil
		}
		if time.Since(began) > time.Minute {
			return fmt.Errorf("%d of %d nodes fold nothing: the topic may have fewer partitions", idle, len(all))
		}
	}
}

// The load of Nodes.
const (
	nodeConns = 8   // connections
	nodeBatch = 100 // messages in a request
)

// send sends the events to all nodes in turn. What is refused is sent again.
func (all nodes) send(ctx context.Context, client *http.Client, o NodesOptions) (refused int64, err error) {
	var again atomic.Int64
	var wg sync.WaitGroup
	for c := range nodeConns {
		wg.Go(func() {
			g := NewGenerator(uint64(1000+c), o.People)
			from, to := c*o.Events/nodeConns, (c+1)*o.Events/nodeConns
			for i := 0; from < to && ctx.Err() == nil; i++ {
				n := min(nodeBatch, to-from)
				body := g.AppendBatch(nil, n)
				for !post(ctx, client, all[(c+i)%len(all)].url, true, body) && ctx.Err() == nil {
					again.Add(1)
					waitUntil(ctx, time.Now().Add(50*time.Millisecond))
				}
				from += n
			}
		})
	}
	wg.Wait()
	return again.Load(), ctx.Err()
}

// nodesStatus is what Nodes reads of GET /v1/status.
type nodesStatus struct{ Accepted, Processed, Repeats, Quarantined, Lag int64 }

// events are those that count.
func (s *nodesStatus) events() int64 { return s.Processed - s.Repeats - s.Quarantined }

func (all nodes) status(ctx context.Context, client *http.Client) (s nodesStatus, err error) {
	body, err := get(ctx, client, all[0].url+"/v1/status")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(body, &s)
}

// awaitFolded asks ten times a second until nothing waits to be folded.
func (all nodes) awaitFolded(ctx context.Context, client *http.Client) (nodesStatus, error) {
	for {
		s, err := all.status(ctx, client)
		if err != nil || s.Lag == 0 {
			return s, err
		}
		waitUntil(ctx, time.Now().Add(100*time.Millisecond))
	}
}

// batches returns how many transactions the nodes have folded, and the seconds that
// these took.
func (all nodes) batches(ctx context.Context, client *http.Client) (n, seconds float64) {
	for _, p := range all {
		body, err := get(ctx, client, p.url+"/metrics")
		if err != nil {
			continue // what cannot be asked has not counted
		}
		for lines := bufio.NewScanner(strings.NewReader(string(body))); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), " ")
			v, err := strconv.ParseFloat(value, 64)
			switch {
			case err != nil:
			case name == "kith_pipeline_batch_seconds_count":
				n += v
			case name == "kith_pipeline_batch_seconds_sum":
				seconds += v
			}
		}
	}
	return n, seconds
}

// get reads an answer whole.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if cerr := res.Body.Close(); err == nil {
		err = cerr
	}
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", req.URL.Path, res.Status)
	}
	return body, err
}

// meter measures what parts use between two moments.
type meter struct {
	began         time.Time
	watched       []Watched
	use           []Use
	load, machine time.Duration
}

func startMeter(watched []Watched) *meter {
	m := &meter{watched: watched, load: cpu(os.Getpid()), machine: machineCPU()}
	for _, w := range watched {
		m.use = append(m.use, Use{w.Name, treeCPU(w.PIDs...), blocks(w.Folders)})
	}
	m.began = time.Now()
	return m
}

// read fills in what was used since the start.
func (m *meter) read(row *NodesRow) {
	row.Elapsed = time.Since(m.began)
	row.Load = cpu(os.Getpid()) - m.load
	row.Others = machineCPU() - m.machine - row.Load
	for i, w := range m.watched {
		u := Use{w.Name, treeCPU(w.PIDs...) - m.use[i].CPU, blocks(w.Folders) - m.use[i].DiskBytes}
		row.Use = append(row.Use, u)
		row.Others -= u.CPU
	}
}
