package signin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/resource"
	"kith/internal/route"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
	"kith/internal/workspace"
)

const origin = "http://kith.example:8420"

// holder knows one token of each kind.
type holder struct{ ws workspace.Handle }

func (h holder) Authenticate(_ context.Context, token string) (route.Principal, error) {
	switch token {
	case "admin-token":
		return route.Principal{Key: route.AdminKey, Name: "admin", Workspace: h.ws}, nil
	case "write-key":
		return route.Principal{Key: route.WriteKey, Name: "web", Workspace: h.ws}, nil
	}
	return route.Principal{}, errs.New(errs.Denied, route.CodeBadKey, "the key is not known")
}

type fixture struct {
	t        *testing.T
	clock    *sys.Manual
	state    state.Store
	sessions *Sessions
	handler  http.Handler
	changed  int
}

func open(t *testing.T) *fixture {
	t.Helper()
	clock := sys.NewManual(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC))
	return process(t, mem.New(), clock, 1, "today's token")
}

// process is one of those that work on a state.
func process(t *testing.T, s state.Store, clock *sys.Manual, seed uint64, grant string) *fixture {
	t.Helper()
	ws, err := workspace.New("/data", "acme", "")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, clock: clock, state: s}
	f.sessions = New(Config{Clock: f.clock, Rand: sys.Seeded(seed), Holder: holder{ws},
		Owner:     route.Principal{Key: route.AdminKey, Name: "admin", Workspace: ws},
		Documents: resource.NewDocuments(s), Grant: grant})
	row := func(method, path, name string, key route.Key) route.Route {
		return route.Route{Method: method, Path: path, Name: name, Tag: "t", Summary: "s", Key: key,
			Answers: []route.Answer{{Status: 200, Summary: "ok"}},
			Handler: func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					f.changed++
				}
				w.WriteHeader(http.StatusOK)
			}}
	}
	table := append(f.sessions.Rows(), row("GET", "/v1/read", "read", route.ReadKey), row("POST", "/v1/change", "change", route.AdminKey),
		row("DELETE", "/v1/change", "remove", route.AdminKey), row("PUT", "/v1/change", "put", route.AdminKey))
	f.handler, err = route.Mux(table, holder{ws}, route.Options{Rand: sys.Seeded(2), Clock: f.clock, Session: f.sessions.Of})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// send makes a call; headers come in pairs and an empty value removes one.
func (f *fixture) send(method, path, body, cookie string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, origin+path, strings.NewReader(body))
	r.Header.Set("Origin", origin)
	r.Header.Set(GuardHeader, "1")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func (f *fixture) want(w *httptest.ResponseRecorder, status int, code string) {
	f.t.Helper()
	var p struct{ Code string }
	if w.Code >= 400 {
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			f.t.Fatalf("no problem: %s", w.Body)
		}
	}
	if w.Code != status || p.Code != code {
		f.t.Errorf("status %d code %q, want %d %q", w.Code, p.Code, status, code)
	}
}

func (f *fixture) code() string {
	f.t.Helper()
	code, err := f.sessions.NewCode(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return code
}

// signIn returns the cookie as the browser sends it.
func (f *fixture) signIn(cookie string) string {
	f.t.Helper()
	w := f.send("POST", "/v1/session", `{"code":"`+f.code()+`"}`, cookie)
	f.want(w, 200, "")
	set := w.Result().Cookies()
	if len(set) != 1 {
		f.t.Fatalf("%d cookies", len(set))
	}
	return set[0].Name + "=" + set[0].Value
}

func TestSignInReadChangeSignOut(t *testing.T) {
	f := open(t)
	f.want(f.send("GET", "/v1/read", "", ""), 401, route.CodeNoKey)
	cookie := f.signIn("")
	f.want(f.send("GET", "/v1/read", "", cookie), 200, "")
	f.want(f.send("POST", "/v1/change", "", cookie), 200, "")
	w := f.send("GET", "/v1/session", "", cookie)
	if strings.TrimSpace(w.Body.String()) != `{"name":"admin","workspace":"acme"}` {
		t.Errorf("who: %s", w.Body)
	}
	f.want(f.send("DELETE", "/v1/session", "", cookie), 204, "")
	f.want(f.send("GET", "/v1/read", "", cookie), 401, route.CodeBadKey)
}

func TestCookieIsClosed(t *testing.T) {
	f := open(t)
	for _, at := range []string{origin, "https://kith.example:8420"} {
		w := f.send("POST", "/v1/session", `{"token":"admin-token"}`, "", "Origin", at)
		f.want(w, 200, "")
		line := w.Header().Get("Set-Cookie")
		for _, must := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "kith-session-8420="} {
			if !strings.Contains(line, must) {
				t.Errorf("%q lacks %s", line, must)
			}
		}
		if strings.Contains(line, "Domain") || strings.Contains(line, "Secure") != strings.HasPrefix(at, "https") {
			t.Errorf("from %s: %q", at, line)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("the answer may be kept")
		}
	}
}

// Whatever a page of another site can make a browser send changes nothing.
func TestForeignPages(t *testing.T) {
	f := open(t)
	cookie := f.signIn("")
	for name, headers := range map[string][]string{
		"other site":         {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
		"old browser":        {"Origin", "https://evil.example", "Sec-Fetch-Site", ""},
		"other port":         {"Origin", "http://kith.example:9999", "Sec-Fetch-Site", "same-site"},
		"other port, silent": {"Origin", "http://kith.example:9999", "Sec-Fetch-Site", ""},
		"opaque origin":      {"Origin", "null"},
		"no origin":          {"Origin", ""},
		"form post":          {GuardHeader, ""},
		"prefix of the host": {"Origin", "http://kith.example:8420.evil.example"},
		"user part":          {"Origin", "http://kith.example:8420@evil.example"},
		"odd scheme":         {"Origin", "chrome-extension://kith.example:8420"},
		"rebound name":       {"Host", "evil.example:8420"},
		"typed address":      {"Sec-Fetch-Site", "none", "Origin", ""},
	} {
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			w := f.send(method, "/v1/change", "", cookie, headers...)
			if w.Code != 403 {
				t.Errorf("%s, %s: %d", name, method, w.Code)
			}
		}
		if w := f.send("POST", "/v1/session", `{"token":"admin-token"}`, "", headers...); w.Code != 403 {
			t.Errorf("%s signs in: %d", name, w.Code)
		}
		if w := f.send("DELETE", "/v1/session", "", cookie, headers...); w.Code != 403 {
			t.Errorf("%s signs out: %d", name, w.Code)
		}
	}
	f.want(f.send("GET", "/v1/read", "", cookie, "Sec-Fetch-Site", "cross-site"), 403, CodeForeign)
	f.want(f.send("GET", "/v1/read", "", cookie, "Sec-Fetch-Site", "same-site"), 403, CodeForeign)
	f.want(f.send("GET", "/v1/read", "", cookie, "Sec-Fetch-Site", "none"), 200, "")
	f.want(f.send("GET", "/v1/read", "", cookie), 200, "")
	if f.changed != 0 {
		t.Errorf("%d changes", f.changed)
	}
}

// A key in the header needs no cookie's guards, and a bad key is not saved by a
// good cookie.
func TestKeysBesideSessions(t *testing.T) {
	f := open(t)
	cookie := f.signIn("")
	f.want(f.send("POST", "/v1/change", "", "", "Authorization", "Bearer admin-token", "Origin", "", GuardHeader, ""), 200, "")
	f.want(f.send("GET", "/v1/read", "", cookie, "Authorization", "Bearer wrong"), 401, route.CodeBadKey)
	_, id, _ := strings.Cut(cookie, "=")
	f.want(f.send("GET", "/v1/read", "", "", "Authorization", "Bearer "+id), 401, route.CodeBadKey)
	f.want(f.send("POST", "/v1/session", `{"token":"write-key"}`, ""), 401, route.CodeBadKey)
	f.want(f.send("POST", "/v1/session", `{"token":"wrong"}`, ""), 401, route.CodeBadKey)
	for _, body := range []string{``, `{}`, `[]`, `{"code":"a","token":"b"}`, `{"code":1}`} {
		f.want(f.send("POST", "/v1/session", body, ""), 400, "session.body")
	}
	f.want(f.send("POST", "/v1/session/codes", "", "", "Authorization", "Bearer write-key"), 403, route.CodeKeyKind)
	f.want(f.send("POST", "/v1/session/codes", "", cookie), 201, "")
}

func TestCodesWorkOnceAndNotForLong(t *testing.T) {
	f := open(t)
	code := f.code()
	f.want(f.send("POST", "/v1/session", `{"code":"`+code+`"}`, ""), 200, "")
	f.want(f.send("POST", "/v1/session", `{"code":"`+code+`"}`, ""), 403, CodeUsed)
	late := f.code()
	f.clock.Advance(CodeTime)
	f.want(f.send("POST", "/v1/session", `{"code":"`+late+`"}`, ""), 403, CodeUsed)
	first := f.code()
	f.clock.Advance(time.Second)
	for range codesMax {
		f.code()
	}
	f.want(f.send("POST", "/v1/session", `{"code":"`+first+`"}`, ""), 403, CodeUsed)
	if n := f.kept(kindCode); n > codesMax {
		t.Errorf("%d codes are held", n)
	}
}

// kept is how many documents of a kind there are.
func (f *fixture) kept(kind string) int {
	f.t.Helper()
	docs, _, err := resource.NewDocuments(f.state).List(f.t.Context(), kind, "", 10_000)
	if err != nil {
		f.t.Fatal(err)
	}
	return len(docs)
}

// An id that was in the browser before signing in, planted or not, is not the
// id of the session afterwards, and no longer of any.
func TestFixation(t *testing.T) {
	f := open(t)
	planted := "kith-session-8420=planted"
	first := f.signIn(planted)
	if first == planted {
		t.Fatal("the planted id was taken")
	}
	f.want(f.send("GET", "/v1/read", "", planted), 401, route.CodeBadKey)
	second := f.signIn(first)
	f.want(f.send("GET", "/v1/read", "", first), 401, route.CodeBadKey)
	f.want(f.send("GET", "/v1/read", "", second), 200, "")
	f.want(f.send("GET", "/v1/read", "", planted+"; "+second), 401, route.CodeBadKey)
	f.want(f.send("GET", "/v1/read", "", strings.Replace(second, "8420", "9999", 1)), 401, route.CodeNoKey)
}

func TestSessionsEnd(t *testing.T) {
	f := open(t)
	idle := f.signIn("")
	f.clock.Advance(IdleTime)
	f.want(f.send("GET", "/v1/read", "", idle), 401, route.CodeBadKey)
	busy := f.signIn("")
	for passed := time.Duration(0); passed+IdleTime/2 < WholeTime; passed += IdleTime / 2 {
		f.clock.Advance(IdleTime / 2)
		if w := f.send("GET", "/v1/read", "", busy); w.Code != 200 {
			t.Fatalf("ended after %s", passed)
		}
	}
	f.clock.Advance(IdleTime / 2)
	f.want(f.send("GET", "/v1/read", "", busy), 401, route.CodeBadKey)
}

// TestProcessesShareSessions: whichever process a balancer picks knows who is signed in,
// who has signed out, and which code was used.
func TestProcessesShareSessions(t *testing.T) {
	one := open(t)
	two := process(t, one.state, one.clock, 2, "today's token")
	cookie := one.signIn("")
	two.want(two.send("POST", "/v1/change", "", cookie), 200, "")
	code := one.code()
	two.want(two.send("POST", "/v1/session", `{"code":"`+code+`"}`, ""), 200, "")
	one.want(one.send("POST", "/v1/session", `{"code":"`+code+`"}`, ""), 403, CodeUsed)
	for range 5 { // each keeps it awake for both
		one.clock.Advance(IdleTime - hitEvery)
		one.want(one.send("GET", "/v1/read", "", cookie), 200, "")
		one, two = two, one
	}
	other := process(t, one.state, one.clock, 3, "another token")
	other.want(other.send("GET", "/v1/read", "", cookie), 401, route.CodeBadKey)
	two.want(two.send("DELETE", "/v1/session", "", cookie), 204, "")
	one.want(one.send("GET", "/v1/read", "", cookie), 401, route.CodeBadKey)
}

// TestACodeIsUsedByOne: of many who present a code at the same time one is signed in.
func TestACodeIsUsedByOne(t *testing.T) {
	f := open(t)
	code := f.code()
	statuses := make(chan int, 8)
	for range cap(statuses) {
		go func() { statuses <- f.send("POST", "/v1/session", `{"code":"`+code+`"}`, "").Code }()
	}
	in := 0
	for range cap(statuses) {
		if <-statuses == http.StatusOK {
			in++
		}
	}
	if in != 1 {
		t.Errorf("%d are signed in by one code", in)
	}
}

// TestSecretsAreNotKept: neither codes nor ids of sessions are in the state, and what
// has ended goes with the next one.
func TestSecretsAreNotKept(t *testing.T) {
	f := open(t)
	_, id, _ := strings.Cut(f.signIn(""), "=")
	code := f.code()
	snap, err := f.state.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for kv, err := range snap.Scan(t.Context(), state.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if all := string(kv.Key) + string(kv.Value); strings.Contains(all, id) || strings.Contains(all, code) {
			t.Errorf("a secret is in the row %q", kv.Key)
		}
	}
	f.clock.Advance(IdleTime)
	f.signIn("")
	if codes, sessions := f.kept(kindCode), f.kept(kindSession); codes != 0 || sessions != 1 {
		t.Errorf("%d codes and %d sessions are kept", codes, sessions)
	}
}

// TestTheStateIsAway: nobody is told that a session has ended when nobody can know.
func TestTheStateIsAway(t *testing.T) {
	f := open(t)
	cookie := f.signIn("")
	if err := f.state.Close(); err != nil {
		t.Fatal(err)
	}
	if w := f.send("GET", "/v1/read", "", cookie); w.Code < 500 {
		t.Errorf("status %d", w.Code)
	}
}

func TestALinkCanBeOpened(t *testing.T) {
	for server, want := range map[string]string{
		"http://127.0.0.1:8420":      "http://127.0.0.1:8420/ui/#code=c",
		"http://[::]:8420":           "http://127.0.0.1:8420/ui/#code=c",
		"http://0.0.0.0:8420":        "http://127.0.0.1:8420/ui/#code=c",
		"https://kith.example/":      "https://kith.example/ui/#code=c",
		"https://kith.example/shop/": "https://kith.example/shop/ui/#code=c",
		"http://[::1]:8420":          "http://[::1]:8420/ui/#code=c",
	} {
		if got := Link(server, LinkPath("c")); got != want {
			t.Errorf("the link of %s is %s, want %s", server, got, want)
		}
	}
}
