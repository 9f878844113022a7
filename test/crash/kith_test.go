// Package crash kills the real kith under load and looks at what is left: what
// was acknowledged has to be there, once.
package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/test/program"
)

const (
	writeKey   = "crash-key"
	adminToken = "crash-admin"
)

func TestMain(m *testing.M) { program.Main(m) }

// server is a running kith.
type server struct {
	cmd    *exec.Cmd
	url    string
	began  time.Time
	ready  time.Duration // from the start to the line that it listens
	stderr *strings.Builder
}

// launch starts kith on a folder and waits until it listens.
func launch(t *testing.T, data string) *server {
	t.Helper()
	s, err := tryLaunch(t, data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryLaunch(t *testing.T, data string) (*server, error) {
	t.Helper()
	name := program.Kith(t)
	s := &server{cmd: exec.Command(name, "serve"), began: time.Now(), stderr: &strings.Builder{}}
	s.cmd.Env = append(os.Environ(), "KITH_DATA="+data, "KITH_ADDR=127.0.0.1:0", "KITH_WRITE_KEY="+writeKey, "KITH_ADMIN_TOKEN="+adminToken)
	s.cmd.Stderr = s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "kith listening on "); ok {
			s.url, s.ready = url, time.Since(s.began)
			return s, nil
		}
	}
	err = s.cmd.Wait()
	return s, fmt.Errorf("kith ended before it listened: %w: %s", err, s.stderr)
}

// end sends a signal and returns how the process ended.
func (s *server) end(t *testing.T, sig syscall.Signal) error {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	return s.cmd.Wait()
}

// terminate stops it in good order.
func (s *server) terminate(t *testing.T) {
	t.Helper()
	began := time.Now()
	if err := s.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM kith ended with %v: %s", err, s.stderr)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("after SIGTERM kith took %v to end", took)
	}
}

// answer is a decoded answer with its status and headers.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do calls the server; the error is that of the connection.
func do(ctx context.Context, client *http.Client, method, url, body string, auth func(*http.Request)) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	auth(req)
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	content, err := io.ReadAll(res.Body)
	err = errors.Join(err, res.Body.Close())
	return answer{res.StatusCode, res.Header, content}, err
}

func asSource(r *http.Request) { r.SetBasicAuth(writeKey, "") }
func asAdmin(r *http.Request)  { r.Header.Set("Authorization", "Bearer "+adminToken) }

// get asks the API and decodes the answer.
func (s *server) get(t *testing.T, method, path string, out any) {
	t.Helper()
	a, err := do(context.Background(), http.DefaultClient, method, s.url+path, "", asAdmin)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusOK {
		t.Fatalf("%s answered %d: %s", path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		t.Fatal(err)
	}
}

// status is what GET /v1/status answers.
type status struct {
	Accepted, Processed, Repeats, Lag, Quarantined int64
	Hash                                           string `json:"state_hash"`
}

// flushed returns the status once everything is folded.
func (s *server) flushed(t *testing.T) (st status) {
	t.Helper()
	var position any
	s.get(t, http.MethodPost, "/v1/flush?timeout=2m", &position)
	s.get(t, http.MethodGet, "/v1/status?hash=1", &st)
	return st
}

// timeline returns how often each message stands in a person's timeline.
func (s *server) timeline(t *testing.T, user string, into map[string]int) {
	t.Helper()
	for cursor := ""; ; {
		var page struct {
			Data []struct {
				MessageID string `json:"messageId"`
			}
			Next *string
		}
		s.get(t, http.MethodGet, "/v1/profiles/user_id:"+user+"/events?limit=1000"+cursor, &page)
		for _, e := range page.Data {
			into[e.MessageID]++
		}
		if page.Next == nil || *page.Next == "" {
			return
		}
		cursor = "&cursor=" + *page.Next
	}
}
