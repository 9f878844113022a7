package api

import (
	"encoding/json"
	"strings"
	"testing"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/profile"
)

func TestConsentIsTakenAsItIsWritten(t *testing.T) {
	f := open(t)
	const full = `{"identity":{"type":"email","value":"Ana@shop.fr"},"purpose":"marketing","channel":"email","state":"granted",` +
		`"policy":{"version":"3"},"evidence":[1,null,"é"],"at":"1970-01-01T00:00:01Z","id":"c-1"}`
	if got := f.ok("POST", "/v1/consents", full, 200); got != `{"id":"c-1"}` {
		t.Error(got)
	}
	b := f.book
	said := consent.Said{Purpose: "marketing", Channel: "email", State: consent.Granted, Via: consent.ViaAPI}
	if b.said[0].Type != "email" || b.said[0].Value != "Ana@shop.fr" || b.said[0].Said != said || b.at[0] != 1000 {
		t.Errorf("%+v at %v", b.said[0], b.at)
	}
	if string(b.said[0].Policy) != `{"version":"3"}` || string(b.said[0].Evidence) != `[1,null,"é"]` {
		t.Errorf("policy %s, evidence %s", b.said[0].Policy, b.said[0].Evidence)
	}
	for i, channel := range []string{`""`, `null`, `"*"`} {
		f.ok("POST", "/v1/consents", `{"identity":{"type":"user_id","value":"u1"},"purpose":"*","channel":`+channel+`,"state":"withdrawn","policy":null}`, 200)
		if s := b.said[i+1]; s.Channel != "" || s.Purpose != consent.Every || s.State != consent.Withdrawn || s.Policy != nil || b.at[i+1] != event.NoTime {
			t.Errorf("channel %s: %+v", channel, s)
		}
	}
}

// Hostile and careless bodies are refused with the place of each mistake, and
// nothing of them is said.
func TestConsentsThatAreRefused(t *testing.T) {
	f := open(t)
	const id = `"identity":{"type":"email","value":"a@b.fr"}`
	for body, pointers := range map[string]string{
		`{}`: "/identity /purpose /state",
		`{` + id + `,"purpose":"p","state":"yes"}`:                                                     "/state",
		`{` + id + `,"purpose":"p","state":true}`:                                                      "/state",
		`{` + id + `,"purpose":"p q","state":"denied"}`:                                                "/purpose",
		`{` + id + `,"purpose":"` + strings.Repeat("p", 65) + `","state":"denied"}`:                    "/purpose",
		`{` + id + `,"purpose":"p","channel":"e mail","state":"denied"}`:                               "/channel",
		`{` + id + `,"purpose":"p","channel":7,"state":"denied"}`:                                      "/channel",
		`{` + id + `,"purpose":"p","state":"denied","at":"soon"}`:                                      "/at",
		`{` + id + `,"purpose":"p","state":"denied","at":5}`:                                           "/at",
		`{` + id + `,"purpose":"p","state":"denied","id":"` + strings.Repeat("i", 101) + `"}`:          "/id",
		`{` + id + `,"purpose":"p","state":"denied","id":"a\u0000"}`:                                   "/id",
		`{` + id + `,"purpose":"p","state":"denied","evidence":"` + strings.Repeat("e", 17<<10) + `"}`: "/evidence",
		`{` + id + `,"purpose":"p","state":"denied","extra":1}`:                                        "/extra",
		`{"identity":{"type":"email"},"purpose":"p","state":"denied"}`:                                 "/identity/value",
		`{"identity":{"type":"email","value":5},"purpose":"p","state":"denied"}`:                       "/identity/value",
		`{"identity":"a@b.fr","purpose":"p","state":"denied"}`:                                         "/identity",
		`{` + id + `,` + id + `,"purpose":"p","state":"denied"}`:                                       "/identity",
	} {
		p := f.refused("POST", "/v1/consents", body, 422, "form.refused")
		var at []string
		for _, e := range p.Errors {
			at = append(at, e.Pointer)
		}
		if got := strings.Join(at, " "); got != pointers {
			t.Errorf("%.80s: %q, want %q", body, got, pointers)
		}
	}
	for _, body := range []string{``, `[`, `[]x`, "{\"a\":\"\xff\"}"} {
		if w := f.send("POST", "/v1/consents", body, "Authorization", "Bearer "+adminToken); w.Code != 400 {
			t.Errorf("%q: %d", body, w.Code)
		}
	}
	if w := f.send("POST", "/v1/consents", `{"a":"`+strings.Repeat("x", 70<<10)+`"}`, "Authorization", "Bearer "+adminToken); w.Code != 413 {
		t.Errorf("a long body: %d", w.Code)
	}
	if len(f.book.said) != 0 {
		t.Errorf("said all the same: %+v", f.book.said)
	}
}

func TestLedgerIsAnswered(t *testing.T) {
	f := open(t)
	f.book.page = profile.ConsentPage{Next: "more", Records: []profile.ConsentRecord{{
		Statement: consent.Statement{
			Said: consent.Said{Purpose: "marketing", Channel: "sms", State: consent.Denied, Via: consent.ViaGPC},
			At:   1000, ReceivedAt: 2000, MessageID: "m1", Source: "web",
		},
		Node: identity.NodeID{1}, Whose: identity.Identifier{Type: "user_id", Value: "u1"}, Evidence: json.RawMessage(`{"sec_gpc":"1"}`),
	}}}
	const want = `{"data":[{"id":"m1","identity":{"type":"user_id","value":"u1"},"purpose":"marketing","channel":"sms","state":"denied","at":"1970-01-01T00:00:01.000Z","received_at":"1970-01-01T00:00:02.000Z",` +
		`"via":"gpc","source":"web","node_id":"01000000-0000-0000-0000-000000000000","policy":null,"evidence":{"sec_gpc":"1"}}],"next":"more"}`
	if got := f.ok("GET", "/v1/profiles/user_id:u1/consents", "", 200); got != want {
		t.Error(got)
	}
	f.refused("GET", "/v1/profiles/u1/consents", "", 400, "profile.reference")
	f.refused("GET", "/v1/profiles/user_id:u1/consents?limit=0", "", 400, "request.limit")
}

func TestPurposesAreDocuments(t *testing.T) {
	f := open(t)
	list := f.ok("GET", "/v1/purposes", "", 200)
	for _, key := range []string{"advertising", "analytics", "marketing", "personalization", "sale_share"} {
		if !strings.Contains(list, `"key":"`+key+`"`) {
			t.Errorf("%s is not built in: %s", key, list)
		}
	}
	if got := f.ok("GET", "/v1/purposes/marketing", "", 200); !strings.Contains(got, `"built_in":true`) || strings.Contains(got, `"version"`) {
		t.Error(got)
	}
	const doc = `{"name":"Ads","channels":["email","sms"],"legal_basis":"legitimate_interest","categories":["C0004"],"gpc":true}`
	if got := f.ok("PUT", "/v1/purposes/marketing", doc, 201); !strings.Contains(got, `"consent_required":false`) || !strings.Contains(got, `"version":1`) {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/purposes/marketing", "", 200); !strings.Contains(got, `"built_in":false`) {
		t.Error(got)
	}
	shown := f.ok("GET", "/v1/purposes/marketing", "", 200)
	if again := f.ok("PUT", "/v1/purposes/marketing", shown, 200); again != shown {
		t.Errorf("what was answered, put again: %s, want %s", again, shown)
	}
	f.refused("PUT", "/v1/purposes/marketing", `{"version":7}`, 409, "purpose.version")
	f.refused("PUT", "/v1/purposes/mar:keting", `{}`, 400, "resource.key")
	for body, at := range map[string]string{
		`{"legal_basis":"whim"}`: "/legal_basis", `{"channels":["a","a"]}`: "/channels", `{"channels":"a"}`: "/channels", `{"categories":[""]}`: "/categories",
		`{"key":"other"}`: "/key", `{"gpc":"yes"}`: "/gpc", `{"nom":"x"}`: "/nom",
	} {
		if p := f.refused("PUT", "/v1/purposes/x", body, 422, "form.refused"); len(p.Errors) != 1 || p.Errors[0].Pointer != at {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	page := f.ok("GET", "/v1/purposes?limit=2", "", 200)
	var first struct {
		Data []purposeAnswer
		Next string
	}
	if err := json.Unmarshal([]byte(page), &first); err != nil || len(first.Data) != 2 || first.Data[1].Key != "analytics" {
		t.Fatal(page, err)
	}
	if rest := f.ok("GET", "/v1/purposes?cursor="+first.Next, "", 200); strings.Count(rest, `"key"`) != 3 || strings.Contains(rest, `"analytics"`) || !strings.Contains(rest, `"next":null`) {
		t.Error(rest)
	}
	f.do("DELETE", "/v1/purposes/marketing", "")
	if got := f.ok("GET", "/v1/purposes/marketing", "", 200); !strings.Contains(got, `"built_in":true`) {
		t.Errorf("after the document is gone: %s", got)
	}
	f.refused("DELETE", "/v1/purposes/marketing", "", 404, "purpose.not_found")
	f.refused("GET", "/v1/purposes/nobody", "", 404, "purpose.not_found")
}

func TestEntitiesAndRows(t *testing.T) {
	f := open(t)
	f.refused("PUT", "/v1/entities/subs/rows", `{"rows":[]}`, 404, "entity.not_found")
	const doc = `{"key":"id","relation":{"attribute":"user","identifier_type":"user_id"},"attributes":[{"name":"seats","type":"number"}]}`
	f.ok("PUT", "/v1/entities/subs", doc, 201)
	shown := f.ok("GET", "/v1/entities/subs", "", 200)
	if again := f.ok("PUT", "/v1/entities/subs", shown, 200); again != shown {
		t.Errorf("what was answered, put again: %s, want %s", again, shown)
	}
	for body, at := range map[string]string{
		`{}`: "/key", `{"key":5}`: "/key", `{"key":"@id"}`: "/key", `{"key":"id","relation":{"attribute":"a"}}`: "/relation/identifier_type",
		`{"key":"id","relation":{"attribute":"a","identifier_type":"User Id"}}`: "/relation/identifier_type", `{"key":"id","relation":[]}`: "/relation",
		`{"key":"id","attributes":[{"name":"a","type":"text"}]}`: "/attributes/0/type", `{"key":"id","entity":"other"}`: "/entity",
		`{"key":"id","attributes":[{"name":"a","type":"string"},{"name":"a","type":"string"}]}`: "/attributes/1/name",
	} {
		if p := f.refused("PUT", "/v1/entities/x", body, 422, "form.refused"); len(p.Errors) != 1 || p.Errors[0].Pointer != at {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	const rows = `{"rows":[{"id":"a","seats":2},{"id":"b","seats":"2"},7],"run":"r1"}`
	for i, method := range []string{"PUT", "POST"} {
		got := f.ok(method, "/v1/entities/subs/rows", rows, 200)
		if !strings.HasPrefix(got, `{"accepted":1,"rejected":[{"index":1,"code":"row.attribute_type",`) || !strings.Contains(got, `{"index":2,"code":"row.not_object",`) {
			t.Error(got)
		}
		if b := f.shelf.batches[i]; b.Run != "r1" || len(b.Rows) != 1 || string(b.Rows[0].Attributes) != `{"id":"a","seats":2}` {
			t.Errorf("%+v", b)
		}
	}
	f.refused("PUT", "/v1/entities/subs/rows", `{"rows":5}`, 422, "rows.required")
	f.refused("PUT", "/v1/entities/subs/rows", `{"rows":[],"what":1}`, 422, "field.unknown")
	f.do("DELETE", "/v1/entities/subs/rows/a%2Fb", "")
	if len(f.shelf.removed) != 1 || f.shelf.removed[0] != "a/b" {
		t.Errorf("removed %q", f.shelf.removed)
	}
	row := &entity.Row{}
	if err := row.Add(&entity.Write{Sighting: identity.Sighting{Timestamp: 1000}, Attributes: []byte(`{"id":"a","user":"u1"}`)}); err != nil {
		t.Fatal(err)
	}
	f.shelf.rows = []OwnedRow{{Named: entity.Named{Key: "a", Row: row}, Owner: &identity.Identifier{Type: "user_id", Value: "u1"}}, {Named: entity.Named{Key: "b", Row: row}}}
	const one = `{"key":"a","attributes":{"id":"a","user":"u1"},"owner":{"type":"user_id","value":"u1"},"updated_at":"1970-01-01T00:00:01.000Z"}`
	if got := f.ok("GET", "/v1/entities/subs/rows/a", "", 200); got != one {
		t.Error(got)
	}
	f.refused("GET", "/v1/entities/subs/rows/c", "", 404, "entity.no_row")
	for _, path := range []string{"/v1/entities/subs/rows", "/v1/profiles/user_id:u1/entities/subs"} {
		first := f.ok("GET", path+"?limit=1", "", 200)
		if first != `{"data":[`+one+`],"next":"YQ"}` {
			t.Errorf("%s: %s", path, first)
		}
		if rest := f.ok("GET", path+"?cursor=YQ", "", 200); !strings.HasPrefix(rest, `{"data":[{"key":"b",`) || !strings.Contains(rest, `"owner":null`) || !strings.HasSuffix(rest, `"next":null}`) {
			t.Errorf("%s: %s", path, rest)
		}
	}
}
