package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
)

// special is one address of every range that must never be dialled: this
// network, private, shared, loopback, link-local, protocol assignments,
// documentation, relay, benchmarking, multicast, reserved, broadcast, and IPv6
// addresses that hide an IPv4 address or stand for no global unicast place.
var special = []string{
	"0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.192",
	"192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
	"240.0.0.1", "255.255.255.255",
	"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::",
	"2001:0:7f00:1::", "fc00::1", "fe80::1", "ff02::1", "2001:db8::1", "fec0::1", "100::1", "5f00::1", "3fff::1",
}

func TestSpecialAddressesAreRefused(t *testing.T) {
	g := New(Config{})
	for _, s := range special {
		addr := netip.MustParseAddr(s)
		for _, port := range []uint16{80, 443} {
			if err := g.Check(netip.AddrPortFrom(addr, port)); errs.CodeOf(err) != "egress.address_blocked" {
				t.Errorf("%s port %d: got %v", s, port, err)
			}
		}
		network := "tcp4"
		if addr.Is6() {
			network = "tcp6"
		}
		if err := g.control(network, netip.AddrPortFrom(addr, 443).String(), nil); !errs.Is(err, errs.Denied) {
			t.Errorf("dialling %s: got %v", s, err)
		}
	}
}

func TestPublicAddressesByPort(t *testing.T) {
	g := New(Config{})
	for _, s := range []string{"1.1.1.1", "93.184.216.34", "::ffff:1.1.1.1", "2606:4700::1111"} {
		addr := netip.MustParseAddr(s)
		for port, code := range map[uint16]string{80: "", 443: "", 22: "egress.port_blocked", 8420: "egress.port_blocked"} {
			err := g.Check(netip.AddrPortFrom(addr, port))
			if code == "" && err != nil || code != "" && errs.CodeOf(err) != code {
				t.Errorf("%s port %d: got %v", s, port, err)
			}
		}
	}
	wide := New(Config{Ports: []uint16{8443}})
	if err := wide.Check(netip.MustParseAddrPort("1.1.1.1:8443")); err != nil {
		t.Errorf("a listed port: %v", err)
	}
	if err := wide.Check(netip.MustParseAddrPort("10.0.0.1:8443")); err == nil {
		t.Error("a listed port opened an internal address")
	}
}

func TestAllowedNetworksOpenOnlyThemselves(t *testing.T) {
	allow, err := ParseAllow(" 127.0.0.0/8, fd00::/8 ,10.1.2.3,::ffff:192.168.7.0/120")
	if err != nil {
		t.Fatal(err)
	}
	g := New(Config{Allow: allow})
	for s, ok := range map[string]bool{
		"127.0.0.1:9": true, "[::ffff:127.9.9.9]:9": true, "[fd00::1]:9": true, "10.1.2.3:80": true, "192.168.7.9:80": true,
		"10.1.2.4:80": false, "[::1]:80": false, "[fc00::1]:80": false, "192.168.8.1:80": false, "169.254.169.254:80": false,
		"[64:ff9b::7f00:1]:80": false, "[::127.0.0.1]:80": false,
	} {
		if got := g.Check(netip.MustParseAddrPort(s)) == nil; got != ok {
			t.Errorf("%s: allowed %v, want %v", s, got, ok)
		}
	}
}

func TestAllowListErrors(t *testing.T) {
	for _, s := range []string{"localhost", "10.0.0.0/33", "10.0.0.0/8;fd00::/8", "10.0.0/8", "::/129"} {
		if _, err := ParseAllow(s); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: got %v", s, err)
		}
	}
	if got, err := ParseAllow(" , "); err != nil || got != nil {
		t.Errorf("an empty list: %v, %v", got, err)
	}
}

func allowing(t *testing.T, list string) *Guard {
	t.Helper()
	allow, err := ParseAllow(list)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Allow: allow})
}

func get(t *testing.T, c *http.Client, url string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := Do(c, r)
	if err == nil {
		t.Cleanup(func() { resp.Body.Close() })
	}
	t.Cleanup(c.CloseIdleConnections)
	return resp, err
}

func TestLoopbackServerIsReachedOnlyWhenAllowed(t *testing.T) {
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls++ }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())

	for _, url := range []string{srv.URL, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port} {
		if _, err := get(t, New(Config{Ports: []uint16{mustPort(t, port)}}).Client(0), url); !errs.Is(err, errs.Denied) {
			t.Errorf("%s: got %v", url, err)
		}
	}
	if calls != 0 {
		t.Fatalf("the server saw %d calls", calls)
	}
	if _, err := get(t, allowing(t, "127.0.0.0/8").Client(0), srv.URL); err != nil || calls != 1 {
		t.Fatalf("allowed: %v, %d calls", err, calls)
	}
}

func mustPort(t *testing.T, s string) uint16 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

// A redirect to a place that is not allowed, even by a server that is, ends the
// call before anything is dialled.
func TestRedirects(t *testing.T) {
	hops := 0
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops++
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/hop/"))
		switch {
		case r.URL.Path == "/inside":
			_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
			http.Redirect(w, r, "http://127.0.0.2:"+port+"/hop/0", http.StatusFound)
		case err == nil && n > 0:
			http.Redirect(w, r, "/hop/"+strconv.Itoa(n-1), http.StatusFound)
		}
	}))
	defer srv.Close()
	g := allowing(t, "127.0.0.1")
	for _, c := range []struct {
		path      string
		redirects int
		status    int
		code      string
		hops      int
	}{
		{"/hop/1", 0, 302, "", 1},
		{"/hop/3", 3, 200, "", 4},
		{"/hop/4", 3, 0, "egress.redirects", 4},
		{"/hop/4", 99, 0, "egress.redirects", 4},
		{"/hop/2", 1, 0, "egress.redirects", 2},
		{"/inside", 3, 0, "egress.address_blocked", 1},
	} {
		hops = 0
		resp, err := get(t, g.Client(c.redirects), srv.URL+c.path)
		if c.code != "" {
			if errs.CodeOf(err) != c.code {
				t.Errorf("%s with %d: got %v", c.path, c.redirects, err)
			}
		} else if err != nil || resp.StatusCode != c.status {
			t.Errorf("%s with %d: %v, %v", c.path, c.redirects, resp, err)
		}
		if hops != c.hops {
			t.Errorf("%s with %d: %d hops, want %d", c.path, c.redirects, hops, c.hops)
		}
	}
}

func TestRedirectFromHTTPSIsNotFollowedToHTTP(t *testing.T) {
	from, _ := http.NewRequest(http.MethodGet, "https://a.example/", nil)
	to, _ := http.NewRequest(http.MethodGet, "http://a.example/", nil)
	if err := redirectRule(3)(to, []*http.Request{from}); errs.CodeOf(err) != "egress.redirect_downgrade" {
		t.Fatalf("got %v", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	const limit = 1000
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		body := bytes.Repeat([]byte{'x'}, n)
		switch r.URL.Path {
		case "/chunked":
			w.(http.Flusher).Flush()
			_, _ = w.Write(body)
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(body)
			_ = z.Close()
		default:
			_, _ = w.Write(body)
		}
	}))
	defer srv.Close()
	allow, _ := ParseAllow("127.0.0.1")
	g := New(Config{Allow: allow, AnswerBytes: limit})
	for _, path := range []string{"/plain", "/chunked", "/gzip"} {
		for _, n := range []int{0, 1, limit - 1, limit, limit + 1, 10 * limit, 1000 * limit} {
			var got []byte
			resp, err := get(t, g.Client(0), srv.URL+path+"?n="+strconv.Itoa(n))
			if err == nil {
				got, err = io.ReadAll(resp.Body)
			}
			switch {
			case n <= limit && (err != nil || len(got) != n):
				t.Errorf("%s %d: %d bytes, %v", path, n, len(got), err)
			case n > limit && (errs.CodeOf(err) != "egress.answer_too_large" || len(got) > limit):
				t.Errorf("%s %d: %d bytes, %v", path, n, len(got), err)
			}
		}
	}
}

func TestErrorsDoNotNameTheAddress(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	closed.Close()
	hanging, err := net.Listen("tcp", "127.0.0.1:0") // accepts, but nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	allow, _ := ParseAllow("127.0.0.1")
	g := New(Config{Allow: allow, Timeout: 50 * time.Millisecond})
	for url, code := range map[string]string{
		"http://" + address + "/s3cret?token=s3cret":    "egress.failed",
		"http://" + hanging.Addr().String() + "/s3cret": "egress.timeout",
		"http://169.254.169.254/s3cret":                 "egress.address_blocked",
		"ftp://s3cret.example/":                         "egress.scheme",
		"file:///etc/passwd":                            "egress.scheme",
	} {
		_, err := get(t, g.Client(0), url)
		if errs.CodeOf(err) != code {
			t.Errorf("%s: got %v, want %s", url, err, code)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "127.0.0.1")) {
			t.Errorf("%s: the error quotes the address: %v", url, err)
		}
	}
	if _, err := get(t, New(Config{Allow: allow}).Client(0), tls.URL); errs.CodeOf(err) != "egress.certificate" {
		t.Errorf("an untrusted certificate: %v", err)
	}
	dns := Plain(&net.OpError{Err: &net.DNSError{Name: "s3cret.example"}})
	if errs.CodeOf(dns) != "egress.name" || strings.Contains(dns.Error(), "s3cret") {
		t.Errorf("an unknown name: %v", dns)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+hanging.Addr().String(), nil)
	if _, err := Do(g.Client(0), r); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
	if Plain(nil) != nil {
		t.Error("no error became one")
	}
}

func TestClientsUseNoProxyAndNoCookies(t *testing.T) {
	c := New(Config{}).Client(0)
	if c.Transport.(*bounded).next.Proxy != nil || c.Jar != nil {
		t.Fatal("a client may be led elsewhere by its environment or keep state")
	}
	if c.Timeout != DefaultTimeout {
		t.Fatalf("timeout %v", c.Timeout)
	}
}

func TestDialIsChecked(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := New(Config{}).Dial(t.Context(), "tcp", l.Addr().String()); !errs.Is(err, errs.Denied) {
		t.Fatalf("got %v", err)
	}
	conn, err := allowing(t, "127.0.0.1").Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := allowing(t, "127.0.0.1").Dial(t.Context(), "udp", l.Addr().String()); errs.CodeOf(err) != "egress.network_blocked" {
		t.Fatalf("udp: %v", err)
	}
}

func FuzzParseAllow(f *testing.F) {
	for _, s := range []string{"", "127.0.0.0/8", "::1,10.0.0.1", "::ffff:1.2.3.4/96", "fe80::1%eth0", "1.2.3.4/0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		allow, err := ParseAllow(s)
		if err != nil {
			if !errs.Is(err, errs.Invalid) {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		g := New(Config{Allow: allow})
		for _, p := range allow {
			if err := g.Check(netip.AddrPortFrom(p.Addr(), 1)); err != nil {
				t.Fatalf("%v is allowed but refused: %v", p, err)
			}
		}
	})
}
