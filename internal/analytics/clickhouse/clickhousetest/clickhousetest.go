// Package clickhousetest gives tests ClickHouse: its engine, which is loaded as a
// library by a small server beside this file that speaks its HTTP interface. It is
// started once for the process that runs the tests, in a folder of its own, and
// every caller gets a database. Beside it a listener in this process speaks the native
// protocol, over the same engine. The server ends, and its folder goes, when the
// process ends, however it ends.
//
// KITH_TEST_CLICKHOUSE=clickhouse://… uses a running server instead, and
// KITH_TEST_CLICKHOUSE_NATIVE=clickhouse://…?protocol=native its native protocol. A machine
// without the engine skips the tests, unless KITH_REQUIRE_SERVERS=1 makes that a
// failure; the script install beside this file fetches it. Clusters need ZooKeeper too,
// which the folder zookeeper has a script and a program for, and a JDK.
package clickhousetest

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kith/internal/sys"
)

// ErrMissing says that something is not there to be started.
var ErrMissing = errors.New("what runs ClickHouse is not installed")

const (
	user     = "kithtest"
	password = "a-password-of-tests"
)

// running is a server that takes requests.
type running struct {
	url    string
	native string      // URL of the same by the native protocol; empty for none
	lives  []io.Closer // the servers end when these are closed, if only by the garbage collector
}

// server starts the server of this process once. It is the one thing here that
// outlives a test.
var server = sync.OnceValues(func() (running, error) {
	if given := os.Getenv("KITH_TEST_CLICKHOUSE"); given != "" {
		return running{url: given, native: os.Getenv("KITH_TEST_CLICKHOUSE_NATIVE")}, nil
	}
	return launch()
})

// Start returns the URL of a running server with a database that nobody else uses
// and that is not there yet.
func Start(tb testing.TB) string {
	tb.Helper()
	return database(tb, server, func(r running) string { return r.url })
}

// StartNative is like Start, with the URL of the native protocol.
func StartNative(tb testing.TB) string {
	tb.Helper()
	return database(tb, server, func(r running) string { return r.native })
}

// StartShards is like StartNative, for a cluster of two shards: two engines, of which
// the one that the URL names asks the other one over the native protocol, with its
// own code. The cluster's name is in the URL.
//
// Replicated tables are replicated ones, and agree through a real ZooKeeper, but each
// shard has one replica. An engine without the program around it has no worker for
// statements on a cluster, and no port at which replicas fetch parts from each other:
// here a statement for the cluster loses its ON CLUSTER and runs on both, one after the
// other. Each engine has a tree of its own in ZooKeeper. A table that is to have replicas
// on both, which is kith_round, is not replicated at all: its rows are on the engine that
// took them.
func StartShards(tb testing.TB) string {
	tb.Helper()
	return database(tb, shards, func(r running) string { return r.native + "&cluster=" + Cluster })
}

// StartReplica is like StartShards, for a cluster of one shard with one replica: the
// first of the two engines.
func StartReplica(tb testing.TB) string {
	tb.Helper()
	return database(tb, shards, func(r running) string { return r.native + "&cluster=" + single })
}

func database(tb testing.TB, server func() (running, error), address func(running) string) string {
	tb.Helper()
	started, err := server()
	if errors.Is(err, ErrMissing) && os.Getenv("KITH_REQUIRE_SERVERS") != "1" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatalf("starting ClickHouse: %v", err)
	}
	if started.native == "" && address(started) != started.url {
		tb.Skip("of the server of KITH_TEST_CLICKHOUSE only the HTTP interface is known; KITH_TEST_CLICKHOUSE_NATIVE names its native protocol")
	}
	u, err := url.Parse(address(started))
	if err != nil {
		tb.Fatalf("KITH_TEST_CLICKHOUSE is no URL: %v", err)
	}
	id := make([]byte, 8)
	if _, err := io.ReadFull(sys.Entropy(), id); err != nil {
		tb.Fatal(err)
	}
	u.Path = "/test_" + hex.EncodeToString(id)
	return u.String()
}

// watch runs the server until its standard input ends, which it does with the
// process that holds the other end, even if that is killed.
const watch = `
dir=$1
shift
trap '' HUP INT TERM
"$@"
rm -rf "$dir"
`

// speak begins to speak the native protocol on a listener, over an engine.
func (r *running) speak(l net.Listener, port int, others ...int) {
	n := &native{user: user, password: password}
	for _, p := range append([]int{port}, others...) {
		n.engines = append(n.engines, fmt.Sprintf("http://127.0.0.1:%d", p))
	}
	go n.serve(l)
	r.native = fmt.Sprintf("clickhouse://%s:%s@%s/?protocol=native", user, password, l.Addr())
}

func launch() (running, error) {
	port, life, err := engine("")
	if err != nil {
		return running{}, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return running{}, err
	}
	r := running{url: fmt.Sprintf("clickhouse://%s:%s@127.0.0.1:%d/", user, password, port), lives: []io.Closer{life}}
	r.speak(listener, port)
	return r, nil
}

// engine starts the engine with a configuration of its own and returns the port of
// its HTTP interface.
func engine(config string) (port int, life io.Closer, err error) {
	here, env, err := installed("")
	if err != nil {
		return 0, nil, err
	}
	dir, err := os.MkdirTemp("", "kithclickhouse")
	if err != nil {
		return 0, nil, err
	}
	command := []string{filepath.Join(env, "bin", "python"), filepath.Join(here, "server.py"), filepath.Join(dir, "data"), user, password}
	if config != "" {
		name := filepath.Join(dir, "config.xml")
		if err := os.WriteFile(name, []byte(config), 0o600); err != nil {
			return 0, nil, err
		}
		command = append(command, name)
	}
	return child(dir, command...)
}

// installed returns a folder beside this file, and the one to which the script install
// in it has fetched what a server needs.
func installed(what string) (here, there string, err error) {
	_, file, _, _ := runtime.Caller(0)
	here = filepath.Join(filepath.Dir(file), what)
	args := []string{"where"}
	if os.Getenv("KITH_REQUIRE_SERVERS") == "1" {
		args = nil
	}
	out, err := exec.Command(filepath.Join(here, "install"), args...).Output()
	if err != nil {
		return "", "", fmt.Errorf("installing what ClickHouse needs: %w", err)
	}
	there = strings.TrimSpace(string(out))
	if _, err := os.Stat(filepath.Join(there, "complete")); err != nil {
		return "", "", fmt.Errorf("%w: run internal/analytics/clickhouse/clickhousetest/%s", ErrMissing, filepath.Join(what, "install"))
	}
	return here, there, nil
}

// child starts a server whose folder goes with it, and returns the port that it
// prints.
func child(dir string, command ...string) (port int, life io.Closer, err error) {
	shell := exec.Command("/bin/sh", append([]string{"-c", watch, "sh", dir}, command...)...)
	shell.Stderr = os.Stderr
	if life, err = shell.StdinPipe(); err != nil {
		return 0, nil, err
	}
	pipe, err := shell.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := shell.Start(); err != nil {
		return 0, nil, err
	}
	line, _ := bufio.NewReader(pipe).ReadString('\n') // what counts is the number
	if port, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		return 0, nil, cmp.Or(shell.Wait(), err)
	}
	return port, life, nil
}

// Own returns the command of a server that is the caller's alone, to be started and
// killed as often as wanted, and its URL without a database. It listens on an address,
// keeps what it has in a folder, and ends with its standard input. The error is
// ErrMissing where there is no engine.
func Own(addr, folder string) (command []string, url string, err error) {
	here, env, err := installed("")
	if err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, "", err
	}
	config := filepath.Join(folder, "config.xml")
	if err := os.WriteFile(config, []byte("<clickhouse></clickhouse>"), 0o600); err != nil {
		return nil, "", err
	}
	command = []string{filepath.Join(env, "bin", "python"), filepath.Join(here, "server.py"), filepath.Join(folder, "data"), user, password, config, addr}
	return command, fmt.Sprintf("clickhouse://%s:%s@%s/", user, password, addr), nil
}
