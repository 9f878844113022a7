package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestPoliciesOfTraitsAreSettings: a policy holds for what was written before it, in
// profiles, segments, the tables and as of a moment, and over a restart.
func TestPoliciesOfTraitsAreSettings(t *testing.T) {
	ctx, cfg := context.Background(), withSQL(t, settings(t))
	r := serve(t, cfg)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, source := range []string{"crm", "web"} {
		must(r.client.Put(ctx, "/v1/sources/"+source, doc(`{"write_key":"key-`+source+`"}`), nil))
	}
	send := func(source, at, traits string) {
		t.Helper()
		body := fmt.Sprintf(`{"userId":"ana","timestamp":%q,"traits":%s}`, at, traits)
		must(r.client.Send(ctx, "/v1/identify", "key-"+source, []byte(body), nil))
	}
	send("crm", "2026-01-01T00:00:00Z", `{"plan":"pro","visits":5}`)
	send("web", "2026-01-02T00:00:00Z", `{"plan":"free","visits":3}`)
	must(r.client.Put(ctx, "/v1/segments/pro", doc(`{"where":{"trait":"plan","op":"eq","value":"pro"}}`), nil))
	r.flush(t)
	shows := func(path string, want ...string) {
		t.Helper()
		var got doc
		must(r.client.Get(ctx, path, &got))
		for _, part := range want {
			if !strings.Contains(string(got), part) {
				t.Errorf("%s lacks %s: %s", path, part, got)
			}
		}
	}
	shows("/v1/settings/traits", `"policies":[]`)
	shows("/v1/profiles/user_id:ana?verbose=1", `"plan":{"value":"free","timestamp":"2026-01-02T00:00:00.000Z","source":"web"`, `"policy":"latest"`)
	shows("/v1/segments/pro", `"size":0`)
	must(r.client.Put(ctx, "/v1/settings/traits", doc(`{"policies":[{"trait":"plan","policy":"source_priority","sources":["crm","web"]},{"trait":"visits","policy":"max"}]}`), nil))
	r.flush(t)
	check := func() {
		t.Helper()
		shows("/v1/settings/traits", `{"trait":"plan","policy":"source_priority","sources":["crm","web"]}`)
		shows("/v1/profiles/user_id:ana?verbose=1", `"plan":{"value":"pro","timestamp":"2026-01-01T00:00:00.000Z","source":"crm"`, `"policy":"source_priority"`, `"visits":{"value":5`)
		shows("/v1/segments/pro", `"size":1`)
		rows := r.query(t, "SELECT traits->>'plan' AS plan FROM profiles")
		if len(rows) != 1 || rows[0]["plan"] != "pro" {
			t.Errorf("the tables say %v", rows)
		}
	}
	check()
	send("crm", "2026-01-03T00:00:00Z", `{"plan":null}`)
	r.flush(t)
	shows("/v1/profiles/user_id:ana", `"plan":"free"`)
	shows("/v1/profiles/user_id:ana?as_of=2026-01-02T12:00:00Z", `"plan":"pro"`)
	shows("/v1/segments/pro", `"size":0`)
	send("crm", "2026-01-04T00:00:00Z", `{"plan":"pro"}`)
	r.flush(t)
	r.end(t)
	r = serve(t, cfg)
	r.flush(t)
	shows("/v1/profiles/user_id:ana", `"plan":"pro"`)
	if err := r.client.Put(ctx, "/v1/settings/traits", doc(`{"policies":[{"trait":"plan","policy":"newest"}]}`), nil); err == nil || !strings.Contains(err.Error(), "") {
		t.Error("an unknown policy is taken")
	}
}
