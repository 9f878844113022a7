package collect

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// ServerConfig is how a listener guards itself. A field that is zero has its
// default.
type ServerConfig struct {
	HeaderTimeout time.Duration // for a request's head; 3 s
	IdleTimeout   time.Duration // between two requests; 75 s, because SDKs keep connections for a minute
	WriteTimeout  time.Duration // from the head to the end of the answer; 2 min
	HeaderBytes   int           // of a request's head; 64 KiB
	ConnsPerIP    int           // open connections from one address; 1,024, negative: any number

	// Unlimited are networks, such as those of proxies, from which any number of
	// connections may come.
	Unlimited []netip.Prefix
}

// NewHTTPServer returns a server with these bounds. Bodies are bounded by the
// collector, which moves the connection's read deadline as bytes come, and not
// by http.Server.ReadTimeout, so that other handlers on the same listener may
// set their own. The caller sets Addr, TLS and ErrorLog.
func NewHTTPServer(handler http.Handler, cfg ServerConfig) *http.Server {
	for _, f := range [...]struct {
		field *time.Duration
		value time.Duration
	}{{&cfg.HeaderTimeout, 3 * time.Second}, {&cfg.IdleTimeout, 75 * time.Second}, {&cfg.WriteTimeout, 2 * time.Minute}} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	if cfg.HeaderBytes <= 0 {
		cfg.HeaderBytes = 64 << 10
	}
	if cfg.ConnsPerIP == 0 {
		cfg.ConnsPerIP = 1024
	}
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: cfg.HeaderTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		WriteTimeout:      cfg.WriteTimeout,
		MaxHeaderBytes:    cfg.HeaderBytes,
	}
	if cfg.ConnsPerIP > 0 {
		s.ConnState = (&connCap{max: cfg.ConnsPerIP, free: cfg.Unlimited, open: map[netip.Addr]int{}}).track
	}
	return s
}

// connCap closes connections of an address that has too many.
type connCap struct {
	max  int
	free []netip.Prefix

	mu   sync.Mutex
	open map[netip.Addr]int
}

func (c *connCap) track(conn net.Conn, state http.ConnState) {
	if state != http.StateNew && state != http.StateClosed && state != http.StateHijacked {
		return
	}
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return
	}
	addr := network(peer.Addr().Unmap().WithZone(""))
	for _, p := range c.free {
		if p.Contains(addr) {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateNew {
		if c.open[addr]++; c.open[addr] > c.max {
			conn.Close()
		}
		return
	}
	if c.open[addr]--; c.open[addr] <= 0 {
		delete(c.open, addr)
	}
}
