//go:build !noui

package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"kith/internal/route"
	"kith/internal/sys"
)

func open(t *testing.T) http.Handler {
	t.Helper()
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	h, err := route.Mux(rows, nil, route.Options{Rand: sys.Seeded(1), Clock: sys.Wall()})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEveryAddressShowsThePage(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/ui", "/ui/", "/ui/profiles", "/ui/profiles/user_id:a%2Fb?tab=identity&a=x", "/ui/segments/%C3%A9t%C3%A9"} {
		w := get(h, path)
		if w.Code != 200 || !strings.Contains(w.Body.String(), `id="root"`) || w.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(h, "/"); w.Code != 303 || w.Header().Get("Location") != "/ui/" {
		t.Errorf("the address alone: %d to %q", w.Code, w.Header().Get("Location"))
	}
}

// The page loads what it names, and is allowed nothing else.
func TestPolicy(t *testing.T) {
	h := open(t)
	page := get(h, "/ui/")
	names := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
	if len(names) < 3 {
		t.Fatalf("the page names %d files", len(names))
	}
	if regexp.MustCompile(`<script[^>]*>[^<]|<style| on\w+=|style=`).MatchString(page.Body.String()) {
		t.Error("the page has something inline")
	}
	for _, m := range names {
		w := get(h, m[1])
		if !strings.HasPrefix(m[1], "/ui/assets/") || w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %q", m[1], w.Code, w.Header().Get("Cache-Control"))
		}
	}
	got := page.Header().Get("Content-Security-Policy")
	for _, must := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "script-src 'self';"} {
		if !strings.Contains(got, must) {
			t.Errorf("the policy lacks %s: %s", must, got)
		}
	}
	if strings.Contains(got, "unsafe") || page.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("policy %q", got)
	}
}

func TestNothingElseIsServed(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/ui/assets/none.js", "/ui/assets/..%2Findex.html", "/ui/assets/%2e%2e/web.go", "/assets/x"} {
		if w := get(h, path); w.Code == 200 && !strings.Contains(w.Body.String(), `id="root"`) {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(h, "/ui/assets/none.js"); w.Code != 404 {
		t.Errorf("a missing file: %d", w.Code)
	}
}

func TestCompressed(t *testing.T) {
	h := open(t)
	plain := get(h, "/ui/")
	packed := get(h, "/ui/", "Accept-Encoding", "gzip, br")
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() >= plain.Body.Len() || packed.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("%d bytes of %d, %v", packed.Body.Len(), plain.Body.Len(), packed.Header())
	}
}

// What a first visit loads, and all there is, stay small.
func TestBudget(t *testing.T) {
	built, _ := files()
	all, err := load(built)
	if err != nil {
		t.Fatal(err)
	}
	page := string(all["index.html"].data)
	raw, first, styles := 0, 0, 0
	for name, f := range all {
		raw += len(f.data)
		size := len(f.data)
		if packed := f.packed(); packed != nil {
			size = len(packed)
		}
		switch {
		case strings.HasSuffix(name, ".css"):
			styles += size
		case strings.HasSuffix(name, ".js") && strings.Contains(page, name):
			first += size
		case strings.HasPrefix(name, "assets/editor-") && size <= 130<<10: // of SQL, when it is asked for
		case strings.HasSuffix(name, ".js") && size > 45<<10:
			t.Errorf("%s, which a screen loads, has %d kB", name, size>>10)
		}
	}
	t.Logf("first visit %d kB of scripts, styles %d kB, in all %d files of %d kB uncompressed", first>>10, styles>>10, len(all), raw>>10)
	if first > 260<<10 || styles > 20<<10 || raw > 3<<20 || len(all) > 40 {
		t.Errorf("over the budget of 260 kB, 20 kB, 3 MB and 40 files")
	}
}
