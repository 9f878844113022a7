package app

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/profile"
	"kith/internal/sys"
)

// metric is the value of a metric, empty if it is left out.
func (r *running) metric(name string) string {
	w := httptest.NewRecorder()
	r.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.SplitSeq(w.Body.String(), "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	return ""
}

// ready is the status of the answer whether the process is ready.
func (r *running) ready(t *testing.T) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL()+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// TestOldHistoryIsWatched: metrics, doctor and readiness tell of old history what an
// operator has to know, while ClickHouse answers and while it is away.
func TestOldHistoryIsWatched(t *testing.T) {
	cfg, away := behindAGate(t)
	cfg.Roles = []string{RoleCollect, RoleAPI} // what folds and moves is called here
	r := serve(t, cfg)
	r.send(t, "/v1/batch", `{"batch":[
		{"type":"track","userId":"old","event":"Bought","messageId":"t1","timestamp":"2020-01-02T00:00:00Z"},
		{"type":"track","userId":"new","event":"Bought","messageId":"t2"}]}`)
	runner := r.live.Load().runner
	if _, err := runner.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := runner.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	doctor := func(want Verdict, words ...string) {
		t.Helper()
		for _, c := range Examine(t.Context(), cfg) {
			if c.Name != "old history" {
				continue
			}
			for _, w := range words {
				if c.Verdict != want || !strings.Contains(c.Detail, w) {
					t.Errorf("the doctor says %s: %s", c.Verdict, c.Detail)
				}
			}
			return
		}
		t.Error("the doctor says nothing of old history")
	}
	doctor(Warned, "of 2 rows", " 1 are over 32 days old", "2020-01-02")
	if got := r.metric("kith_history_pass_age_milliseconds"); got != "" {
		t.Errorf("the age of a pass is %s where nothing is moved", got)
	}
	if n := moveAll(t, r.App); n != 1 {
		t.Fatalf("%d rows were moved", n)
	}
	doctor(Passed, "has every row that was moved", "of 1 rows", " 0 are over 32 days old")
	if _, err := r.profile(t, "user_id", "new"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"kith_history_moved_rows_total": "1", `kith_history_calls_total{call="insert",outcome="ok"}`: "1", `kith_history_call_seconds_count{call="insert"}`: "1",
		`kith_history_calls_total{call="read",outcome="egress.failed"}`: "",
	} {
		if got := r.metric(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if r.metric("kith_history_pass_age_milliseconds") == "" {
		t.Error("the age of the last pass is left out")
	}
	away.Store(true)
	var page map[string]any
	if err := r.client.Get(t.Context(), "/v1/profiles/user_id:old/events", &page); err == nil {
		t.Error("old events are answered while they are away")
	}
	if got := r.metric(`kith_history_calls_total{call="read",outcome="egress.failed"}`); got != "1" {
		t.Errorf("%q reads have failed", got)
	}
	if got := r.ready(t); got != http.StatusOK {
		t.Errorf("what answers about people is not ready: %d", got)
	}
	doctor(Failed, "database test_")
	r.end(t)
	collectorStarts(t, cfg)
}

// collectorStarts: what only takes events starts while ClickHouse is away, and what
// answers about people does not.
func collectorStarts(t *testing.T, cfg Config) {
	t.Helper()
	if _, err := Open(t.Context(), cfg); !errs.Is(err, errs.Unavailable) {
		t.Errorf("what answers about people starts: %v", err)
	}
	cfg.Roles, cfg.Data = []string{RoleCollect}, t.TempDir()
	r := serve(t, cfg)
	if got := r.ready(t); got != http.StatusOK {
		t.Errorf("the collector is not ready: %d", got)
	}
	r.send(t, "/v1/track", `{"userId":"new","event":"Bought","messageId":"t3"}`)
	_, err := r.live.Load().reader.Events(t.Context(), profile.Ref{Type: "user_id", Value: "old"}, profile.Page{Limit: 10})
	if !errs.Is(err, errs.Unavailable) {
		t.Errorf("old events are left out while they are away: %v", err)
	}
	r.end(t)
}

// TestWaitingIsTold: what waits is told of once it has for long, then every so often,
// and again when it goes on. That another process was first is nothing to tell.
func TestWaitingIsTold(t *testing.T) {
	var log bytes.Buffer
	clock := sys.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	w := &waiting{clock: clock, logger: slog.New(slog.NewTextHandler(&log, nil)), words: waits{10 * time.Second, time.Minute, "it waits", "it goes on"}}
	away := errs.Wrap(errors.New("no route"), errs.Unavailable, "x.away", "away")
	for range 3 * 60 {
		w.again(0, away)
		w.again(0, errs.New(errs.Conflict, "x.first", "another was first"))
		clock.Advance(time.Second)
	}
	if told := log.String(); strings.Count(told, "it waits") != 3 || strings.Contains(told, "x.first") || !strings.Contains(told, "for=10s partitions=[0] code=x.away") || !strings.Contains(told, "no route") {
		t.Errorf("the log says\n%s", told)
	}
	w.over(0)
	w.over(0)
	if told := log.String(); strings.Count(told, "it goes on") != 1 || !strings.Contains(told, "after=3m0s") {
		t.Errorf("the log says\n%s", told)
	}
	log.Reset()
	w.again(0, away)
	w.over(0)
	if log.Len() > 0 {
		t.Errorf("what has waited for a moment is told of:\n%s", &log)
	}
}

// TestOnePartitionThatWaitsIsTold: that others go on does not hide it, and one that
// another process has taken is left out.
func TestOnePartitionThatWaitsIsTold(t *testing.T) {
	var log bytes.Buffer
	clock := sys.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	w := &waiting{clock: clock, logger: slog.New(slog.NewTextHandler(&log, nil)), words: waits{10 * time.Second, time.Minute, "it waits", "it goes on"}}
	away := errs.New(errs.Unavailable, "x.away", "away")
	w.again(7, away) // and then another process has it
	for range 2 * 60 {
		w.again(3, away)
		w.over(1)
		clock.Advance(time.Second)
	}
	if told := log.String(); strings.Count(told, "it waits") != 2 || !strings.Contains(told, "for=10s partitions=\"[3 7]\"") || !strings.Contains(told, "for=1m10s partitions=[3]") || strings.Contains(told, "goes on") {
		t.Errorf("the log says\n%s", told)
	}
	w.over(3)
	if told := log.String(); strings.Count(told, "it goes on") != 1 {
		t.Errorf("the log says\n%s", told)
	}
}

// TestMovingThatWaitsIsTold: failed steps are counted, and told of when it is for long.
func TestMovingThatWaitsIsTold(t *testing.T) {
	clock := sys.NewManual(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))
	cfg := settings(t)
	cfg.Clock = clock
	a, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var log bytes.Buffer
	a.logger = slog.New(slog.NewTextHandler(&log, nil))
	m := a.mover(&waiting{clock: clock, logger: a.logger, words: movingWaits()})
	for range 5 {
		m.Failed(errs.New(errs.Unavailable, "history.unreachable", "away"))
		clock.Advance(30 * time.Second)
	}
	m.Stepped(7)
	r := &running{App: a}
	if n, f := r.metric("kith_history_moved_rows_total"), r.metric(`kith_history_failures_total{code="history.unreachable"}`); n != "7" || f != "5" {
		t.Errorf("%s rows and %s failures", n, f)
	}
	if told := log.String(); !strings.Contains(told, "kith doctor") || !strings.Contains(told, "moves again") {
		t.Errorf("the log says\n%s", told)
	}
	a.moving.set(clock.Now())
	clock.Advance(time.Hour)
	if age, ok := a.moving.age(clock.Now()); !ok || age != time.Hour {
		t.Errorf("the age of the pass is %v, %t", age, ok)
	}
	if got := r.metric("kith_history_pass_age_milliseconds"); got != "3.6e+06" {
		t.Errorf("the metric says %s", got)
	}
	if _, err := a.live.Load().runner.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	snap, err := a.store.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if _, _, ok, err := m.Bind(t.Context(), snap); !ok || err != nil {
		t.Errorf("history may move: %t, %v", ok, err)
	}
	m.Passed(0)
	if age, _ := a.moving.age(clock.Now()); age != 0 {
		t.Errorf("after a whole pass its age is %v", age)
	}
}
