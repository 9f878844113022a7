//go:build !noui

package web

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tasks of test/tasks.mjs in a real browser, on a real kith with a demo.
func TestTasks(t *testing.T) {
	address, data := startDemo(t)
	out, err := node(t, address, data, "test/tasks.mjs")
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the tasks: %v", err)
	}
}

// The tests of the interface's own logic, and of its languages.
func TestLogic(t *testing.T) {
	need(t, "node")
	cmd := exec.Command("node", "node_modules/vitest/vitest.mjs", "run", "--reporter=verbose")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// Pictures of every screen, into the folder that KITH_UI_SHOTS names.
func TestShots(t *testing.T) {
	folder := os.Getenv("KITH_UI_SHOTS")
	if folder == "" {
		t.Skip("pictures are made by make ui-shots")
	}
	address, data := startDemo(t)
	if out, err := node(t, address, data, "test/shots.mjs", folder); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// need skips, or fails where everything has to be there, unless a program and
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

func node(t *testing.T, address, data string, args ...string) ([]byte, error) {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", args...)
	cmd.Env = append(os.Environ(), "KITH_URL="+address, "KITH_ADMIN_TOKEN="+strings.TrimSpace(string(token)), "KITH_CHROMIUM="+browser)
	return cmd.CombinedOutput()
}

// startDemo runs a demo until the test ends and returns its address and folder
// once all of it is in profiles and somebody goes on shopping.
func startDemo(t *testing.T) (address, data string) {
	t.Helper()
	need(t, "node", "chromium", "go")
	dir := t.TempDir()
	binary, data := filepath.Join(dir, "kith"), filepath.Join(dir, "data")
	if out, err := exec.Command("go", "build", "-o", binary, "kith/cmd/kith").CombinedOutput(); err != nil {
		t.Fatalf("building kith: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "demo", "--profiles", "300", "--shift-to-now", "--data", data, "--addr", "127.0.0.1:0")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "KITH_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Stderr = os.Stderr
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan string, 1), make(chan struct{})
	go follow(bufio.NewScanner(said), ready, ended)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("kith ended with %v", err)
		}
	})
	select {
	case address = <-ready:
	case <-ended:
		t.Fatal("kith ended")
	case <-time.After(4 * time.Minute):
		t.Fatal("the demo was not loaded in time")
	}
	return address, data
}

// follow reads what kith says to its end, and tells its address once the demo
// goes on serving.
func follow(lines *bufio.Scanner, ready chan<- string, ended chan<- struct{}) {
	defer close(ended)
	address := ""
	for lines.Scan() {
		if a, ok := strings.CutPrefix(lines.Text(), "kith listening on "); ok {
			address = a
		}
		if strings.HasPrefix(lines.Text(), "kith goes on serving") {
			ready <- address
		}
	}
}
