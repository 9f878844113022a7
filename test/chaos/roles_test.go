package chaos

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRoles: a process for each role, two of them folding, are one product: what is
// set up at one is in force at all, also while the log is folded anew; every process
// tells whether it is ready; without the database events are taken and everything
// else is refused with a time to come back.
func TestRoles(t *testing.T) {
	w := newWorld(t, "", []string{"collect", "api", "pipeline", "pipeline,activate"})
	collector, api := w.nodes[0], w.nodes[1]
	for _, n := range w.nodes {
		for _, path := range []string{"/healthz", "/readyz"} {
			n.must(t, http.MethodGet, path, "", nil)
		}
	}
	api.must(t, http.MethodPut, "/v1/segments/buyers", `{"name":"Buyers","where":`+buyers+`}`, nil)
	reaction(t, collector, api)
	l := startLoad(t, w.with("collect"), 3, 2)
	listen(t, api)
	w.noDatabase(t, l, collector, api)
	api.must(t, http.MethodPut, "/v1/settings/identity", `{"default_country":"FR","types":[{"type":"email","priority":2}]}`, nil)
	<-time.After(3 * time.Second)
	l.end()
	w.check(t, l, 0) // the state was made anew, so nothing has to have been moved again
}

// reaction measures from the acknowledgement of an event to the entry into a segment
// that another process keeps, as a third one shows it.
func reaction(t *testing.T, collector, api *node) {
	t.Helper()
	var took []time.Duration
	for i := range 20 {
		var s struct{ Size int64 }
		api.must(t, http.MethodGet, "/v1/segments/buyers", "", &s)
		before := s.Size
		body := fmt.Sprintf(`{"batch":[{"type":"track","event":"Order Completed","messageId":"r-%[1]d-a","userId":"person-%[1]d","properties":{"revenue":50}},
			{"type":"track","event":"Order Completed","messageId":"r-%[1]d-b","userId":"person-%[1]d","properties":{"revenue":50}}]}`, i)
		if status, _, answer := post(context.Background(), http.DefaultClient, collector.url+"/v1/batch", body); status != http.StatusOK {
			t.Fatalf("answered %d: %s", status, answer)
		}
		began := time.Now()
		for s.Size == before && time.Since(began) < 30*time.Second {
			api.must(t, http.MethodGet, "/v1/segments/buyers", "", &s)
		}
		if s.Size != before+1 {
			t.Fatalf("the segment has %d members after %d", s.Size, before)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("from the acknowledgement to the entry into a segment, through four processes: median %v, at most %v", took[len(took)/2], took[len(took)-1])
}

// listen waits for a live event, which another process has folded.
func listen(t *testing.T, n *node) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/v1/live/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "event: event") {
			return
		}
	}
	t.Errorf("%s shows no live event of what others fold", n.name)
}

// noDatabase stops the database for a while.
func (w *world) noDatabase(t *testing.T, l *load, collector, api *node) {
	t.Helper()
	first := w.db.servers[0]
	_ = syscall.Kill(first.cmd.Process.Pid, syscall.SIGQUIT) // it has not ended
	<-first.done
	_ = l.quiet()
	collector.must(t, http.MethodGet, "/readyz", "", nil)
	for _, path := range []string{"/readyz", "/v1/profiles/user_id:person-1"} {
		if status, after := refusal(t, api, path); status != http.StatusServiceUnavailable || after == "" {
			t.Errorf("without the database %s answers %d, to come back after %q", path, status, after)
		}
	}
	<-time.After(2 * time.Second)
	if quiet := l.quiet(); quiet > 2*time.Second {
		t.Errorf("without the database nothing was acknowledged for %v", quiet)
	}
	w.db.launch(t, first)
	waitFor(t, 30*time.Second, "the API", func() error { return api.call(context.Background(), http.MethodGet, "/readyz", "", nil) })
}

func refusal(t *testing.T, n *node, path string) (status int, after string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, n.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // its end is not read
	return res.StatusCode, res.Header.Get("Retry-After")
}
