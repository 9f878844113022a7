package collect

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"testing"
)

func basicHeader(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

func TestWhereTheKeyMayBe(t *testing.T) {
	const message = `"type":"track","event":"E","userId":"u"`
	for _, c := range []struct {
		name   string
		query  string
		header map[string]string
		body   string
		want   string // key of the source; empty is refused
	}{
		{"basic", "", map[string]string{"Authorization": basicHeader("one:")}, "", "first"},
		{"basic in any case", "", map[string]string{"Authorization": "bAsIc " + base64.StdEncoding.EncodeToString([]byte("one:"))}, "", "first"},
		{"basic without the colon", "", map[string]string{"Authorization": basicHeader("one")}, "", "first"},
		{"basic without padding", "", map[string]string{"Authorization": "Basic " + base64.RawStdEncoding.EncodeToString([]byte("one"))}, "", "first"},
		{"basic with a password", "", map[string]string{"Authorization": basicHeader("one:x")}, "", "first"},
		{"bearer", "", map[string]string{"Authorization": "Bearer one"}, "", "first"},
		{"bearer in any case", "", map[string]string{"Authorization": "bearer one"}, "", "first"},
		{"X-Write-Key", "", map[string]string{"X-Write-Key": "one"}, "", "first"},
		{"X-Write-Key with a secret", "", map[string]string{"X-Write-Key": "one:two"}, "", "first"},
		{"query", "?writeKey=one", nil, "", "first"},
		{"body", "", nil, `"writeKey":"one"`, "first"},
		{"body with a masked secret", "", nil, `"writeKey":"one:***"`, "first"},

		{"basic before all else", "?writeKey=two", map[string]string{"Authorization": basicHeader("one:"), "X-Write-Key": "two"}, `"writeKey":"two"`, "first"},
		{"X-Write-Key before the query", "?writeKey=two", map[string]string{"X-Write-Key": "one"}, `"writeKey":"two"`, "first"},
		{"query before the body", "?writeKey=one", nil, `"writeKey":"two"`, "first"},
		{"a bearer token that is no key", "", map[string]string{"Authorization": "Bearer eyJhbGciOi"}, `"writeKey":"one"`, "first"},
		{"a Basic user that is empty", "", map[string]string{"Authorization": basicHeader(":")}, `"writeKey":"one"`, "first"},
		{"a header that cannot be read", "", map[string]string{"Authorization": "Basic %%%"}, `"writeKey":"one"`, "first"},

		{"none", "", nil, "", ""},
		{"empty", "", nil, `"writeKey":""`, ""},
		{"unknown", "", map[string]string{"Authorization": basicHeader("three:")}, "", ""},
		{"an unknown key in the head is not made good by the body", "", map[string]string{"Authorization": basicHeader("three:")}, `"writeKey":"one"`, ""},
		{"unknown in the body", "", nil, `"writeKey":"three"`, ""},
		{"no string", "", nil, `"writeKey":["one"]`, ""},
		{"another case", "", nil, `"writekey":"one"`, ""},
		{"disabled", "", map[string]string{"Authorization": basicHeader("off:")}, "", ""},
		{"disabled in the body", "", nil, `"writeKey":"off"`, ""},
	} {
		f := newFixture(t)
		f.sources["one"] = Source{Key: "first", Enabled: true}
		f.sources["two"] = Source{Key: "second", Enabled: true}
		body := "{" + message
		if c.body != "" {
			body += "," + c.body
		}
		a := f.send(request{path: "/v1/track" + c.query, body: body + "}", header: c.header, noKey: true})
		if c.want == "" {
			if m := a.json(t); a.status != http.StatusUnauthorized || m["code"] != "invalid_write_key" || m["success"] != false || m["message"] == "" || f.log.calls != 0 {
				t.Errorf("%s: %d %s", c.name, a.status, a.body)
			}
			continue
		}
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
			continue
		}
		if r := f.log.one(t); r.Stamp.Source != c.want {
			t.Errorf("%s: stored for %q", c.name, r.Stamp.Source)
		}
	}
}

func TestKeyOfABatch(t *testing.T) {
	for body, status := range map[string]int{
		`{"writeKey":"` + testKey + `","batch":[{"type":"page","userId":"u"}]}`:                              200,
		`{"batch":[{"type":"page","userId":"u","writeKey":"` + testKey + `"}]}`:                              200,
		`{"writeKey":"nobody","batch":[{"type":"page","userId":"u","writeKey":"` + testKey + `"}]}`:          401,
		`{"batch":[{"type":"page","userId":"u"},{"type":"page","userId":"u","writeKey":"` + testKey + `"}]}`: 401,
		`{"batch":[]}`: 401,
	} {
		f := newFixture(t)
		if a := f.send(request{path: "/v1/batch", body: body, noKey: true}); a.status != status {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

func TestServerToServerSecret(t *testing.T) {
	hash := sha256.Sum256([]byte("secret"))
	for _, c := range []struct {
		path, key string
		hash      [sha256.Size]byte
		status    int
	}{
		{"/api/s/s2s/track", testKey + ":secret", hash, 200},
		{"/api/s/s2s/track", testKey + ":wrong", hash, 401},
		{"/api/s/s2s/track", testKey, hash, 401},
		{"/api/s/s2s/track", testKey, [sha256.Size]byte{}, 200},
		{"/api/s/s2s/track", testKey + ":any", [sha256.Size]byte{}, 200},
		{"/api/s/track", testKey + ":wrong", hash, 200},
		{"/v1/track", testKey, hash, 200},
	} {
		for _, header := range []map[string]string{{"X-Write-Key": c.key}, {"Authorization": basicHeader(c.key)}} {
			f := newFixture(t)
			f.sources[testKey] = Source{Key: "web", Enabled: true, SecretHash: c.hash}
			if a := f.send(request{path: c.path, body: trackBody, header: header, noKey: true}); a.status != c.status {
				t.Errorf("%s with %s: %d %s", c.path, c.key, a.status, a.body)
			}
		}
	}
}

func TestAllowedOrigins(t *testing.T) {
	for _, c := range []struct {
		allowed []string
		origin  string
		status  int
	}{
		{nil, "https://anywhere.example", 200},
		{[]string{"https://shop.example.com"}, "https://shop.example.com", 200},
		{[]string{"https://shop.example.com"}, "", 200},
		{[]string{"https://shop.example.com"}, "https://evil.example", 400},
		{[]string{"https://shop.example.com"}, "null", 400},
	} {
		f := newFixture(t)
		f.sources[testKey] = Source{Key: "web", Enabled: true, AllowOrigins: c.allowed}
		header := map[string]string{}
		if c.origin != "" {
			header["Origin"] = c.origin
		}
		a := f.send(request{body: trackBody, header: header})
		if a.status != c.status || a.header.Get("Access-Control-Allow-Origin") != c.origin {
			t.Errorf("%v from %q: %d %s", c.allowed, c.origin, a.status, a.body)
		}
	}
}

func TestJitsuAnswers(t *testing.T) {
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/api/s/track", trackBody, 200, `{"ok":true}`},
		{"/api/s/page/", `{"anonymousId":"a"}`, 200, `{"ok":true}`},
		{"/api/s/s2s/identify", `{"userId":"u"}`, 200, `{"ok":true}`},
		{"/api/s/event", `{"type":"page","userId":"u"}`, 200, `{"ok":true}`},
		{"/api/s/s2s/event", `{"type":"page","userId":"u"}`, 200, `{"ok":true}`},
		{"/api/s/track", `{"userId":"u"}`, 400, `{"ok":false,"success":false,"code":"event.name_required","message":"track needs a non-empty event name"}`},
		{"/api/s/s2s/batch", `{"batch":[{"type":"page"}]}`, 200, `{"ok":true,"rejected":[{"index":0,"message_id":"","code":"event.id_required","detail":"userId or anonymousId must be a non-empty string"}]}`},
	} {
		f := newFixture(t)
		a := f.send(request{path: c.path, body: c.body, header: map[string]string{"X-Write-Key": testKey + ":secret"}, noKey: true})
		if a.status != c.status || a.body != c.want {
			t.Errorf("%s: %d %s", c.path, a.status, a.body)
		}
	}
}
