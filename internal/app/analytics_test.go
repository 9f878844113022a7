package app

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"kith/internal/analytics/clickhouse/clickhousetest"
	"kith/internal/errs"
)

// onClickHouse lets a server answer queries with ClickHouse.
func onClickHouse(t *testing.T, cfg Config) Config {
	t.Helper()
	cfg.Analytics, cfg.EgressAllow = clickhousetest.Start(t), []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return cfg
}

// TestQueriesOnClickHouse: the copy says what the lake says, through an event that
// is taken back, people who are joined, a restart, and a copy that is lost.
func TestQueriesOnClickHouse(t *testing.T) {
	for name, start := range map[string]func(testing.TB) string{
		"http": clickhousetest.Start, "native": clickhousetest.StartNative, "shards": clickhousetest.StartShards,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := onClickHouse(t, withSQL(t, settings(t)))
			cfg.Analytics = start(t)
			queriesOnClickHouse(t, cfg)
		})
	}
}

func queriesOnClickHouse(t *testing.T, cfg Config) {
	r := serve(t, cfg)
	for i := range 20 {
		r.send(t, "/v1/track", fmt.Sprintf(`{"userId":"u-%d","event":"Bought","messageId":"m-%d","timestamp":"2024-05-0%dT10:00:00.123Z","context":{"run":"load-%d"},"properties":{"n":%d.5}}`, i%5, i, i%9+1, i%2, i))
	}
	r.send(t, "/v1/identify", `{"userId":"u-1","anonymousId":"b-1","messageId":"i-1","traits":{"plan":"pro","odd":"a\tb\u0000 ü"}}`)
	r.flush(t)
	const question = "SELECT count() AS events, uniqExact(profile_id) AS people, sum(JSONExtractFloat(ifNull(properties, ''), 'n')) AS n FROM events WHERE type = 'track'"
	ask := func(sql, want string) {
		t.Helper()
		if got := fmt.Sprint(r.query(t, sql)); got != want {
			t.Errorf("%s\n is %s, not %s", sql, got, want)
		}
	}
	ask(question, "[map[events:20 n:200 people:5]]")
	ask("SELECT toString(timestamp) AS t, original_timestamp IS NULL AS o FROM events WHERE message_id = 'm-3'", "[map[o:0 t:2024-05-04 10:00:00.123]]")
	ask("SELECT count() AS n FROM profiles", "[map[n:5]]")
	ask("SELECT JSONExtractString(ifNull(traits, ''), 'odd') = 'a\\tb\ufffd ü' AS same FROM profiles WHERE JSONHas(ifNull(traits, ''), 'odd')", "[map[same:1]]")
	r.send(t, "/v1/track", `{"userId":"u-1","anonymousId":"b-1","event":"Bought","messageId":"m-more","properties":{"n":0}}`)
	if err := r.client.Post(t.Context(), "/v1/identity/retract", map[string]string{"source": "default", "run": "load-1"}, nil); err != nil {
		t.Fatal(err)
	}
	r.flush(t)
	ask(question, "[map[events:11 n:95 people:5]]")
	r.end(t)
	r = serve(t, cfg)
	ask(question, "[map[events:11 n:95 people:5]]")
	mirror, err := r.lakePlace.Mirror()
	if err != nil {
		t.Fatal(err)
	}
	if err := mirror.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.send(t, "/v1/track", `{"userId":"u-1","event":"Bought","messageId":"m-last","properties":{"n":5}}`)
	r.flush(t)
	ask(question, "[map[events:12 n:100 people:5]]")
	if _, err := r.client.Query(t.Context(), "SELECT * FROM system.tables", "application/json"); err == nil || !strings.Contains(err.Error(), "no table of that name") {
		t.Errorf("a table of the server gives %v", err)
	}
}

// TestAnalyticsAddress: an address that cannot be used is refused at the start.
func TestAnalyticsAddress(t *testing.T) {
	for _, bad := range []string{"http://x", "clickhouse://", "clickhouse://h/a-b", "clickhouse://h/?x=1"} {
		cfg := settings(t)
		cfg.Analytics = bad
		if _, err := Open(t.Context(), cfg); errs.CodeOf(err) != "config.invalid" {
			t.Errorf("%s gives %v", bad, err)
		}
	}
}
