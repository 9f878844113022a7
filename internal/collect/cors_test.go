package collect

import (
	"net/http"
	"strings"
	"testing"

	"kith/internal/errs"
)

const shop = "https://shop.example.com"

// checkShared checks the headers that let a page read an answer.
func checkShared(t *testing.T, what string, a answer) {
	t.Helper()
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":      shop,
		"Access-Control-Allow-Credentials": "true",
		"Vary":                             "Origin",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
	if a.header.Get("Set-Cookie") != "" {
		t.Errorf("%s: sets a cookie", what)
	}
}

func TestPreflightOfEveryRoute(t *testing.T) {
	f := newFixture(t)
	for _, r := range f.Routes() {
		path := strings.NewReplacer("{$}", "", "{key}", "nobody", "{type}", "track").Replace(r.Path)
		a := f.send(request{method: http.MethodOptions, path: path, noKey: true, header: map[string]string{
			"Origin": shop, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-retry-count, sp-anonymous",
		}})
		checkShared(t, path, a)
		for name, want := range map[string]string{
			"Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
			"Access-Control-Allow-Headers": "authorization,x-retry-count, sp-anonymous",
			"Access-Control-Max-Age":       "86400",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if a.status != http.StatusOK || a.body != "" {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
	if f.log.calls != 0 || len(f.reports) != 0 {
		t.Error("a preflight is no event")
	}
}

func TestAnswersAndErrorsAreShared(t *testing.T) {
	header := map[string]string{"Origin": shop}
	for _, c := range []struct {
		name   string
		q      request
		err    error
		status int
	}{
		{"taken", request{body: trackBody}, nil, 200},
		{"refused", request{body: `{}`}, nil, 400},
		{"too large", request{body: times(700<<10, " ")}, nil, 400},
		{"no key", request{body: trackBody, noKey: true}, nil, 401},
		{"no path", request{path: "/v1/nothing", body: trackBody}, nil, 404},
		{"unavailable", request{body: trackBody}, errs.New(errs.Unavailable, "eventlog.closed", "x"), 503},
		{"unknown project", request{method: "GET", path: "/v1/projects/nobody/settings"}, nil, 404},
		{"settings", request{method: "GET", path: "/v1/projects/" + testKey + "/settings"}, nil, 200},
		{"pixel", request{method: "GET", path: "/v1/pixel/track?event=E&userId=u"}, nil, 200},
	} {
		f := newFixture(t)
		f.log.err = c.err
		c.q.header = header
		a := f.send(c.q)
		checkShared(t, c.name, a)
		if a.status != c.status || a.header.Get("Access-Control-Expose-Headers") != "Retry-After" {
			t.Errorf("%s: %d %s %v", c.name, a.status, a.body, a.header)
		}
	}
}

func TestWithoutAnOriginNothingIsShared(t *testing.T) {
	f := newFixture(t)
	a := f.send(request{body: trackBody})
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s is set", name)
		}
	}
}
