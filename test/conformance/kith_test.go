package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/test/program"
)

const (
	writeKey   = "conformance_write_key"
	adminToken = "conformance-admin-token"

	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second // the contract's
)

func TestMain(m *testing.M) { program.Main(m) }

// kith is a running server.
type kith struct {
	url    string
	data   string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	rest   chan struct{} // closed when its standard output ended
}

// startKith runs `kith serve` on a data folder and waits until it listens. The
// server is killed when the test ends; stop ends it in order.
func startKith(t *testing.T, data string) *kith {
	t.Helper()
	long(t)
	binary := program.Kith(t)
	k, err := launch(binary, data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.kill()
		if t.Failed() {
			t.Logf("what kith said:\n%s", k.stderr.Bytes())
		}
	})
	return k
}

// launch starts the server; it is apart from startKith for those who start one
// outside the goroutine of the test.
func launch(binary, data string) (*kith, error) {
	k := &kith{data: data, rest: make(chan struct{})}
	k.cmd = exec.Command(binary, "serve")
	k.cmd.Env = append(withoutKith(os.Environ()),
		"KITH_DATA="+data, "KITH_ADDR=127.0.0.1:0", "KITH_WRITE_KEY="+writeKey, "KITH_ADMIN_TOKEN="+adminToken)
	k.cmd.Stderr = &k.stderr
	stdout, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting kith: %w", err)
	}
	address := make(chan string, 1)
	go func() {
		defer close(k.rest)
		defer close(address)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if at, ok := strings.CutPrefix(lines.Text(), "kith listening on "); ok {
				address <- at
				break
			}
		}
		io.Copy(io.Discard, stdout)
	}()
	select {
	case at, ok := <-address:
		if !ok {
			k.kill()
			return nil, fmt.Errorf("kith ended before it listened:\n%s", k.stderr.Bytes())
		}
		k.url = at
		return k, nil
	case <-time.After(startTimeout):
		k.kill()
		return nil, fmt.Errorf("kith did not listen within %s:\n%s", startTimeout, k.stderr.Bytes())
	}
}

// withoutKith is an environment without the settings of another kith.
func withoutKith(env []string) []string {
	var out []string
	for _, e := range env {
		if !strings.HasPrefix(e, "KITH_") {
			out = append(out, e)
		}
	}
	return out
}

// kill ends the server at once, as a crash does. Killing a dead one does nothing.
func (k *kith) kill() {
	if k.cmd.ProcessState != nil {
		return
	}
	k.cmd.Process.Kill()
	<-k.rest
	k.cmd.Wait()
}

// stop asks the server to end and checks that it does so in time and in order.
func (k *kith) stop(t *testing.T) {
	t.Helper()
	timer := time.AfterFunc(stopTimeout, func() { k.cmd.Process.Kill() })
	defer timer.Stop()
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGTERM: %v", err)
	}
	<-k.rest
	if err := k.cmd.Wait(); err != nil {
		t.Errorf("kith did not end in order within %s of SIGTERM: %v", stopTimeout, err)
	}
}

// errStatus is an answer of the API other than 200.
type errStatus struct {
	status int
	body   string
}

func (e errStatus) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.body) }

// ask calls the API and reads the answer into out, with numbers as written.
func (k *kith) ask(ctx context.Context, t *testing.T, method, path string, out any) {
	t.Helper()
	if err := k.tryAsk(ctx, method, path, out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

func (k *kith) tryAsk(ctx context.Context, method, path string, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, k.url+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errStatus{answer.StatusCode, string(body)}
	}
	if out == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return d.Decode(out)
}

// status is what kith counts.
type status struct {
	Accepted  int `json:"accepted"`
	Processed int `json:"processed"`
	Repeats   int `json:"repeats"`
	Lag       int `json:"lag"`
}

// flushed waits until all that was accepted is folded and returns the counts.
func (k *kith) flushed(ctx context.Context, t *testing.T) status {
	t.Helper()
	k.ask(ctx, t, http.MethodPost, "/v1/flush?timeout=30s", nil)
	var s status
	k.ask(ctx, t, http.MethodGet, "/v1/status", &s)
	return s
}

// profile is what kith answers for a person.
type profile struct {
	ID          string `json:"id"`
	Identifiers []struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"identifiers"`
	Traits   obj      `json:"traits"`
	Accounts []string `json:"accounts"`
	Events   int      `json:"events"`
}

func (k *kith) profile(ctx context.Context, t *testing.T, kind, value string) profile {
	t.Helper()
	var p profile
	k.ask(ctx, t, http.MethodGet, "/v1/profiles/"+kind+":"+url.PathEscape(value), &p)
	return p
}

// events reads a person's whole timeline in pages.
func (k *kith) events(ctx context.Context, t *testing.T, kind, value string) []obj {
	t.Helper()
	var all []obj
	for cursor := ""; ; {
		q := url.Values{"limit": {"37"}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		var page struct {
			Data []obj   `json:"data"`
			Next *string `json:"next"`
		}
		k.ask(ctx, t, http.MethodGet, "/v1/profiles/"+kind+":"+url.PathEscape(value)+"/events?"+q.Encode(), &page)
		all = append(all, page.Data...)
		if page.Next == nil || *page.Next == "" {
			return all
		}
		if len(page.Data) == 0 {
			t.Fatal("an empty page of events has a next one")
		}
		cursor = *page.Next
	}
}

// long skips a test that delivers where only short ones are wanted.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a delivery through an SDK takes seconds, and the SDKs may have to be installed")
	}
}

// need skips the test when a program is missing, or fails it where all must be
// there.
func need(t *testing.T, program string) string {
	t.Helper()
	long(t)
	path, err := exec.LookPath(program)
	if err != nil {
		lack(t, errors.New(program+" is not installed"))
	}
	return path
}

func lack(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("KITH_REQUIRE_SERVERS") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
}
