package collect

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"kith/event"
	"kith/internal/errs"
)

func TestPixels(t *testing.T) {
	data := func(s string) string { return "?data=" + base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct {
		name, path, want string // want is the stored body; empty: nothing stored
		call             event.Type
	}{
		{"data", "/v1/pixel/track" + data(`{"writeKey":"`+testKey+`","event":"Öppnat?>","userId":"u"}`), `{"writeKey":"` + testKey + `","event":"Öppnat?>","userId":"u"}`, event.Track},
		{"data in the other alphabet", "/v1/pixel/track?data=" + base64.StdEncoding.EncodeToString([]byte(`{"writeKey":"`+testKey+`","event":"a?>b?>","userId":"u"}`)), `{"writeKey":"` + testKey + `","event":"a?>b?>","userId":"u"}`, event.Track},
		{"the type of the path wins", "/v1/pixel/page" + data(`{"type":"track","writeKey":"`+testKey+`","userId":"u"}`), `{"type":"track","writeKey":"` + testKey + `","userId":"u"}`, event.Page},
		{"key beside data", "/v1/pixel/identify/" + data(`{"userId":"u"}`) + "&writeKey=" + testKey, `{"userId":"u"}`, event.Identify},
		{"plain", "/pixel/v1/track?writeKey=" + testKey + "&userId=u&event=Email%20Opened", `{"event":"Email Opened","userId":"u"}`, event.Track},
		{"levels", "/pixel/v1/page?writeKey=" + testKey + "&anonymousId=a&properties.b.c=1&properties.a=x&context.x=y", `{"anonymousId":"a","context":{"x":"y"},"properties":{"a":"x","b":{"c":"1"}}}`, event.Page},
		{"a value and an object of one name", "/pixel/v1/page?writeKey=" + testKey + "&userId=u&a=1&a.b=2", `{"a":"1","userId":"u"}`, event.Page},
		{"jitsu", "/api/px/track" + data(`{"writeKey":"`+testKey+`:***","event":"E","anonymousId":"a"}`), `{"writeKey":"` + testKey + `:***","event":"E","anonymousId":"a"}`, event.Track},
		{"jitsu plain", "/api/px/page?writeKey=" + testKey + "&userId=u", `{"userId":"u"}`, event.Page},

		{"no key", "/v1/pixel/page?userId=u", "", 0},
		{"an unknown key", "/v1/pixel/page?userId=u&writeKey=nobody", "", 0},
		{"no id", "/v1/pixel/page?writeKey=" + testKey, "", 0},
		{"an unknown type", "/v1/pixel/x?userId=u&writeKey=" + testKey, "", 0},
		{"data that is no base64", "/v1/pixel/page?data=%25%25&writeKey=" + testKey, "", 0},
		{"data that is no JSON", "/v1/pixel/page" + data(`{`) + "&writeKey=" + testKey, "", 0},
		{"data with a repeated key", "/v1/pixel/page" + data(`{"userId":"u","userId":"v"}`) + "&writeKey=" + testKey, "", 0},
	} {
		f := newFixture(t)
		a := f.send(request{method: "GET", path: c.path, noKey: true, header: map[string]string{"User-Agent": "Mail/1.0"}})
		if a.status != http.StatusOK || a.body != gif || a.header.Get("Content-Type") != "image/gif" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", c.name, a.status, a.header)
		}
		report := f.last(t)
		if c.want == "" {
			if len(f.log.records(t)) != 0 || report.Accepted != 0 || report.Code == "" && report.Rejected != 1 {
				t.Errorf("%s: stored %d, reported %+v", c.name, f.log.calls, report)
			}
			continue
		}
		if len(f.log.entries) != 1 {
			t.Errorf("%s: nothing stored, %+v", c.name, report)
			continue
		}
		r := f.log.one(t)
		if string(r.Body) != c.want || r.Stamp.Type != c.call || r.Stamp.IP != "192.0.2.1" {
			t.Errorf("%s: %s of %q: %s", c.name, r.Stamp.Type, r.Stamp.IP, r.Body)
		}
	}
}

func TestPixelInTrouble(t *testing.T) {
	f := newFixture(t)
	f.log.err = errs.New(errs.Unavailable, "eventlog.closed", "x")
	a := f.send(request{method: "GET", path: "/pixel/v1/page?userId=u&writeKey=" + testKey, noKey: true})
	if a.status != http.StatusServiceUnavailable || a.body != gif || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %v: a 200 would say that it is stored", a.status, a.header)
	}
}

func TestPixelOfAScanner(t *testing.T) {
	f := newFixture(t)
	if a := f.send(request{method: "HEAD", path: "/pixel/v1/page?userId=u&writeKey=" + testKey, noKey: true}); a.status != http.StatusOK || f.log.calls != 0 {
		t.Errorf("%d, %d stored", a.status, f.log.calls)
	}
}

func TestPixelParametersAreBounded(t *testing.T) {
	f := newFixture(t)
	var q strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&q, "&properties.k%d=1", i)
	}
	f.send(request{method: "GET", path: "/pixel/v1/page?userId=u&anonymousId=a" + q.String() + "&writeKey=" + testKey, noKey: true})
	if n := len(rendered(t, f.log.one(t))["properties"].(map[string]any)); n != pixelParams-1 {
		t.Errorf("%d of 3,000 were taken", n)
	}
}

func TestPixelLevelsAreBounded(t *testing.T) {
	f := newFixture(t)
	f.send(request{method: "GET", path: "/pixel/v1/page?userId=u&a." + strings.Repeat("a.", 3000) + "b=1&writeKey=" + testKey, noKey: true})
	if body := string(f.log.one(t).Body); strings.Count(body, "{") != pixelLevels {
		t.Errorf("%.100s", body)
	}
}
