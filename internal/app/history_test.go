package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kith/internal/analytics/clickhouse/clickhousetest"
	"kith/internal/errs"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/state/postgres/pgtest"
)

// behindAGate is settings of a server whose old history goes to ClickHouse, and what
// takes that away.
func behindAGate(t *testing.T) (cfg Config, away *atomic.Bool) {
	cfg, away = settings(t), &atomic.Bool{}
	cfg.LogURL, cfg.StateURL, cfg.IDKey = kafkatest.Start(t), pgtest.StartDatabase(t), "a-key-of-tests-that-is-long-enough"
	cfg.EgressAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	real, err := url.Parse(clickhousetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: real.Host})
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(gate.Close)
	real.Host = strings.TrimPrefix(gate.URL, "http://")
	real.RawQuery = "after=30d"
	cfg.History = real.String()
	return cfg, away
}

// moveAll moves what is old enough, as the server does by and by.
func moveAll(t *testing.T, a *App) (moved int) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	m := a.mover(&waiting{clock: a.cfg.Clock, logger: a.logger, words: movingWaits()})
	passed := m.Passed
	m.Passed = func(rows int) {
		passed(rows)
		moved += rows
		stop()
	}
	m.Failed = func(err error) { t.Error(err) }
	m.Run(ctx, a.store)
	return moved
}

// TestOldHistoryMoves: what is old lies in ClickHouse, and nobody sees it. While that
// is away, what is new is folded and read; what needs the old answers that it is away.
func TestOldHistoryMoves(t *testing.T) {
	cfg, away := behindAGate(t)
	cfg.Roles = []string{RoleCollect, RoleAPI} // what folds and moves is called here
	r := serve(t, cfg)
	r.send(t, "/v1/batch", `{"batch":[
		{"type":"identify","userId":"old","messageId":"i1","timestamp":"2020-01-01T00:00:00Z","traits":{"plan":"pro"}},
		{"type":"track","userId":"old","event":"Bought","messageId":"t1","timestamp":"2020-01-02T00:00:00Z"},
		{"type":"track","userId":"new","event":"Bought","messageId":"t2"}]}`)
	runner := r.live.Load().runner
	if _, err := runner.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	drain := func() {
		t.Helper()
		if err := runner.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	drain()
	at := "2026-01-01T00:00:00.000Z"
	before := r.told(t, at)
	if n := moveAll(t, r.App); n != 2 {
		t.Fatalf("%d rows were moved, want the two old ones", n)
	}
	if n := moveAll(t, r.App); n != 0 {
		t.Errorf("%d rows were moved again", n)
	}
	if after := r.told(t, at); !reflect.DeepEqual(before, after) {
		t.Errorf("the server says\n%v\nand where rows are moved\n%v", before, after)
	}
	away.Store(true)
	if _, err := r.profile(t, "user_id", "new"); err != nil {
		t.Errorf("who is new: %v", err)
	}
	r.send(t, "/v1/track", `{"userId":"new","event":"Bought","messageId":"t3"}`)
	r.send(t, "/v1/track", `{"userId":"old","event":"Bought","messageId":"t4"}`)
	drain()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL()+"/v1/profiles/user_id:old/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.AdminToken())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("who is old: %s, to be tried again after %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	away.Store(false)
	if events := r.told(t, at)["events"]; !strings.Contains(events, "t1") || !strings.Contains(events, "t4") {
		t.Errorf("the events are %s", events)
	}
	r.end(t)
	without := cfg
	without.History = ""
	if _, err := Open(t.Context(), without); errs.CodeOf(err) != "history.setting" {
		t.Errorf("without the setting: %v", err)
	}
	elsewhere := cfg
	elsewhere.History = strings.Replace(cfg.History, "/test_", "/test_other_", 1)
	if _, err := Open(t.Context(), elsewhere); errs.CodeOf(err) != "history.lost" {
		t.Errorf("with another database: %v", err)
	}
	forget(t, cfg.StateURL)
	again := serve(t, elsewhere)
	runner = again.live.Load().runner
	if _, err := runner.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	drain()
	whole := again.told(t, at)
	if n := moveAll(t, again.App); n != 2 {
		t.Errorf("%d rows were moved of the state that was made anew, want 2", n)
	}
	if moved := again.told(t, at); !reflect.DeepEqual(whole, moved) || !strings.Contains(whole["events"], "t1") {
		t.Errorf("made anew, the server says\n%v\nand where rows are moved\n%v", whole, moved)
	}
}

// forget does what the guide says of history that is gone for good.
func forget(t *testing.T, stateURL string) {
	t.Helper()
	guide, err := os.ReadFile("../../docs/guide/nodes.md")
	if err != nil {
		t.Fatal(err)
	}
	statement := regexp.MustCompile("delete from kith_default[^`]*").FindString(string(guide))
	conn, err := pgx.Connect(t.Context(), stateURL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Errorf("%q: %v", statement, err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// told is what the server says of everything, and of who is old.
func (r *running) told(t *testing.T, at string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, path := range map[string]string{
		"status": "/v1/status?hash=1&at=" + url.QueryEscape(at), "events": "/v1/profiles/user_id:old/events", "profile": "/v1/profiles/user_id:old",
	} {
		var answer json.RawMessage
		if err := r.client.Get(t.Context(), path, &answer); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out[name] = regexp.MustCompile(`"analytics_lag_ms":[0-9]+,`).ReplaceAllString(string(answer), "") // time passes
	}
	return out
}

// TestHistoryAddress: what cannot be used is refused at the start, with the reason.
func TestHistoryAddress(t *testing.T) {
	for address, code := range map[string]string{
		"clickhouse://u:secret@h/db?after=soon": "config.invalid", "clickhouse://h/db?after=0d": "config.invalid", "clickhouse://h/db?after=99999999d": "config.invalid",
		"clickhouse://h/db?cluster=all": "config.invalid", "postgres://h/db": "config.invalid", "clickhouse://h/db?x=1": "config.invalid",
	} {
		cfg := settings(t)
		cfg.History, cfg.StateURL = address, "postgres://127.0.0.1:1/x"
		_, err := Open(t.Context(), cfg)
		if errs.CodeOf(err) != code || !strings.Contains(err.Error(), "--history") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s gives %v", address, err)
		}
	}
	cfg := settings(t)
	cfg.History = "clickhouse://h/db"
	if _, err := Open(t.Context(), cfg); errs.CodeOf(err) != "config.invalid" {
		t.Errorf("beside the embedded state: %v", err)
	}
	cfg.StateURL, cfg.History = pgtest.StartDatabase(t), "clickhouse://127.0.0.1:1/db"
	cfg.EgressAllow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if _, err := Open(t.Context(), cfg); !errs.Is(err, errs.Unavailable) {
		t.Errorf("where nobody listens: %v", err)
	}
}
