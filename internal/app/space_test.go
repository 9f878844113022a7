package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// space asks the routes in the shape of Segment's Profile API as its users do:
// the token as the user name of Basic.
func (r *running) space(t *testing.T, path string, status int) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, r.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(r.AdminToken(), "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	var out map[string]any
	if err != nil || json.Unmarshal(body, &out) != nil || res.StatusCode != status || res.Header.Get("Request-Id") == "" {
		t.Fatalf("%s: %d %s", path, res.StatusCode, body)
	}
	return out
}

const (
	aUser    = "/v1/spaces/default/collections/users/profiles/user_id:u-1/"
	anOffice = "/v1/spaces/default/collections/accounts/profiles/group_id:acme/"
)

// shopper is a server that knows one person and her company.
func shopper(t *testing.T) *running {
	r := serve(t, settings(t))
	for _, c := range [][2]string{
		{"identify", `{"userId":"u-1","messageId":"m1","timestamp":"2026-01-01T10:00:00Z","traits":{"plan":"pro","age":40,"city":"Nice"}}`},
		{"track", `{"userId":"u-1","messageId":"m2","timestamp":"2026-01-02T10:00:00Z","event":"Bought","properties":{"total":5}}`},
		{"track", `{"userId":"u-1","messageId":"m3","timestamp":"2026-01-03T10:00:00Z","event":"Seen"}`},
		{"group", `{"userId":"u-1","messageId":"m4","timestamp":"2026-01-04T10:00:00Z","groupId":"acme","traits":{"seats":9}}`},
		{"group", `{"userId":"u-2","messageId":"m5","timestamp":"2026-01-05T10:00:00Z","groupId":"acme"}`},
	} {
		r.send(t, "/v1/"+c[0], c[1])
	}
	r.flush(t)
	return r
}

func TestSegmentsProfileAPI(t *testing.T) {
	r := shopper(t)
	f := func(path, want string) {
		t.Helper()
		var wanted map[string]any
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, r.space(t, path, 200)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	f(aUser+"traits", `{"traits":{"plan":"pro","age":40,"city":"Nice"},"cursor":{"url":"`+aUser+`traits","has_more":false,"next":"","limit":10}}`)
	f(aUser+"traits?limit=2", `{"traits":{"age":40,"city":"Nice"},"cursor":{"url":"`+aUser+`traits?limit=2&next=plan","has_more":true,"next":"plan","limit":2}}`)
	f(aUser+"traits?limit=2&next=plan", `{"traits":{"plan":"pro"},"cursor":{"url":"`+aUser+`traits?limit=2","has_more":false,"next":"","limit":2}}`)
	f(aUser+"traits?include=age,none&verbose=true", `{"traits":{"age":{"value":40,"source_id":"default","updated_at":"2026-01-01T10:00:00.000Z"}},
		"cursor":{"url":"`+aUser+`traits?include=age%2Cnone&verbose=true","has_more":false,"next":"","limit":10}}`)
	f(aUser+"traits?class=audience", `{"traits":{},"cursor":{"url":"`+aUser+`traits?class=audience","has_more":false,"next":"","limit":10}}`)
	f(aUser+"external_ids", `{"data":[{"collection":"users","type":"user_id","id":"u-1","source_id":"default","created_at":"2026-01-01T10:00:00.000Z","encoding":"none"}],
		"cursor":{"url":"`+aUser+`external_ids","has_more":false,"next":"","limit":10}}`)
	f(aUser+"metadata", `{"metadata":{"created_at":"2026-01-01T10:00:00.000Z","updated_at":"2026-01-04T10:00:00.000Z","expires_at":null,
		"first_message_id":"m1","first_source_id":"default","last_message_id":"m4","last_source_id":"default"}}`)
	const office = `{"collection":"accounts","type":"group_id","id":"acme","source_id":"default","created_at":"2026-01-04T10:00:00.000Z","encoding":"none"}`
	f(aUser+"links", `{"data":[{"to_collection":"accounts","external_ids":[`+office+`]}]}`)
	f(anOffice+"traits", `{"traits":{"seats":9},"cursor":{"url":"`+anOffice+`traits","has_more":false,"next":"","limit":10}}`)
	f(anOffice+"external_ids", `{"data":[`+office+`],"cursor":{"url":"`+anOffice+`external_ids","has_more":false,"next":"","limit":10}}`)
	f(anOffice+"metadata", `{"metadata":{"created_at":"2026-01-04T10:00:00.000Z","updated_at":"2026-01-05T10:00:00.000Z","expires_at":null,
		"first_message_id":"m4","first_source_id":"default","last_message_id":"m5","last_source_id":"default"}}`)
	links := r.space(t, anOffice+"links", 200)["data"].([]any)
	if len(links) != 2 || links[0].(map[string]any)["external_ids"].([]any)[0].(map[string]any)["id"] != "u-2" {
		t.Errorf("the users of an account: %v", links)
	}
}

// messages are the ids of the messages that a list of events holds.
func messages(answer map[string]any) (ids []string) {
	for _, e := range answer["data"].([]any) {
		ids = append(ids, e.(map[string]any)["message_id"].(string))
	}
	return ids
}

func TestSegmentsProfileAPIEvents(t *testing.T) {
	r := shopper(t)
	for query, want := range map[string][]string{
		"": {"m4", "m3", "m2", "m1"}, "?sort=asc": {"m1", "m2", "m3", "m4"}, "?include=Bought,Seen": {"m3", "m2"}, "?exclude=Bought,identify": {"m4", "m3"},
		"?start=2026-01-02T10:00:00Z&end=2026-01-03T10:00:00Z": {"m2"}, "?limit=1": {"m4"}, "?include=Nothing": nil,
	} {
		if diff := cmp.Diff(want, messages(r.space(t, aUser+"events"+query, 200))); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
	for _, sort := range []string{"asc", "desc"} {
		var all []string
		for path := aUser + "events?limit=3&sort=" + sort; path != ""; {
			page := r.space(t, path, 200)
			all = append(all, messages(page)...)
			cursor := page["cursor"].(map[string]any)
			if path = ""; cursor["has_more"] == true {
				path = cursor["url"].(string)
			}
		}
		if len(all) != 4 || all[0] == all[3] || (all[0] == "m1") != (sort == "asc") {
			t.Errorf("page by page, %s: %v", sort, all)
		}
	}
	one := r.space(t, aUser+"events?include=Bought", 200)["data"].([]any)[0].(map[string]any)
	related := one["related"].(map[string]any)["users"]
	p, err := r.profile(t, "user_id", "u-1")
	if err != nil || related != p["id"] {
		t.Errorf("related to %v, want %v (%v)", related, p["id"], err)
	}
	delete(one, "related")
	want := map[string]any{
		"type": "track", "event": "Bought", "message_id": "m2", "source_id": "default", "timestamp": "2026-01-02T10:00:00.000Z",
		"context": map[string]any{}, "properties": map[string]any{"total": 5.0},
		"external_ids": []any{map[string]any{"collection": "users", "type": "user_id", "id": "u-1", "encoding": "none"}},
	}
	if diff := cmp.Diff(want, one); diff != "" {
		t.Error(diff)
	}
	if got := messages(r.space(t, anOffice+"events?sort=asc", 200)); !cmp.Equal(got, []string{"m4", "m5"}) {
		t.Errorf("of an account: %v", got)
	}
}

func TestSegmentsProfileAPIRefuses(t *testing.T) {
	r := shopper(t)
	for path, want := range map[string]string{
		"/v1/spaces/other/collections/users/profiles/user_id:u-1/traits": "not_found", "/v1/spaces/default/collections/users/profiles/user_id:u-9/traits": "not_found",
		"/v1/spaces/default/collections/accounts/profiles/group_id:other-9/traits": "not_found", "/v1/spaces/default/collections/accounts/profiles/group_id:other-9/links": "not_found",
		"/v1/spaces/default/collections/accounts/profiles/group_id:other-9/events": "not_found", "/v1/spaces/default/collections/accounts/profiles/user_id:u-1/metadata": "not_found",
		aUser + "traits?limit=201": "validation_error", aUser + "links?limit=21": "validation_error", aUser + "traits?verbose=1": "validation_error",
		aUser + "traits?class=x": "validation_error", aUser + "events?sort=up": "validation_error", aUser + "events?start=x": "validation_error",
		aUser + "events?next=x": "validation_error", aUser + "external_ids?next=!": "validation_error",
	} {
		status := map[string]int{"not_found": 404, "validation_error": 400}[want]
		got := r.space(t, path, status)["error"].(map[string]any)
		if got["code"] != want || got["message"] == "" {
			t.Errorf("%s: %v", path, got)
		}
	}
}
