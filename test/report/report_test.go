package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// render feeds lines of go test -json to a report.
func render(t *testing.T, all bool, lines ...string) string {
	t.Helper()
	var b bytes.Buffer
	out := bufio.NewWriter(&b)
	r := newReport(out, all)
	if err := r.read(strings.NewReader(strings.Join(lines, "\n"))); err != nil {
		t.Fatal(err)
	}
	r.summary()
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSkippedTestsAreNamedWithTheirReason(t *testing.T) {
	got := render(t, false,
		`{"Action":"run","Package":"k/a","Test":"TestB"}`,
		`{"Action":"output","Package":"k/a","Test":"TestB","Output":"=== RUN   TestB\n"}`,
		`{"Action":"output","Package":"k/a","Test":"TestB","Output":"    a_test.go:7: no server found\n"}`,
		`{"Action":"output","Package":"k/a","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}`,
		`{"Action":"skip","Package":"k/a","Test":"TestB"}`,
		`{"Action":"output","Package":"k/a","Test":"TestC","Output":"=== RUN   TestC\n"}`,
		`{"Action":"output","Package":"k/a","Test":"TestC","Output":"    c_test.go:9: kept to itself\n"}`,
		`{"Action":"pass","Package":"k/a","Test":"TestC"}`,
		`{"Action":"output","Package":"k/a","Output":"PASS\n"}`,
		`{"Action":"output","Package":"k/a","Output":"ok  \tk/a\t0.1s\n"}`,
		`{"Action":"pass","Package":"k/a"}`,
		`{"Action":"output","Package":"k/b","Output":"?   \tk/b\t[no test files]\n"}`,
	)
	want := "ok  \tk/a\t0.1s\n\nSKIPPED 1: no server found\n    k/a.TestB\n\n1 passed, 0 failed, 1 skipped\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresArePrinted(t *testing.T) {
	got := render(t, false,
		`# k/c`,
		`{"ImportPath":"k/c","Action":"build-output","Output":"c.go:1: undefined: x\n"}`,
		`{"Action":"output","Package":"k/a","Test":"TestB","Output":"=== RUN   TestB\n"}`,
		`{"Action":"output","Package":"k/a","Test":"TestB","Output":"    a_test.go:7: 1, want 2\n"}`,
		`{"Action":"output","Package":"k/a","Test":"TestB","Output":"--- FAIL: TestB (0.00s)\n"}`,
		`{"Action":"fail","Package":"k/a","Test":"TestB"}`,
		`{"Action":"output","Package":"k/a","Test":"TestD","Output":"panic: BUG\n"}`,
		`{"Action":"output","Package":"k/a","Output":"FAIL\tk/a\t0.1s\n"}`,
		`{"Action":"fail","Package":"k/a"}`,
	)
	want := "# k/c\nc.go:1: undefined: x\n    a_test.go:7: 1, want 2\n--- FAIL: TestB (0.00s)\nFAIL\tk/a\t0.1s\npanic: BUG\n\n0 passed, 2 failed, 0 skipped\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAllPrintsEveryLineOnce(t *testing.T) {
	got := render(t, true,
		`{"Action":"output","Package":"k/a","Test":"TestB","Output":"=== RUN   TestB\n"}`,
		`{"Action":"output","Package":"k/a","Test":"TestB","Output":"--- FAIL: TestB (0.00s)\n"}`,
		`{"Action":"fail","Package":"k/a","Test":"TestB"}`,
		`{"Action":"output","Package":"k/a","Output":"PASS\n"}`,
	)
	want := "=== RUN   TestB\n--- FAIL: TestB (0.00s)\nPASS\n\n0 passed, 1 failed, 0 skipped\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRunExitsAsGoTestDoes runs the go command on a module of its own.
func TestRunExitsAsGoTestDoes(t *testing.T) {
	for body, want := range map[string]int{`t.Skip("no need")`: 0, `t.Fatal("no")`: 1} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"go.mod":    "module one\n",
			"a_test.go": "package one\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) { " + body + " }\n",
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(dir)
		var b bytes.Buffer
		code, err := run(&b, false, []string{"./..."})
		if err != nil || code != want {
			t.Errorf("%s: code %d (%v), want %d\n%s", body, code, err, want, &b)
		}
		if want == 0 && !strings.Contains(b.String(), "SKIPPED 1: no need\n    one.TestA\n") {
			t.Errorf("the reason is missing:\n%s", &b)
		}
	}
}
