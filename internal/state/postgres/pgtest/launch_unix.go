//go:build unix

package pgtest

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// attempts bounds the ports tried: between choosing a free port and the server's
// taking it, another process may.
const attempts = 5

// watch runs the server until its standard input ends, which it does with the
// process that holds the other end, even if that is killed.
const watch = `
dir=$1 bin=$2 options=$3
trap '' HUP INT TERM
"$bin/pg_ctl" start -w -t 60 -s -D "$dir/data" -l "$dir/log" -o "$options" </dev/null >/dev/null 2>&1 || { echo failed; exit 1; }
echo ready
cat >/dev/null
"$bin/pg_ctl" stop -m immediate -s -D "$dir/data" >/dev/null 2>&1
rm -rf "$dir"
`

// launch makes a cluster in a temporary folder and starts it.
func launch() (running, error) {
	bin, err := binaries()
	if err != nil {
		return running{}, err
	}
	dir, err := os.MkdirTemp("", "kithpg")
	if err != nil {
		return running{}, err
	}
	started, err := launchIn(dir, bin)
	if err != nil {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return started, err
}

func launchIn(dir, bin string) (running, error) {
	as, err := owner(dir)
	if err != nil {
		return running{}, err
	}
	initdb := command(as, dir, filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"),
		"-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return running{}, fmt.Errorf("initdb: %w: %s", err, out)
	}
	for range attempts {
		var port int
		if port, err = freePort(); err != nil {
			return running{}, err
		}
		var life io.Closer
		if life, err = run(as, dir, bin, port); err == nil {
			return running{fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port), life}, nil
		}
	}
	return running{}, err
}

// run starts the watching shell and waits until the server takes connections. It
// returns the input of the shell.
func run(as *syscall.Credential, dir, bin string, port int) (io.Closer, error) {
	options := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s -c max_connections=200 -c shared_buffers=64MB", port, dir)
	if os.Getenv("KITH_TEST_POSTGRES_SYNC") != "1" {
		options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
	}
	shell := command(as, dir, "/bin/sh", "-c", watch, "sh", dir, bin, options)
	shell.SysProcAttr.Setsid = true // an interrupt of the tests reaches it by its input's end
	life, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	line, _ := bufio.NewReader(out).ReadString('\n') // what counts is the word
	if strings.TrimSpace(line) == "ready" {
		return life, nil
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log")) // only to say more
	return nil, fmt.Errorf("the server did not start: %w: %s", cmp.Or(shell.Wait(), errors.New("it ended")), log)
}

func command(as *syscall.Credential, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return cmd
}

// binaries finds the folder of the server's programs.
func binaries() (string, error) {
	var dirs []string
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	versions, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(versions, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range append(dirs, versions...) {
		complete := true
		for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
			_, err := os.Stat(filepath.Join(dir, name))
			complete = complete && err == nil
		}
		if complete {
			return dir, nil
		}
	}
	return "", errMissing
}

// version is the number in /usr/lib/postgresql/15/bin; 0 without one.
func version(dir string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return 0
	}
	return n
}

// owner returns the user under whom the server has to run, after giving that
// user the folder: nil is the user of this process. PostgreSQL refuses root.
func owner(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("no user other than root to run PostgreSQL under: %w", err)
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
