package duckdb

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// probed is what a confined process found out about its confinement.
type probed struct {
	Lacking []string
	Tried   map[string]string // what was tried → the error, empty for success
}

// probe confines itself as a child does, tries to get out, and tells what came of
// it. Its input is the file that it may read.
func probe() {
	runtime.LockOSThread()
	var allowed string
	if _, err := fmt.Scanln(&allowed); err != nil {
		os.Exit(1)
	}
	if _, err := openDatabase(); err != nil {
		os.Exit(1)
	}
	lacking, err := confine(&request{MemoryBytes: 64 << 20, Seconds: 10, Threads: 2, Tables: []table{{Files: []file{{Path: allowed}}}}})
	if err != nil {
		os.Exit(1)
	}
	p := probed{Lacking: lacking, Tried: map[string]string{}}
	try := func(what string, f func() error) {
		p.Tried[what] = ""
		if err := f(); err != nil {
			p.Tried[what] = err.Error()
		}
	}
	open := func(path string, flags int) func() error {
		return func() error {
			fd, err := unix.Open(path, flags, 0o600)
			if err == nil {
				unix.Close(fd)
			}
			return err
		}
	}
	try("read a listed file", open(allowed, unix.O_RDONLY))
	try("write a listed file", open(allowed, unix.O_RDWR))
	try("read another file", open("/etc/passwd", unix.O_RDONLY))
	try("read the parent's environment", open(fmt.Sprintf("/proc/%d/environ", os.Getppid()), unix.O_RDONLY))
	try("make a file", open("new", unix.O_CREAT|unix.O_WRONLY))
	try("open a socket", func() error {
		_, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		return err
	})
	try("reach the network", func() error {
		_, err := net.Dial("tcp", "127.0.0.1:1")
		return err
	})
	try("run a program", func() error { return unix.Exec("/bin/true", []string{"true"}, nil) })
	try("start a process", func() error {
		_, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
		return err
	})
	try("end the parent", func() error { return unix.Kill(os.Getppid(), 0) })
	try("map code", func() error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_EXEC|unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	})
	try("remove a file", func() error { return unix.Unlink(allowed) })
	if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
		os.Exit(1)
	}
}

// TestConfined: a child can read what is listed, and nothing else works.
func TestConfined(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(t.TempDir(), "allowed")
	if err := os.WriteFile(allowed, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "sql-probe")
	cmd.Stdin, cmd.Dir, cmd.Env = strings.NewReader(allowed+"\n"), t.TempDir(), []string{}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var p probed
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Lacking) > 0 {
		t.Skipf("this kernel lacks %v; a query's process is less confined here", p.Lacking)
	}
	refused := syscall.EPERM.Error()
	want := map[string]string{
		"read a listed file": "", "write a listed file": refused, "read another file": syscall.EACCES.Error(), "read the parent's environment": syscall.EACCES.Error(),
		"make a file": refused, "open a socket": refused, "reach the network": p.Tried["reach the network"], "run a program": refused,
		"start a process": refused, "end the parent": refused, "map code": refused, "remove a file": refused,
	}
	if diff := cmp.Diff(want, p.Tried); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(p.Tried["reach the network"], refused) {
		t.Errorf("reach the network: %q", p.Tried["reach the network"])
	}
}
