package chaos

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
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/test/program"
)

const (
	writeKey   = "chaos-key"
	adminToken = "chaos-admin"
	idKey      = "chaos-secret-of-ids"
)

func TestMain(m *testing.M) { program.Main(m) }

// node is one process of kith.
type node struct {
	process
	name  string
	roles string
	addr  string
	dir   string
	env   []string
	under []string // the command that it is started by, for a network of its own
	path  string   // of the program; empty: that of the tree
	url   string
}

// launch starts it and waits until it listens.
func (n *node) launch(t *testing.T) {
	t.Helper()
	if err := n.tryLaunch(t); err != nil {
		t.Fatal(err)
	}
}

func (n *node) tryLaunch(t *testing.T) error {
	t.Helper()
	path := n.path
	if path == "" {
		path = program.Kith(t)
	}
	args := append(append([]string(nil), n.under...), path, "serve")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "KITH_DATA="+filepath.Join(n.dir, n.name), "KITH_ADDR="+n.addr, "KITH_ROLES="+n.roles,
		"KITH_WRITE_KEY="+writeKey, "KITH_ADMIN_TOKEN="+adminToken, "KITH_ID_KEY="+idKey)
	cmd.Env = append(cmd.Env, n.env...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	n.start(t, n.name, filepath.Join(n.dir, n.name+".log"), cmd)
	_ = w.Close() // the process has its own
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "kith listening on "); ok {
			n.url = url
			go func() { _, _ = io.Copy(io.Discard, r) }() // until the process ends
			return nil
		}
	}
	<-n.done
	return fmt.Errorf("%s ended before it listened: %w: %s", n.name, n.err, n.log())
}

// log is the end of what it has written.
func (n *node) log() string {
	b, err := os.ReadFile(filepath.Join(n.dir, n.name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-4000):])
}

// terminate stops it in good order.
func (n *node) terminate(t *testing.T) {
	t.Helper()
	began := time.Now()
	n.signal(syscall.SIGTERM)
	<-n.done
	if took := time.Since(began); n.err != nil || took > 10*time.Second {
		t.Errorf("after SIGTERM %s ended with %v after %v: %s", n.name, n.err, took, n.log())
	}
}

func (n *node) plays(role string) bool { return strings.Contains(n.roles, role) }

// call asks the API.
func (n *node) call(ctx context.Context, method, path, body string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, n.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	content, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answered %d: %s", method, path, res.StatusCode, content)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(content, out)
}

// must is call that may not fail.
func (n *node) must(t *testing.T, method, path, body string, out any) {
	t.Helper()
	if err := n.call(context.Background(), method, path, body, out); err != nil {
		t.Fatalf("%s: %v", n.name, err)
	}
}
