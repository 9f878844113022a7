package collect

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/route"
)

func TestSettings(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/projects/" + testKey + "/settings", "/projects/" + testKey + "/settings", "/v1/projects/" + testKey + "/settings/"} {
		a := f.send(request{method: "GET", path: path, noKey: true, header: map[string]string{"Origin": shop}})
		if a.status != http.StatusOK || a.header.Get("Cache-Control") != "public, max-age=60" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		on := map[string]any{"__default": map[string]any{"enabled": true}}
		want := map[string]any{
			"integrations": map[string]any{"Segment.io": map[string]any{
				"apiKey": testKey, "apiHost": "example.com/v1",
				"versionSettings": map[string]any{"version": "4.4.7", "componentTypes": []any{"browser"}},
			}},
			"plan":         map[string]any{"track": on, "identify": on, "group": on},
			"metrics":      map[string]any{"sampleRate": 0.0},
			"edgeFunction": map[string]any{}, "middlewareSettings": map[string]any{},
			"enabledMiddleware": map[string]any{}, "remotePlugins": []any{},
		}
		if diff := cmp.Diff(want, a.json(t)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	for _, key := range []string{"nobody", "off"} {
		if a := f.send(request{method: "GET", path: "/v1/projects/" + key + "/settings"}); a.status != http.StatusNotFound || a.json(t)["success"] != false {
			t.Errorf("%s: %d %s", key, a.status, a.body)
		}
	}
}

func TestSettingsNameTheRightAddress(t *testing.T) {
	for _, c := range []struct {
		name, public, host string
		header             map[string]string
		tls                bool
		want, protocol     string
	}{
		{"a page with TLS", "", "collect.example.com", map[string]string{"Origin": "https://a.example"}, false, "collect.example.com/v1", ""},
		{"a page without TLS", "", "kith:8420", map[string]string{"Origin": "http://a.example"}, false, "kith:8420/v1", "http"},
		{"a page without TLS, a proxy with it", "", "kith", map[string]string{"Origin": "http://a.example", "X-Forwarded-Proto": "https"}, false, "kith/v1", ""},
		{"a page without TLS, a connection with it", "", "kith", map[string]string{"Origin": "http://a.example"}, true, "kith/v1", ""},
		{"the same machine", "", "localhost:8420", nil, false, "localhost:8420/v1", "http"},
		{"the same machine by number", "", "127.0.0.1:8420", nil, false, "127.0.0.1:8420/v1", "http"},
		{"the same machine in version 6", "", "[::1]:8420", nil, false, "[::1]:8420/v1", "http"},
		{"configured", "https://collect.example.com", "127.0.0.1", nil, false, "collect.example.com/v1", ""},
		{"configured with a path", "https://example.com/collect/", "127.0.0.1", nil, false, "example.com/collect/v1", ""},
		{"configured without TLS", "http://collect.example.com:81", "x", nil, true, "collect.example.com:81/v1", "http"},
	} {
		f := newFixture(t, func(cfg *Config) { cfg.PublicURL = c.public })
		r := newRequest("GET", "/v1/projects/"+testKey+"/settings", "")
		r.Host = c.host
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		own := f.do(r).json(t)["integrations"].(map[string]any)["Segment.io"].(map[string]any)
		if protocol, _ := own["protocol"].(string); own["apiHost"] != c.want || protocol != c.protocol {
			t.Errorf("%s: %v", c.name, own)
		}
	}
}

func TestSourceConfig(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Workspace = "acme" })
	want := func(key, name string, enabled bool) map[string]any {
		off := map[string]any{"enabled": false}
		return map[string]any{
			"source": map[string]any{
				"id": name, "name": name, "writeKey": key, "workspaceId": "acme", "enabled": enabled,
				"config":       map[string]any{"statsCollection": map[string]any{"errors": off, "metrics": off}},
				"destinations": []any{},
			},
			"updatedAt": "2026-11-22T12:00:00.000Z",
		}
	}
	for _, path := range []string{"/sourceConfig/?p=npm&v=3&writeKey=" + testKey, "/sourceConfig?writeKey=" + testKey} {
		a := f.send(request{method: "GET", path: path, noKey: true})
		if diff := cmp.Diff(want(testKey, "web", true), a.json(t)); a.status != http.StatusOK || diff != "" {
			t.Errorf("%s: %d %s", path, a.status, diff)
		}
	}
	if a := f.send(request{method: "GET", path: "/sourceConfig/"}); a.status != http.StatusOK {
		t.Errorf("with the key in the head: %d %s", a.status, a.body)
	}
	if diff := cmp.Diff(want("off", "off", false), f.send(request{method: "GET", path: "/sourceConfig/?writeKey=off", noKey: true}).json(t)); diff != "" {
		t.Error(diff)
	}
	if a := f.send(request{method: "GET", path: "/sourceConfig/?writeKey=nobody", noKey: true}); a.status != http.StatusUnauthorized {
		t.Errorf("an unknown key: %d %s", a.status, a.body)
	}
	for _, path := range []string{"/sourceConfig/?view=ad", "/sourceConfig?view=ad"} {
		if a := f.send(request{method: "HEAD", path: path, noKey: true}); a.status != http.StatusOK || a.body != "" {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
}

func TestGPCStatement(t *testing.T) {
	a := newFixture(t).send(request{method: "GET", path: "/.well-known/gpc.json", noKey: true})
	if a.status != http.StatusOK || a.body != `{"gpc":true,"lastUpdate":"2026-11-22"}` {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTelemetryIsThrownAway(t *testing.T) {
	f := newFixture(t)
	a := f.send(request{path: "/v1/m", body: `{"series":[`, noKey: true, header: map[string]string{"Content-Type": "text/plain"}})
	if a.status != http.StatusOK || a.body != `{"success":true}` || f.log.calls != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestUnknownPaths(t *testing.T) {
	f := newFixture(t)
	for _, q := range []request{
		{path: "/"}, {path: "/v1"}, {path: "/v1/track/x"}, {path: "/v1/tracks"}, {path: "/V1/track"}, {path: "/api/s/x"},
		{method: "GET", path: "/healthz"}, {method: "GET", path: "/v1/projects/"}, {path: "/v1/profiles/user_id:u"},
	} {
		if a := f.send(q); a.status != http.StatusNotFound || a.json(t)["code"] != "not_found" {
			t.Errorf("%s: %d %s", q.path, a.status, a.body)
		}
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "PATCH"} {
		if a := f.send(request{method: method, path: "/v1/track"}); a.status/100 != 4 || f.log.calls != 0 {
			t.Errorf("%s: %d", method, a.status)
		}
	}
}

func TestRoutesAreDocumented(t *testing.T) {
	if err := route.Check(newFixture(t).Routes()); err != nil {
		t.Error(err)
	}
	names, patterns := map[string]bool{}, map[string]bool{}
	for _, r := range newFixture(t).Routes() {
		pattern := r.Method + " " + r.Path
		if names[r.Name] || patterns[pattern] {
			t.Errorf("%s (%s) is there twice", pattern, r.Name)
		}
		names[r.Name], patterns[pattern] = true, true
		if r.Name == "" || r.Summary == "" || len(r.Answers) == 0 || r.Handler == nil || r.Tag == "" || !r.CORS {
			t.Errorf("%s is not described: %+v", pattern, r)
		}
		if (r.BodyBytes > 0) != (r.Method == http.MethodPost) || (r.Body != nil) != (r.Method == http.MethodPost) {
			t.Errorf("%s: body of %d bytes, %v", pattern, r.BodyBytes, r.Body)
		}
	}
}

func TestCleanPathKeepsTheRest(t *testing.T) {
	for in, want := range map[string]string{
		"/v1/t": "/v1/t?q=//", "//v1//t": "/v1/t?q=//", "/v1/t//": "/v1/t/?q=//", "//": "/?q=//", "/a/./b/../v": "/a/v?q=//", "/v1/../../x/": "/x/?q=//",
	} {
		got := ""
		CleanPath(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.Path + "?" + r.URL.RawQuery })).ServeHTTP(nil, newRequest("POST", "http://h"+in+"?q=//", ""))
		if got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}
