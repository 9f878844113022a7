package collect

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/event"
	"kith/internal/errs"
)

// tp2 is a payload of trackers with these events.
func tp2(t testing.TB, events ...map[string]string) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data": events})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// base is a browser's event, changed by what is given.
func base(kind string, change ...string) map[string]string {
	m := map[string]string{
		"e": kind, "eid": "3d5d3a1e-6c5b-4a53-9d4a-7f1b3f0a1d11", "aid": testKey, "p": "web", "tv": "js-4.6.8", "tna": "sp",
		"dtm": "1795348790000", "stm": "1795348799000", "duid": "dev-1", "sid": "session-1", "vid": "3", "lang": "sv-SE", "tz": "Europe/Stockholm",
	}
	for i := 0; i < len(change); i += 2 {
		m[change[i]] = change[i+1]
	}
	return m
}

const (
	addToCart  = `{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{"schema":"iglu:com.acme/add_to_cart/jsonschema/1-0-0","data":{"sku":"a","n":12345678901234567890}}}`
	screenView = `{"schema":"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0","data":{"schema":"iglu:com.snowplowanalytics.mobile/screen_view/jsonschema/1-0-0","data":{"name":"Home","id":"x"}}}`
	session    = `{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0","data":[{"schema":"iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2","data":{"userId":"phone-1"}}]}`
)

func TestSnowplowEvents(t *testing.T) {
	for _, c := range []struct {
		name       string
		event      map[string]string
		call       event.Type
		title      string // event or name
		properties string
	}{
		{"page view", base("pv", "url", "https://shop.example.com/a/b?q=1#x", "page", "Shop", "refr", "https://search.example"), event.Page, "",
			`{"url":"https://shop.example.com/a/b?q=1#x","title":"Shop","referrer":"https://search.example","path":"/a/b","search":"?q=1"}`},
		{"page ping", base("pp", "pp_mix", "0", "pp_may", "300"), event.Track, "Page Ping", `{"min_x":0,"max_y":300}`},
		{"structured", base("se", "se_ca", "Video", "se_ac", "Play", "se_la", "intro", "se_pr", "hd", "se_va", "9.5"), event.Track, "Play",
			`{"category":"Video","action":"Play","label":"intro","property":"hd","value":9.5}`},
		{"structured with a value that is no number", base("se", "se_ac", "Play", "se_va", "NaN"), event.Track, "Play", `{"action":"Play","value":"NaN"}`},
		{"self-describing", base("ue", "ue_pr", addToCart), event.Track, "add_to_cart", `{"sku":"a","n":12345678901234567890}`},
		{"self-describing in base64", base("ue", "ue_px", base64.RawURLEncoding.EncodeToString([]byte(addToCart))), event.Track, "add_to_cart", `{"sku":"a","n":12345678901234567890}`},
		{"screen view", base("ue", "ue_pr", screenView), event.Screen, "Home", `{"name":"Home","id":"x"}`},
		{"transaction", base("tr", "tr_id", "o-1", "tr_tt", "12.50", "tr_cu", "SEK"), event.Track, "Order Completed", `{"order_id":"o-1","currency":"SEK","total":12.50}`},
		{"item", base("ti", "ti_id", "o-1", "ti_sk", "s", "ti_pr", "5", "ti_qu", "2"), event.Track, "Transaction Item", `{"order_id":"o-1","sku":"s","price":5,"quantity":2}`},
	} {
		f := newFixture(t)
		a := f.send(request{path: "/com.snowplowanalytics.snowplow/tp2", body: tp2(t, c.event), noKey: true})
		if a.status != http.StatusOK || a.body != "ok" {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
		if len(f.log.entries) != 1 {
			t.Errorf("%s: nothing stored, %+v", c.name, f.rejected)
			continue
		}
		r := f.log.one(t)
		var body struct {
			Type, Event, Name, MessageID, AnonymousID string
			Properties                                json.RawMessage
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		if r.Stamp.Type != c.call || body.Event+body.Name != c.title || string(body.Properties) != c.properties {
			t.Errorf("%s: %s", c.name, r.Body)
		}
		if r.Stamp.MessageID != c.event["eid"] || body.AnonymousID != "dev-1" || r.Stamp.Source != "web" || event.FormatTime(r.Stamp.Timestamp) != "2026-11-22T11:59:50.000Z" {
			t.Errorf("%s: %+v", c.name, r.Stamp)
		}
	}
}

func TestSnowplowContext(t *testing.T) {
	f := newFixture(t)
	f.send(request{path: "/com.snowplowanalytics.snowplow/tp2", noKey: true, body: tp2(t, base("pv",
		"uid", "u", "ua", "UA", "ip", "198.51.100.7", "url", "https://x.example/p", "cx", base64.RawURLEncoding.EncodeToString([]byte(session)), "res", "800x600", "contexts", "mine"))})
	shown := rendered(t, f.log.one(t))
	want := map[string]any{
		"library": map[string]any{"name": "snowplow", "version": "js-4.6.8"},
		"page":    map[string]any{"url": "https://x.example/p", "path": "/p"},
		"locale":  "sv-SE", "timezone": "Europe/Stockholm", "userAgent": "UA", "ip": "198.51.100.7",
		"snowplow": map[string]any{
			"aid": testKey, "p": "web", "tna": "sp", "sid": "session-1", "vid": "3", "res": "800x600",
			"contexts": []any{map[string]any{"schema": "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2", "data": map[string]any{"userId": "phone-1"}}},
		},
	}
	if diff := cmp.Diff(want, shown["context"]); diff != "" || shown["userId"] != "u" || shown["channel"] != "web" {
		t.Errorf("%v %s", shown, diff)
	}
}

func TestSnowplowIdentity(t *testing.T) {
	for _, c := range []struct {
		name   string
		event  map[string]string
		header map[string]string
		want   string // userId|anonymousId; empty is refused
	}{
		{"user and browser", base("pv", "uid", "u"), nil, "u|dev-1"},
		{"network id", base("pv", "duid", "", "nuid", "n"), nil, "|n"},
		{"a mobile session", base("pv", "duid", "", "co", session), nil, "|phone-1"},
		{"anonymous", base("pv", "nuid", "n", "duid", "", "ip", "6.6.6.6"), map[string]string{"SP-Anonymous": "*"}, ""},
		{"anonymous with a user", base("pv", "nuid", "n", "duid", "", "uid", "u"), map[string]string{"SP-Anonymous": "*"}, "u|"},
	} {
		f := newFixture(t)
		f.send(request{path: "/com.snowplowanalytics.snowplow/tp2", body: tp2(t, c.event), noKey: true, header: c.header})
		got := ""
		for _, r := range f.log.records(t) {
			shown := rendered(t, r)
			user, _ := shown["userId"].(string)
			anonymous, _ := shown["anonymousId"].(string)
			got = user + "|" + anonymous
			if c.header != nil && (r.Stamp.IP != "" || shown["context"].(map[string]any)["ip"] != nil) {
				t.Errorf("%s: the address was kept", c.name)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSnowplowTimes(t *testing.T) {
	for _, c := range []struct{ name, created, sent, truth, want, flags string }{
		{"right clock", "1795348790000", "1795348799000", "", "2026-11-22T11:59:50.000Z", ""},
		{"clock an hour fast", "1795352390000", "1795352399000", "", "2026-11-22T11:59:51.000Z", "corrected"},
		{"true moment", "1795352390000", "1795352399000", "1500000000000", "2017-07-14T02:40:00.000Z", ""},
		{"true moment alone", "", "", "1500000000000", "2017-07-14T02:40:00.000Z", ""},
		{"none", "", "", "", "2026-11-22T12:00:00.000Z", ""},
		{"nonsense", "-1", "x", "99999999999999999999", "2026-11-22T12:00:00.000Z", ""},
	} {
		f := newFixture(t)
		f.send(request{path: "/com.snowplowanalytics.snowplow/tp2", noKey: true, body: tp2(t, base("pv", "dtm", c.created, "stm", c.sent, "ttm", c.truth))})
		s := f.log.one(t).Stamp
		if event.FormatTime(s.Timestamp) != c.want || flagNames(s.Flags) != c.flags {
			t.Errorf("%s: %s %s", c.name, event.FormatTime(s.Timestamp), flagNames(s.Flags))
		}
	}
}

func TestSnowplowBadEventsAreNoError(t *testing.T) {
	deep := times(70, `{"a":`) + "1" + times(70, "}")
	for _, c := range []struct {
		name, code string
		event      map[string]string
	}{
		{"an unknown app", "invalid_write_key", base("pv", "aid", "nobody")},
		{"no app", "invalid_write_key", base("pv", "aid", "")},
		{"a disabled app", "invalid_write_key", base("pv", "aid", "off")},
		{"an unknown kind", "event.type_unknown", base("xx")},
		{"nobody", "event.id_required", base("pv", "duid", "")},
		{"no action", "event.name_required", base("se")},
		{"no data", "json.syntax", base("ue")},
		{"no schema", "snowplow.schema", base("ue", "ue_pr", `{"data":{"data":{}}}`)},
		{"broken data", "json.syntax", base("ue", "ue_pr", `{`)},
		{"broken base64", "snowplow.base64", base("ue", "ue_px", `%`)},
		{"a repeated key in the data", "json.duplicate_key", base("ue", "ue_pr", `{"data":{"schema":"iglu:a/b/c/d","data":{"x":1,"x":2}}}`)},
		{"deep data", "json.depth", base("ue", "ue_pr", `{"data":{"schema":"iglu:a/b/c/d","data":`+deep+`}}`)},
		{"broken contexts", "json.syntax", base("pv", "co", "{")},
		{"too large", "event.too_large", base("pv", "x", times(33<<10, "x"))},
	} {
		f := newFixture(t)
		a := f.send(request{path: "/com.snowplowanalytics.snowplow/tp2", body: tp2(t, c.event, base("pv")), noKey: true})
		if a.status != http.StatusOK || a.body != "ok" || len(f.log.records(t)) != 1 {
			t.Errorf("%s: %d %s, %d stored", c.name, a.status, a.body, len(f.log.entries))
		}
		if len(f.rejected) != 1 || f.rejected[0].Code != c.code || f.rejected[0].Index != 0 {
			t.Errorf("%s: rejected %+v, want %s", c.name, f.rejected, c.code)
		}
		if r := f.last(t); r.Accepted != 1 || r.Rejected != 1 {
			t.Errorf("%s: reported %+v", c.name, r)
		}
	}
}

func TestSnowplowKeyInTheHead(t *testing.T) {
	f := newFixture(t)
	f.send(request{path: "/com.snowplowanalytics.snowplow/tp2", body: tp2(t, base("pv", "aid", "my-app"))})
	if r := f.log.one(t); r.Stamp.Source != "web" {
		t.Errorf("stored for %q", r.Stamp.Source)
	}
}

func TestSnowplowByQuery(t *testing.T) {
	q := url.Values{}
	for k, v := range base("ue", "ue_px", base64.URLEncoding.EncodeToString([]byte(addToCart))) {
		q.Set(k, v)
	}
	for _, c := range []struct{ method, path string }{{"GET", "/i"}, {"GET", "/i/"}, {"HEAD", "/i"}, {"GET", "/ice.png"}} {
		f := newFixture(t)
		a := f.send(request{method: c.method, path: c.path + "?" + q.Encode(), noKey: true})
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "image/gif" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d %v", c.method, c.path, a.status, a.header)
		}
		if r := f.log.one(t); rendered(t, r)["event"] != "add_to_cart" {
			t.Errorf("%s %s: %s", c.method, c.path, r.Body)
		}
	}
	f := newFixture(t)
	if a := f.send(request{method: "GET", path: "/i?e=pv&aid=nobody", noKey: true}); a.status != http.StatusOK || f.last(t).Rejected != 1 {
		t.Errorf("an unknown app: %d, %+v", a.status, f.last(t))
	}
}

func TestSnowplowTrouble(t *testing.T) {
	f := newFixture(t)
	f.log.err = errs.New(errs.Unavailable, "eventlog.closed", "x")
	if a := f.send(request{path: "/com.snowplowanalytics.snowplow/tp2", body: tp2(t, base("pv")), noKey: true}); a.status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.log.err = nil
	if a := f.send(request{path: "/com.snowplowanalytics.snowplow/tp2", body: `{"data":[`, noKey: true}); a.status != http.StatusBadRequest {
		t.Errorf("a broken body: %d %s", a.status, a.body)
	}
}
