//go:build !noui

package web

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/test/program"
)

// TestInBrowser is everything of test/all.mjs in a real browser: on a demo from
// its first moment, and on servers that are empty. Each trial is a test of its
// own. A picture of every step goes into the folder that KITH_UI_TEST names, else
// where go test -artifacts keeps things.
func TestInBrowser(t *testing.T) {
	need(t, "node", "chromium", "curl", "go")
	binary := program.Kith(t)
	demo := start(t, binary, "demo", "--profiles", "300", "--shift-to-now", "--no-live")
	servers := map[string]any{"demo": demo, "empty": []*server{start(t, binary, "serve"), start(t, binary, "serve"), start(t, binary, "serve"), start(t, binary, "serve")}}
	cmd := node(t, cmp.Or(os.Getenv("KITH_UI_TEST"), t.ArtifactDir()), servers, "test/all.mjs", os.Getenv("KITH_UI_ONLY"))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go tellLoaded(stdin, demo, ended)
	tried := 0
	for lines := bufio.NewScanner(said); lines.Scan(); {
		report(t, lines.Bytes())
		tried++
	}
	close(ended)
	if err := cmd.Wait(); err != nil && !t.Failed() {
		t.Errorf("the browser's tests: %v", err)
	}
	if tried == 0 {
		t.Error("nothing was tried")
	}
}

// tellLoaded says a word once the demo is loaded.
func tellLoaded(to io.WriteCloser, demo *server, ended <-chan struct{}) {
	defer to.Close()
	select {
	case <-demo.loaded:
		_, _ = io.WriteString(to, "loaded\n") // whoever has ended does not wait for it
	case <-demo.silent:
	case <-ended:
	}
}

// report makes a line that tells of a trial a test.
func report(t *testing.T, line []byte) {
	var trial struct {
		Name    string
		OK      bool
		Seconds float64
		Said    []string
	}
	if err := json.Unmarshal(line, &trial); err != nil {
		t.Errorf("said: %s", line)
		return
	}
	t.Run(trial.Name, func(t *testing.T) {
		t.Logf("%.1f s\n%s", trial.Seconds, strings.Join(trial.Said, "\n"))
		if !trial.OK {
			t.Fail()
		}
	})
}

// TestLogic is what test and src hold of the interface's own logic, its languages
// and the rules of its tests, without a browser.
func TestLogic(t *testing.T) {
	need(t, "node")
	cmd := exec.Command("node", "node_modules/vitest/vitest.mjs", "run", "--reporter=verbose")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// TestShots makes pictures of every screen, into the folder that KITH_UI_SHOTS
// names.
func TestShots(t *testing.T) {
	folder := os.Getenv("KITH_UI_SHOTS")
	if folder == "" {
		t.Skip("pictures are made by make ui-shots")
	}
	need(t, "node", "chromium", "go")
	demo := start(t, program.Kith(t), "demo", "--profiles", "300", "--shift-to-now")
	select {
	case <-demo.loaded:
	case <-demo.silent:
		t.Fatal("the demo ended")
	}
	cmd := node(t, folder, map[string]any{"demo": demo}, "test/shots.mjs")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// need skips, or fails where everything has to be there, unless some programs and
// the packages of the interface are installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes minutes")
	}
	var err error
	for _, p := range programs {
		if _, missing := exec.LookPath(p); missing != nil {
			err = errors.Join(err, fmt.Errorf("%s is not installed", p))
		}
	}
	if _, missing := os.Stat("node_modules/playwright-core"); missing != nil {
		err = errors.Join(err, errors.New("web/node_modules is not there: make ui-install"))
	}
	switch {
	case err == nil:
	case os.Getenv("KITH_REQUIRE_SERVERS") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// node is a script that is told of some servers and writes into a folder.
func node(t *testing.T, folder string, servers map[string]any, script ...string) *exec.Cmd {
	t.Helper()
	given, err := json.Marshal(servers)
	if err != nil {
		t.Fatal(err)
	}
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script...)
	cmd.Env = append(os.Environ(), "KITH_UI_SERVERS="+string(given), "KITH_CHROMIUM="+browser, "KITH_UI_FOLDER="+folder)
	return cmd
}

func TestMain(m *testing.M) { program.Main(m) }

// server is a running kith, as a script is told of it. Moments are in Unix
// milliseconds.
type server struct {
	URL       string `json:"url"`
	Token     string `json:"token"`
	Link      string `json:"link"` // signs a browser in, once
	Started   int64  `json:"started"`
	Listening int64  `json:"listening"`

	loaded chan struct{} // closed when a demo has everything
	silent chan struct{} // closed when it has ended
}

// start runs kith on a folder of its own until the test ends, and returns once it
// has told its address and link.
func start(t *testing.T, binary string, command ...string) *server {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command(binary, append(command, "--data", data, "--addr", "127.0.0.1:0")...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "KITH_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	said, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	s := &server{Started: time.Now().UnixMilli(), loaded: make(chan struct{}), silent: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan error, 1)
	go s.follow(bufio.NewScanner(said), ready)
	go func() {
		err := cmd.Wait()
		in.Close()
		ended <- err
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("kith %s ended with %v", command[0], err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("kith %s ended", command[0])
	}
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	s.Token = strings.TrimSpace(string(token))
	return s
}

// follow reads what kith says to its end: its address and link, and that a demo
// goes on serving.
func (s *server) follow(lines *bufio.Scanner, ready chan<- struct{}) {
	defer close(s.silent)
	told := 0
	for lines.Scan() {
		line := lines.Text()
		if a, ok := strings.CutPrefix(line, "kith listening on "); ok {
			s.URL, s.Listening = a, time.Now().UnixMilli()
			told++
		}
		if link, ok := strings.CutPrefix(line, "kith: open "); ok {
			s.Link, _, _ = strings.Cut(link, " ")
			told++
		}
		if told == 2 {
			close(ready)
			told++
		}
		if strings.HasPrefix(line, "kith goes on serving") {
			close(s.loaded)
		}
	}
}
