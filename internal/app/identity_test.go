package app

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/client"
	"kith/internal/errs"
)

// identifiers joins a profile's identifiers.
func (r *running) identifiers(t *testing.T, typ, value string) string {
	t.Helper()
	p, err := r.profile(t, typ, value)
	if errs.Is(err, errs.NotFound) {
		return "nobody"
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, id := range p["identifiers"].([]any) {
		id := id.(map[string]any)
		all = append(all, id["type"].(string)+":"+id["value"].(string))
	}
	return strings.Join(all, " ")
}

func (r *running) expect(t *testing.T, typ, value, want string) {
	t.Helper()
	if got := r.identifiers(t, typ, value); got != want {
		t.Errorf("%s:%s has %q, want %q", typ, value, got, want)
	}
}

// ends waits until a job has ended and returns its result.
func (r *running) ends(t *testing.T, id string) json.RawMessage {
	t.Helper()
	for {
		r.flush(t)
		var job struct {
			State  string
			Result json.RawMessage
		}
		if err := r.client.Get(context.Background(), "/v1/jobs/"+id, &job); err != nil {
			t.Fatal(err)
		}
		switch job.State {
		case "done":
			return job.Result
		case "failed", "cancelled":
			t.Fatalf("the job %s", job.State)
		}
	}
}

// TestDecisionsAndSettingsOverARestart goes the whole way: decisions, a load taken
// back, settings tried and put, and all of it again from the folder.
func TestDecisionsAndSettingsOverARestart(t *testing.T) {
	cfg := settings(t)
	r := serve(t, cfg)
	ctx := context.Background()
	r.send(t, "/v1/identify", `{"userId":"u1","traits":{"email":"a@shop.fr"}}`)
	r.send(t, "/v1/identify", `{"userId":"u2","traits":{"phone":"+33612345678"},"context":{"run":"load-7"}}`)
	r.send(t, "/v1/identify", `{"userId":"u3","traits":{"loyal":"77"}}`)
	r.flush(t)
	var merged struct {
		ID string `json:"decision_id"`
	}
	body := map[string]any{"a": map[string]string{"type": "user_id", "value": "u1"}, "b": map[string]string{"type": "user_id", "value": "u3"}, "reason": "same"}
	if err := r.client.Post(ctx, "/v1/identity/merge", body, &merged); err != nil {
		t.Fatal(err)
	}
	r.expect(t, "user_id", "u3", "user_id:u1 user_id:u3 email:a@shop.fr")
	split := map[string]any{"left": []any{body["a"]}, "right": []any{body["b"]}}
	if err := r.client.Post(ctx, "/v1/identity/split", split, nil); !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), merged.ID) {
		t.Errorf("a split against a merge: %v", err)
	}
	var job struct{ ID string }
	if err := r.client.Post(ctx, "/v1/identity/retract", map[string]any{"source": "default", "run": "load-7"}, &job); err != nil {
		t.Fatal(err)
	}
	if got := r.ends(t, job.ID); !strings.Contains(string(got), `"messages":1`) {
		t.Errorf("%s", got)
	}
	r.expect(t, "user_id", "u2", "nobody")
	doc := map[string]any{"paths": []any{map[string]any{"path": "traits.loyal", "type": "loyal"}}, "blocked": map[string]any{"email": []string{"/^a@/"}}}
	if err := r.client.Post(ctx, "/v1/identity/try", doc, &job); err != nil {
		t.Fatal(err)
	}
	if got := r.ends(t, job.ID); !strings.Contains(string(got), `"from":"log"`) || !strings.Contains(string(got), `"identifiers_gone":{"count":1`) {
		t.Errorf("%s", got)
	}
	r.expect(t, "user_id", "u1", "user_id:u1 user_id:u3 email:a@shop.fr")
	if err := r.client.Put(ctx, "/v1/settings/identity", doc, &job); err != nil {
		t.Fatal(err)
	}
	r.ends(t, job.ID)
	r.expect(t, "user_id", "u1", "user_id:u1 user_id:u3 loyal:77")
	r.expect(t, "user_id", "u2", "nobody")
	r.end(t)

	again := serve(t, cfg)
	again.flush(t)
	again.expect(t, "user_id", "u1", "user_id:u1 user_id:u3 loyal:77")
	if err := again.client.Delete(ctx, "/v1/identity/decisions/"+merged.ID); err != nil {
		t.Fatal(err)
	}
	again.expect(t, "user_id", "u1", "user_id:u1")
	again.end(t)

	c, closeFolder, err := Offline(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	folder := &running{client: c}
	if err := c.Post(ctx, "/v1/identity/merge", body, nil); err != nil {
		t.Error(err)
	}
	folder.expect(t, "user_id", "u1", "user_id:u1 user_id:u3 loyal:77")
	var p map[string]any
	if err := c.Get(ctx, client.ProfilePath("user_id", "u2"), &p); !errs.Is(err, errs.NotFound) {
		t.Errorf("%v", err)
	}
	if err := closeFolder(); err != nil {
		t.Error(err)
	}
}

// TestNothingIsFoldedAnewOfAnEmptyLog: other settings are worth a word only when
// there are records that they may read differently.
func TestNothingIsFoldedAnewOfAnEmptyLog(t *testing.T) {
	cfg := inMemory(vfs.NewMem())
	a, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.logHolds(context.Background()) {
		t.Error("an empty log holds something")
	}
	if err := client.Of(a.handler, "").Send(context.Background(), "/v1/identify", "test-key", []byte(`{"userId":"u","messageId":"m"}`), nil); err != nil {
		t.Fatal(err)
	}
	if !a.logHolds(context.Background()) {
		t.Error("a log with a record holds nothing")
	}
}
