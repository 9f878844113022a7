package s3_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/egress"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/lake/laketest"
	"kith/internal/lake/s3"
	"kith/internal/lake/s3/s3test"
	"kith/internal/sys"
)

// open opens the lake of a place; change may be nil.
func open(t *testing.T, place s3test.Place, change func(*s3.Location, *s3.Options)) *s3.Lake {
	t.Helper()
	loc, err := s3.ParseURL(place.URL)
	if err != nil {
		t.Fatal(err)
	}
	guard := egress.New(egress.Config{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: 2 * s3.PartBytes,
	})
	o := s3.Options{
		FS: sys.Disk(), Dir: filepath.Join(t.TempDir(), "copies"), Clock: sys.Wall(), Rand: sys.Entropy(), HTTP: guard.Client(0),
		Credentials: s3.Credentials{AccessKey: place.AccessKey, SecretKey: place.SecretKey},
	}
	if change != nil {
		change(&loc, &o)
	}
	l, err := s3.Open(loc, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestConformance(t *testing.T) {
	laketest.Run(t, func(t *testing.T) lake.Store { return open(t, s3test.Start(t), nil).Store() })
}

// TestGuarded holds it against the suite of what several processes write.
func TestGuarded(t *testing.T) {
	laketest.RunGuarded(t, func(t *testing.T) func() lake.Guarded {
		place := s3test.Start(t)
		return func() lake.Guarded { return open(t, place, nil).Store() }
	})
}

func put(t *testing.T, s lake.Store, name, content string) error {
	t.Helper()
	return lake.Put(t.Context(), s, name, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
}

// faults stands between client and server and lets requests fail as networks do.
type faults struct {
	mu    sync.Mutex
	left  int
	match func(*http.Request) bool
	fail  func(http.ResponseWriter, func())
}

// next sets how the next n requests that match fail; pass hands the request on.
func (f *faults) next(n int, match func(*http.Request) bool, fail func(w http.ResponseWriter, pass func())) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.match, f.fail = n, match, fail
}

func (f *faults) hit(r *http.Request) func(http.ResponseWriter, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 || !f.match(r) {
		return nil
	}
	f.left--
	return f.fail
}

// before starts a proxy with faults in front of a place.
func before(t *testing.T, place s3test.Place) (s3test.Place, *faults) {
	t.Helper()
	u, err := url.Parse(place.URL)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(u.Query().Get("endpoint"))
	if err != nil {
		t.Fatal(err)
	}
	f := &faults{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fail := f.hit(r); fail != nil {
			fail(w, func() { proxy.ServeHTTP(httptest.NewRecorder(), r) })
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	u.RawQuery = url.Values{"endpoint": {server.URL}}.Encode()
	place.URL = u.String()
	return place, f
}

// broken ends a connection without an answer.
func broken(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// TestFaults holds that refusals that pass and lost answers do not show, also not
// where the request has done its work and must not be done twice.
func TestFaults(t *testing.T) {
	place, f := before(t, s3test.Start(t))
	s := open(t, place, nil).Store()
	if err := put(t, s, "t/current.json", "0"); err != nil {
		t.Fatal(err)
	}
	method := func(m string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == m }
	}
	busy := func(w http.ResponseWriter, _ func()) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code></Error>")
	}
	lost := func(w http.ResponseWriter, pass func()) {
		pass()
		broken(w)
	}
	for i, fail := range []func(http.ResponseWriter, func()){busy, lost, func(w http.ResponseWriter, _ func()) { broken(w) }} {
		f.next(2, method(http.MethodPut), fail)
		content := fmt.Sprint("list ", i)
		if err := put(t, s, "t/current.json", content); err != nil {
			t.Errorf("fault %d: %v", i, err)
		}
		f.next(2, method(http.MethodGet), fail)
		if data, err := lake.ReadAll(t.Context(), s, "t/current.json"); err != nil || string(data) != content {
			t.Errorf("fault %d: read %q, %v", i, data, err)
		}
		f.next(1, method(http.MethodDelete), fail)
		if err := s.Delete(t.Context(), "t/nothing"); err != nil {
			t.Errorf("fault %d: %v", i, err)
		}
	}
	f.next(1, method(http.MethodPut), func(w http.ResponseWriter, _ func()) { w.WriteHeader(http.StatusForbidden) })
	if err := put(t, s, "t/current.json", "x"); !errs.Is(err, errs.Denied) {
		t.Errorf("keys that are refused give %v", err)
	}
}

// long is content of several parts, no two of which are alike.
func long() string {
	var b strings.Builder
	for i := 0; b.Len() < 2*s3.PartBytes+12345; i++ {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}

// TestLong holds that a file of several parts is whole, through faults in the
// middle, and that an upload that fails leaves nothing.
func TestLong(t *testing.T) {
	direct := s3test.Start(t)
	place, f := before(t, direct)
	s := open(t, place, nil).Store()
	content := long()
	second := func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "2" }
	f.next(1, second, func(w http.ResponseWriter, pass func()) {
		pass()
		broken(w)
	})
	if err := put(t, s, "t/long", content); err != nil {
		t.Fatal(err)
	}
	f.next(1, func(r *http.Request) bool { return strings.HasPrefix(r.Header.Get("Range"), "bytes=8388608-") }, func(w http.ResponseWriter, _ func()) { broken(w) })
	for _, from := range []*s3.Lake{open(t, place, nil), open(t, direct, nil)} {
		data, err := lake.ReadAll(t.Context(), from.Store(), "t/long")
		if err != nil || string(data) != content {
			t.Errorf("read %d bytes of %d, %v", len(data), len(content), err)
		}
	}
	f.next(1, second, func(w http.ResponseWriter, _ func()) { w.WriteHeader(http.StatusForbidden) })
	if err := put(t, s, "t/refused", content); !errs.Is(err, errs.Denied) {
		t.Errorf("a part that is refused gives %v", err)
	}
	if _, err := s.Open(t.Context(), "t/refused"); !errs.Is(err, errs.NotFound) {
		t.Errorf("an upload that failed leaves something: %v", err)
	}
}

// TestCopies holds that copies are bounded, that what is held stays, and that a
// copy is never taken for an object that has changed.
func TestCopies(t *testing.T) {
	place, dir := s3test.Start(t), t.TempDir()
	small := func(l *s3.Location, o *s3.Options) { l.CacheBytes, o.Dir = 1000, dir }
	writer, l := open(t, place, nil).Store(), open(t, place, small)
	held := func(name, content string) s3.Held {
		sum := sha256.Sum256([]byte(content))
		return s3.Held{Name: name, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(content))}
	}
	var all []s3.Held
	for i := range 4 {
		content := strings.Repeat(fmt.Sprint(i), 400)
		all = append(all, held(fmt.Sprint("t/", i), content))
		if err := put(t, writer, all[i].Name, content); err != nil {
			t.Fatal(err)
		}
	}
	there := func() (names []string) {
		files, err := os.ReadDir(filepath.Join(dir, "t"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, f.Name())
		}
		return names
	}
	release, err := l.Hold(t.Context(), all[:2])
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range all[2:] {
		if _, err := lake.ReadAll(t.Context(), l.Store(), h.Name); err != nil {
			t.Fatal(err)
		}
	}
	if got := there(); !slices.Equal(got, []string{"0", "1"}) {
		t.Errorf("with two files held there are %v", got)
	}
	release()
	release()
	if _, err := l.Hold(t.Context(), all); !errs.Is(err, errs.Exhausted) {
		t.Errorf("more than the bound can be held: %v", err)
	}
	if err := put(t, writer, "t/0", strings.Repeat("n", 400)); err != nil {
		t.Fatal(err)
	}
	if data, err := lake.ReadAll(t.Context(), l.Store(), "t/0"); err != nil || string(data) != strings.Repeat("n", 400) {
		t.Errorf("a file that was written anew is read as before, %v", err)
	}
	if _, err := l.Hold(t.Context(), all[:1]); !errs.Is(err, errs.Corrupt) {
		t.Errorf("a file that is not what its list says can be held: %v", err)
	}
	again := open(t, place, small)
	if _, err := again.Hold(t.Context(), []s3.Held{held("t/0", strings.Repeat("n", 400))}); err != nil {
		t.Errorf("copies of the last start: %v", err)
	}
	if _, err := again.Hold(t.Context(), []s3.Held{held("t/9", "")}); !errs.Is(err, errs.NotFound) {
		t.Errorf("a file that is not there gives %v", err)
	}
	if got, err := again.Tables(t.Context()); err != nil || !slices.Equal(got, []string{"t"}) {
		t.Errorf("the tables are %v, %v", got, err)
	}
}

// TestInside holds that an address inside is not asked unless it is allowed.
func TestInside(t *testing.T) {
	l := open(t, s3test.Place{URL: "s3://bucket?endpoint=http://127.0.0.1:1", AccessKey: "a", SecretKey: "b"}, func(_ *s3.Location, o *s3.Options) {
		o.HTTP = egress.New(egress.Config{}).Client(0)
	})
	if _, err := l.Tables(t.Context()); !errs.Is(err, errs.Denied) || errs.CodeOf(err) != "egress.address_blocked" {
		t.Errorf("asking an address inside gives %v", err)
	}
}

func TestURL(t *testing.T) {
	for raw, want := range map[string]s3.Location{
		"s3://lake":      {Bucket: "lake", VirtualHost: true, CacheBytes: s3.DefaultCacheBytes},
		"s3://lake/a/b/": {Bucket: "lake", Prefix: "a/b", VirtualHost: true, CacheBytes: s3.DefaultCacheBytes},
		"s3://a.lake":    {Bucket: "a.lake", CacheBytes: s3.DefaultCacheBytes},
		"s3://lake?endpoint=http://store:9000&region=eu-1":        {Bucket: "lake", Endpoint: "http://store:9000", Region: "eu-1", CacheBytes: s3.DefaultCacheBytes},
		"s3://lake?endpoint=store&style=host&cache_bytes=1048576": {Bucket: "lake", Endpoint: "https://store", VirtualHost: true, CacheBytes: 1 << 20},
	} {
		if got, err := s3.ParseURL(raw); err != nil || got != want {
			t.Errorf("%s is %+v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{
		"", "s3://", "s3://A", "s3://lake/../x", "s3://lake/a//b", "s3://k:s@lake", "s3://lake?endpoint=ftp://x", "s3://lake?endpoint=http://x/y",
		"s3://lake?region=", "s3://lake?style=x", "s3://lake?cache_bytes=1", "s3://lake?secret=x", "http://lake", "s3://lake#x",
	} {
		if got, err := s3.ParseURL(raw); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s is %+v, %v", raw, got, err)
		}
	}
}
