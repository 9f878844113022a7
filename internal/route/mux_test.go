package route

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kith/internal/errs"
	"kith/internal/sys"
	"kith/internal/workspace"
)

// keys is an authenticator over a fixed set.
type keys map[string]Principal

func (k keys) Authenticate(_ context.Context, token string) (Principal, error) {
	if token == "broken" {
		return Principal{}, errs.New(errs.Unavailable, "keys.down", "the keys cannot be read")
	}
	if p, ok := k[token]; ok {
		return p, nil
	}
	return Principal{}, errs.New(errs.Denied, "keys.none", "no such key %s", token)
}

func testKeys(t *testing.T) keys {
	t.Helper()
	ws, err := workspace.New("/data", "acme", "")
	if err != nil {
		t.Fatal(err)
	}
	return keys{"w": {WriteKey, "w1", ws}, "r": {ReadKey, "r1", ws}, "a": {AdminKey, "a1", ws}}
}

// row makes a row that echoes its name, path values and body.
func echo(method, path, name string, key Key) Route {
	r := Route{
		Method: method, Path: path, Name: name, Tag: "test", Summary: "Echoes.", Key: key,
		Answers: []Answer{{Status: 200, Summary: "The echo."}},
	}
	for _, w := range wildcards(path) {
		r.Params = append(r.Params, Param{Name: w, In: "path", Summary: "A part.", Schema: Schema{"type": "string"}})
	}
	r.Handler = Handle(func(w http.ResponseWriter, q *http.Request) error {
		body, err := ReadBody(q)
		if err != nil {
			return err
		}
		values := map[string]string{}
		for _, name := range wildcards(path) {
			values[name] = q.PathValue(name)
		}
		who, _ := PrincipalOf(q.Context())
		return WriteJSON(w, 200, map[string]any{
			"name": name, "values": values, "body": len(body), "who": who.Name, "workspace": who.Workspace.Name(),
		})
	})
	return r
}

type server struct {
	http.Handler
	mu       sync.Mutex
	calls    []Call
	failures []Failure
}

func mount(t *testing.T, table ...Route) *server {
	t.Helper()
	s := &server{}
	h, err := Mux(table, testKeys(t), Options{
		Rand: sys.Seeded(1), Clock: sys.NewManual(time.Unix(0, 0)),
		Called: func(c Call) { s.mu.Lock(); s.calls = append(s.calls, c); s.mu.Unlock() },
		Failed: func(f Failure) { s.mu.Lock(); s.failures = append(s.failures, f); s.mu.Unlock() },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Handler = h
	return s
}

func (s *server) do(method, target string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *server) get(target string, headers ...string) *httptest.ResponseRecorder {
	return s.do("GET", target, nil, headers...)
}

// problem checks that an answer is a problem in full and returns it.
func problem(t *testing.T, w *httptest.ResponseRecorder) Problem {
	t.Helper()
	var p Problem
	dec := json.NewDecoder(w.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		t.Fatalf("status %d is no problem: %v", w.Code, err)
	}
	if w.Header().Get("Content-Type") != ProblemType || p.Status != w.Code || p.Type != "about:blank" ||
		p.Title != http.StatusText(w.Code) || p.Code == "" || p.Detail == "" ||
		p.RequestID == "" || p.RequestID != w.Header().Get("X-Request-Id") {
		t.Fatalf("status %d, %v: %+v", w.Code, w.Header(), p)
	}
	return p
}

func TestKeyMatrix(t *testing.T) {
	var table []Route
	for k := NoKey; k <= AdminKey; k++ {
		table = append(table, echo("GET", "/"+k.String(), "get_"+k.String(), k), echo("POST", "/"+k.String(), "post_"+k.String(), k))
	}
	s := mount(t, table...)
	// Of the collector's rows the handler checks the key, so the mux lets all by.
	opens := map[string][]Key{
		"": {NoKey, WriteKey}, "w": {NoKey, WriteKey}, "r": {NoKey, WriteKey, ReadKey},
		"a": {NoKey, WriteKey, ReadKey, AdminKey}, "nobody": {NoKey, WriteKey},
	}
	basic := func(user string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, "")
		return r.Header.Get("Authorization")
	}
	for token, open := range opens {
		forms := []string{"Bearer " + token, "bearer " + token, "BEARER  " + token + " ", basic(token)}
		if token == "" {
			forms = []string{"", "Bearer", "Bearer ", basic("")}
		}
		for _, form := range forms {
			for k := NoKey; k <= AdminKey; k++ {
				for _, method := range []string{"GET", "HEAD", "POST"} {
					var w *httptest.ResponseRecorder
					if form == "" {
						w = s.do(method, "/"+k.String(), nil)
					} else {
						w = s.do(method, "/"+k.String(), nil, "Authorization", form)
					}
					want := 200
					switch {
					case slices.Contains(open, k):
					case token == "w" || token == "r":
						want = 403
					default:
						want = 401
					}
					if w.Code != want {
						t.Errorf("%s /%s with %q: %d, want %d", method, k, form, w.Code, want)
					}
					if w.Code >= 400 {
						p := problem(t, w)
						if strings.Contains(p.Detail, "nobody") {
							t.Errorf("the problem quotes the key: %+v", p)
						}
						if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") {
							t.Errorf("%d with %v", w.Code, w.Header())
						}
					}
				}
			}
		}
	}
}

func TestOtherAuthorizationHeaders(t *testing.T) {
	s := mount(t, echo("GET", "/x", "x", ReadKey))
	for _, h := range []string{"a", "Token a", "Basic !!!", "Bearer", "Digest a", "Bearer\ta", "Bearer a a"} {
		if w := s.get("/x", "Authorization", h); w.Code != 401 {
			t.Errorf("%q: %d", h, w.Code)
		}
	}
	if w := s.get("/x", "Authorization", "Bearer a", "Authorization", "Bearer r"); w.Code != 401 {
		t.Errorf("two headers: %d", w.Code)
	}
	if w := s.get("/x", "Authorization", "Bearer broken"); problem(t, w).Code != "keys.down" || w.Code != 503 {
		t.Errorf("keys out of reach: %d", w.Code)
	}
	h, err := Mux([]Route{echo("GET", "/x", "x", ReadKey)}, nil, Options{Rand: sys.Seeded(1), Clock: sys.Wall()})
	if err != nil {
		t.Fatal(err)
	}
	if w := (&server{Handler: h}).get("/x", "Authorization", "Bearer a"); w.Code != 401 {
		t.Errorf("no authenticator: %d", w.Code)
	}
}

func TestCallerReachesItsWorkspace(t *testing.T) {
	s := mount(t, echo("GET", "/x", "x", ReadKey), echo("GET", "/open", "open", NoKey))
	if got := s.get("/x", "Authorization", "Bearer r").Body.String(); !strings.Contains(got, `"who":"r1","workspace":"acme"`) {
		t.Error(got)
	}
	if got := s.get("/open", "Authorization", "Bearer r").Body.String(); !strings.Contains(got, `"who":"","workspace":""`) {
		t.Error(got)
	}
}

func TestPaths(t *testing.T) {
	collect, collectOne := echo("GET", "/c/batch", "collect", WriteKey), echo("GET", "/c/one/{key}", "collect_one", WriteKey)
	collect.CORS, collectOne.CORS = true, true
	s := mount(t,
		echo("GET", "/", "root", NoKey), echo("GET", "/v1/things", "list", NoKey), echo("GET", "/v1/things/{key}", "one", NoKey),
		echo("GET", "/v1/things/{key}/parts/{part}", "part", NoKey), echo("GET", "/v1/things/all", "all", NoKey),
		echo("GET", "/v1/things/{key}/all", "key_all", NoKey), echo("POST", "/v1/things:preview", "preview", NoKey),
		echo("GET", "/files/{path...}", "files", NoKey), echo("GET", "/files/x/y", "xy", NoKey),
		echo("GET", "/slash/{$}", "slash", NoKey), echo("GET", "/both", "both", NoKey), echo("GET", "/both/{$}", "both_slash", NoKey),
		echo("GET", "/both/{key}/x/{$}", "wild_slash", NoKey), collect, collectOne,
	)
	for target, want := range map[string]string{
		"/":                              `root {}`,
		"/v1/things":                     `list {}`,
		"/v1/things/":                    `list {}`,
		"//v1/things":                    `list {}`,
		"///v1/things/":                  `list {}`,
		"/v1/things/all":                 `all {}`,
		"/v1/things/al":                  `one {"key":"al"}`,
		"/v1/things/all/all":             `key_all {"key":"all"}`,
		"/v1/things/all/parts/7":         `part {"key":"all","part":"7"}`,
		"/v1/things/a%2Fb":               `one {"key":"a/b"}`,
		"/v1/things/a%2fb%2F":            `one {"key":"a/b/"}`,
		"/v1/things/user_id:a%3Ab":       `one {"key":"user_id:a:b"}`,
		"/v1/things/a+b%20c%2B":          `one {"key":"a+b c+"}`,
		"/v1/things/%25":                 `one {"key":"%"}`,
		"/v1/things/%252F":               `one {"key":"%2F"}`,
		"/v1/things/%E2%82%AC":           `one {"key":"€"}`,
		"/v1/things/€":                   `one {"key":"€"}`,
		"/v1/things/..":                  `one {"key":".."}`,
		"/v1/things/%2e%2e":              `one {"key":".."}`,
		"/v1/things/%61ll":               `all {}`,
		"/v1/things/a/parts/b%2Fc":       `part {"key":"a","part":"b/c"}`,
		"/v1/things//parts/x":            `404`,
		"/v1/things/a//parts/x":          `404`,
		"/v1/things/a/parts/":            `404`,
		"/v1/things/x//":                 `404`,
		"/v1/things/../things":           `404`,
		"/v1/./things":                   `404`,
		"/V1/things":                     `404`,
		"/v1/things/%ff":                 `404`,
		"/v1/thing":                      `404`,
		"/v1":                            `404`,
		"/v1/things/a/parts/b/c":         `404`,
		"/files":                         `files {"path":""}`,
		"/files/a":                       `files {"path":"a"}`,
		"/files/a/b/c.js":                `files {"path":"a/b/c.js"}`,
		"/files/x/y":                     `xy {}`,
		"/files/x/y/z":                   `files {"path":"x/y/z"}`,
		"/slash/":                        `slash {}`,
		"/slash":                         `404`,
		"/both":                          `both {}`,
		"/both/":                         `both_slash {}`,
		"/both/a/x/":                     `wild_slash {"key":"a"}`,
		"/both/a/x":                      `404`,
		"/c//batch":                      `collect {}`,
		"//c///batch//":                  `collect {}`,
		"/c//one///k":                    `collect_one {"key":"k"}`,
		"/v1//things":                    `404`,
		"/" + strings.Repeat("a/", 5000): `404`,
		"/v1/things/" + strings.Repeat("a", 9000): `404`,
	} {
		w := s.get(target)
		got := `404`
		if w.Code == 200 {
			var e struct {
				Name   string
				Values json.RawMessage
			}
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			got = e.Name + " " + string(e.Values)
		} else if p := problem(t, w); p.Code != "request.no_such_route" {
			t.Errorf("%s: %+v", target, p)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	for _, target := range []string{"/v1/things:preview", "/v1/things%3Apreview"} {
		if w := s.do("POST", target, nil); w.Code != 200 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

func TestMethods(t *testing.T) {
	s := mount(t, echo("GET", "/x", "get", NoKey), echo("PUT", "/x", "put", NoKey), echo("POST", "/y", "post", NoKey))
	for call, want := range map[string]int{
		"GET /x": 200, "HEAD /x": 200, "PUT /x": 200, "POST /x": 405, "DELETE /x": 405, "OPTIONS /x": 405, "TRACE /x": 405,
		"get /x": 405, "POST /y": 200, "GET /y": 405, "HEAD /y": 405, "GET /z": 404, "OPTIONS /z": 404, "PROPFIND /y": 405,
	} {
		method, path, _ := strings.Cut(call, " ")
		w := s.do(method, path, nil, "Origin", "https://evil.example")
		if w.Code != want {
			t.Errorf("%s: %d, want %d", call, w.Code, want)
		}
		if want != 405 {
			continue
		}
		allow := map[string]string{"/x": "GET, HEAD, PUT", "/y": "POST"}[path]
		if p := problem(t, w); w.Header().Get("Allow") != allow || p.Code != CodeMethod {
			t.Errorf("%s: Allow %q, %+v", call, w.Header().Get("Allow"), p)
		}
	}
}

// Whatever the answer, the API tells browsers to keep their hands off, and no
// page of another origin may read it.
func TestHeadersOfTheAPI(t *testing.T) {
	row := echo("GET", "/x", "x", ReadKey)
	boom := echo("GET", "/boom", "boom", NoKey)
	boom.Handler = func(http.ResponseWriter, *http.Request) { panic("boom") }
	s := mount(t, row, boom)
	for _, w := range []*httptest.ResponseRecorder{
		s.get("/x", "Authorization", "Bearer a", "Origin", "https://evil.example"),
		s.get("/x", "Origin", "https://evil.example"), s.get("/none", "Origin", "https://evil.example"),
		s.do("POST", "/x", nil, "Origin", "https://evil.example"),
		s.do("OPTIONS", "/x", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "GET"),
		s.get("/boom", "Origin", "https://evil.example"), s.get("/x?y=1", "Authorization", "Bearer a"),
	} {
		h := w.Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("X-Request-Id") == "" {
			t.Errorf("%d: %v", w.Code, h)
		}
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%d: %s: %s", w.Code, name, h.Get(name))
			}
		}
	}
}

func TestAnyOriginMayCallTheCollector(t *testing.T) {
	row := echo("POST", "/t", "track", WriteKey)
	row.CORS = true
	boom := echo("POST", "/boom", "boom", WriteKey)
	boom.CORS, boom.Handler = true, func(http.ResponseWriter, *http.Request) { panic("boom") }
	s := mount(t, row, boom)
	for call, want := range map[string]int{"GET /t": 405, "POST /boom": 500, "DELETE /boom": 405} {
		method, path, _ := strings.Cut(call, " ")
		w := s.do(method, path, nil, "Origin", "https://shop.example")
		h := w.Header()
		if w.Code != want || h.Get("Access-Control-Allow-Origin") != "https://shop.example" ||
			h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Vary") != "Origin" ||
			!strings.Contains(h.Get("Access-Control-Expose-Headers"), "Retry-After") {
			t.Errorf("%s: %d %v", call, w.Code, h)
		}
		if w := s.do(method, path, nil); w.Code != want || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s without origin: %d %v", call, w.Code, w.Header())
		}
	}
	w := s.do("OPTIONS", "/t", nil, "Origin", "null", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization, x-own")
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "null" || h.Get("Access-Control-Allow-Methods") != "OPTIONS, POST" ||
		h.Get("Access-Control-Allow-Headers") != "authorization, x-own" || h.Get("Access-Control-Max-Age") != "86400" {
		t.Errorf("preflight: %d %v", w.Code, h)
	}
	own := echo("OPTIONS", "/o", "own_options", WriteKey)
	own.CORS = true
	if w := mount(t, own).do("OPTIONS", "/o", nil); w.Code != 200 {
		t.Errorf("a row for OPTIONS: %d", w.Code)
	}
}

func TestQuery(t *testing.T) {
	row := echo("GET", "/x", "x", NoKey)
	row.Params = []Param{
		{Name: "limit", In: "query", Summary: "How many.", Schema: Schema{"type": "integer"}},
		{Name: "at", In: "query", Summary: "When.", Schema: Schema{"type": "string"}},
	}
	collect := echo("GET", "/c", "c", WriteKey)
	collect.CORS = true
	s := mount(t, row, echo("GET", "/y", "y", NoKey), collect)
	for target, code := range map[string]string{
		"/x": "", "/x?": "", "/x?limit=5": "", "/x?at=a%26b&limit=": "", "/y": "", "/c?anything=1&anything=2&a;b=%zz": "",
		"/x?Limit=5": "request.unknown_parameter", "/x?limit=5&q=1": "request.unknown_parameter", "/y?limit=5": "request.unknown_parameter",
		"/x?=": "request.unknown_parameter", "/x?limit=1&limit=2": "request.repeated_parameter", "/x?limit=%zz": "request.query",
		"/x?a;b": "request.query",
	} {
		w := s.get(target)
		if code == "" {
			if w.Code != 200 {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
			continue
		}
		p := problem(t, w)
		if w.Code != 400 || p.Code != code {
			t.Errorf("%s: %+v", target, p)
		}
		if code == "request.unknown_parameter" && strings.HasPrefix(target, "/x") && !strings.Contains(p.Detail, "at, limit") {
			t.Errorf("%s: the names are missing: %s", target, p.Detail)
		}
	}
}

func TestBodyBounds(t *testing.T) {
	const limit = 100_000
	row := echo("POST", "/x", "x", NoKey)
	row.BodyBytes, row.Body = limit, Schema{"type": "object"}
	none := echo("POST", "/none", "none", NoKey)
	s := mount(t, row, none)
	for _, n := range []int{0, 1, limit - 1, limit, limit + 1, 3 * limit} {
		for _, chunked := range []bool{false, true} {
			body := &counted{Reader: bytes.NewReader(make([]byte, n))}
			r := httptest.NewRequest("POST", "/x", body)
			r.ContentLength = int64(n)
			if chunked {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if n <= limit {
				if w.Code != 200 {
					t.Errorf("%d bytes: %d %s", n, w.Code, w.Body)
				}
				continue
			}
			if p := problem(t, w); w.Code != 413 || p.Code != CodeBodyTooLarge {
				t.Errorf("%d bytes: %+v", n, p)
			}
			if body.n != n {
				t.Errorf("%d of %d bytes were drained", body.n, n)
			}
		}
	}
	if w := s.do("POST", "/none", strings.NewReader("{}")); w.Code != 200 || !strings.Contains(w.Body.String(), `"body":0`) {
		t.Errorf("a body nobody asked for: %d %s", w.Code, w.Body)
	}
	if w := s.do("POST", "/x", strings.NewReader("x"), "Content-Encoding", "gzip"); w.Code != 415 || problem(t, w).Code != CodeEncoding {
		t.Errorf("a compressed body: %d", w.Code)
	}
	w := s.do("POST", "/x", io.MultiReader(strings.NewReader("{"), broken{}))
	if p := problem(t, w); w.Code != 400 || p.Code != "request.body_broken" || strings.Contains(p.Detail, "s3cret") {
		t.Errorf("a broken body: %+v", p)
	}
}

type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("s3cret connection") }

// A client that never stops sending is cut off after the bound of draining.
func TestDrainingEnds(t *testing.T) {
	row := echo("POST", "/x", "x", NoKey)
	row.BodyBytes, row.Body = 10, Schema{"type": "object"}
	body := &counted{Reader: endless{}}
	w := mount(t, row).do("POST", "/x", body)
	if w.Code != 413 || w.Header().Get("Connection") != "close" || body.n > drainMax+1<<20 {
		t.Fatalf("%d, %v, %d bytes", w.Code, w.Header(), body.n)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestPanics(t *testing.T) {
	var nobody *Problem
	for name, c := range map[string]struct {
		value func()
		want  string
	}{
		"invariant": {func() { panic("BUG: left is right") }, "BUG: left is right"},
		"runtime":   {func() { nobody.Code = "x" }, "nil pointer"},
		"content":   {func() { panic("s3cret of ana@example.com") }, "a value of type string"},
		"error":     {func() { panic(errors.New("s3cret")) }, "a value of type *errors.errorString"},
	} {
		row := echo("GET", "/x", "x", NoKey)
		row.Handler = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("Content-Encoding", "gzip")
			c.value()
		}
		s := mount(t, row)
		w := s.get("/x")
		p := problem(t, w)
		if w.Code != 500 || p.Code != "internal" || w.Header().Get("Content-Encoding") != "" ||
			strings.Contains(p.Detail, "BUG") || strings.Contains(w.Body.String(), "s3cret") {
			t.Errorf("%s: %+v", name, p)
		}
		if len(s.failures) != 1 || s.failures[0].RequestID != p.RequestID || s.failures[0].Route != "x" || len(s.failures[0].Stack) == 0 ||
			!strings.Contains(s.failures[0].Err.Error(), c.want) || strings.Contains(s.failures[0].Err.Error(), "s3cret") {
			t.Errorf("%s: %+v", name, s.failures)
		}
		if d := cmp.Diff([]Call{{Route: "x", Status: 500}}, s.calls); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestPanicBehindTheHeaderBreaksTheConnection(t *testing.T) {
	for _, abort := range []bool{false, true} {
		row := echo("GET", "/x", "x", NoKey)
		row.Handler = func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			if abort {
				panic(http.ErrAbortHandler)
			}
			panic("BUG: later")
		}
		s := mount(t, row)
		got := func() (p any) {
			defer func() { p = recover() }()
			s.get("/x")
			return nil
		}()
		if got != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			t.Fatalf("recovered %v", got)
		}
		if failed := len(s.failures) == 1; failed == abort || len(s.calls) != 1 {
			t.Fatalf("abort %v: %v %v", abort, s.failures, s.calls)
		}
	}
}

func TestCallsAreCounted(t *testing.T) {
	quiet := echo("GET", "/quiet", "quiet", NoKey)
	quiet.Handler = func(http.ResponseWriter, *http.Request) {}
	stream := echo("GET", "/stream", "stream", NoKey)
	stream.Handler = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.(http.Flusher).Flush()
	}
	s := mount(t, quiet, stream, echo("GET", "/key", "key", AdminKey))
	for _, target := range []string{"/quiet", "/stream", "/key", "/nowhere"} {
		s.get(target)
	}
	want := []Call{{Route: "quiet", Status: 200}, {Route: "stream", Status: 200}, {Route: "key", Status: 401}, {Route: "none", Status: 404}}
	if d := cmp.Diff(want, s.calls); d != "" {
		t.Error(d)
	}
	if len(s.failures) != 0 {
		t.Error(s.failures)
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	s := mount(t, echo("GET", "/x", "x", NoKey))
	seen := map[string]bool{}
	for range 1000 {
		seen[s.get("/x", "X-Request-Id", "mine").Header().Get("X-Request-Id")] = true
	}
	if len(seen) != 1000 || seen["mine"] || seen[""] {
		t.Fatalf("%d ids", len(seen))
	}
}

func TestMuxNeedsClockAndRandom(t *testing.T) {
	for _, o := range []Options{{}, {Rand: sys.Seeded(1)}, {Clock: sys.Wall()}} {
		if _, err := Mux(nil, nil, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"/", "/v1/things/a%2Fb/parts/c", "//v1/things", "/v1/things/%ff", "/v1/things/a?limit=1", "/files/../x"} {
		f.Add(s)
	}
	table := []Route{
		echo("GET", "/v1/things", "list", NoKey), echo("GET", "/v1/things/{key}", "one", NoKey),
		echo("GET", "/v1/things/{key}/parts/{part}", "part", ReadKey), echo("GET", "/files/{path...}", "files", NoKey),
	}
	tree := newTree(table)
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		p, values := tree.find(u.EscapedPath())
		if p == nil {
			return
		}
		if len(values) != len(p.names) {
			t.Fatalf("%q: names %v, values %v", path, p.names, values)
		}
		// The same values, escaped anew, find the same place.
		again := p.rows["GET"].Path
		for i, name := range p.names {
			if strings.Contains(again, "...}") {
				return
			}
			again = strings.ReplaceAll(again, "{"+name+"}", url.PathEscape(values[i]))
		}
		q, same := tree.find(again)
		if q != p || !slices.Equal(same, values) {
			t.Fatalf("%q: %v became %q: %v", path, values, again, same)
		}
	})
}
