package collect

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"kith/event"
)

const browserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"

func TestWhoseConnectionItIs(t *testing.T) {
	browser := map[string]string{"User-Agent": browserAgent, "Origin": shop}
	server := map[string]string{"User-Agent": "analytics-node-next/latest", "Sec-Fetch-Mode": "cors"}
	for _, c := range []struct {
		name    string
		header  map[string]string
		message string
		around  string
		want    string // ip, agent, flags
	}{
		{"a browser", browser, ``, ``, "192.0.2.1|" + browserAgent + "|"},
		{"a browser by its origin", map[string]string{"Origin": shop}, ``, ``, "192.0.2.1||"},
		{"a server", server, ``, ``, "||server"},
		{"no hints", nil, ``, ``, "||server"},
		{"channel server", browser, `"channel":"server"`, ``, "||server"},
		{"channel sources", browser, `"channel":"sources"`, ``, "||server"},
		{"channel in the context", browser, `"context":{"channel":"server"}`, ``, "||server"},
		{"channel mobile", nil, `"channel":"mobile"`, ``, "192.0.2.1||"},
		{"channel web", server, `"channel":"web","context":{"library":{"name":"analytics-node"}}`, ``, "192.0.2.1||"},
		{"an unknown channel", browser, `"channel":"x"`, ``, "192.0.2.1|" + browserAgent + "|"},
		{"a server's library", browser, `"context":{"library":{"name":"@segment/analytics-node"}}`, ``, "||server"},
		{"a server's library on the batch", browser, ``, `"context":{"library":{"name":"analytics-go"}}`, "||server"},
		{"the message's library counts", browser, `"context":{"library":{"name":"analytics.js"}}`, `"context":{"library":{"name":"analytics-go"}}`, "192.0.2.1|" + browserAgent + "|"},
		{"a phone's library", nil, `"context":{"library":{"name":"analytics-swift"}}`, ``, "192.0.2.1||"},
		{"an unknown library of a browser", browser, `"context":{"library":{"name":"own"}}`, ``, "192.0.2.1|" + browserAgent + "|"},
		{"an unknown library of a server", server, `"context":{"library":{"name":"own"}}`, ``, "||server"},
		{"a library without a name", browser, `"context":{"library":{"name":7}}`, ``, "192.0.2.1|" + browserAgent + "|"},
		{"direct asks for the address", server, `"context":{"direct":true}`, ``, "192.0.2.1||"},
		{"direct false does not", server, `"context":{"direct":false}`, ``, "||server"},
		{"the message's address", browser, `"context":{"ip":"198.51.100.7"}`, ``, "|" + browserAgent + "|"},
		{"the batch's address", browser, ``, `"context":{"ip":"198.51.100.7"}`, "|" + browserAgent + "|"},
		{"the message's browser", browser, `"context":{"userAgent":"X"}`, ``, "192.0.2.1||"},
	} {
		f := newFixture(t)
		message, around := `{"type":"page","userId":"u"`, `{"batch":[`
		if c.message != "" {
			message += "," + c.message
		}
		if c.around != "" {
			around = `{` + c.around + `,"batch":[`
		}
		f.send(request{path: "/v1/batch", body: around + message + `}]}`, header: c.header})
		s := f.log.one(t).Stamp
		if got := s.IP + "|" + s.UserAgent + "|" + flagNames(s.Flags&^event.MadeMessageID); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestGPC(t *testing.T) {
	for _, c := range []struct {
		name   string
		header map[string]string
		body   string
		want   bool
	}{
		{"a browser", map[string]string{"User-Agent": browserAgent, "Sec-GPC": "1"}, trackBody, true},
		{"by its origin", map[string]string{"Origin": shop, "Sec-GPC": "1"}, trackBody, true},
		{"zero", map[string]string{"User-Agent": browserAgent, "Sec-GPC": "0"}, trackBody, false},
		{"true", map[string]string{"User-Agent": browserAgent, "Sec-GPC": "true"}, trackBody, false},
		{"two", map[string]string{"User-Agent": browserAgent, "Sec-GPC": "11"}, trackBody, false},
		{"absent", map[string]string{"User-Agent": browserAgent}, trackBody, false},
		{"a server", map[string]string{"User-Agent": "curl/8", "Sec-GPC": "1"}, trackBody, false},
		{"a server's message", map[string]string{"User-Agent": browserAgent, "Sec-GPC": "1"}, `{"event":"E","userId":"u","channel":"server"}`, false},
	} {
		f := newFixture(t)
		f.send(request{body: c.body, header: c.header})
		r := f.log.one(t)
		if got := r.Stamp.Flags&event.GPC != 0; got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
		consent, _ := rendered(t, r)["context"].(map[string]any)["consent"].(map[string]any)
		if (consent["gpc"] == true) != c.want {
			t.Errorf("%s: shown as %v", c.name, consent)
		}
	}
}

func TestOrdersAboutTheAddress(t *testing.T) {
	for _, c := range []struct{ name, value, remote, want string }{
		{"X-IP-Policy", "keep", "198.51.100.77:1", "198.51.100.77"},
		{"X-IP-Policy", "stripLastOctet", "198.51.100.77:1", "198.51.100.0"},
		{"X-IP-Policy", "stripLastOctet", "[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1::"},
		{"X-IP-Policy", "remove", "198.51.100.77:1", ""},
		{"X-IP-Policy", "whatever", "198.51.100.77:1", ""},
		{"SP-Anonymous", "*", "198.51.100.77:1", ""},
		{"X-Other", "remove", "[::ffff:198.51.100.77]:1", "198.51.100.77"},
		{"X-Other", "", "[fe80::1%eth0]:1", "fe80::1"},
		{"X-Other", "", "nonsense", ""},
	} {
		f := newFixture(t)
		got := f.callerText(c.remote, nil, map[string]string{"Origin": shop, c.name: c.value})
		if got != c.want {
			t.Errorf("%s: %s from %s: %q, want %q", c.name, c.value, c.remote, got, c.want)
		}
	}
}

func TestForwardedAddresses(t *testing.T) {
	for _, c := range []struct {
		name   string
		remote string
		lines  []string
		want   string
	}{
		{"no proxy", "198.51.100.7:1", nil, "198.51.100.7"},
		{"a header from a stranger", "198.51.100.7:1", []string{"1.1.1.1"}, "198.51.100.7"},
		{"one proxy", "10.0.0.1:1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"what the client made up stays behind", "10.0.0.1:1", []string{"6.6.6.6, 198.51.100.7"}, "198.51.100.7"},
		{"two proxies", "10.0.0.1:1", []string{"6.6.6.6, 198.51.100.7, 10.9.9.9"}, "198.51.100.7"},
		{"two lines", "10.0.0.1:1", []string{"6.6.6.6, 198.51.100.7", "10.9.9.9"}, "198.51.100.7"},
		{"only proxies", "10.0.0.1:1", []string{"10.0.0.3"}, "10.0.0.3"},
		{"with a port", "10.0.0.1:1", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{"of version 6", "10.0.0.1:1", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"of version 6 in brackets", "10.0.0.1:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"nonsense", "10.0.0.1:1", []string{"198.51.100.7, unknown"}, "10.0.0.1"},
		{"empty", "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{"empty parts", "10.0.0.1:1", []string{",,"}, "10.0.0.1"},
	} {
		f := newFixture(t, func(cfg *Config) { cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
		if got := f.callerText(c.remote, c.lines, map[string]string{"Origin": shop}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// callerText is the address that a request leaves in its record.
func (f *fixture) callerText(remote string, forwarded []string, header map[string]string) string {
	r := newRequest("POST", "/v1/track", trackBody)
	r.RemoteAddr = remote
	r.Header["X-Forwarded-For"] = forwarded
	for k, v := range header {
		r.Header.Set(k, v)
	}
	f.do(r)
	if len(f.log.entries) != 1 {
		return "nothing stored"
	}
	rec, err := decodeRecord(f.log.entries[0].Data)
	if err != nil {
		return err.Error()
	}
	return rec.Stamp.IP
}

func TestServerFieldsIgnored(t *testing.T) {
	at := func(d time.Duration) string { return noon.Add(d).Format(time.RFC3339) }
	for _, c := range []struct {
		name, body string
		timestamp  time.Duration // from noon
		ip         string
		flags      string
	}{
		{"its address", `{"event":"E","userId":"u","context":{"ip":"6.6.6.6"}}`, 0, "192.0.2.1", "distrusted"},
		{"its history", `{"event":"E","userId":"u","timestamp":"` + at(-8*24*time.Hour) + `"}`, 0, "192.0.2.1", "distrusted"},
		{"its explicit history", `{"event":"E","userId":"u","originalTimestamp":"` + at(0) + `","timestamp":"2019-01-01T00:00:00Z"}`, 0, "192.0.2.1", "distrusted"},
		{"days off the network", `{"event":"E","userId":"u","timestamp":"` + at(-6*24*time.Hour) + `"}`, -6 * 24 * time.Hour, "192.0.2.1", ""},
		{"a server is not believed either", `{"event":"E","userId":"u","channel":"server","context":{"ip":"6.6.6.6"}}`, 0, "", "server distrusted"},
	} {
		f := newFixture(t)
		f.sources[testKey] = Source{Key: "web", Enabled: true, ServerFieldsIgnored: true}
		f.send(request{body: c.body, header: map[string]string{"Origin": shop}})
		r := f.log.one(t)
		s := r.Stamp
		if got := time.UnixMilli(s.Timestamp).Sub(noon); got != c.timestamp || s.IP != c.ip || flagNames(s.Flags&^event.MadeMessageID) != c.flags {
			t.Errorf("%s: %v %q %q", c.name, got, s.IP, flagNames(s.Flags))
		}
		context := rendered(t, r)["context"].(map[string]any)
		if got, _ := context["ip"].(string); got != c.ip {
			t.Errorf("%s: shown with %q", c.name, got)
		}
	}
}

func TestUserAgentIsMadeFit(t *testing.T) {
	for in, want := range map[string]string{
		"Mozilla/5.0 " + times(1000, "x"):      "Mozilla/5.0 " + times(500, "x"),
		"Mozilla/5.0 \xff\x00\x1b[31m ü":       "Mozilla/5.0 [31m ü",
		"Mozilla/5.0 " + times(499, "x") + "ü": "Mozilla/5.0 " + times(499, "x"),
	} {
		if got := cleanAgent(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
	if strings.ContainsRune(cleanAgent("a\x7fé"), 0x7f) {
		t.Error("a control stayed")
	}
}
