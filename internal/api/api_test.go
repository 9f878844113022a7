package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/resource"
	"kith/internal/route"
)

// ana is a profile with everything in it.
func ana() profile.Profile {
	id := func(typ, value string, first, last int64, sources ...string) profile.Identifier {
		return profile.Identifier{
			Identifier: identity.Identifier{Type: typ, Value: value}, Node: identity.NodeID{1, 2, 3}, FirstSeen: first, LastSeen: last, Sources: sources,
		}
	}
	return profile.Profile{
		ID: identity.NodeID{0x6f, 1}, Accounts: []string{"acme"}, FirstSeen: 0, LastSeen: 90_000, Events: 123,
		Identifiers: []profile.Identifier{
			id("user_id", "u1", 1000, 90_000, "crm", "web"), id("email", "ana@example.com", 0, 50_000, "web"), id("anonymous_id", "a/b:c", 0, 90_000),
		},
		Traits: map[string]profile.Trait{
			"plan": {Value: json.RawMessage(`"<pro> & \"more\""`), Timestamp: 1500, MessageID: "m1", Source: "web"},
			"age":  {Value: json.RawMessage(`9007199254740993`), Timestamp: 2500, MessageID: "m2", Source: "crm"},
		},
	}
}

// filled is a fixture in which everything has something to answer.
func filled(t testing.TB) *fixture {
	f := open(t)
	ref := profile.Ref{Type: "user_id", Value: "u1"}
	f.people.profiles[ref] = ana()
	for i := range 3 {
		f.people.events[ref] = append(f.people.events[ref], json.RawMessage(fmt.Sprintf(
			`{"type":"track","messageId":"m%d","timestamp":"2026-01-01T00:00:00.000Z","event":"E","received_at":"2026-01-01T00:00:00.000Z","node_id":"x","source":"web"}`, i)))
	}
	rec := record.Record{
		Kind: record.Event, Stamp: event.Stamp{Source: "web", MessageID: "m9", Type: event.Track, ReceivedAt: 1000, Timestamp: 900},
		Envelope: []byte(`{"sentAt":"x"}`), Body: []byte(`{"event": 5}`),
	}
	odd := rec
	odd.Body, odd.Stamp.Type = []byte(`{"a":`), event.Unknown
	f.line.held = []Held{
		{ID: "0-1", Code: "event.name_required", Detail: "track needs a non-empty event name", Data: rec.AppendTo(nil)},
		{ID: "0-2", Code: "json.syntax", Detail: "not JSON", Data: odd.AppendTo(nil)},
		{ID: "1-7", Code: "record.format", Detail: "the bytes are no record", Data: []byte{9, 9, 9}},
	}
	f.line.status = Status{
		Accepted: 10, Processed: 7, Repeats: 2, Quarantined: 3, WaveDue: 4, WaveDone: 1, Pending: 5,
		Engines: Engines{Log: "local", State: "pebble"}, Position: []int64{4, 3},
	}
	return f
}

func TestSystemRoutes(t *testing.T) {
	f := open(t)
	for path, want := range map[string]string{"/healthz": `{"status":"ok"}`, "/readyz": `{"status":"ready"}`} {
		if w := f.send("GET", path, ""); w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	f.notReady = errs.New(errs.Unavailable, "app.starting", "the state is being opened")
	if w := f.send("GET", "/readyz", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("not ready: %d %v", w.Code, w.Header())
	}
	if w := f.send("GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("a process that is not ready still runs: %d", w.Code)
	}
	if w := f.send("GET", "/metrics", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "go_goroutines") {
		t.Errorf("metrics: %d", w.Code)
	}
}

func TestStatus(t *testing.T) {
	f := filled(t)
	const plain = `{"accepted":10,"processed":7,"repeats":2,"quarantined":3,"lag":3,"analytics_lag_ms":0,"wave":{"due":4,"done":1},"identity":{"pending":5},"engines":{"log":"local","state":"pebble"}`
	if got := f.ok("GET", "/v1/status", "", 200); got != plain+"}" {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/status?hash=0", "", 200); got != plain+"}" || f.line.hashed != 0 {
		t.Error(got)
	}
	hashed := func(at string) string {
		return plain + `,"state_hash":"` + strings.Repeat("ab", 32) + `","hash_at":"` + at + `","position":[4,5],"hashes":{"traits":"cd"}}`
	}
	if got := f.ok("GET", "/v1/status?hash=1", "", 200); got != hashed("2026-03-01T12:00:00.000Z") {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/status?hash=true&at=2026-02-01T01:00:00%2B01:00", "", 200); got != hashed("2026-02-01T00:00:00.000Z") {
		t.Error(got)
	}
	if f.ok("GET", "/v1/status?hash=1&at=1970-01-02", "", 200); f.line.hashed != 86_400_000 {
		t.Error(f.line.hashed)
	}
	for query, code := range map[string]string{
		"hash=yes": "request.flag", "hash=1&at=yesterday": "request.time", "hash=1&at=1700000000": "request.time",
		"at=2026-02-01T00:00:00": "request.time", "hashes=1": "request.unknown_parameter", "hash=1&hash=0": "request.repeated_parameter",
	} {
		f.refused("GET", "/v1/status?"+query, "", 400, code)
	}
	f.line.err = errs.Wrap(errors.New("s3cret"), errs.Unavailable, "state.down", "the state is out of reach")
	if p := f.refused("GET", "/v1/status", "", 503, "state.down"); strings.Contains(p.Detail, "s3cret") {
		t.Error(p.Detail)
	}
}

func TestFlush(t *testing.T) {
	f := filled(t)
	if got := f.ok("POST", "/v1/flush", "", 200); got != `{"position":[4,3]}` {
		t.Error(got)
	}
	if got := f.ok("POST", "/v1/flush?timeout=1m", `{"ignored":true}`, 200); got != `{"position":[4,3]}` {
		t.Error(got)
	}
	for _, timeout := range []string{"0s", "-1s", "30", "1d", "11m", "soon", "1h", "10m1ms"} {
		f.refused("POST", "/v1/flush?timeout="+timeout, "", 400, "request.duration")
	}
	f.refused("GET", "/v1/flush", "", 405, route.CodeMethod)
}

// stuck is a flush that never ends by itself.
func stuck(ctx context.Context) error {
	<-ctx.Done()
	return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "not everything was folded in time; the rest goes on")
}

func TestFlushEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := filled(t)
		f.line.flush = stuck
		w := f.do("POST", "/v1/flush?timeout=500ms", "")
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "flush.timeout") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// A listener cuts off answers that take long; a flush may take longer.
func TestFlushOutlivesTheListenersPatience(t *testing.T) {
	f := filled(t)
	release := make(chan struct{})
	f.line.flush = func(ctx context.Context) error {
		<-release
		return ctx.Err()
	}
	srv := httptest.NewUnstartedServer(f.handler)
	srv.Config.WriteTimeout = 1 // nanosecond: over before the handler begins
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/v1/flush", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	close(release)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), "position") {
		t.Errorf("%d %s %v", resp.StatusCode, body, err)
	}
}

func TestProfile(t *testing.T) {
	f := filled(t)
	const head = `{"id":"6f010000-0000-0000-0000-000000000000","identifiers":[` +
		`{"type":"user_id","value":"u1","first_seen":"1970-01-01T00:00:01.000Z","last_seen":"1970-01-01T00:01:30.000Z","sources":["crm","web"]},` +
		`{"type":"email","value":"ana@example.com","first_seen":"1970-01-01T00:00:00.000Z","last_seen":"1970-01-01T00:00:50.000Z","sources":["web"]},` +
		`{"type":"anonymous_id","value":"a/b:c","first_seen":"1970-01-01T00:00:00.000Z","last_seen":"1970-01-01T00:01:30.000Z","sources":[]}],"traits":`
	const tail = `,"computed":{},"segments":[],"consents":[],"accounts":["acme"],"first_seen":"1970-01-01T00:00:00.000Z","last_seen":"1970-01-01T00:01:30.000Z","events":123}`
	if got := f.ok("GET", "/v1/profiles/user_id:u1", "", 200); got != head+`{"age":9007199254740993,"plan":"<pro> & \"more\""}`+tail {
		t.Error(got)
	}
	const verbose = `{"age":{"value":9007199254740993,"timestamp":"1970-01-01T00:00:02.500Z","source":"crm","message_id":"m2","policy":"latest"},` +
		`"plan":{"value":"<pro> & \"more\"","timestamp":"1970-01-01T00:00:01.500Z","source":"web","message_id":"m1","policy":"latest"}}`
	var got, want any
	if err := json.Unmarshal([]byte(f.ok("GET", "/v1/profiles/user_id:u1?verbose=1", "", 200)), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(head+verbose+tail), &want); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
	f.people.profiles[profile.Ref{Type: "user_id", Value: "empty"}] = profile.Profile{}
	if got := f.ok("GET", "/v1/profiles/user_id:empty", "", 200); !strings.Contains(got, `"identifiers":[],"traits":{},`) || !strings.Contains(got, `"accounts":[]`) {
		t.Error(got)
	}
	f.refused("GET", "/v1/profiles/user_id:nobody", "", 404, "profile.unknown")
	f.refused("GET", "/v1/profiles/user_id:u1?as_of=yesterday", "", 400, "request.time")
	f.refused("GET", "/v1/profiles/user_id:u1?as_of=1969-12-31", "", 404, "profile.unknown")
	if got := f.ok("GET", "/v1/profiles/user_id:u1?as_of=2026-01-01T00:00:00Z", "", 200); !strings.Contains(got, `"events":123`) {
		t.Error(got)
	}
	f.refused("GET", "/v1/profiles/user_id:u1?at=2026-01-01", "", 400, "request.unknown_parameter")
	f.refused("GET", "/v1/profiles/user_id:u1?verbose=maybe", "", 400, "request.flag")
	f.people.profiles[profile.Ref{Type: "user_id", Value: "bad"}] = profile.Profile{Traits: map[string]profile.Trait{"x": {Value: json.RawMessage(`{"s3cret`)}}}
	for _, target := range []string{"/v1/profiles/user_id:bad", "/v1/profiles/user_id:bad?verbose=1"} {
		if p := f.refused("GET", target, "", 500, "internal"); strings.Contains(p.Detail, "s3cret") {
			t.Error(p.Detail)
		}
	}
	if len(f.failures) != 2 || f.failures[0].RequestID == "" {
		t.Errorf("damaged traits were not reported: %v", f.failures)
	}
}

func TestReferencesAreDecodedOnce(t *testing.T) {
	f := open(t)
	for path, want := range map[string]profile.Ref{
		"email:ana@example.com":                           {Type: "email", Value: "ana@example.com"},
		"email:ana%2Bx%40example.com":                     {Type: "email", Value: "ana+x@example.com"},
		"email:ana+x@example.com":                         {Type: "email", Value: "ana+x@example.com"},
		"email%3Aana%40example.com":                       {Type: "email", Value: "ana@example.com"},
		"user_id:a%2Fb":                                   {Type: "user_id", Value: "a/b"},
		"user_id:a%2Fb%2fc%2F":                            {Type: "user_id", Value: "a/b/c/"},
		"user_id:a:b:c":                                   {Type: "user_id", Value: "a:b:c"},
		"user_id:a%3Ab":                                   {Type: "user_id", Value: "a:b"},
		"user_id:%252F":                                   {Type: "user_id", Value: "%2F"},
		"user_id:100%25":                                  {Type: "user_id", Value: "100%"},
		"user_id:..":                                      {Type: "user_id", Value: ".."},
		"user_id:%2E%2E%2F..%2Fetc":                       {Type: "user_id", Value: "../../etc"},
		"user_id:a%20b":                                   {Type: "user_id", Value: "a b"},
		"user_id:a%3Fb%23c%26d":                           {Type: "user_id", Value: "a?b#c&d"},
		"user_id:%E2%82%AC":                               {Type: "user_id", Value: "€"},
		"user_id:€":                                       {Type: "user_id", Value: "€"},
		"user_id:%00":                                     {Type: "user_id", Value: "\x00"},
		"id:6f010000-0000-0000-0000-000000000000":         {Type: "id", Value: "6f010000-0000-0000-0000-000000000000"},
		"phone:%2B33612345678":                            {Type: "phone", Value: "+33612345678"},
		"user_id:" + strings.Repeat("x", 1000):            {Type: "user_id", Value: strings.Repeat("x", 1000)},
		url.PathEscape("user_id:/v1/status?x=1&y=%2F/.."): {Type: "user_id", Value: "/v1/status?x=1&y=%2F/.."},
	} {
		f.people.asked = nil
		for _, suffix := range []string{"", "/", "/events", "/identifiers", "/identifiers/"} {
			f.do("GET", "/v1/profiles/"+path+suffix, "")
		}
		if len(f.people.asked) != 5 {
			t.Errorf("%s: asked for %v", path, f.people.asked)
			continue
		}
		for _, got := range f.people.asked {
			if got != want {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
	}
	f.people.asked = nil
	for _, path := range []string{"u1", "user_id:", ":u1", ":", "user_id%3A", "%20"} {
		f.refused("GET", "/v1/profiles/"+path, "", 400, "profile.reference")
		f.refused("GET", "/v1/profiles/"+path+"/events", "", 400, "profile.reference")
		f.refused("GET", "/v1/profiles/"+path+"/identifiers", "", 400, "profile.reference")
	}
	for _, path := range []string{"user_id:a/b", "user_id:%FF", "user_id:u1//events", "user_id:u1/Events"} {
		f.refused("GET", "/v1/profiles/"+path, "", 404, "request.no_such_route")
	}
	if f.people.asked != nil {
		t.Errorf("asked for %v", f.people.asked)
	}
}

// pages walks a list to its end and returns all its elements.
func pages(t *testing.T, f *fixture, target string, limit int) []string {
	t.Helper()
	var all []string
	cursor := ""
	for range 100 {
		var page struct {
			Data []json.RawMessage
			Next *string
		}
		body := f.ok("GET", fmt.Sprintf("%s?limit=%d&cursor=%s", target, limit, url.QueryEscape(cursor)), "", 200)
		if err := json.Unmarshal([]byte(body), &page); err != nil || page.Data == nil {
			t.Fatalf("%s: %v", body, err)
		}
		if len(page.Data) > limit || page.Next != nil && len(page.Data) != limit {
			t.Fatalf("%s: a page of %d with %d elements", target, limit, len(page.Data))
		}
		for _, e := range page.Data {
			all = append(all, string(e))
		}
		if page.Next == nil {
			return all
		}
		cursor = *page.Next
	}
	t.Fatalf("%s: the list does not end", target)
	return nil
}

func TestLists(t *testing.T) {
	f := filled(t)
	for i := range 5 {
		f.mustPut(fmt.Sprintf("s%d", i), `{}`)
	}
	for target, count := range map[string]int{
		"/v1/sources": 7, "/v1/quarantine": 3, "/v1/profiles/user_id:u1/events": 3, "/v1/profiles/user_id:u1/identifiers": 3,
	} {
		whole := pages(t, f, target, 1000)
		if len(whole) != count {
			t.Errorf("%s: %d elements, want %d", target, len(whole), count)
		}
		for limit := 1; limit <= count; limit++ {
			if got := pages(t, f, target, limit); !slices.Equal(got, whole) {
				t.Errorf("%s by %d: %v, want %v", target, limit, got, whole)
			}
		}
		for _, limit := range []string{"0", "-1", "1001", "x", "1.5", "+5", "99999999999999999999"} {
			f.refused("GET", target+"?limit="+url.QueryEscape(limit), "", 400, "request.limit")
		}
		f.refused("GET", target+"?offset=1", "", 400, "request.unknown_parameter")
		f.refused("GET", target+"?cursor="+strings.Repeat("A", 5000), "", 400, "request.cursor")
	}
	for _, target := range []string{"/v1/sources", "/v1/quarantine", "/v1/profiles/user_id:u1/identifiers"} {
		for _, cursor := range []string{"!", "a=", "=="} {
			f.refused("GET", target+"?cursor="+url.QueryEscape(cursor), "", 400, "request.cursor")
		}
	}
	f.refused("GET", "/v1/profiles/user_id:u1/identifiers?cursor="+cursorOf("{"), "", 400, "request.cursor")
	if got := f.ok("GET", "/v1/profiles/email:nobody/events", "", 200); got != `{"data":[],"next":null}` {
		t.Error(got)
	}
}

func TestIdentifiersAreNewestFirst(t *testing.T) {
	got := pages(t, filled(t), "/v1/profiles/user_id:u1/identifiers", 10)
	for i, want := range []string{`"value":"a/b:c"`, `"value":"u1"`, `"value":"ana@example.com"`} {
		if !strings.Contains(got[i], want) || !strings.Contains(got[i], `"node_id":"01020300-0000-0000-0000-000000000000"`) {
			t.Errorf("%d: %s", i, got[i])
		}
	}
}

func TestQuarantine(t *testing.T) {
	f := filled(t)
	const head = `{"id":"0-1","code":"event.name_required","detail":"track needs a non-empty event name","source":"web","message_id":"m9","type":"track","received_at":"1970-01-01T00:00:01.000Z"`
	if got := pages(t, f, "/v1/quarantine", 1)[0]; got != head+"}" {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/quarantine/0-1", "", 200); got != head+`,"body":{"event":5},"envelope":{"sentAt":"x"}}` {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/quarantine/0-2", "", 200); !strings.Contains(got, `"type":null`) || !strings.Contains(got, `"body":null,"envelope":null,"raw":"`) {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/quarantine/1-7", "", 200); got != `{"id":"1-7","code":"record.format","detail":"the bytes are no record",`+
		`"source":null,"message_id":null,"type":null,"received_at":null,"body":null,"envelope":null,"raw":"CQkJ"}` {
		t.Error(got)
	}
	if got := f.ok("POST", "/v1/quarantine/0-2/retry", "", 202); got != `{"id":"0-2"}` || !slices.Equal(f.line.retried, []string{"0-2"}) {
		t.Error(got, f.line.retried)
	}
	f.refused("POST", "/v1/quarantine/0-1/retry", "", 400, "event.name_required")
	f.refused("POST", "/v1/quarantine/9-9/retry", "", 404, "quarantine.unknown")
	f.refused("GET", "/v1/quarantine/9-9", "", 404, "quarantine.unknown")
}

func TestSources(t *testing.T) {
	f := open(t)
	var made resource.View
	if err := json.Unmarshal([]byte(f.ok("PUT", "/v1/sources/shop", `{"name":"Shop","type":"http"}`, 201)), &made); err != nil {
		t.Fatal(err)
	}
	if !resource.IsToken(resource.WriteToken, made.WriteKey) || made.Name != "Shop" || made.Version != 1 {
		t.Errorf("%+v", made)
	}
	same := f.ok("PUT", "/v1/sources/shop", `{"name":"Shop","type":"http"}`, 200)
	if got := f.ok("GET", "/v1/sources/shop", "", 200); got != same || !strings.Contains(got, `"write_key":"`+made.WriteKey+`"`) {
		t.Error(got)
	}
	if got := f.ok("PUT", "/v1/sources/shop", same, 200); got != same {
		t.Errorf("an answer put back changed it: %s", got)
	}
	var rotated resource.View
	if err := json.Unmarshal([]byte(f.ok("POST", "/v1/sources/shop/rotate", `{"overlap":"2h"}`, 200)), &rotated); err != nil {
		t.Fatal(err)
	}
	if rotated.WriteKey == made.WriteKey || len(rotated.WriteKeys) != 2 || *rotated.WriteKeys[1].ExpiresAt != "2026-03-01T14:00:00.000Z" {
		t.Errorf("%+v", rotated)
	}
	if err := json.Unmarshal([]byte(f.ok("POST", "/v1/sources/shop/rotate", "", 200)), &rotated); err != nil {
		t.Fatal(err)
	}
	if *rotated.WriteKeys[1].ExpiresAt != "2026-03-02T12:00:00.000Z" {
		t.Errorf("%+v", rotated)
	}
	f.ok("POST", "/v1/sources/shop/rotate", `{}`, 200)
	for body, pointer := range map[string]string{`{"overlap":"30s"}`: "/overlap", `{"overlap":5}`: "/overlap", `{"for":"1h"}`: "/for"} {
		if p := f.refused("POST", "/v1/sources/shop/rotate", body, 422, "form.refused"); p.Errors[0].Pointer != pointer {
			t.Errorf("%s: %+v", body, p)
		}
	}
	f.refused("POST", "/v1/sources/none/rotate", "", 404, "source.not_found")
	if p := f.refused("PUT", "/v1/sources/other", `{"write_key":"`+writeKey+`"}`, 409, "source.write_key_taken"); p.Errors[0].Pointer != "/write_key" {
		t.Errorf("%+v", p)
	}
	f.refused("PUT", "/v1/sources/shop", `{"version":1}`, 409, "source.version")
	f.refused("PUT", "/v1/sources/a%2Fb", `{}`, 400, "resource.key")
	f.refused("PUT", "/v1/sources/..", `{}`, 400, "resource.key")
	f.ok("DELETE", "/v1/sources/shop", "", 204)
	f.refused("GET", "/v1/sources/shop", "", 404, "source.not_found")
	f.refused("DELETE", "/v1/sources/shop", "", 404, "source.not_found")
}

// Bodies made to break a server are refused as what they are, and nothing of the
// machine shows.
func TestHostileBodies(t *testing.T) {
	f := open(t)
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"empty":            {"", 400, "json.syntax"},
		"no object":        {"[]", 422, "form.refused"},
		"a string":         {`"{}"`, 422, "form.refused"},
		"deep arrays":      {strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000), 422, "form.refused"},
		"open arrays":      {strings.Repeat("[", 60_000), 400, "json.syntax"},
		"deep objects":     {strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), 422, "form.refused"},
		"two keys":         {`{"name":"a","name":"b"}`, 422, "form.refused"},
		"escaped two keys": {`{"name":"a","n\u0061me":"b"}`, 422, "form.refused"},
		"many keys":        {`{` + strings.TrimSuffix(strings.Repeat(`"a":1,`, 9000), ",") + `}`, 422, "form.refused"},
		"trailing":         {`{}{}`, 400, "json.trailing"},
		"comment":          {`{}//`, 400, "json.trailing"},
		"bad UTF-8":        {"{\"name\":\"\xff\"}", 400, "json.utf8"},
		"UTF-16":           {"\xff\xfe{\x00}\x00", 400, "json.syntax"},
		"NUL":              {`{"name":"a\u0000"}`, 422, "form.refused"},
		"half a surrogate": {`{"name":"\ud800"}`, 422, "form.refused"},
		"bidi override":    {`{"name":"a\u202eb"}`, 422, "form.refused"},
		"header injection": {`{"write_key":"a\r\nX: y"}`, 422, "form.refused"},
		"prototype":        {`{"__proto__":{"admin":true}}`, 422, "form.refused"},
		"mass assignment":  {`{"workspace":"other","role":"admin","id":1}`, 422, "form.refused"},
		"other case":       {`{"NAME":"x"}`, 422, "form.refused"},
		"too large":        {`{"name":"` + strings.Repeat("x", sourceBytesMax) + `"}`, 413, route.CodeBodyTooLarge},
		"long name":        {`{"name":"` + strings.Repeat("x", 1000) + `"}`, 422, "form.refused"},
		"many origins":     {`{"allow_origins":[` + strings.Repeat(`"https://a.example",`, 200) + `"https://b.example"]}`, 422, "form.refused"},
		"a huge number":    {`{"version":1e400}`, 422, "form.refused"},
		"a long number":    {`{"version":` + strings.Repeat("9", 10_000) + `}`, 422, "form.refused"},
		"not a number":     {`{"version":NaN}`, 400, "json.syntax"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.refused("PUT", "/v1/sources/web", c.body, c.status, c.code)
		})
	}
	f.t = t
	if got := f.ok("GET", "/v1/sources/web", "", 200); !strings.Contains(got, `"name":"Web"`) || !strings.Contains(got, `"version":1`) {
		t.Errorf("a refused body changed the source: %s", got)
	}
	if len(f.failures) != 0 {
		t.Errorf("defects: %v", f.failures)
	}
}

func TestDefectsTellNothing(t *testing.T) {
	f := filled(t)
	f.people.err = fmt.Errorf("reading: %w", errs.Wrap(errors.New("s3cret in /data/x.sst"), errs.Corrupt, "pebble.s3cret", "s3cret block"))
	p := f.refused("GET", "/v1/profiles/user_id:u1", "", 500, "internal")
	if strings.Contains(p.Detail, "s3cret") || len(f.failures) != 1 || f.failures[0].RequestID != p.RequestID {
		t.Errorf("%+v, %v", p, f.failures)
	}
}

func TestConfigurationMustBeWhole(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an API without parts was made")
		}
	}()
	New(Config{})
}
