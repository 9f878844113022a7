// Package attack is hostile to the real kith from outside: bodies, heads, paths,
// keys and connections that no SDK sends. It has no code of its own beside the
// tests.
package attack

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/test/program"
)

const (
	writeKey   = "attack-key"
	adminToken = "attack-admin-token"

	// patience bounds what has to happen; nothing is measured by it.
	patience = time.Minute
)

var given = flag.String("kith", "", "the program to attack; built from the tree if it is not named")

// binary returns the program to attack.
func binary(t *testing.T) string {
	t.Helper()
	if *given != "" {
		return *given
	}
	return program.Kith(t)
}

func TestMain(m *testing.M) { program.Main(m) }

// target is a running kith.
type target struct {
	*testing.T
	cmd    *exec.Cmd
	data   string
	addr   string // HOST:PORT
	stderr bytes.Buffer
	dead   chan error // what the process ended with
}

// start runs kith on a new folder; it must still run when the test ends, and end
// in order.
func start(t *testing.T) *target {
	t.Helper()
	k := launch(t, t.TempDir())
	t.Cleanup(k.stop)
	return k
}

func launch(t *testing.T, data string) *target {
	t.Helper()
	name := binary(t)
	k := &target{T: t, data: data, cmd: exec.Command(name, "serve"), dead: make(chan error, 1)}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "KITH_") {
			k.cmd.Env = append(k.cmd.Env, e)
		}
	}
	k.cmd.Env = append(k.cmd.Env, "KITH_DATA="+data, "KITH_ADDR=127.0.0.1:0", "KITH_WRITE_KEY="+writeKey, "KITH_ADMIN_TOKEN="+adminToken)
	k.cmd.Stderr = &k.stderr
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_, addr, ok := strings.Cut(strings.TrimSpace(line), "http://")
	if err != nil || !ok {
		t.Fatalf("kith ended before it listened: %v: %s", k.cmd.Wait(), k.stderr.Bytes())
	}
	k.addr = addr
	go func() { k.dead <- k.cmd.Wait() }()
	return k
}

// stop asks kith to end and checks that it does so in order and in time.
func (k *target) stop() {
	k.Helper()
	select {
	case err := <-k.dead:
		k.Errorf("kith died: %v\n%s", err, k.stderr.Bytes())
		return
	default:
	}
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		k.Error(err)
	}
	select {
	case err := <-k.dead:
		if err != nil {
			k.Errorf("after SIGTERM kith ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		k.Error("kith did not end within 10 s of SIGTERM")
		k.cmd.Process.Kill()
		<-k.dead
	}
	if bytes.Contains(k.stderr.Bytes(), []byte("level=ERROR")) || bytes.Contains(k.stderr.Bytes(), []byte("panic")) {
		k.Errorf("kith said:\n%s", k.stderr.Bytes())
	}
}

// answer is an answer that was read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %.200s", a.status, a.body) }

// do sends a request whose path goes out as it is written.
func (k *target) do(method, path string, body []byte, header ...string) answer {
	k.Helper()
	req, err := http.NewRequest(method, "http://"+k.addr, bytes.NewReader(body))
	if err != nil {
		k.Fatal(err)
	}
	at, query, asked := strings.Cut(path, "?")
	req.URL.Opaque, req.URL.RawQuery, req.URL.ForceQuery = "//"+k.addr+at, query, asked && query == ""
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Timeout: patience}
	res, err := client.Do(req)
	if err != nil {
		k.Fatalf("%s %.100s: %v", method, path, err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		k.Fatalf("%s %.100s: %v", method, path, err)
	}
	return answer{res.StatusCode, res.Header, content}
}

// send sends to the collector with the source's key.
func (k *target) send(path string, body []byte, header ...string) answer {
	k.Helper()
	return k.do(http.MethodPost, path, body, append([]string{"Authorization", basic}, header...)...)
}

var basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":"))

// api calls the API with all rights.
func (k *target) api(method, path string) answer {
	k.Helper()
	return k.do(method, path, nil, "Authorization", "Bearer "+adminToken)
}

// read decodes an answer of the API, which must be 200.
func (k *target) read(method, path string, into any) {
	k.Helper()
	a := k.api(method, path)
	if a.status != http.StatusOK {
		k.Fatalf("%s %s: %s", method, path, a)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		k.Fatalf("%s %s: %v", method, path, err)
	}
}

// folded waits until all that was accepted is folded, and returns the state's
// hash.
func (k *target) folded() string {
	k.Helper()
	var status struct {
		Accepted, Processed, Lag int
		Hash                     string `json:"state_hash"`
	}
	k.read(http.MethodPost, "/v1/flush?timeout=1m", &struct{}{})
	k.read(http.MethodGet, "/v1/status?hash=1", &status)
	if status.Lag != 0 || status.Processed != status.Accepted {
		k.Errorf("after a flush: %+v", status)
	}
	return status.Hash
}

// raw writes bytes to a connection and returns what comes back until it ends.
func (k *target) raw(request string) string {
	k.Helper()
	conn, err := net.Dial("tcp", k.addr)
	if err != nil {
		k.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		k.Fatal(err)
	}
	go io.WriteString(conn, request)
	out, _ := io.ReadAll(conn) // a connection that is reset has ended
	return string(out)
}
