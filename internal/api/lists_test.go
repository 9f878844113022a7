package api

import (
	"strings"
	"testing"

	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/profile"
)

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
