package collect

import (
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"kith/event"
	"kith/internal/strictjson"
)

// caller is who is at the other end of a request's connection.
type caller struct {
	addr    netip.Addr // of the client, behind trusted proxies; may be invalid
	browser bool       // the request looks like one of a browser
	gpc     bool       // it carries Sec-GPC: 1
	policy  ipPolicy
	agent   string // its User-Agent, made fit to be kept

	text string // of addr under the policy; made once
	done bool
}

// ipPolicy is what a request orders about its address.
type ipPolicy uint8

const (
	keepIP ipPolicy = iota
	stripIP
	removeIP
)

func (c *Collector) callerOf(r *http.Request) caller {
	agent := first(r.Header, "User-Agent")
	who := caller{
		addr:    c.clientAddr(r),
		browser: strings.HasPrefix(agent, "Mozilla/") || first(r.Header, "Origin") != "" || first(r.Header, "Sec-Fetch-Site") != "",
		policy:  policyOf(r.Header),
	}
	if who.browser {
		who.gpc = first(r.Header, "Sec-Gpc") == "1"
		who.agent = cleanAgent(agent)
	}
	return who
}

func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// policyOf reads Jitsu's X-IP-Policy and Snowplow's SP-Anonymous. A policy that
// is not known is taken for the strictest.
func policyOf(h http.Header) ipPolicy {
	if len(h["Sp-Anonymous"]) > 0 {
		return removeIP
	}
	switch strings.ToLower(first(h, "X-Ip-Policy")) {
	case "", "keep":
		return keepIP
	case "striplastoctet":
		return stripIP
	}
	return removeIP
}

// clientAddr returns the address of the client: that of the connection, or
// behind trusted proxies the last one in X-Forwarded-For that is no such proxy.
func (c *Collector) clientAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap().WithZone("")
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != ""; {
			if !c.trusted(addr) {
				return addr
			}
			var hop string
			if cut := strings.LastIndexByte(rest, ','); cut >= 0 {
				rest, hop = rest[:cut], rest[cut+1:]
			} else {
				rest, hop = "", rest
			}
			next, ok := parseHop(hop)
			if !ok {
				return addr
			}
			addr = next
		}
	}
	return addr
}

// parseHop reads an address with or without a port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if p, err := netip.ParseAddrPort(s); err == nil {
		return p.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

func (c *Collector) trusted(a netip.Addr) bool {
	for _, p := range c.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// agentMax is how many bytes of a User-Agent are kept.
const agentMax = 512

func cleanAgent(s string) string {
	if len(s) > agentMax {
		s = s[:agentMax]
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= utf8.RuneSelf {
			return strings.Map(printable, strings.ToValidUTF8(s, ""))
		}
	}
	return s
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// ip returns the text of the address that may be kept, or nothing.
func (c *caller) ip() string {
	if !c.done {
		c.done = true
		c.text = keptIP(c.addr, c.policy)
	}
	return c.text
}

// keptIP: of a stripped address the network stays, 24 bits of an IPv4 and 48 of
// an IPv6 address.
func keptIP(a netip.Addr, policy ipPolicy) string {
	if !a.IsValid() || policy == removeIP {
		return ""
	}
	if policy == stripIP {
		bits := 48
		if a.Is4() {
			bits = 24
		}
		p, err := a.Prefix(bits)
		if err != nil {
			return ""
		}
		a = p.Addr()
	}
	return a.String()
}

// stampOrigin settles whose address and browser the connection shows. That of a
// server is nobody's, unless the message says context.direct.
func (j *job) stampOrigin(e *event.Event) {
	var hints hints
	hints.read(e.Context)
	hints.read(e.BatchContext)
	if j.source.ServerFieldsIgnored {
		if hints.ip {
			e.Flags |= event.Distrusted
		}
		if e.Timestamp < j.received-historyMax {
			e.Timestamp = j.received
			e.Flags = e.Flags&^event.CorrectedTime | event.Distrusted
		}
	}
	server := !hints.direct && j.fromServer(e.Channel, hints.library)
	if server {
		e.Flags |= event.ServerSide
		return
	}
	if !hints.ip || e.Flags&event.Distrusted != 0 {
		e.IP = j.caller.ip()
	}
	if !hints.agent {
		e.UserAgent = j.caller.agent
	}
	if j.caller.gpc {
		e.Flags |= event.GPC
	}
}

// fromServer reports whether a message came from a server and not from the
// person's own device: by what it says of itself, else by its library, else by
// whether a browser sent it.
func (j *job) fromServer(channel string, lib library) bool {
	switch channel {
	case "web", "mobile":
		return false
	case "server", "sources":
		return true
	}
	if lib != unknownLibrary {
		return lib == serverLibrary
	}
	return !j.caller.browser && j.ep.dialect != pixel
}

// hints are what the context of a message says of where it comes from. The
// message's own context is read before its batch's, and the first word counts.
type hints struct {
	ip, agent, direct bool
	library           library
}

func (h *hints) read(context strictjson.Value) {
	for k, v := range context.Members() {
		switch {
		case k.Is("ip"):
			h.ip = true
		case k.Is("userAgent"):
			h.agent = true
		case k.Is("direct"):
			h.direct = h.direct || v.Bool()
		case k.Is("library") && h.library == unknownLibrary:
			h.library = libraryOf(v.Get("name"))
		}
	}
}

// library tells on which side an SDK runs.
type library uint8

const (
	unknownLibrary library = iota
	clientLibrary
	serverLibrary
)

// longestLibrary is the length of the longest name below.
const longestLibrary = 64

func libraryOf(name strictjson.Value) library {
	if name.Kind() != strictjson.String || len(name.Raw()) > longestLibrary {
		return unknownLibrary
	}
	var buf [longestLibrary]byte
	text := name.TextBytes(buf[:0])
	switch string(text) {
	case "analytics.js", "@jitsu/js", "RudderLabs JavaScript SDK",
		"analytics-ios", "analytics-android", "analytics-swift", "analytics-kotlin", "analytics-flutter",
		"analytics-react-native", "@segment/analytics-react-native", "Analytics-CSharp",
		"rudder-ios-library", "com.rudderstack.android.sdk.core":
		return clientLibrary
	case "analytics-node", "@segment/analytics-node", "analytics-go", "analytics-python", "analytics-java", "analytics-ruby",
		"analytics-php", "Analytics.NET", "analytics-rust",
		"rudder-analytics-python", "rudder-analytics-ruby", "rudder-analytics-php", "@rudderstack/rudder-sdk-node":
		return serverLibrary
	}
	return unknownLibrary
}
