package collect

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/record"
	"kith/internal/sys"
)

// memLog is an event log in memory. Its appends fail with err while that is set.
type memLog struct {
	mu      sync.Mutex
	entries []eventlog.Entry
	calls   int
	err     error
	wait    chan struct{} // when set, appends wait for it to be closed
}

func (l *memLog) Append(_ context.Context, entries []eventlog.Entry) ([]eventlog.Position, error) {
	if l.wait != nil {
		<-l.wait
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.err != nil {
		return nil, l.err
	}
	positions := make([]eventlog.Position, len(entries))
	for i, e := range entries {
		positions[i] = eventlog.Position{Partition: e.Partition, Offset: int64(len(l.entries))}
		l.entries = append(l.entries, eventlog.Entry{Partition: e.Partition, Data: bytes.Clone(e.Data)})
	}
	return positions, nil
}

// records decodes all accepted records that were appended.
func (l *memLog) records(t testing.TB) []record.Record { return l.kind(t, record.Event) }

// refused decodes the refused messages that were kept.
func (l *memLog) refused(t testing.TB) []record.Record { return l.kind(t, record.Rejected) }

func (l *memLog) kind(t testing.TB, kind record.Kind) []record.Record {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []record.Record
	for _, e := range l.entries {
		r, err := record.Decode(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == kind {
			all = append(all, r)
		}
	}
	return all
}

// one returns the only record.
func (l *memLog) one(t testing.TB) record.Record {
	t.Helper()
	all := l.records(t)
	if len(all) != 1 {
		t.Fatalf("%d records, want one", len(all))
	}
	return all[0]
}

// rendered returns the event of a record as it is shown.
func rendered(t testing.TB, r record.Record) map[string]any {
	t.Helper()
	var d record.Docs
	e, err := r.Event(&d)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(e.AppendJSON(nil, nil), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// sources finds them by write key.
type sources map[string]Source

func (s sources) ByWriteKey(key string) (Source, bool) {
	found, ok := s[key]
	return found, ok
}

// testKey is the write key of the test's source.
const testKey = "kx_write_key"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// fixture is a collector over fakes.
type fixture struct {
	*Collector
	log     *memLog
	clock   *sys.Manual
	sources sources
	handler http.Handler

	mu       sync.Mutex
	reports  []Report
	rejected []Rejection
	failures []error
	panics   []any
}

func newFixture(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{
		log:     &memLog{},
		clock:   sys.NewManual(noon),
		sources: sources{testKey: {Key: "web", Enabled: true}, "off": {Key: "off"}},
	}
	cfg := Config{Log: f.log, Sources: f.sources, Clock: f.clock, Rand: sys.Seeded(1)}
	cfg.Observer = Observer{
		Done:     func(r Report) { f.mu.Lock(); defer f.mu.Unlock(); f.reports = append(f.reports, r) },
		Rejected: func(r Rejection) { f.mu.Lock(); defer f.mu.Unlock(); f.rejected = append(f.rejected, r) },
		Failed:   func(_ string, err error) { f.mu.Lock(); defer f.mu.Unlock(); f.failures = append(f.failures, err) },
		Panicked: func(_ string, v any, _ []byte) { f.mu.Lock(); defer f.mu.Unlock(); f.panics = append(f.panics, v) },
	}
	for _, c := range change {
		c(&cfg)
	}
	f.Collector = New(cfg)
	f.handler = f.Handler()
	t.Cleanup(func() {
		if bytes, requests := f.InFlight(); bytes != 0 || requests != 0 {
			t.Errorf("%d bytes and %d requests are still held", bytes, requests)
		}
	})
	return f
}

// last returns the report of the last request.
func (f *fixture) last(t testing.TB) Report {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reports) == 0 {
		t.Fatal("no request was reported")
	}
	return f.reports[len(f.reports)-1]
}

// request is one request of a test.
type request struct {
	method string // POST
	path   string // /v1/track
	body   string
	header map[string]string
	noKey  bool // without the Authorization header that is otherwise sent
	reader io.Reader
}

type answer struct {
	status int
	header http.Header
	body   string
}

// json reads the answer as an object.
func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("answer %q: %v", a.body, err)
	}
	return m
}

func (f *fixture) send(q request) answer {
	if q.method == "" {
		q.method = http.MethodPost
	}
	if q.path == "" {
		q.path = "/v1/track"
	}
	var body io.Reader
	switch {
	case q.reader != nil:
		body = q.reader
	case q.body != "":
		body = strings.NewReader(q.body)
	}
	r := httptest.NewRequest(q.method, q.path, body)
	if !q.noKey {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(testKey+":")))
	}
	for k, v := range q.header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// times returns a text n times.
func times(n int, s string) string { return strings.Repeat(s, n) }

const trackBody = `{"event":"E","userId":"u"}`

func flagNames(f event.Flags) string {
	var names []string
	for i, name := range []string{"replaced", "clamped", "corrected", "made", "hashed", "gpc", "server", "distrusted"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// newRequest is a request with the test's key.
func newRequest(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(testKey+":")))
	return r
}

func (f *fixture) do(r *http.Request) answer {
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func decodeRecord(data []byte) (record.Record, error) { return record.Decode(data) }
