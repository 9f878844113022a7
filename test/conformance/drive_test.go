package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// drive runs a driver to its end: a program around an SDK that reads the plan
// from its standard input, sends it, and writes a report.
func drive(ctx context.Context, t *testing.T, r *run, driver string, cmd *exec.Cmd) {
	t.Helper()
	cmd.Env = append(withoutKith(os.Environ()), "COLLECTOR="+r.proxy.address, "WRITE_KEY="+writeKey,
		"CLOCK_OFFSET_MS="+strconv.FormatInt(r.sdk.clock.Milliseconds(), 10), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdin = bytes.NewReader(r.plan.encode(t, 0, 1))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", driver, err, out, stderr.Bytes())
	}
	var report struct {
		Acknowledged int      `json:"acknowledged"`
		Errors       []string `json:"errors"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%s wrote %q: %v\n%s", driver, out, err, stderr.Bytes())
	}
	wantErrors, wantCalls := 0, len(r.plan.calls)
	if r.sdk.needsAnswer {
		answers, unread := r.proxy.unread()
		wantErrors, wantCalls = answers, wantCalls-unread
	}
	if report.Acknowledged < wantCalls || len(report.Errors) > wantErrors {
		t.Errorf("%s: %d of %d calls were acknowledged; errors %q\n%s",
			driver, report.Acknowledged, len(r.plan.calls), report.Errors, stderr.Bytes())
	}
}

// installed installs the SDKs of a language, where they are not yet, and returns
// the folder. The languages' own programs must be there.
func installed(t *testing.T, language string, programs ...string) string {
	t.Helper()
	for _, p := range programs {
		need(t, p)
	}
	dir, err := installs[language]()
	if err != nil {
		lack(t, err)
	}
	return dir
}

var installs = map[string]func() (string, error){
	"python": sync.OnceValues(func() (string, error) { return install("python") }),
	"java":   sync.OnceValues(func() (string, error) { return install("java") }),
}

func install(language string) (string, error) {
	cmd := exec.Command("./install", language)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("installing the SDKs of %s: %w\n%s", language, err, stderr.Bytes())
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
