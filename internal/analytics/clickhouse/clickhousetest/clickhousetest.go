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
// failure; the script install beside this file fetches it.
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

// errMissing says that there is no engine to start.
var errMissing = errors.New("ClickHouse's engine is not installed: run internal/analytics/clickhouse/clickhousetest/install, or set KITH_TEST_CLICKHOUSE to use a running server")

const (
	user     = "kithtest"
	password = "a-password-of-tests"
)

// running is a server that takes requests.
type running struct {
	url    string
	native string    // URL of the same by the native protocol; empty for none
	life   io.Closer // the server ends when this is closed, if only by the garbage collector
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
	return database(tb, func(r running) string { return r.url })
}

// StartNative is like Start, with the URL of the native protocol.
func StartNative(tb testing.TB) string {
	tb.Helper()
	return database(tb, func(r running) string { return r.native })
}

func database(tb testing.TB, address func(running) string) string {
	tb.Helper()
	started, err := server()
	if errors.Is(err, errMissing) && os.Getenv("KITH_REQUIRE_SERVERS") != "1" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatalf("starting ClickHouse: %v", err)
	}
	if address(started) == "" {
		tb.Skip("set KITH_TEST_CLICKHOUSE_NATIVE beside KITH_TEST_CLICKHOUSE to test the native protocol")
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

func launch() (running, error) {
	_, file, _, _ := runtime.Caller(0)
	here := filepath.Dir(file)
	args := []string{"where"}
	if os.Getenv("KITH_REQUIRE_SERVERS") == "1" {
		args = nil
	}
	out, err := exec.Command(filepath.Join(here, "install"), args...).Output()
	if err != nil {
		return running{}, fmt.Errorf("installing the engine: %w", err)
	}
	env := strings.TrimSpace(string(out))
	if _, err := os.Stat(filepath.Join(env, "complete")); err != nil {
		return running{}, errMissing
	}
	dir, err := os.MkdirTemp("", "kithclickhouse")
	if err != nil {
		return running{}, err
	}
	shell := exec.Command("/bin/sh", "-c", watch, "sh", dir, filepath.Join(env, "bin", "python"), filepath.Join(here, "server.py"), filepath.Join(dir, "data"), user, password)
	shell.Stderr = os.Stderr
	life, err := shell.StdinPipe()
	if err != nil {
		return running{}, err
	}
	pipe, err := shell.StdoutPipe()
	if err != nil {
		return running{}, err
	}
	if err := shell.Start(); err != nil {
		return running{}, err
	}
	line, _ := bufio.NewReader(pipe).ReadString('\n') // what counts is the number
	port, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return running{}, cmp.Or(shell.Wait(), err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return running{}, err
	}
	go (&native{fmt.Sprintf("http://127.0.0.1:%d", port), user, password}).serve(listener)
	address := fmt.Sprintf("clickhouse://%s:%s@", user, password)
	return running{fmt.Sprintf("%s127.0.0.1:%d/", address, port), address + listener.Addr().String() + "/?protocol=native", life}, nil
}
