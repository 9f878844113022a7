package attack

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const good = `{"event":"E","userId":"u"}`

// TestOddRequests sends heads that are wrong in the ways in which proxies and
// servers have been talked into mistakes.
func TestOddRequests(t *testing.T) {
	k := start(t)
	head := "Host: x\r\nAuthorization: " + basic + "\r\nConnection: close\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(good))
	post := "POST /v1/track HTTP/1.1\r\n"
	for name, c := range map[string]struct{ request, want string }{
		"right":               {post + head + length + "\r\n" + good, "200"},
		"HTTP/1.0":            {"POST /v1/track HTTP/1.0\r\n" + head + length + "\r\n" + good, "200"},
		"chunked":             {post + head + "Transfer-Encoding: chunked\r\n\r\n1a\r\n" + good + "\r\n0\r\n\r\n", "200"},
		"no host":             {post + length + "\r\n" + good, "400"},
		"two lengths":         {post + head + "Content-Length: 5\r\n" + length + "\r\n" + good, "400"},
		"negative length":     {post + head + "Content-Length: -1\r\n\r\n" + good, "400"},
		"signed length":       {post + head + "Content-Length: +26\r\n\r\n" + good, "400"},
		"endless length":      {post + head + "Content-Length: 99999999999999999999\r\n\r\n" + good, "400"},
		"a space after":       {post + head + "Content-Length : 26\r\n\r\n" + good, "400"},
		"NUL in a header":     {post + head + "X: a\x00b\r\n" + length + "\r\n" + good, "400"},
		"broken chunk":        {post + head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + good, "400"},
		"unknown coding":      {post + head + "Transfer-Encoding: xchunked\r\n\r\n" + good, "501"},
		"odd expectation":     {post + head + "Expect: 200-maybe\r\n" + length + "\r\n" + good, "417"},
		"large head":          {post + head + "X: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", "431"},
		"many headers":        {post + head + strings.Repeat("X: y\r\n", 50_000) + "\r\n", "431"},
		"long path":           {"GET /" + strings.Repeat("a", 200_000) + " HTTP/1.1\r\n" + head + "\r\n", "431"},
		"TRACE":               {"TRACE /v1/track HTTP/1.1\r\n" + head + "\r\n", "405"},
		"CONNECT":             {"CONNECT x:443 HTTP/1.1\r\n" + head + "\r\n", "405"},
		"lower case":          {"post /v1/track HTTP/1.1\r\n" + head + length + "\r\n" + good, "405"},
		"no escape":           {"GET /v1/profiles/user_id:%zz HTTP/1.1\r\n" + head + "\r\n", "400"},
		"back out of a route": {"GET /v1/profiles/../status HTTP/1.1\r\n" + head + "\r\n", "404"},
		"noise":               {strings.Repeat("\x00\xff", 500), "400"},
	} {
		out := k.raw(c.request)
		if !strings.HasPrefix(out, "HTTP/1.1 "+c.want) && !strings.HasPrefix(out, "HTTP/1.0 "+c.want) {
			t.Errorf("%s: %.60q, want %s", name, out, c.want)
		}
	}
}

// TestHeadersAreNotInjected sends line ends in everything that an answer repeats.
func TestHeadersAreNotInjected(t *testing.T) {
	k := start(t)
	evil := regexp.MustCompile(`(?mi)^X-Evil:`)
	for _, header := range []string{"Origin", "Access-Control-Request-Headers", "X-Request-Id", "Referer"} {
		for _, value := range []string{"a\rX-Evil: 1", "a\nX-Evil: 1", "a\r\n X-Evil: 1", "a\x85X-Evil: 1", "嘊嘍X-Evil: 1", "%0d%0aX-Evil: 1"} {
			for _, line := range []string{"OPTIONS /v1/t", "POST /v1/track", "GET /v1/status", "GET /v1/projects/" + writeKey + "/settings"} {
				out := k.raw(line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + ": " + value + "\r\nContent-Length: 0\r\n\r\n")
				answered, _, _ := strings.Cut(out, "\r\n\r\n")
				if evil.MatchString(strings.ReplaceAll(answered, "\r", "\n")) {
					t.Errorf("%s, %s %q: %q", line, header, value, answered)
				}
				if !strings.HasPrefix(out, "HTTP/1.1 2") && !strings.HasPrefix(out, "HTTP/1.1 4") {
					t.Errorf("%s, %s %q: %.60q", line, header, value, out)
				}
			}
		}
	}
}

// TestKeysOpenNothingElse asks every route of the document without a key, with a
// wrong one and with a source's.
func TestKeysOpenNothingElse(t *testing.T) {
	k := start(t)
	k.send("/v1/track", []byte(good))
	k.folded()
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	k.read(http.MethodGet, "/v1/openapi.json", &doc)
	open := regexp.MustCompile(`^/(healthz|readyz|metrics|v1/openapi\.json|\.well-known/)`)
	param := regexp.MustCompile(`\{\w+\}`)
	closed := 0
	for path, ops := range doc.Paths {
		for method := range ops {
			method = strings.ToUpper(method)
			if method == "PARAMETERS" || open.MatchString(path) {
				continue
			}
			target := param.ReplaceAllString(strings.Replace(path, "{ref}", "user_id:u", 1), "default")
			if k.do(method, target, nil).header.Get("Www-Authenticate") == "" {
				continue // the collector's
			}
			closed++
			for _, key := range []string{"", "Bearer ", "Bearer wrong", "Basic !", "Bearer " + adminToken[:10], "Bearer " + strings.ToUpper(adminToken)} {
				if a := k.do(method, target, nil, "Authorization", key, "Origin", "https://shop.example"); a.status != http.StatusUnauthorized || len(a.header["Access-Control-Allow-Origin"]) > 0 {
					t.Errorf("%s %s with %q: %s", method, target, key, a)
				}
			}
			for _, key := range []string{basic, "Bearer " + writeKey} {
				if a := k.do(method, target, nil, "Authorization", key); a.status != http.StatusForbidden {
					t.Errorf("%s %s with a write key: %s", method, target, a)
				}
			}
			if a := k.api(http.MethodOptions, target); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") == "" {
				t.Errorf("OPTIONS %s: %s", target, a)
			}
		}
	}
	if closed < 20 {
		t.Errorf("only %d routes want the administrator's key", closed)
	}
}

// TestIdentifiersInPaths finds people by identifiers that mean something in an
// address, whatever is escaped.
func TestIdentifiersInPaths(t *testing.T) {
	k := start(t)
	ids := []string{"a:b", "a/b", "a%2Fb", "a b", "a+b", "日本", "a?b", "a#b", "a;b", "a&b=c", "../../etc/passwd", "%00x", "a%20b", "id:x", "user_id:u1", `a\b`, `a"b`, "a'b--"}
	for _, id := range ids {
		if a := k.send("/v1/track", object(map[string]string{"event": `"E"`, "userId": fmt.Sprintf("%q", id)})); a.status != http.StatusOK {
			t.Fatalf("%s: %s", id, a)
		}
	}
	k.folded()
	for _, id := range ids {
		every := ""
		for _, b := range []byte(id) {
			every += fmt.Sprintf("%%%02x", b)
		}
		for _, escaped := range []string{url.PathEscape(id), strings.ReplaceAll(url.QueryEscape(id), "+", "%20"), every, strings.ToUpper(every)} {
			var p struct {
				Identifiers []struct{ Value string }
				Events      int
			}
			k.read(http.MethodGet, "/v1/profiles/user_id:"+escaped, &p)
			if len(p.Identifiers) != 1 || p.Identifiers[0].Value != id || p.Events != 1 {
				t.Errorf("%s as %s: %+v", id, escaped, p)
			}
		}
	}
	for _, ref := range []string{"user_id:", "user_id", ":x", "id:", "id:zz", "nope:x", "user_id:%00", "user_id:%ff", "user_id:%ed%a0%80", "user_id:" + strings.Repeat("x", 20_000), "%2e%2e/status", "user_id:a%2fevents"} {
		if a := k.api(http.MethodGet, "/v1/profiles/"+ref); a.status != http.StatusNotFound && a.status != http.StatusBadRequest {
			t.Errorf("%.60s: %s", ref, a)
		}
	}
}

// TestTamperedCursors: whatever becomes of a cursor, a list shows what is its own
// or refuses it.
func TestTamperedCursors(t *testing.T) {
	k := start(t)
	for i := range 30 {
		k.send("/v1/track", fmt.Appendf(nil, `{"event":"E","userId":"many","messageId":"m%d"}`, i))
		k.send("/v1/track", fmt.Appendf(nil, `{"event":"E","userId":"other","messageId":"o%d"}`, i))
	}
	k.folded()
	type page struct {
		Data []struct {
			UserID string `json:"userId"`
		}
		Next string
	}
	var first page
	k.read(http.MethodGet, "/v1/profiles/user_id:many/events?limit=7", &first)
	rng := rand.New(rand.NewPCG(2, 2))
	taken := 0
	for range 500 {
		b, err := base64.RawURLEncoding.DecodeString(first.Next)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + rng.IntN(2) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		a := k.api(http.MethodGet, "/v1/profiles/user_id:many/events?limit=7&cursor="+base64.RawURLEncoding.EncodeToString(b[:1+rng.IntN(len(b))]))
		var p page
		switch {
		case a.status == http.StatusBadRequest:
		case a.status != http.StatusOK || json.Unmarshal(a.body, &p) != nil:
			t.Errorf("%x: %s", b, a)
		default:
			taken++
			for _, e := range p.Data {
				if e.UserID != "many" {
					t.Errorf("%x shows an event of %s", b, e.UserID)
				}
			}
		}
	}
	if taken == 0 {
		t.Error("no cursor was taken")
	}
	for _, limit := range []string{"0", "-1", "1001", "99999999999999999999", "1e3", "0x10", "a", "1.0", "+5"} {
		if a := k.api(http.MethodGet, "/v1/profiles/user_id:many/events?limit="+limit); a.status != http.StatusBadRequest {
			t.Errorf("limit %s: %s", limit, a)
		}
	}
}
