package collect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kith/internal/sys"
)

// pipes is a listener whose connections are made in memory, so that their
// deadlines run on the test's own time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return from("127.0.0.1:1") }

// from is an address by itself.
type from string

func (from) Network() string  { return "tcp" }
func (f from) String() string { return string(f) }

// named is a connection that comes from somewhere.
type named struct {
	net.Conn
	addr from
}

func (n named) RemoteAddr() net.Addr { return n.addr }

// dial connects from an address.
func (p *pipes) dial(addr string) net.Conn {
	client, server := net.Pipe()
	p.conns <- named{server, from(addr)}
	return client
}

// overPipes runs a test against a real HTTP server on the test's own time.
func overPipes(t *testing.T, cfg ServerConfig, test func(t *testing.T, f *fixture, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.Clock = sys.Wall() })
		server := NewHTTPServer(f.handler, cfg)
		server.ErrorLog = log.New(io.Discard, "", 0)
		p := newPipes()
		served := make(chan error, 1)
		go func() { served <- server.Serve(p) }()
		test(t, f, p)
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

const head = "POST /v1/track HTTP/1.1\r\nHost: h\r\nX-Write-Key: " + testKey + "\r\n"

// readAnswer reads one answer.
func readAnswer(t *testing.T, c net.Conn) (int, string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestKeepAlive(t *testing.T) {
	overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
		c := p.dial("192.0.2.1:1")
		for range 3 {
			fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(trackBody), trackBody)
			if status, body := readAnswer(t, c); status != http.StatusOK {
				t.Errorf("%d %s", status, body)
			}
			time.Sleep(65 * time.Second)
		}
		began := time.Now()
		if _, err := c.Read(make([]byte, 1)); err != io.EOF || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v: an idle connection is closed after 75 s", err, time.Since(began))
		}
	})
}

func TestSlowHead(t *testing.T) {
	overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
		c := p.dial("192.0.2.1:1")
		began := time.Now()
		fmt.Fprint(c, "POST /v1/track HTTP/1.1\r\nHost: h\r\n")
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || time.Since(began) != 3*time.Second {
			t.Errorf("%d bytes, %v after %v", n, err, time.Since(began))
		}
	})
}

func TestSlowBodies(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int // announced; -1 is chunked
		every  time.Duration
		bytes  int // each time
		after  time.Duration
		status int
	}{
		{"nothing comes", 600, 0, 0, 10 * time.Second, 408},
		{"a byte a second", 600, time.Second, 1, 10 * time.Second, 408},
		{"a byte a second in chunks", -1, time.Second, 1, 10 * time.Second, 408},
		{"half the rate", 600 << 10, time.Second, 8 << 10, 19 * time.Second, 408},
		{"the rate", 600 << 10, time.Second, 17 << 10, 35 * time.Second, 400}, // it is no JSON
	} {
		t.Run(c.name, func(t *testing.T) {
			overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
				conn := p.dial("192.0.2.1:1")
				dripped := make(chan struct{})
				defer func() { conn.Close(); <-dripped }()
				began := time.Now()
				if c.length < 0 {
					fmt.Fprint(conn, head+"Transfer-Encoding: chunked\r\n\r\n")
				} else {
					fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n", head, c.length)
				}
				go func() { defer close(dripped); drip(conn, c.every, c.bytes, c.length) }()
				status, body := readAnswer(t, conn)
				if took := time.Since(began); status != c.status || took < c.after || took > c.after+2*time.Second {
					t.Errorf("%d %s after %v", status, body, took)
				}
			})
		})
	}
}

// drip writes pieces until the connection is closed or all is written.
func drip(c net.Conn, every time.Duration, n, length int) {
	if n == 0 {
		return
	}
	piece := []byte(strings.Repeat(" ", n))
	for total := 0; length < 0 || total < length; total += n {
		if length >= 0 && length-total < n {
			piece = piece[:length-total]
		}
		if length < 0 {
			fmt.Fprintf(c, "%x\r\n", n)
		}
		if _, err := c.Write(piece); err != nil {
			return
		}
		if length < 0 {
			fmt.Fprint(c, "\r\n")
		}
		time.Sleep(every)
	}
}

func TestSlowOnesDoNotHoldUpTheOthers(t *testing.T) {
	overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
		for i := range 200 {
			c := p.dial(fmt.Sprintf("192.0.2.%d:1", i))
			defer c.Close()
			fmt.Fprintf(c, "%sContent-Length: 600000\r\n\r\n{", head)
		}
		synctest.Wait()
		if bytes, requests := f.InFlight(); requests != 200 || bytes != 200*firstBuffer {
			t.Errorf("%d requests hold %d bytes", requests, bytes)
		}
		f.sources["quiet"] = Source{Key: "quiet", Enabled: true}
		c := p.dial("198.51.100.1:1")
		defer c.Close()
		began := time.Now()
		fmt.Fprintf(c, "POST /v1/track?writeKey=quiet HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(trackBody), trackBody)
		if status, body := readAnswer(t, c); status != http.StatusOK || time.Since(began) != 0 {
			t.Errorf("%d %s after %v", status, body, time.Since(began))
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
	})
}

func TestBodyBeyondTheLimitIsReadOut(t *testing.T) {
	overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
		c := p.dial("192.0.2.1:1")
		defer c.Close()
		big := strings.Repeat(" ", 3<<20)
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(big), big)
		if status, body := readAnswer(t, c); status != http.StatusBadRequest {
			t.Errorf("%d %s", status, body)
		}
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(trackBody), trackBody)
		if status, body := readAnswer(t, c); status != http.StatusOK {
			t.Errorf("on the same connection: %d %s", status, body)
		}
	})
}

func TestClientsThatLeave(t *testing.T) {
	overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
		c := p.dial("192.0.2.1:1")
		fmt.Fprintf(c, "%sContent-Length: 600\r\n\r\n{", head)
		c.Close()
		synctest.Wait()
		if r := f.last(t); r.Code != "body.incomplete" || f.log.calls != 0 {
			t.Errorf("reported %+v", r)
		}
	})
}

func TestLeavingDoesNotUndoTheAppend(t *testing.T) {
	overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
		f.log.wait = make(chan struct{})
		c := p.dial("192.0.2.1:1")
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(trackBody), trackBody)
		synctest.Wait()
		c.Close()
		synctest.Wait()
		close(f.log.wait)
		synctest.Wait()
		if len(f.log.records(t)) != 1 || f.last(t).Status != http.StatusOK {
			t.Errorf("reported %+v", f.last(t))
		}
	})
}

func TestSlowReadersHoldNoMemory(t *testing.T) {
	overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
		c := p.dial("192.0.2.1:1")
		body := `{"batch":[` + times(2499, `{"type":"page"},`) + `{"type":"page"}]}`
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", strings.Replace(head, "track", "batch", 1), len(body), body)
		synctest.Wait() // the answer, some 300 KB, waits for its reader
		if bytes, requests := f.InFlight(); bytes != 0 || requests != 1 {
			t.Errorf("%d bytes and %d requests in flight", bytes, requests)
		}
		began := time.Now()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if _, requests := f.InFlight(); requests != 0 {
			t.Errorf("the request is still there after %v", time.Since(began))
		}
		c.Close()
	})
}

func TestLargeHead(t *testing.T) {
	overPipes(t, ServerConfig{}, func(t *testing.T, f *fixture, p *pipes) {
		c := p.dial("192.0.2.1:1")
		defer c.Close()
		go fmt.Fprintf(c, "%sX-Large: %s\r\n\r\n", head, strings.Repeat("x", 80<<10))
		if status, _ := readAnswer(t, c); status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d", status)
		}
	})
}

func TestConnectionsPerAddress(t *testing.T) {
	cfg := ServerConfig{ConnsPerIP: 2, Unlimited: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	overPipes(t, cfg, func(t *testing.T, f *fixture, p *pipes) {
		open := func(addr string) (net.Conn, bool) {
			c := p.dial(addr)
			synctest.Wait()
			c.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := c.Read(make([]byte, 1))
			return c, err != io.EOF
		}
		var conns []net.Conn
		for i, want := range []bool{true, true, false, false} {
			c, ok := open("192.0.2.1:1")
			if ok != want {
				t.Errorf("connection %d: %t", i, ok)
			}
			conns = append(conns, c)
		}
		for _, addr := range []string{"192.0.2.2:1", "10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "nonsense"} {
			c, ok := open(addr)
			if !ok {
				t.Errorf("%s is refused", addr)
			}
			c.Close()
		}
		conns[0].Close()
		synctest.Wait()
		if c, ok := open("192.0.2.1:2"); !ok {
			t.Error("a place that was left is not given again")
		} else {
			c.Close()
		}
		for _, c := range conns {
			c.Close()
		}
		synctest.Wait()
	})
}
