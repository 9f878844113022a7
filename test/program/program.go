// Package program builds kith from the tree, for tests that run it as people do.
package program

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// folder is where the program of this process is put.
var folder = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "kith-test-") })

var built = sync.OnceValues(func() (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	return build(filepath.Join(dir, "kith"))
})

func build(path string, flags ...string) (string, error) {
	args := append([]string{"build", "-o", path}, flags...)
	if out, err := exec.Command("go", append(args, "kith/cmd/kith")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building kith: %w\n%s", err, out)
	}
	return path, nil
}

// Changed returns the path of a kith in which one file of the tree, named from its
// root, has another text in place of one that it has once.
func Changed(tb testing.TB, file, text, other string) string {
	tb.Helper()
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		tb.Fatal(err)
	}
	name := filepath.Join(strings.TrimSpace(string(root)), file)
	source, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	if strings.Count(string(source), text) != 1 {
		tb.Fatalf("%s does not have %q once", file, text)
	}
	dir := tb.TempDir()
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{name: changed}})
	if err != nil {
		tb.Fatal(err)
	}
	for name, content := range map[string]string{changed: strings.Replace(string(source), text, other, 1), overlay: string(replaced)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	path, err := build(filepath.Join(dir, "kith"), "-overlay", overlay)
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// Kith returns the path of the program, which is built once for all tests of a
// process whose TestMain is Main. Its folder is the tests' until they end.
func Kith(tb testing.TB) string {
	tb.Helper()
	path, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// Main runs the tests of a package and removes the program. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	if dir, err := folder(); err == nil {
		_ = os.RemoveAll(dir) // what is left among temporary files is no failure
	}
	os.Exit(code)
}
