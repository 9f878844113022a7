package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/collect"
	"kith/internal/consent"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/feed"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/route"
	"kith/internal/state/mem"
	"kith/internal/sys"
	"kith/internal/telemetry"
	"kith/internal/workspace"
)

const (
	adminToken = "adm1n-t0ken"
	writeKey   = "wr1te-key"
	disabled   = "disabled-key"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// people is a Profiles that knows what its maps hold.
type people struct {
	profiles map[profile.Ref]profile.Profile
	events   map[profile.Ref][]json.RawMessage
	asked    []profile.Ref
	selected profile.Selection
	err      error
}

func (p *people) Read(_ context.Context, ref profile.Ref) (profile.Profile, error) {
	p.asked = append(p.asked, ref)
	if got, ok := p.profiles[ref]; ok && p.err == nil {
		return got, nil
	}
	if p.err != nil {
		return profile.Profile{}, p.err
	}
	return profile.Profile{}, errs.New(errs.NotFound, "profile.unknown", "no profile has that identifier")
}

// ReadAsOf knows everybody's past as their present, from 1970 on.
func (p *people) ReadAsOf(ctx context.Context, ref profile.Ref, at int64) (profile.Profile, error) {
	if at < 0 {
		return profile.Profile{}, errs.New(errs.NotFound, "profile.unknown", "no profile has that identifier")
	}
	return p.Read(ctx, ref)
}

// Events pages by one event: the cursor is the index of the next.
func (p *people) Events(_ context.Context, ref profile.Ref, page profile.Page) (profile.EventPage, error) {
	p.asked = append(p.asked, ref)
	all := p.events[ref]
	from := 0
	if page.Cursor != "" {
		from = int(page.Cursor[0] - '0')
	}
	to := min(from+page.Limit, len(all))
	out := profile.EventPage{Events: all[from:to]}
	if to < len(all) {
		out.Next = string(rune('0' + to))
	}
	return out, nil
}

// Select knows the events of Events, all of the source web and earliest last.
func (p *people) Select(ctx context.Context, ref profile.Ref, sel profile.Selection, page profile.Page) (profile.SelectedPage, error) {
	p.selected = sel
	got, err := p.Events(ctx, ref, page)
	out := profile.SelectedPage{Profile: identity.NodeID{0x6f, 1}, Next: got.Next}
	for i, b := range got.Events {
		out.Events = append(out.Events, profile.Selected{Source: "web", MessageID: fmt.Sprint("m", i), Timestamp: 1000, Body: b})
	}
	return out, err
}

// Account knows the profiles under references of profile.AccountType.
func (p *people) Account(ctx context.Context, id string) (profile.Profile, error) {
	return p.Read(ctx, profile.Ref{Type: profile.AccountType, Value: id})
}

// Members knows one member of every account that is known.
func (p *people) Members(ctx context.Context, account string, _ int) ([]identity.NodeID, error) {
	_, err := p.Account(ctx, account)
	return []identity.NodeID{{0x6f, 1}}, err
}

// line is a Pipeline with a fixed status.
type line struct {
	status  Status
	held    []Held
	hashed  int64
	retried []string
	flush   func(context.Context) error
	err     error
}

func (l *line) Status(context.Context) (Status, error) { return l.status, l.err }

func (l *line) Hash(_ context.Context, at int64) (Hash, error) {
	l.hashed = at
	return Hash{State: strings.Repeat("ab", 32), At: at, Position: []int64{4, 5}, Families: map[string]string{"traits": "cd"}}, nil
}

func (l *line) Flush(ctx context.Context) error {
	if l.flush != nil {
		return l.flush(ctx)
	}
	return nil
}

func (l *line) Quarantine(_ context.Context, after string, limit int) ([]Held, bool, error) {
	from := 0
	for i, h := range l.held {
		if h.ID == after {
			from = i + 1
		}
	}
	to := min(from+limit, len(l.held))
	return l.held[from:to], to < len(l.held), nil
}

func (l *line) Quarantined(_ context.Context, id string) (Held, error) {
	for _, h := range l.held {
		if h.ID == id {
			return h, nil
		}
	}
	return Held{}, errs.New(errs.NotFound, "quarantine.unknown", "no held record has that id")
}

func (l *line) Retry(ctx context.Context, id string) error {
	h, err := l.Quarantined(ctx, id)
	if err != nil {
		return err
	}
	if h.Code == "event.name_required" {
		return errs.New(errs.Invalid, h.Code, "the record still cannot be folded")
	}
	l.retried = append(l.retried, id)
	return nil
}

func (l *line) Trace(_ context.Context, source, messageID, position string) (Trace, error) {
	if source != "web" || messageID != "m/9" && messageID != "m9" {
		return Trace{}, errs.New(errs.NotFound, "trace.unknown", "no record of that message is known")
	}
	if position == "" {
		position = "0-1"
	}
	one := TraceRecord{
		Position: position, Outcome: "folded", Notes: []string{"x"}, Event: json.RawMessage(`{"type":"track"}`),
		Identifiers: []TracedIdentifier{{"user_id", "u1", "n"}}, Dropped: []DroppedValue{{"email", "blocked"}},
	}
	return Trace{Source: source, MessageID: messageID, Records: []TraceRecord{one}, Complete: true}, nil
}

// stage is a Live whose frames are fixed.
type stage struct {
	asked  feed.Request
	frames []feed.Frame
	err    error // after them
}

func (s *stage) Listen(_ context.Context, req feed.Request, emit func(feed.Frame) error) error {
	s.asked = req
	for _, f := range s.frames {
		if err := emit(f); err != nil {
			return err
		}
	}
	return s.err
}

// countingLog takes everything and counts it.
type countingLog struct{ stored int }

func (l *countingLog) Append(_ context.Context, entries []eventlog.Entry) ([]eventlog.Position, error) {
	l.stored += len(entries)
	return make([]eventlog.Position, len(entries)), nil
}

type finder struct{ sources *resource.Sources }

func (f finder) ByWriteKey(key string) (collect.Source, bool) {
	s, ok := f.sources.ByWriteKey(key)
	if !ok {
		return collect.Source{}, false
	}
	return collect.Source{Key: s.Key, Enabled: s.Enabled}, true
}

// book remembers what was said.
type book struct {
	said []consent.Body
	ids  []string
	at   []int64
	page profile.ConsentPage
}

func (b *book) Say(_ context.Context, id string, at int64, body consent.Body) (string, error) {
	if id == "" {
		id = "made"
	}
	b.said, b.ids, b.at = append(b.said, body), append(b.ids, id), append(b.at, at)
	return id, nil
}

func (b *book) Ledger(context.Context, profile.Ref, profile.Page) (profile.ConsentPage, error) {
	return b.page, nil
}

// shelf remembers the rows that were written.
type shelf struct {
	batches []*entity.Batch
	removed []string
	rows    []OwnedRow
}

func (s *shelf) Write(_ context.Context, _ string, b *entity.Batch) (int, error) {
	s.batches = append(s.batches, b)
	return len(b.Rows), nil
}

func (s *shelf) Remove(_ context.Context, _, key string) error {
	s.removed = append(s.removed, key)
	return nil
}

func (s *shelf) Row(_ context.Context, _, key string) (OwnedRow, error) {
	for _, r := range s.rows {
		if r.Key == key {
			return r, nil
		}
	}
	return OwnedRow{}, errs.New(errs.NotFound, "entity.no_row", "there is none")
}

func (s *shelf) Rows(_ context.Context, _, after string, limit int) ([]OwnedRow, bool, error) {
	rows := s.rows
	for len(rows) > 0 && rows[0].Key <= after {
		rows = rows[1:]
	}
	return rows[:min(limit, len(rows))], len(rows) > limit, nil
}

func (s *shelf) Owned(context.Context, profile.Ref, string) ([]OwnedRow, error) { return s.rows, nil }

// heap is what uploads have said.
type heap struct{ namings []entity.Naming }

func (h *heap) Namings(context.Context, string, profile.Ref) ([]entity.Naming, error) {
	return h.namings, nil
}

// fixture is the whole table, the collector's routes too, over fakes.
type fixture struct {
	t        testing.TB
	handler  http.Handler
	table    []route.Route
	people   *people
	line     *line
	council  *council
	live     *stage
	book     *book
	shelf    *shelf
	heap     *heap
	canon    *canon
	log      countingLog
	sources  *resource.Sources
	clock    *sys.Manual
	notReady error
	backup   func(io.Writer) error // nil: one that is whole

	mu       sync.Mutex
	failures []route.Failure
}

func open(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{
		t: t, clock: sys.NewManual(start), line: &line{}, council: &council{}, live: &stage{frames: []feed.Frame{{ID: "7"}}}, book: &book{}, shelf: &shelf{}, heap: &heap{},
		people: &people{profiles: map[profile.Ref]profile.Profile{}, events: map[profile.Ref][]json.RawMessage{}},
	}
	var err error
	store := mem.New()
	if f.sources, err = resource.OpenSources(t.Context(), store, f.clock, sys.Seeded(1)); err != nil {
		t.Fatal(err)
	}
	ws, err := workspace.New("/data", "acme", "")
	if err != nil {
		t.Fatal(err)
	}
	f.canon = newCanon(f.clock)
	a := New(Config{
		Profiles: f.people, Pipeline: f.line, Identity: f.council, Jobs: job.New(job.Config{Store: store, Clock: f.clock, Rand: sys.Seeded(4)}), Live: f.live, Sources: f.sources,
		Purposes: resource.OpenPurposes(store, f.clock), Consents: f.book, Definitions: f.canon, Entities: resource.OpenEntities(store, f.clock), Rows: f.shelf, Lists: f.heap, Metrics: telemetry.New().Handler(), Version: "test",
		Now:   func() int64 { return sys.Millis(f.clock.Now()) },
		Ready: func(context.Context) error { return f.notReady },
		Backup: func(_ context.Context, w io.Writer) error {
			if f.backup != nil {
				return f.backup(w)
			}
			_, err := io.WriteString(w, "archive")
			return err
		},
	})
	collector := collect.New(collect.Config{Log: &f.log, Sources: finder{f.sources}, Clock: f.clock, Rand: sys.Seeded(2)})
	if f.table, err = a.Table(collector.Routes()...); err != nil {
		t.Fatal(err)
	}
	keys := &Keys{Admin: resource.DigestOf(adminToken), Sources: f.sources, Workspace: ws}
	f.handler, err = route.Mux(f.table, keys, route.Options{
		Rand: sys.Seeded(3), Clock: f.clock,
		Failed: func(e route.Failure) { f.mu.Lock(); f.failures = append(f.failures, e); f.mu.Unlock() },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.mustPut("web", `{"name":"Web","write_key":"`+writeKey+`"}`)
	f.mustPut("off", `{"enabled":false,"write_key":"`+disabled+`"}`)
	return f
}

func (f *fixture) mustPut(key, body string) {
	f.t.Helper()
	if _, _, err := f.sources.Put(f.t.Context(), key, []byte(body)); err != nil {
		f.t.Fatal(err)
	}
}

// send calls without a key.
func (f *fixture) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r = httptest.NewRequest(method, target, io.NopCloser(strings.NewReader(body)))
		r.ContentLength = -1
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

// do calls with the admin token.
func (f *fixture) do(method, target, body string) *httptest.ResponseRecorder {
	return f.send(method, target, body, "Authorization", "Bearer "+adminToken)
}

// ok calls with the admin token and checks the status and that the answer fits
// its schema.
func (f *fixture) ok(method, target, body string, status int) string {
	f.t.Helper()
	w := f.do(method, target, body)
	if w.Code != status {
		f.t.Fatalf("%s %s: %d %s, want %d", method, target, w.Code, w.Body, status)
	}
	return strings.TrimSpace(w.Body.String())
}

// refused calls with the admin token and checks that the answer is a problem with
// this status and code.
func (f *fixture) refused(method, target, body string, status int, code string) route.Problem {
	f.t.Helper()
	w := f.do(method, target, body)
	var p route.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Code != code || p.Status != status ||
		w.Header().Get("Content-Type") != route.ProblemType || p.RequestID == "" {
		f.t.Fatalf("%s %s %s: %d %s, want %d %s", method, target, body, w.Code, w.Body, status, code)
	}
	return p
}
