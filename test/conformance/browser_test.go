package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"kith/test/program"
)

// pageQuery is the address bar of every visit; browser SDKs read the campaign
// from it.
const pageQuery = "?utm_source=news&utm_medium=email&utm_campaign=v%C3%A5r"

var segmentBrowser = &sdk{
	name:         "segment-browser",
	comparison:   comparison{float64s: true},
	browser:      true,
	adds:         map[string][]string{"page": {"category", "name", "path", "referrer", "search", "title", "url"}},
	integrations: []string{"Segment.io"},
	context:      obj{"library": obj{"name": "analytics.js"}},
	address: obj{
		"page":     obj{"path": "/shop/", "title": "kith – sidan", "search": pageQuery},
		"campaign": obj{"source": "news", "medium": "email", "name": "vår"},
	},
}

func TestSegmentBrowser(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	deliver(t, segmentBrowser, 8, func(ctx context.Context, t *testing.T, r *run) { c.browse(ctx, t, r, "segment.html", nil) })
}

func TestSegmentBrowserBatching(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	s := *segmentBrowser
	s.name = "segment-browser-batching"
	deliver(t, &s, 2, func(ctx context.Context, t *testing.T, r *run) {
		c.browse(ctx, t, r, "segment.html", obj{"strategy": "batching", "config": obj{"size": 10, "timeout": 500}})
	})
}

var rudderBrowser = &sdk{
	name:       "rudder-browser",
	comparison: comparison{float64s: true, noNulls: true},
	browser:    true,
	adds: map[string][]string{"page": {
		"category", "name", "path", "referrer", "search", "title", "url", "tab_url", "referring_domain", "initial_referrer", "initial_referring_domain",
	}},
	context: obj{"library": obj{"name": "RudderLabs JavaScript SDK"}},
	address: obj{
		"page":     obj{"path": "/shop/", "title": "kith – sidan", "search": pageQuery},
		"campaign": obj{"source": "news", "medium": "email", "name": "vår"},
	},
	lacks:        []string{"screen", "messageId"},
	ownContext:   []string{"screen"},
	integrations: []string{"All"},
}

func TestRudderBrowser(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	deliver(t, rudderBrowser, 8, func(ctx context.Context, t *testing.T, r *run) { c.browse(ctx, t, r, "rudder.html", nil) })
}

func TestRudderBrowserBatching(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	s := *rudderBrowser
	s.name = "rudder-browser-batching"
	deliver(t, &s, 2, func(ctx context.Context, t *testing.T, r *run) {
		c.browse(ctx, t, r, "rudder.html", obj{"batch": obj{"enabled": true, "maxItems": 10, "flushInterval": 500}})
	})
}

var jitsuBrowser = &sdk{
	name:       "jitsu-browser",
	comparison: comparison{float64s: true},
	browser:    true,
	adds: map[string][]string{"page": {
		"name", "title", "url", "path", "hash", "search", "width", "height", "referrer",
	}},
	context:           obj{"library": obj{"name": "@jitsu/js"}},
	lacks:             []string{"alias", "screen", "category", "timestamp", "messageId", "integrations"},
	ownPage:           []string{"path", "url"},
	keepsGroup:        true,
	namesInProperties: true,
}

// TestJitsuBrowser breaks nothing: this SDK does not send anything again.
func TestJitsuBrowser(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	deliver(t, jitsuBrowser, 0, func(ctx context.Context, t *testing.T, r *run) { c.browse(ctx, t, r, "jitsu.html", nil) })
}

// TestSegmentBrowserLeaving: a page that is left at once delivers what it was
// told, at the latest through the next page, and once only.
func TestSegmentBrowserLeaving(t *testing.T) {
	t.Parallel()
	c := newChromium(t)
	for name, strategy := range map[string]obj{
		"standard": nil,
		"batching": {"strategy": "batching", "config": obj{"size": 10, "timeout": 60_000}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
			defer cancel()
			s := *segmentBrowser
			s.name = "leaving-" + name
			k := startKith(t, t.TempDir())
			const calls = 7
			r := &run{sdk: &s, plan: &plan{}, proxy: startProxy(t, k.url, 0)}
			for i := range calls {
				r.plan.calls = append(r.plan.calls, call{Type: "track", AnonymousID: "leaver", Event: "Link Clicked",
					Properties: obj{"kx": fmt.Sprint(i)}})
			}
			v := startVisit(ctx, t, r, "leave.html", strategy, 0, 0)
			stop := c.open(t, v.address+"/shop/")
			defer stop()
			v.wait(ctx, t)
			if err := r.proxy.settled(ctx, calls); err != nil {
				t.Fatal(err)
			}
			stop()
			r.proxy.stop(ctx, t)
			k.flushed(ctx, t)
			events := map[string]int{}
			for _, e := range k.events(ctx, t, "anonymous_id", "leaver") {
				events[markOf(e)]++
			}
			for _, c := range r.plan.calls {
				if events[c.mark()] != 1 {
					t.Errorf("message %s is there %d times", c.mark(), events[c.mark()])
				}
			}
			k.stop(t)
		})
	}
}

// chromium is the browser that visits pages.
type chromium struct{ path string }

func newChromium(t *testing.T) chromium {
	t.Helper()
	c := chromium{need(t, "chromium")}
	needPackages(t)
	return c
}

// browse lets the two people of the plan visit a page one after the other, each
// with a new profile of the browser. A visit ends when all that it sends has
// arrived.
func (c chromium) browse(ctx context.Context, t *testing.T, r *run, page string, strategy obj) {
	t.Helper()
	come := 0
	for n := range r.plan.persons {
		v := startVisit(ctx, t, r, page, strategy, n, come)
		stop := c.open(t, v.address+"/shop/"+pageQuery)
		v.wait(ctx, t)
		come += r.plan.distinct(n)
		err := r.proxy.settled(ctx, come)
		stop()
		if err != nil {
			t.Fatalf("visit of person %d: %v", n, err)
		}
	}
}

// open starts the browser on a page and returns what ends it.
func (c chromium) open(t *testing.T, address string) (stop func()) {
	t.Helper()
	binary := program.Kith(t)
	profile, err := os.MkdirTemp(filepath.Dir(binary), "browser-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(c.path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
		"--disable-extensions", "--metrics-recording-only", "--lang=sv-SE", "--remote-debugging-pipe", "--user-data-dir="+profile, address)
	cmd.Env = append(os.Environ(), "TZ=Europe/Stockholm")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	ends := lifeline(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	return sync.OnceFunc(func() {
		defer ends()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		if t.Failed() {
			t.Logf("what the browser said:\n%s", stderr.Bytes())
		}
	})
}

// lifeline gives a browser the two pipes of its debugging protocol. Nothing is
// said on them: a browser ends when they close, so that none outlives the tests
// however these end.
func lifeline(t *testing.T, cmd *exec.Cmd) (ends func()) {
	t.Helper()
	var files []*os.File
	for range 2 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, r, w)
	}
	cmd.ExtraFiles = []*os.File{files[0], files[3]}
	return func() {
		for _, f := range files {
			f.Close()
		}
	}
}

// visit is the server of the page of one person, on an origin of its own.
type visit struct {
	address string
	reports chan []string // the errors on the page, once it made all calls
}

// wait waits until the page reports.
func (v *visit) wait(ctx context.Context, t *testing.T) {
	t.Helper()
	select {
	case errs := <-v.reports:
		for _, e := range errs {
			t.Errorf("on the page: %s", e)
		}
	case <-ctx.Done():
		t.Error("the page did not report")
	}
}

// startVisit serves a page until the test ends. come is how many messages
// arrived before this visit.
func startVisit(ctx context.Context, t *testing.T, r *run, page string, strategy obj, person, come int) *visit {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	v := &visit{address: "http://" + l.Addr().String(), reports: make(chan []string, 1)}
	document, err := json.Marshal(obj{
		"collector": r.proxy.address, "writeKey": writeKey, "strategy": strategy, "calls": json.RawMessage(r.plan.encode(t, person)),
	})
	if err != nil {
		t.Fatalf("encoding a visit: %v", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop/", func(w http.ResponseWriter, q *http.Request) { http.ServeFile(w, q, "pages/"+page) })
	mux.Handle("GET /pages/", http.FileServer(http.Dir(".")))
	mux.Handle("GET /node_modules/", http.FileServer(http.Dir(".")))
	mux.Handle("GET /analytics-next/bundles/", http.StripPrefix("/analytics-next/bundles/",
		http.FileServer(http.Dir("node_modules/@segment/analytics-next/dist/umd"))))
	mux.HandleFunc("GET /visit.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(document)
	})
	mux.HandleFunc("GET /settled", func(w http.ResponseWriter, q *http.Request) {
		n, err := strconv.Atoi(q.FormValue("n"))
		if err == nil {
			err = r.proxy.settled(ctx, come+n)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("POST /report", func(w http.ResponseWriter, q *http.Request) {
		var report struct {
			Errors []string `json:"errors"`
		}
		if err := json.NewDecoder(q.Body).Decode(&report); err != nil {
			report.Errors = append(report.Errors, fmt.Sprintf("the report is unreadable: %v", err))
		}
		v.reports <- report.Errors
	})
	server := &http.Server{Handler: mux}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return v
}
