// Package program builds kith from the tree, for tests that run it as people do.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	path := filepath.Join(dir, "kith")
	if out, err := exec.Command("go", "build", "-o", path, "kith/cmd/kith").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building kith: %w\n%s", err, out)
	}
	return path, nil
})

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
