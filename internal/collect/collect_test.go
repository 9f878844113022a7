package collect

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kith/event"
	"kith/internal/errs"
)

func TestEveryPathOfACall(t *testing.T) {
	for path, call := range map[string]event.Type{
		"/v1/identify": event.Identify, "/v1/track": event.Track, "/v1/page": event.Page,
		"/v1/screen": event.Screen, "/v1/group": event.Group, "/v1/alias": event.Alias,
		"/v1/i": event.Identify, "/v1/t": event.Track, "/v1/p": event.Page,
		"/v1/s": event.Screen, "/v1/g": event.Group, "/v1/a": event.Alias,
	} {
		for _, p := range []string{path, path + "/", "/" + path, "/x/.." + path} {
			f := newFixture(t)
			a := f.send(request{path: p, body: `{"type":"lie","event":"E","userId":"u","groupId":"g","previousId":"u"}`})
			if a.status != http.StatusOK || a.body != `{"success":true}` || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %d %s", p, a.status, a.body)
				continue
			}
			if r := f.log.one(t); r.Stamp.Type != call || r.Stamp.Source != "web" {
				t.Errorf("%s: stored a %s of %q", p, r.Stamp.Type, r.Stamp.Source)
			}
		}
	}
}

func TestEveryPathOfABatch(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/batch": `{"success":true}`, "/v1/import": `{"success":true}`, "/v1/b": `{"success":true}`,
		"/beacon/v1/batch": `{"success":true}`, "/batch": `{"ok":true}`, "/b": `{"ok":true}`, "/v1/batch/b": `{"ok":true}`,
		"/api/s/batch": `{"ok":true}`, "/api/s/s2s/batch": `{"ok":true}`,
	} {
		for _, p := range []string{path, path + "/", "/" + path} {
			f := newFixture(t)
			a := f.send(request{path: p, body: `{"batch":[{"type":"track","event":"E","userId":"u"},{"type":"page","anonymousId":"a"}]}`})
			if a.status != http.StatusOK || a.body != want {
				t.Errorf("%s: %d %s", p, a.status, a.body)
			}
			if n := len(f.log.records(t)); n != 2 || f.log.calls != 1 {
				t.Errorf("%s: %d records in %d appends", p, n, f.log.calls)
			}
		}
	}
}

func TestContentTypeDoesNotMatter(t *testing.T) {
	for _, kind := range []string{"", "application/json", "text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "\x7f;;"} {
		f := newFixture(t)
		if a := f.send(request{body: trackBody, header: map[string]string{"Content-Type": kind}}); a.status != http.StatusOK {
			t.Errorf("%q: %d %s", kind, a.status, a.body)
		}
	}
}

func TestBodyIsStoredAsReceived(t *testing.T) {
	f := newFixture(t)
	message := `{ "event":"\u0045", "userId":4711, "properties":{"n":12345678901234567890, "e":1e-7}, "writeKey":"` + testKey + `" }`
	f.send(request{body: "\n " + message + "\t\n"})
	r := f.log.one(t)
	if string(r.Body) != message {
		t.Errorf("stored %s", r.Body)
	}
	if len(r.Envelope) != 0 {
		t.Errorf("an event alone has the envelope %s", r.Envelope)
	}
	shown := rendered(t, r)
	if _, ok := shown["writeKey"]; ok || shown["event"] != "E" {
		t.Errorf("shown as %v", shown)
	}
}

func TestRejectedAlone(t *testing.T) {
	good := `{"type":"track","event":"E","userId":"u","messageId":"good"}`
	for _, c := range []struct{ name, bad, code, id string }{
		{"no object", `7`, "event.not_object", ""},
		{"null", `null`, "event.not_object", ""},
		{"unknown type", `{"type":"x","userId":"u","messageId":"m"}`, "event.type_unknown", "m"},
		{"no id", `{"type":"page","messageId":"m"}`, "event.id_required", "m"},
		{"duplicate key", `{"type":"page","userId":"u","messageId":"m","userId":"v"}`, "json.duplicate_key", "m"},
		{"duplicate key deep inside", `{"type":"page","userId":"u","properties":{"a":[{"x":1,"\u0078":2}]}}`, "json.duplicate_key", ""},
		{"too deep", `{"type":"page","userId":"u","properties":` + times(64, `{"a":`) + `1` + times(64, `}`) + `}`, "json.depth", ""},
		{"too many keys", `{"type":"page","userId":"u","properties":{` + manyKeys(1001) + `}}`, "json.keys", ""},
		{"too large", `{"type":"page","userId":"u","messageId":"m","properties":{"x":"` + times(33<<10, "x") + `"}}`, "event.too_large", "m"},
		{"long name", `{"type":"track","userId":"u","event":"` + times(256, "x") + `"}`, "event.name_too_long", ""},
		{"long trait", `{"type":"identify","userId":"u","traits":{"a":{"b":["` + times(8193, "x") + `"]}}}`, "event.trait_too_long", ""},
		{"long trait name", `{"type":"group","userId":"u","groupId":"g","traits":{"` + times(256, "x") + `":1}}`, "event.trait_name_too_long", ""},
		{"long id", `{"type":"page","messageId":"` + times(101, "x") + `"}`, "event.id_required", ""},
	} {
		f := newFixture(t)
		a := f.send(request{path: "/v1/batch", body: `{"batch":[` + good + `,` + c.bad + `]}`})
		answer := a.json(t)
		rejected, _ := answer["rejected"].([]any)
		if a.status != http.StatusOK || answer["success"] != true || len(rejected) != 1 {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
			continue
		}
		item := rejected[0].(map[string]any)
		if item["index"] != 1.0 || item["code"] != c.code || item["message_id"] != c.id || item["detail"] == "" {
			t.Errorf("%s: %v, want %s", c.name, item, c.code)
		}
		if r := f.log.one(t); r.Stamp.MessageID != "good" {
			t.Errorf("%s: stored %q", c.name, r.Stamp.MessageID)
		}
		if len(f.rejected) != 1 || f.rejected[0].Code != c.code || f.rejected[0].Source != "web" || string(f.rejected[0].Body) != c.bad || f.rejected[0].Index != 1 {
			t.Errorf("%s: observed %v", c.name, f.rejected)
		}
		if r := f.last(t); r.Accepted != 1 || r.Rejected != 1 || r.Status != http.StatusOK {
			t.Errorf("%s: reported %+v", c.name, r)
		}
		// The same message by itself is refused as a whole.
		if !strings.HasPrefix(c.bad, `{"type":"x"`) {
			alone := f.send(request{path: "/v1/" + callOf(c.bad), body: c.bad})
			if m := alone.json(t); alone.status != http.StatusBadRequest || m["code"] != c.code || m["success"] != false || m["message"] == "" {
				t.Errorf("%s, alone: %d %s", c.name, alone.status, alone.body)
			}
		}
	}
}

// callOf returns the type that a message names, or track.
func callOf(message string) string {
	for _, call := range callNames() {
		if strings.Contains(message, `"type":"`+call+`"`) {
			return call
		}
	}
	return "track"
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"k%d":%d`, i, i)
	}
	return b.String()
}

func TestJustWithinTheLimits(t *testing.T) {
	pad := func(n int, head, tail string) string { return head + times(n-len(head)-len(tail), "x") + tail }
	for name, message := range map[string]string{
		"depth":      `{"type":"page","userId":"u","properties":` + times(63, `{"a":`) + `1` + times(63, `}`) + `}`,
		"keys":       `{"type":"page","userId":"u","properties":{` + manyKeys(1000) + `}}`,
		"size":       pad(32<<10, `{"type":"page","userId":"u","properties":{"x":"`, `"}}`),
		"name":       `{"type":"track","userId":"u","event":"` + times(255, "x") + `"}`,
		"trait":      `{"type":"identify","userId":"u","traits":{"a":"` + times(8192, "x") + `"}}`,
		"trait name": `{"type":"identify","userId":"u","traits":{"` + times(255, "x") + `":1}}`,
		"property":   `{"type":"track","userId":"u","event":"E","properties":{"` + times(300, "x") + `":"` + times(9000, "x") + `"}}`,
	} {
		f := newFixture(t)
		for _, q := range []request{
			{path: "/v1/batch", body: `{"batch":[` + message + `]}`},
			{path: "/v1/" + callOf(message), body: message},
		} {
			if a := f.send(q); a.body != `{"success":true}` {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if n := len(f.log.records(t)); n != 2 {
			t.Errorf("%s: %d records", name, n)
		}
	}
}

func TestWholeBodyRefused(t *testing.T) {
	message := `{"type":"page","userId":"u"}`
	for _, c := range []struct{ name, body, code string }{
		{"empty", ``, "body.empty"},
		{"white space", " \n", "json.syntax"},
		{"cut", `{"batch":[` + message, "json.syntax"},
		{"trailing", `{"batch":[]} {}`, "json.trailing"},
		{"byte order mark", "\ufeff" + `{"batch":[]}`, "json.syntax"},
		{"UTF-8", `{"batch":[{"type":"page","userId":"` + "\xff" + `"}]}`, "json.utf8"},
		{"no batch", message, "batch.required"},
		{"array", `[` + message + `]`, "batch.required"},
		{"batch of another kind", `{"batch":{"0":` + message + `}}`, "batch.required"},
		{"repeated key around the batch", `{"batch":[` + message + `],"batch":[]}`, "json.duplicate_key"},
		{"repeated key in the batch's context", `{"context":{"a":1,"a":2},"batch":[` + message + `]}`, "json.duplicate_key"},
		{"too many", `{"batch":[` + times(2500, message+",") + message + `]}`, "batch.too_many"},
		{"large context", `{"context":{"x":"` + times(33<<10, "x") + `"},"batch":[` + message + `]}`, "batch.context_too_large"},
		{"context multiplied", `{"context":{"x":"` + times(30<<10, "x") + `"},"batch":[` + times(700, message+",") + message + `]}`, "batch.context_too_large"},
		{"depth bomb", times(600<<10, "["), "json.syntax"},
	} {
		f := newFixture(t)
		a := f.send(request{path: "/v1/batch", body: c.body})
		if m := a.json(t); a.status != http.StatusBadRequest || m["code"] != c.code || m["success"] != false || m["message"] == "" {
			t.Errorf("%s: %d %s, want %s", c.name, a.status, a.body, c.code)
		}
		if f.log.calls != 0 || f.last(t).Code != c.code {
			t.Errorf("%s: %d appends, reported %+v", c.name, f.log.calls, f.last(t))
		}
	}
}

func TestEmptyBatch(t *testing.T) {
	f := newFixture(t)
	if a := f.send(request{path: "/v1/batch", body: `{"batch":[]}`}); a.status != http.StatusOK || f.log.calls != 0 {
		t.Errorf("%d %s, %d appends", a.status, a.body, f.log.calls)
	}
}

func TestFullBatch(t *testing.T) {
	f := newFixture(t)
	a := f.send(request{path: "/v1/batch", body: `{"context":{"x":"` + times(4000, "x") + `"},"batch":[` + times(2499, `{"type":"page","userId":"u"},`) + `{"type":"page","userId":"u"}]}`})
	if a.body != `{"success":true}` {
		t.Fatalf("%d %.200s", a.status, a.body)
	}
	ids := map[string]bool{}
	for _, r := range f.log.records(t) {
		ids[r.Stamp.MessageID] = true
		if string(r.Body) != `{"type":"page","userId":"u"}` || len(r.Envelope) < 4000 {
			t.Fatalf("record %+v", r)
		}
	}
	if len(ids) != 2500 || f.log.calls != 1 {
		t.Errorf("%d different ids in %d appends", len(ids), f.log.calls)
	}
}

func TestEnvelope(t *testing.T) {
	for _, c := range []struct{ around, want string }{
		{``, ``},
		{`"writeKey":"kx_write_key","messageId":"b"`, ``},
		{`"sentAt":"2026-11-22T12:00:00Z"`, `{"sentAt":"2026-11-22T12:00:00Z"}`},
		{`"sentAt":12,"context":[],"integrations":null`, ``},
		{`"context":{},"integrations":{}`, ``},
		{`"integrations":{"X":false},"context":{"a" : 1},"sentAt":"x"`, `{"sentAt":"x","context":{"a" : 1},"integrations":{"X":false}}`},
	} {
		f := newFixture(t)
		comma := ","
		if c.around == "" {
			comma = ""
		}
		a := f.send(request{path: "/v1/batch", body: `{"batch":[{"type":"page","userId":"u"}]` + comma + c.around + `}`})
		if r := f.log.one(t); a.status != http.StatusOK || string(r.Envelope) != c.want {
			t.Errorf("%s: envelope %s, want %s", c.around, r.Envelope, c.want)
		}
	}
}

func TestMessageIDs(t *testing.T) {
	long := times(101, "é")
	for _, c := range []struct{ id, want, flags string }{
		{`"m-1"`, "m-1", ""},
		{`"` + times(100, "é") + `"`, times(100, "é"), ""},
		{`"` + long + `"`, "96cbf977549895b3277e0ab79c97a946e15d971c737e0e6b175090601c0d94b1", "hashed"},
		{`"a\u0000"`, "", "replaced hashed"},
		{`"a\ud800"`, "", "replaced hashed"},
		{`""`, "", "made"},
		{`null`, "", "made"},
		{`12`, "", "made"},
		{`{"a":"b"}`, "", "made"},
	} {
		f := newFixture(t)
		body := `{"event":"E","userId":"u","messageId":` + c.id + `}`
		f.send(request{body: body})
		f.send(request{body: body})
		all := f.log.records(t)
		if len(all) != 2 {
			t.Fatalf("%s: %d records", c.id, len(all))
		}
		first, second := all[0].Stamp, all[1].Stamp
		flags := flagNames(first.Flags &^ event.ServerSide)
		made := c.flags == "made"
		if flags != c.flags || (first.MessageID == second.MessageID) == made || first.MessageID == "" {
			t.Errorf("%s: %q and %q with flags %q", c.id, first.MessageID, second.MessageID, flags)
		}
		switch {
		case c.want != "" && first.MessageID != c.want:
			t.Errorf("%s became %q", c.id, first.MessageID)
		case strings.Contains(c.flags, "hashed") && len(first.MessageID) != 64:
			t.Errorf("%s became %q", c.id, first.MessageID)
		case made && (len(first.MessageID) != 36 || first.MessageID[14] != '4' || !strings.Contains("89ab", first.MessageID[19:20])):
			t.Errorf("%s became %q, which is no UUID of version 4", c.id, first.MessageID)
		}
	}
}

func TestReplacedIDsStayDifferent(t *testing.T) {
	f := newFixture(t)
	f.send(request{body: `{"event":"E","userId":"u","messageId":"a\u0000"}`})
	f.send(request{body: `{"event":"E","userId":"u","messageId":"a\ud800"}`})
	if all := f.log.records(t); all[0].Stamp.MessageID == all[1].Stamp.MessageID {
		t.Error("two ids that are read alike became one")
	}
}

func TestReplacedFlag(t *testing.T) {
	f := newFixture(t)
	a := f.send(request{path: "/v1/batch", body: `{"batch":[{"type":"page","userId":"u","properties":{"x":"a\u0000"}},{"type":"page","userId":"u"}]}`})
	all := f.log.records(t)
	if a.body != `{"success":true}` || all[0].Stamp.Flags&event.Replaced == 0 || all[1].Stamp.Flags&event.Replaced != 0 {
		t.Errorf("%s, flags %b and %b", a.body, all[0].Stamp.Flags, all[1].Stamp.Flags)
	}
	f.send(request{path: "/v1/batch", body: `{"context":{"x":"\udfff"},"batch":[{"type":"page","userId":"u"}]}`})
	if all := f.log.records(t); all[2].Stamp.Flags&event.Replaced == 0 {
		t.Error("what is replaced in the batch's context is not flagged")
	}
}

func TestTimes(t *testing.T) {
	const received = "2026-11-22T12:00:00.000Z"
	for _, c := range []struct{ name, message, around, want, flags string }{
		{"none", ``, ``, received, ""},
		{"right clock", `,"timestamp":"2026-11-22T11:59:00Z","sentAt":"2026-11-22T11:59:59Z"`, ``, "2026-11-22T11:59:00.000Z", ""},
		{"clock an hour fast", `,"timestamp":"2026-11-22T12:59:00Z","sentAt":"2026-11-22T13:00:00Z"`, ``, "2026-11-22T11:59:00.000Z", "corrected"},
		{"sentAt of the batch", `,"timestamp":"2026-11-22T12:59:00Z"`, `,"sentAt":"2026-11-22T13:00:00Z"`, "2026-11-22T11:59:00.000Z", "corrected"},
		{"history", `,"timestamp":"2019-01-01T00:00:00.123456789Z","sentAt":"2026-11-22T12:00:00Z"`, ``, "2019-01-01T00:00:00.123Z", ""},
		{"explicit", `,"timestamp":"2026-11-20T00:00:00Z","originalTimestamp":"2026-11-22T09:00:00Z","sentAt":"2026-11-22T09:00:01Z"`, ``, "2026-11-20T00:00:00.000Z", ""},
		{"far ahead", `,"timestamp":"2026-11-24T00:00:00Z"`, ``, received, "clamped"},
		{"unreadable", `,"timestamp":"soon"`, ``, received, ""},
	} {
		f := newFixture(t)
		f.send(request{path: "/v1/batch", body: `{"batch":[{"type":"page","userId":"u"` + c.message + `}]` + c.around + `}`})
		s := f.log.one(t).Stamp
		if got, flags := event.FormatTime(s.Timestamp), flagNames(s.Flags&^(event.ServerSide|event.MadeMessageID)); got != c.want || flags != c.flags {
			t.Errorf("%s: %s %q, want %s %q", c.name, got, flags, c.want, c.flags)
		}
		if event.FormatTime(s.ReceivedAt) != received {
			t.Errorf("%s: received at %s", c.name, event.FormatTime(s.ReceivedAt))
		}
	}
}

func TestReceiptNeverGoesBack(t *testing.T) {
	f := newFixture(t)
	f.send(request{body: trackBody})
	f.clock.Advance(time.Hour)
	f.send(request{body: trackBody})
	f.clock.Advance(-30 * time.Minute)
	f.send(request{body: trackBody})
	all := f.log.records(t)
	if a, b, c := all[0].Stamp.ReceivedAt, all[1].Stamp.ReceivedAt, all[2].Stamp.ReceivedAt; b-a != 3_600_000 || c != b {
		t.Errorf("received at %d, %d, %d", a, b, c)
	}
}

func TestRouteDecidesThePartition(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Route = func(e *event.Event) int32 { return int32(len(e.UserID)) }
	})
	f.send(request{path: "/v1/batch", body: `{"batch":[{"type":"page","userId":"abc"},{"type":"page","userId":"a"}]}`})
	if got := []int32{f.log.entries[0].Partition, f.log.entries[1].Partition}; !reflect.DeepEqual(got, []int32{3, 1}) {
		t.Errorf("partitions %v", got)
	}
}

func TestLogTrouble(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
		retry  bool
	}{
		{errs.New(errs.Unavailable, "eventlog.disk_full", "the disk is at /secret/path"), 503, "eventlog.disk_full", true},
		{errs.New(errs.Exhausted, "eventlog.quota", "secret"), 429, "eventlog.quota", true},
		{errs.New(errs.Corrupt, "eventlog.broken", "secret"), 500, "internal", false},
		{errors.New("secret"), 500, "internal", false},
	} {
		f := newFixture(t)
		f.log.err = c.err
		a := f.send(request{body: trackBody})
		m := a.json(t)
		if a.status != c.status || m["code"] != c.code || m["success"] != false || m["request_id"] == "" || (a.header.Get("Retry-After") != "") != c.retry {
			t.Errorf("%v: %d %s", c.err, a.status, a.body)
		}
		if strings.Contains(a.body, "secret") {
			t.Errorf("%v: the answer tells what is inside: %s", c.err, a.body)
		}
		if len(f.failures) != 1 || !errors.Is(f.failures[0], c.err) || f.last(t).Accepted != 0 {
			t.Errorf("%v: observed %v, reported %+v", c.err, f.failures, f.last(t))
		}
		f.log.err = nil
		if a := f.send(request{body: trackBody}); a.status != http.StatusOK {
			t.Errorf("%v, then well again: %d %s", c.err, a.status, a.body)
		}
	}
}

func TestAnswerWaitsForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.log.wait = make(chan struct{})
		answers := make(chan answer, 1)
		go func() { answers <- f.send(request{body: trackBody}) }()
		synctest.Wait()
		if len(answers) != 0 {
			t.Error("answered before the append returned")
		}
		if bytes, requests := f.InFlight(); bytes != minBuffer || requests != 1 {
			t.Errorf("%d bytes and %d requests in flight: the record's buffer has to be held, the body's not", bytes, requests)
		}
		close(f.log.wait)
		if a := <-answers; a.status != http.StatusOK || len(f.log.records(t)) != 1 {
			t.Errorf("%d %s", a.status, a.body)
		}
		synctest.Wait()
	})
}

func TestPanicsAreAnswered(t *testing.T) {
	broken := true
	f := newFixture(t, func(c *Config) {
		c.Route = func(*event.Event) int32 {
			if broken {
				panic("secret")
			}
			return 0
		}
	})
	a := f.send(request{body: trackBody, header: map[string]string{"Origin": "https://shop.example.com"}})
	m := a.json(t)
	if a.status != http.StatusInternalServerError || m["code"] != "internal" || len(m["request_id"].(string)) != 32 || strings.Contains(a.body, "secret") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a.header.Get("Access-Control-Allow-Origin") != "https://shop.example.com" {
		t.Error("a browser could not see the answer")
	}
	if len(f.panics) != 1 || f.panics[0] != "secret" || f.last(t).Status != 500 {
		t.Errorf("observed %v, reported %+v", f.panics, f.last(t))
	}
	broken = false
	for range 2 * f.limits.Workers {
		if a := f.send(request{body: trackBody}); a.status != http.StatusOK {
			t.Fatalf("afterwards: %d %s", a.status, a.body)
		}
	}
}

func TestHangingUpIsNoDefect(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Route = func(*event.Event) int32 { panic(http.ErrAbortHandler) }
	})
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) || len(f.panics) != 0 {
			t.Errorf("recovered %v, observed %v", err, f.panics)
		}
	}()
	f.send(request{body: trackBody})
}

func TestRetriesAreReported(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        bool
	}{{"X-Retry-Count", "0", false}, {"X-Retry-Count", "2", true}, {"Rsa-Retry-Attempt", "1", true}, {"X-Other", "1", false}} {
		f := newFixture(t)
		f.send(request{body: trackBody, header: map[string]string{c.name: c.value}})
		r := f.last(t)
		if r.Retry != c.want {
			t.Errorf("%s: %s is %t", c.name, c.value, r.Retry)
		}
		if r.Endpoint != "track" || r.Source != "web" || r.Body != len(trackBody) || r.Stored <= len(trackBody) || r.Accepted != 1 {
			t.Errorf("reported %+v", r)
		}
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.HasPrefix(fmt.Sprint(p), "BUG: ") {
			t.Errorf("recovered %v", p)
		}
	}()
	New(Config{})
}

func TestLimitsHaveDefaults(t *testing.T) {
	l := Limits{BodyBytes: 100 << 20, Event: 7}.WithDefaults()
	if l.BodyBytes != MaxBody || l.Event != 7 || l.Batch != 2500 || l.Depth != 64 || l.Keys != 1000 || l.InFlightBytes == 0 || l.BodyTimeout == 0 {
		t.Errorf("%+v", l)
	}
	v := reflect.ValueOf(l)
	for i := range v.NumField() {
		_, rate := v.Field(i).Interface().(Rate) // by default there is none
		if v.Field(i).IsZero() != rate {
			t.Errorf("%s has no default", v.Type().Field(i).Name)
		}
	}
}
