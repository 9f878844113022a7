package app

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// doc is a JSON document as a client sends it.
type doc = json.RawMessage

// TestConsentsAndRowsOverARestart goes the whole way: purposes and entities as
// documents, statements by the API and an event, rows that wait for their person,
// and all of it again after a restart.
func TestConsentsAndRowsOverARestart(t *testing.T) {
	ctx, cfg := context.Background(), settings(t)
	r := serve(t, cfg)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.client.Put(ctx, "/v1/entities/subs", doc(`{"key":"id","relation":{"attribute":"user","identifier_type":"user_id"}}`), nil))
	must(r.client.Put(ctx, "/v1/entities/subs/rows", doc(`{"rows":[{"id":"s1","user":"u-1","plan":"pro"},{"plan":"lost"}],"run":"night","source":"crm"}`), nil))
	must(r.client.Post(ctx, "/v1/consents", doc(`{"identity":{"type":"email","value":"ana@shop.fr"},"purpose":"marketing","channel":"email","state":"granted"}`), nil))
	r.send(t, "/v1/identify", `{"userId":"u-1","traits":{"email":"Ana@shop.fr"},"context":{"consent":{"categoryPreferences":{"news":false}}}}`)
	r.flush(t)
	shows := func(r *running, path, want string) {
		t.Helper()
		var got doc
		must(r.client.Get(ctx, path, &got))
		if !strings.Contains(string(got), want) {
			t.Errorf("%s lacks %s: %s", path, want, got)
		}
	}
	const person, granted, row = "/v1/profiles/user_id:u-1", `{"purpose":"marketing","channel":"email","state":"granted"`, `{"key":"s1","attributes":{"id":"s1","plan":"pro","user":"u-1"}`
	shows(r, person, `"consents":[`+granted)
	shows(r, person+"/entities/subs", row)
	// A purpose that is declared now reads what came before.
	must(r.client.Put(ctx, "/v1/purposes/newsletter", doc(`{"categories":["news"]}`), nil))
	r.flush(t)
	shows(r, person, `{"purpose":"newsletter","channel":"","state":"denied"`)
	must(r.client.Post(ctx, "/v1/consents", doc(`{"identity":{"type":"user_id","value":"u-1"},"purpose":"marketing","state":"withdrawn"}`), nil))
	r.flush(t)
	r.end(t)
	again := serve(t, cfg)
	again.flush(t)
	shows(again, person, `{"purpose":"marketing","channel":"email","state":"withdrawn"`)
	shows(again, person+"/consents", `"via":"event"`)
	shows(again, person+"/entities/subs", row)
	must(again.client.Post(ctx, "/v1/identity/retract", doc(`{"source":"crm","run":"night"}`), nil))
	again.flush(t)
	shows(again, "/v1/entities/subs/rows", `"data":[]`)
	must(again.client.Delete(ctx, "/v1/entities/subs"))
	if err := again.client.Get(ctx, "/v1/entities/subs/rows", nil); err == nil {
		t.Error("the rows of an entity that is gone are answered")
	}
}
