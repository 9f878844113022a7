package api

import (
	"strings"
	"testing"

	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/profile"
)

func TestUploadsSayWhatTheyAre(t *testing.T) {
	f := open(t)
	f.ok("PUT", "/v1/segments/vip", `{"list":true}`, 201)
	const members = "/v1/segments/vip/members"
	got := f.ok("POST", members+"?source=crm&timestamp=2026-01-01T00:00:00Z", `{"members":[{"email":"ana@shop.fr"},5],"mode":"remove","run":"r"}`, 200)
	if !strings.Contains(got, `"accepted":1`) || !strings.Contains(got, `"rejected":[{"index":1,"code":"list.row"`) {
		t.Error(got)
	}
	if u := f.heap.uploads[0]; u.Mode != entity.ModeRemove || u.Source != "crm" || u.Run != "r" || u.Segment != "vip" || u.Timestamp != 1767225600000 {
		t.Errorf("%+v", u)
	}
	if r := f.heap.rows[0]; r.Type != "email" || r.Value != "ana@shop.fr" {
		t.Errorf("%+v", r)
	}
	if w := f.send("POST", members, "email\n"+strings.Repeat("a@b.c\n", 1500), "Authorization", "Bearer "+adminToken, "Content-Type", "text/csv"); w.Code != 202 || !strings.Contains(w.Body.String(), `"accepted":1500`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	f.refused("POST", members+"?mode=set", `{"members":[]}`, 422, "field.invalid")
	f.refused("POST", members+"?timestamp=soon", `{"members":[]}`, 422, "field.invalid")
	f.refused("POST", "/v1/segments/none/members", `{"members":[]}`, 404, "segment.not_found")
}

// TestAListIsExplainedByItsUploads: what uploads said of the person's identifiers,
// and by which of them.
func TestAListIsExplainedByItsUploads(t *testing.T) {
	f := open(t)
	f.ok("PUT", "/v1/segments/vip", `{"list":true}`, 201)
	f.people.profiles[profile.Ref{Type: "user_id", Value: "ana"}] = profile.Profile{}
	at := func(id string) *entity.Write {
		return &entity.Write{Sighting: identity.Sighting{Timestamp: noon, MessageID: id, Source: "crm"}, Run: "run-" + id}
	}
	const path = "/v1/profiles/user_id:ana/explain?segment=vip"
	if got := f.ok("GET", path, "", 200); !strings.Contains(got, `"verdict":false,"value":null`) || !strings.Contains(got, `"uploads":[]`) {
		t.Error(got)
	}
	f.heap.namings = []entity.Naming{{Key: "email:ana@shop.fr", Write: at("a")}, {Key: "user_id:ana", Write: at("b"), Replaced: at("c")}}
	got := f.ok("GET", path, "", 200)
	for _, part := range []string{`"verdict":true,"value":"email:ana@shop.fr"`, `"said":"added","source":"crm","run":"run-a"`, `"said":"replaced","source":"crm","run":"run-b"`, `"replaced_by":"run-c"`} {
		if !strings.Contains(got, part) {
			t.Errorf("lacks %s: %s", part, got)
		}
	}
}
