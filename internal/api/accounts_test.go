package api

import (
	"encoding/json"
	"strings"
	"testing"

	"kith/internal/identity"
	"kith/internal/profile"
)

func TestAnAccountIsReadLikeAPerson(t *testing.T) {
	f := open(t)
	ref := profile.Ref{Type: profile.AccountType, Value: "acme"}
	f.people.profiles[ref] = profile.Profile{
		ID: identity.NodeID{9}, Events: 1, Traits: map[string]profile.Trait{"plan": {Value: json.RawMessage(`"pro"`)}},
		Identifiers: []profile.Identifier{{Identifier: identity.Identifier{Type: "group_id", Value: "acme"}}},
	}
	f.people.events[ref] = []json.RawMessage{json.RawMessage(`{"type":"group"}`)}
	if got := f.ok("GET", "/v1/profiles/group_id:acme", "", 200); !strings.Contains(got, `"traits":{"plan":"pro"}`) || !strings.Contains(got, `"type":"group_id","value":"acme"`) {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/profiles/group_id:acme/members", "", 200); got != `{"data":[{"profile_id":"6f010000-0000-0000-0000-000000000000"}],"next":null}` {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/profiles/group_id:acme/identifiers", "", 200); !strings.Contains(got, `"value":"acme"`) {
		t.Error(got)
	}
	f.refused("GET", "/v1/profiles/group_id:none", "", 404, "profile.unknown")
	f.refused("GET", "/v1/profiles/user_id:u1/members", "", 404, "profile.no_account")
}
