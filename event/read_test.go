package event

import (
	"strings"
	"testing"

	"kith/internal/errs"
	"kith/internal/strictjson"
)

func parse(t testing.TB, text string) strictjson.Value {
	t.Helper()
	if text == "" {
		return strictjson.Value{}
	}
	var d strictjson.Doc
	if err := d.Parse([]byte(text), strictjson.Limits{}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d.Root()
}

func TestReadTakesTheFields(t *testing.T) {
	e, err := Read(parse(t, `{"type":"track","messageId":"m1","userId":4711,"anonymousId":"a\u0301nn","groupId":"g","previousId":"p",
		"event":"Order Completed","name":"not this","properties":{"n":1},"context":{"run":"load-7","library":{"name":"x"}},
		"integrations":{"All":false},"timestamp":"2026-11-22T00:00:01Z","sentAt":"2026-11-22T00:00:02Z","channel":"server"}`),
		parse(t, `{"context":{"run":"batch","app":1},"integrations":{"All":true,"X":true},"sentAt":"2026-11-22T00:00:09Z"}`), Unknown)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"type", e.Type.String(), "track"},
		{"messageId", e.MessageID, "m1"},
		{"userId", e.UserID, "4711"},
		{"anonymousId", e.AnonymousID, "a\u0301nn"},
		{"groupId", e.GroupID, "g"},
		{"previousId", e.PreviousID, "p"},
		{"name", e.Name, "Order Completed"},
		{"run", e.Run, "load-7"},
		{"channel", e.Channel, "server"},
		{"properties", string(e.Properties.Raw()), `{"n":1}`},
		{"batch context", string(e.ContextValue("app").Raw()), "1"},
		{"own integration", string(e.Integration("All").Raw()), "false"},
		{"batch integration", string(e.Integration("X").Raw()), "true"},
		{"sentAt", FormatTime(e.SentAt), "2026-11-22T00:00:02.000Z"},
		{"originalTimestamp", FormatTime(e.OriginalTimestamp), "2026-11-22T00:00:01.000Z"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	if e.Explicit() != NoTime {
		t.Error("a lone timestamp is not explicit")
	}
}

func TestReadTimes(t *testing.T) {
	const a, b = `"2026-11-22T00:00:01.000Z"`, `"2026-11-22T00:00:02.000Z"`
	for _, c := range []struct {
		name, own, envelope      string
		original, explicit, sent string
	}{
		{"none", ``, ``, "", "", ""},
		{"timestamp", `"timestamp":` + a, ``, a, "", ""},
		{"originalTimestamp alone", `"originalTimestamp":` + a, ``, a, "", ""},
		{"both", `"originalTimestamp":` + a + `,"timestamp":` + b, ``, a, b, ""},
		{"sentAt of the batch", `"timestamp":` + a, `{"sentAt":` + b + `}`, a, "", b},
		{"own sentAt wins", `"sentAt":` + a, `{"sentAt":` + b + `}`, "", "", a},
		{"unreadable times are missing", `"timestamp":"soon","sentAt":12,"originalTimestamp":null`, `{"sentAt":` + b + `}`, "", "", b},
		{"unreadable original", `"timestamp":` + a + `,"originalTimestamp":"x"`, ``, a, "", ""},
		{"escaped", `"timestamp":"2026-11-22T00:00:01\u002e000\u005a"`, ``, a, "", ""},
		{"a number is no time", `"timestamp":1795305598000`, ``, "", "", ""},
	} {
		own := `{"type":"page","userId":"u"`
		if c.own != "" {
			own += "," + c.own
		}
		e, err := Read(parse(t, own+"}"), parse(t, c.envelope), Unknown)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, got := range []struct {
			ms   int64
			want string
		}{{e.OriginalTimestamp, c.original}, {e.Explicit(), c.explicit}, {e.SentAt, c.sent}} {
			text := ""
			if got.ms != NoTime {
				text = `"` + FormatTime(got.ms) + `"`
			}
			if text != got.want {
				t.Errorf("%s: got %s, want %s", c.name, text, got.want)
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ body, code string }{
		{`[]`, "event.not_object"},
		{`"x"`, "event.not_object"},
		{`{}`, "event.type_unknown"},
		{`{"type":"Track","userId":"u","event":"e"}`, "event.type_unknown"},
		{`{"type":7,"userId":"u"}`, "event.type_unknown"},
		{`{"Type":"page","userId":"u"}`, "event.type_unknown"},
		{`{"type":"page"}`, "event.id_required"},
		{`{"type":"page","userId":"","anonymousId":null}`, "event.id_required"},
		{`{"type":"page","userId":true,"anonymousId":{"a":1}}`, "event.id_required"},
		{`{"type":"page","UserId":"u"}`, "event.id_required"},
		{`{"type":"track","userId":"u"}`, "event.name_required"},
		{`{"type":"track","userId":"u","event":""}`, "event.name_required"},
		{`{"type":"track","userId":"u","event":3}`, "event.name_required"},
		{`{"type":"track","userId":"u","name":"n"}`, "event.name_required"},
		{`{"type":"group","userId":"u"}`, "event.group_id_required"},
		{`{"type":"alias","userId":"u"}`, "event.previous_id_required"},
	} {
		_, err := Read(parse(t, c.body), strictjson.Value{}, Unknown)
		if !errs.Is(err, errs.Invalid) || errs.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.body, err, c.code)
		}
	}
}

func TestReadAccepts(t *testing.T) {
	for _, c := range []struct {
		body string
		hint Type
	}{
		{`{"userId":"u"}`, Identify},
		{`{"type":"track","userId":"u"}`, Page},
		{`{"userId":0}`, Screen},
		{`{"anonymousId":"a"}`, Page},
		{`{"userId":"u","previousId":"u"}`, Alias},
		{`{"userId":"u","previousId":12}`, Alias},
		{`{"anonymousId":"a","groupId":9007199254740993}`, Group},
		{`{"us\u0065rId":"u"}`, Identify},
		{`{"userId":null,"anonymousId":"a","event":"e"}`, Track},
	} {
		if e, err := Read(parse(t, c.body), strictjson.Value{}, c.hint); err != nil || e.Type != c.hint {
			t.Errorf("%s: type %s, %v", c.body, e.Type, err)
		}
	}
}

func TestIdentifyTraits(t *testing.T) {
	for _, c := range []struct{ body, envelope, want string }{
		{`{"traits":{"a":1},"context":{"traits":{"b":2}}}`, ``, `{"a":1}`},
		{`{"context":{"traits":{"b":2}}}`, ``, `{"b":2}`},
		{`{"traits":{},"context":{"traits":{"b":2}}}`, ``, `{"b":2}`},
		{`{"traits":null}`, `{"context":{"traits":{"c":3}}}`, `{"c":3}`},
		{`{"traits":{}}`, ``, `{}`},
		{`{"traits":[1]}`, ``, ``},
		{`{"traits":{"n":null}}`, ``, `{"n":null}`},
	} {
		body := `{"userId":"u",` + strings.TrimPrefix(c.body, "{")
		e, err := Read(parse(t, body), parse(t, c.envelope), Identify)
		if err != nil || string(e.Traits.Raw()) != c.want {
			t.Errorf("%s: traits %s, %v; want %s", c.body, e.Traits.Raw(), err, c.want)
		}
	}
	if e, _ := Read(parse(t, `{"userId":"u","event":"e","context":{"traits":{"b":2}}}`), strictjson.Value{}, Track); e.Traits.Exists() {
		t.Error("context.traits of a track are context")
	}
}

func TestAppendJSON(t *testing.T) {
	e, err := Read(parse(t, `{"event":"E","userId":"u","writeKey":"secret","properties":{"a" : "x\u0000y", "big":12345678901234567890},
		"context":{"ip":"192.0.2.1","consent":{"gpc":false,"categoryPreferences":{"A":true}}},"integrations":{"X":false},
		"receivedAt":"lie","timestamp":"2026-11-22T00:00:01Z"}`),
		parse(t, `{"context":{"ip":"192.0.2.9","app":{"name":"n"}},"integrations":{"X":true,"Y":true}}`), Track)
	if err != nil {
		t.Fatal(err)
	}
	e.MessageID, e.ReceivedAt, e.Timestamp = "m", 1795305598000, 1795305597000
	e.Flags, e.IP, e.UserAgent = GPC, "198.51.100.7", "UA"
	const want = `{"type":"track","messageId":"m","event":"E","userId":"u","properties":{"a":"x` + "\uFFFD" + `y","big":12345678901234567890},` +
		`"context":{"ip":"192.0.2.1","consent":{"gpc":true,"categoryPreferences":{"A":true}},"app":{"name":"n"},"userAgent":"UA"},` +
		`"integrations":{"X":false,"Y":true},"timestamp":"2026-11-21T23:59:57.000Z","originalTimestamp":"2026-11-22T00:00:01.000Z",` +
		`"receivedAt":"2026-11-21T23:59:58.000Z","nodeId":1}`
	if got := string(e.AppendJSON(nil, []byte(`,"nodeId":1`))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAppendContext(t *testing.T) {
	for _, c := range []struct {
		name, own, batch string
		flags            Flags
		ip, ua, want     string
	}{
		{"nothing", ``, ``, 0, "", "", `{}`},
		{"from the connection", ``, ``, 0, "1.2.3.4", "UA", `{"ip":"1.2.3.4","userAgent":"UA"}`},
		{"the message's word wins", `{"ip":"a","userAgent":"b"}`, ``, 0, "1.2.3.4", "UA", `{"ip":"a","userAgent":"b"}`},
		{"the batch's word wins", ``, `{"ip":"a","userAgent":"b"}`, 0, "1.2.3.4", "UA", `{"ip":"a","userAgent":"b"}`},
		{"a distrusted word does not", `{"ip":"a","x":1}`, `{"ip":"b"}`, Distrusted, "1.2.3.4", "", `{"x":1,"ip":"1.2.3.4"}`},
		{"gpc", ``, ``, GPC, "", "", `{"consent":{"gpc":true}}`},
		{"gpc over null", `{"consent":null}`, ``, GPC, "", "", `{"consent":{"gpc":true}}`},
		{"gpc into the batch's consent", ``, `{"consent":{"a":1,"gpc":false}}`, GPC, "", "", `{"consent":{"gpc":true,"a":1}}`},
	} {
		e := Event{Stamp: Stamp{Flags: c.flags, IP: c.ip, UserAgent: c.ua}, Context: parse(t, c.own), BatchContext: parse(t, c.batch)}
		if got := string(e.AppendContext(nil)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	body := parse(b, `{"timestamp":"2026-11-22T00:01:22.167Z","integrations":{},"event":"Landing Page Seen","type":"track",
		"properties":{"first_touch":true,"utm_like":"spring%20sale & more","a":1,"b":2,"c":"dddddddd"},
		"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},"anonymousId":"anon-cap-analytics-node",
		"userId":"u-123456","messageId":"node-next-1795305682167-bcbf6a0a-bf45-460a-889c-06d2ed5b700f","_metadata":{"nodeVersion":"v20"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(body, strictjson.Value{}, Unknown); err != nil {
			b.Fatal(err)
		}
	}
}
