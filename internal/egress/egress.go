// Package egress is the one way out: every connection that kith opens on behalf
// of somebody's settings (a webhook's address, an import's, a destination's) goes
// through a client made here.
//
// The check is made at the moment of dialling, on the address that is really
// dialled: after names are resolved, again for every redirect and every retry, so
// neither a name that changes its answer nor a redirect leads inside. Addresses
// of the IANA special-purpose registries are refused, in every notation and
// through every translation prefix, unless the operator lists their network.
package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"kith/internal/errs"
)

// Defaults and bounds of a client.
const (
	DefaultTimeout     = 10 * time.Second // for a whole call, reading the answer included
	DefaultAnswerBytes = 1 << 20          // of an answer's body, after decompression
	RedirectsMax       = 3
	headerBytesMax     = 64 << 10
)

// Config says what a Guard lets through.
type Config struct {
	// Allow lists networks that may be reached although they are internal, on
	// any port.
	Allow []netip.Prefix
	// Ports may be dialled on public addresses; empty means 80 and 443.
	Ports []uint16
	// Timeout bounds a whole call; 0 means DefaultTimeout.
	Timeout time.Duration
	// AnswerBytes bounds an answer's body; 0 means DefaultAnswerBytes.
	AnswerBytes int64
}

// Guard decides which addresses may be dialled and makes clients that ask it. It
// is safe for concurrent use.
type Guard struct {
	allow       []netip.Prefix
	public      *ssrf.Guardian
	timeout     time.Duration
	answerBytes int64
}

// New returns a guard.
func New(c Config) *Guard {
	g := &Guard{timeout: c.Timeout, answerBytes: c.AnswerBytes}
	for _, p := range c.Allow {
		g.allow = append(g.allow, unmapped(p.Masked()))
	}
	var opts []ssrf.Option
	if len(c.Ports) > 0 {
		opts = append(opts, ssrf.WithPorts(c.Ports...))
	}
	g.public = ssrf.New(opts...)
	if g.timeout == 0 {
		g.timeout = DefaultTimeout
	}
	if g.answerBytes == 0 {
		g.answerBytes = DefaultAnswerBytes
	}
	return g
}

// ParseAllow reads a comma-separated list of networks in CIDR form; a single
// address stands for itself. The error is of kind Invalid.
func ParseAllow(list string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for field := range strings.SplitSeq(list, ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		p, err := parsePrefix(field)
		if err != nil {
			return nil, errs.New(errs.Invalid, "egress.allow_invalid",
				"%q is no network; write it as 10.0.0.0/8 or fd00::/8", field)
		}
		all = append(all, p)
	}
	return all, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	addr = addr.WithZone("")
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// unmapped turns a prefix of mapped IPv4 addresses into the IPv4 prefix, which
// is the form in which addresses are compared.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// Check reports whether the address may be dialled; the error is of kind Denied.
func (g *Guard) Check(address netip.AddrPort) error {
	addr := address.Addr().WithZone("").Unmap()
	for _, p := range g.allow {
		if p.Contains(addr) {
			return nil
		}
	}
	if g.public.SafeAddr(addr) != nil {
		return errs.New(errs.Denied, "egress.address_blocked",
			"the name leads to an internal or reserved address; list its network in KITH_EGRESS_ALLOW to permit it")
	}
	if g.public.SafeAddrPort(netip.AddrPortFrom(addr, address.Port())) != nil {
		return errs.New(errs.Denied, "egress.port_blocked", "outgoing calls may not use this port; 80 and 443 are open")
	}
	return nil
}

// control is called by the dialer with each address it is about to connect to.
func (g *Guard) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return errs.New(errs.Denied, "egress.network_blocked", "outgoing calls may use TCP only")
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errs.New(errs.Denied, "egress.address_blocked", "the address to dial cannot be read")
	}
	return g.Check(ap)
}

// Dial opens a TCP connection for protocols other than HTTP, under the same
// check.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: g.timeout, Control: g.control}
	conn, err := d.DialContext(ctx, network, address)
	return conn, classify(err)
}

// Client returns an HTTP client that follows up to redirects redirects, at most
// RedirectsMax, each checked like the first call. It uses no proxy and keeps no
// cookies. With 0 the redirect itself is the answer. The client has a pool of
// connections of its own; CloseIdleConnections releases it.
//
// Errors of the client carry the address that was called: send through Do, or
// pass them through Plain, before they are shown or logged.
func (g *Guard) Client(redirects int) *http.Client {
	redirects = min(max(redirects, 0), RedirectsMax)
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            g.Dial,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    g.timeout,
		ResponseHeaderTimeout:  g.timeout,
		MaxResponseHeaderBytes: headerBytesMax,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
	}
	return &http.Client{
		Transport:     &bounded{next: transport, limit: g.answerBytes},
		Timeout:       g.timeout,
		CheckRedirect: redirectRule(redirects),
	}
}

func redirectRule(most int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		if most == 0 {
			return http.ErrUseLastResponse
		}
		if len(via) > most {
			return errs.New(errs.Denied, "egress.redirects", "the answer redirects more than %d times", most)
		}
		if via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme != "https" {
			return errs.New(errs.Denied, "egress.redirect_downgrade", "the answer redirects from https to http")
		}
		return nil
	}
}

// bounded is a round tripper whose answers end with an error behind the limit.
type bounded struct {
	next  *http.Transport
	limit int64
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, classify(err)
	}
	if resp.ContentLength > b.limit && r.Method != http.MethodHead {
		resp.Body.Close()
		return nil, errTooLarge(b.limit)
	}
	resp.Body = &boundedBody{body: resp.Body, left: b.limit, limit: b.limit}
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the pool.
func (b *bounded) CloseIdleConnections() { b.next.CloseIdleConnections() }

type boundedBody struct {
	body        io.ReadCloser
	left, limit int64
}

// Read implements io.Reader. It asks for one byte more than is left, which
// tells an answer of exactly the limit from a longer one.
func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		n, b.left = int(b.left), 0
		return n, errTooLarge(b.limit)
	}
	b.left -= int64(n)
	return n, err
}

// Close implements io.Closer.
func (b *boundedBody) Close() error { return b.body.Close() }

func errTooLarge(limit int64) error {
	return errs.New(errs.Invalid, "egress.answer_too_large", "the answer is longer than %d bytes", limit)
}

// Do sends a request and returns errors that neither name nor quote the address,
// which may hold a secret. The answer's body is the caller's to close.
func Do(c *http.Client, r *http.Request) (*http.Response, error) {
	if s := r.URL.Scheme; s != "http" && s != "https" {
		return nil, errs.New(errs.Invalid, "egress.scheme", "the address must begin with http:// or https://")
	}
	resp, err := c.Do(r)
	if err != nil {
		return nil, Plain(err)
	}
	return resp, nil
}

// Plain turns an error of one of the clients into one without addresses and
// names: kind Denied where the guard refused, Invalid for an answer beyond its
// bound, Unavailable for everything else that the network or the other side did.
func Plain(err error) error {
	if err == nil {
		return nil
	}
	var own *errs.Error
	if errors.As(err, &own) {
		return &errs.Error{Kind: own.Kind, Code: own.Code, Detail: own.Detail}
	}
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return errs.Wrap(context.Canceled, errs.Unavailable, "egress.canceled", "the call was cancelled")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errs.New(errs.Unavailable, "egress.timeout", "the other side did not answer in time")
	case errors.As(err, &dns):
		return errs.New(errs.Unavailable, "egress.name", "the name could not be resolved")
	}
	var tlsErr *tls.CertificateVerificationError
	if errors.As(err, &tlsErr) {
		return errs.New(errs.Unavailable, "egress.certificate", "the other side's certificate is not valid for it")
	}
	return errs.New(errs.Unavailable, "egress.failed", "the connection could not be made or broke")
}

// classify takes the guard's own refusal out of the layers the dialer puts
// around it, and leaves every other error as it is.
func classify(err error) error {
	var own *errs.Error
	if errors.As(err, &own) {
		return own
	}
	return err
}
