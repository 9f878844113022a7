// Package s3test gives tests a real object store of the S3 protocol. It starts one
// for the process that runs the tests, in a folder of its own, and gives every
// caller an empty place in it. The server ends, and its folder goes, when the
// process ends, however it ends.
//
// KITH_TEST_S3=s3://bucket?endpoint=… uses a running server instead, with the keys
// that the environment names. A machine without the server skips the tests, unless
// KITH_REQUIRE_SERVERS=1 makes that a failure; the script install beside this file
// fetches it.
package s3test

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/sys"
)

// errMissing says that there is no server to start.
var errMissing = errors.New("the object store of the tests is not installed: run internal/lake/s3/s3test/install, or set KITH_TEST_S3 to use a running one")

// Place is an empty part of a bucket.
type Place struct {
	URL                  string // s3://bucket/prefix?endpoint=…
	AccessKey, SecretKey string
}

// running is a server that takes requests.
type running struct {
	Place
	life io.Closer // the server ends when this is closed, if only by the garbage collector
}

// server starts the server of this process once. It is the one thing here that
// outlives a test.
var server = sync.OnceValues(func() (running, error) {
	if given := os.Getenv("KITH_TEST_S3"); given != "" {
		return running{Place: Place{given, os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")}}, nil
	}
	return launch()
})

// Start returns a place in a running server that nobody else uses.
func Start(tb testing.TB) Place {
	tb.Helper()
	started, err := server()
	if errors.Is(err, errMissing) && os.Getenv("KITH_REQUIRE_SERVERS") != "1" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatalf("starting the object store: %v", err)
	}
	u, err := url.Parse(started.URL)
	if err != nil {
		tb.Fatalf("KITH_TEST_S3 is no URL: %v", err)
	}
	id := make([]byte, 8)
	if _, err := io.ReadFull(sys.Entropy(), id); err != nil {
		tb.Fatal(err)
	}
	u.Path = strings.TrimSuffix(u.Path, "/") + "/test-" + hex.EncodeToString(id)
	place := started.Place
	place.URL = u.String()
	return place
}

// program finds the server; where tests must have it, it is installed.
func program() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	args := []string{"where"}
	if os.Getenv("KITH_REQUIRE_SERVERS") == "1" {
		args = nil
	}
	out, err := exec.Command(filepath.Join(filepath.Dir(file), "install"), args...).Output()
	if err != nil {
		return "", fmt.Errorf("installing the object store: %w", err)
	}
	path := strings.TrimSpace(string(out))
	if _, err := os.Stat(path); err != nil {
		return "", errMissing
	}
	return path, nil
}

const (
	attempts = 5 // at ports: between choosing a free one and the server's taking it, another process may
	bucket   = "lake"
	access   = "kithtest"
	secret   = "a key that opens nothing else"
)

// watch runs the server until its standard input ends, which it does with the
// process that holds the other end, even if that is killed.
const watch = `
dir=$1 program=$2 address=$3
trap '' HUP INT TERM
ROOT_ACCESS_KEY=$4 ROOT_SECRET_KEY=$5 "$program" --quiet --port "$address" --health /healthz posix "$dir/data" </dev/null >"$dir/log" 2>&1 &
server=$!
echo started
cat >/dev/null
kill -9 "$server"
rm -rf "$dir"
`

func launch() (running, error) {
	path, err := program()
	if err != nil {
		return running{}, err
	}
	for range attempts {
		var r running
		if r, err = launchOnce(path); err == nil {
			return r, nil
		}
	}
	return running{}, err
}

// launchOnce starts the server in a new folder and waits until it answers.
func launchOnce(path string) (running, error) {
	dir, err := os.MkdirTemp("", "kiths3")
	if err != nil {
		return running{}, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "data", bucket), 0o700); err != nil {
		return running{}, err
	}
	port, err := freePort()
	if err != nil {
		return running{}, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	shell := exec.Command("/bin/sh", "-c", watch, "sh", dir, path, address, access, secret)
	life, err := shell.StdinPipe()
	if err != nil {
		return running{}, err
	}
	out, err := shell.StdoutPipe()
	if err != nil {
		return running{}, err
	}
	if err := shell.Start(); err != nil {
		return running{}, err
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		return running{}, cmp.Or(shell.Wait(), errors.New("the server's shell did not start"))
	}
	if err := ready("http://" + address + "/healthz"); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // only to say more
		return running{}, fmt.Errorf("%w: %s", errors.Join(err, life.Close()), log)
	}
	return running{Place{"s3://" + bucket + "?endpoint=http://" + address, access, secret}, life}, nil
}

// ready waits until an address answers.
func ready(address string) error {
	clock := sys.Wall()
	var err error
	for range 300 {
		var resp *http.Response
		if resp, err = http.Get(address); err == nil {
			err = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return err
			}
			err = errors.New("the server answers " + resp.Status)
		}
		<-clock.After(100 * time.Millisecond)
	}
	return err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
