package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"kith/internal/decision"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/identity/settings"
	"kith/internal/job"
	"kith/internal/profile"
	"kith/internal/resource/form"
)

// council is an Identity that keeps what is decided in order.
type council struct {
	rows []decision.Row
	doc  *settings.Document

	traits settings.Traits
}

func (c *council) TraitPolicies(context.Context) (settings.Traits, error) { return c.traits, nil }

func (c *council) PutTraitPolicies(_ context.Context, doc settings.Traits) (job.Job, error) {
	c.traits = doc
	return job.Job{ID: "job_1", Kind: "identity.resolve", State: job.Running}, nil
}

func (c *council) Decide(_ context.Context, d decision.Decision) (string, error) {
	if d.Kind == decision.Merge && d.A.Value == "foe" {
		return "", form.Refuse(errs.Conflict, "decision.split_stands", "/b", "the split dec_0 keeps them apart; revoke it first")
	}
	d.ID = "dec_" + string(rune('1'+len(c.rows)))
	row := decision.Row{ID: d.ID}
	row.Tell(d, decision.Rank{})
	c.rows = append([]decision.Row{row}, c.rows...)
	return d.ID, nil
}

func (c *council) Revoke(_ context.Context, id, by, reason string) error {
	for i := range c.rows {
		if c.rows[i].ID == id {
			c.rows[i].Revoke(decision.Revocation{ID: "r", At: 1000, By: by, Reason: reason})
			return nil
		}
	}
	return errs.New(errs.NotFound, "decision.not_found", "there is no decision of that id")
}

func (c *council) Decision(ctx context.Context, id string) (decision.Row, error) {
	for _, r := range c.rows {
		if r.ID == id {
			return r, nil
		}
	}
	return decision.Row{}, c.Revoke(ctx, "none", "", "")
}

func (c *council) Decisions(_ context.Context, before string, limit int) (out []decision.Row, more bool, err error) {
	for _, r := range c.rows {
		if before != "" && r.ID >= before {
			continue
		}
		if len(out) == limit {
			return out, true, nil
		}
		out = append(out, r)
	}
	return out, false, nil
}

const mergeBody = `{"a":{"type":"user_id","value":"u1"},"b":{"type":"user_id","value":"u2"},"reason":"phoned in"}`

func TestDecisions(t *testing.T) {
	f := open(t)
	if got := f.ok("POST", "/v1/identity/merge", mergeBody, 200); got != `{"decision_id":"dec_1"}` {
		t.Error(got)
	}
	f.ok("POST", "/v1/identity/split", `{"left":[{"type":"user_id","value":"u1"}],"right":[{"type":"email","value":"a@b.fr"}]}`, 200)
	if w := f.do("DELETE", "/v1/identity/decisions/dec_1?reason=mistaken", ""); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	want := `{"id":"dec_1","kind":"merge","at":"1970-01-01T00:00:00.000Z","by":"admin","reason":"phoned in","state":"revoked",` +
		`"a":{"type":"user_id","value":"u1"},"b":{"type":"user_id","value":"u2"},"revoked":{"at":"1970-01-01T00:00:01.000Z","by":"admin","reason":"mistaken"}}`
	if got := f.ok("GET", "/v1/identity/decisions/dec_1", "", 200); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
	first := f.ok("GET", "/v1/identity/decisions?limit=1", "", 200)
	if !strings.Contains(first, `"id":"dec_2"`) || strings.Contains(first, `"next":null`) {
		t.Error(first)
	}
	f.refused("GET", "/v1/identity/decisions/dec_9", "", 404, "decision.not_found")
	f.refused("DELETE", "/v1/identity/decisions/dec_9", "", 404, "decision.not_found")
	p := f.refused("POST", "/v1/identity/merge", strings.Replace(mergeBody, "u1", "foe", 1), 409, "decision.split_stands")
	if !strings.Contains(p.Detail, "dec_0") {
		t.Errorf("the refusal does not name the split: %s", p.Detail)
	}
}

func TestDecisionsNameEveryMistake(t *testing.T) {
	f := open(t)
	p := f.refused("POST", "/v1/identity/merge", `{"a":{"type":"user_id"},"c":1}`, 422, "form.refused")
	var places []string
	for _, e := range p.Errors {
		places = append(places, e.Pointer+" "+e.Code)
	}
	if got := strings.Join(places, ", "); got != "/a/value field.required, /b field.required, /c field.unknown" {
		t.Error(got)
	}
	side := `{"type":"user_id","value":"u1"}`
	side = "[" + strings.Repeat(side+",", 99) + side + "]"
	p = f.refused("POST", "/v1/identity/split", `{"left":`+side+`,"right":`+side+`}`, 422, "form.refused")
	if p.Errors[0].Code != decision.CodeTooMany {
		t.Errorf("%+v", p.Errors)
	}
	f.refused("POST", "/v1/identity/split", `{"left":[],"right":[]}`, 422, "form.refused")
	f.refused("POST", "/v1/identity/merge", `{`, 400, "json.syntax")
}

func (c *council) Settings(context.Context) (settings.Document, error) {
	if c.doc == nil {
		return settings.Default(), nil
	}
	return *c.doc, nil
}

func (c *council) PutSettings(_ context.Context, doc settings.Document) (job.Job, error) {
	c.doc = &doc
	return job.Job{ID: "job_1", Kind: "identity.resolve", State: job.Running}, nil
}

func (c *council) Retract(ctx context.Context, d decision.Decision) (string, job.Job, error) {
	id, err := c.Decide(ctx, d)
	return id, job.Job{ID: "job_2", Kind: "identity.retract", State: job.Running}, err
}

func TestRetract(t *testing.T) {
	f := open(t)
	got := f.ok("POST", "/v1/identity/retract", `{"source":"crm","run":"load-7","reason":"wrong file"}`, 202)
	if !strings.Contains(got, `"id":"job_2"`) || !strings.Contains(got, `"job_id":"job_2"`) || !strings.Contains(got, `"decision_id":"dec_1"`) {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/identity/decisions/dec_1", "", 200); !strings.Contains(got, `"source":"crm","run":"load-7"`) {
		t.Error(got)
	}
	f.refused("POST", "/v1/identity/retract", `{"source":"crm"}`, 422, "form.refused")
}

func TestIdentitySettings(t *testing.T) {
	f := open(t)
	before := f.ok("GET", "/v1/settings/identity", "", 200)
	if !strings.Contains(before, `{"type":"user_id","priority":1,"limit":{"count":1,"window":"ever"},"policy":"first","guard":{},"protected":true}`) {
		t.Error(before)
	}
	got := f.ok("PUT", "/v1/settings/identity", `{"default_country":"FR","blocked":{"email":["/^test@/"]}}`, 202)
	if !strings.Contains(got, `"id":"job_1"`) || !strings.Contains(got, `"job_id":"job_1"`) {
		t.Error(got)
	}
	if got := f.ok("GET", "/v1/settings/identity", "", 200); !strings.Contains(got, `"blocked":{"email":["/^test@/"]}`) {
		t.Error(got)
	}
	p := f.refused("PUT", "/v1/settings/identity", `{"types":[{"type":"user_id","limit":{"count":0}}],"blocked":{"email":["/(/"]}}`, 422, "form.refused")
	if len(p.Errors) != 2 || p.Errors[0].Pointer != "/blocked/email/0" || p.Errors[1].Pointer != "/types/0/limit/count" || p.Errors[0].Detail == "" {
		t.Errorf("%+v", p.Errors)
	}
}

func TestJobs(t *testing.T) {
	f := open(t)
	f.refused("GET", "/v1/jobs/job_9", "", 404, "job.not_found")
	f.refused("DELETE", "/v1/jobs/job_9", "", 404, "job.not_found")
	if got := f.ok("GET", "/v1/jobs", "", 200); got != `{"data":[],"next":null}` {
		t.Error(got)
	}
}

func (c *council) Why(_ context.Context, a, b profile.Ref) (Explained, error) {
	out := Explained{A: ExplainedEnd{Identifier: identity.Identifier(a)}, B: ExplainedEnd{Identifier: identity.Identifier(b)}}
	if b.Value == "null" {
		out.B.Reason = identity.Listed
		return out, nil
	}
	x := &identity.Explanation{A: identity.NodeID{1}, B: identity.NodeID{2}, Leaders: [2]identity.NodeID{{1}, {2}}}
	x.IDs = map[identity.NodeID]identity.Identifier{{1}: identity.Identifier(a), {2}: identity.Identifier(b)}
	link := identity.Link{A: identity.NodeID{1}, B: identity.NodeID{2}, Seen: true, First: 1000, Last: 2000, Verdict: identity.Accepted}
	proof := identity.Proof{
		Link: link, Kinds: []identity.Kind{identity.SeenInIdentify}, Sources: []string{"web"}, Count: 2,
		Samples: []identity.Sighting{{Timestamp: 1000, MessageID: "m1", Source: "web"}}, Priority: [2]int{4, 1},
	}
	if x.Together = b.Type == "email"; x.Together {
		x.Leaders[1] = x.Leaders[0]
		x.Path = []identity.Proof{proof}
		return Explained{out.A, out.B, x}, nil
	}
	proof.Verdict, proof.Exceeded = "limit:user_id", [2]int{2, 1}
	x.Rejected = []identity.Proof{proof}
	return Explained{out.A, out.B, x}, nil
}

func TestWhy(t *testing.T) {
	f := open(t)
	got := f.ok("GET", "/v1/identity/why?a=user_id:u1&b=email:a%40b.fr", "", 200)
	want := `"together":true,"path":[{"a":{"type":"user_id","value":"u1"},"b":{"type":"email","value":"a@b.fr"},"verdict":"accepted","kind":"identify","kinds":["identify"],` +
		`"source":"web","sources":["web"],"first_seen":"1970-01-01T00:00:01.000Z","last_seen":"1970-01-01T00:00:02.000Z","count":2,` +
		`"messages":[{"message_id":"m1","source":"web","timestamp":"1970-01-01T00:00:01.000Z"}],"decisions":[],"rule":"links of priority 1 to 4, the first seen first"}],"limits":[],"why_not":null}`
	if !strings.HasSuffix(got, want) {
		t.Errorf("%s, want\n%s", got, want)
	}
	got = f.ok("GET", "/v1/identity/why?a=user_id:u1&b=user_id:u2", "", 200)
	if !strings.Contains(got, `"together":false,"path":[],"limits":[],"why_not":{"reason":"limit:user_id","detail":"together they would have 2 user_id, and one person may have 1","rejected":[{`) {
		t.Error(got)
	}
	got = f.ok("GET", "/v1/identity/why?a=user_id:u1&b=user_id:null", "", 200)
	if !strings.Contains(got, `"b":{"type":"user_id","value":"null","profile_id":null,"blocked":"blocked"}`) || !strings.Contains(got, `"reason":"blocked"`) {
		t.Error(got)
	}
	f.refused("GET", "/v1/identity/why?a=user_id:u1&b=nothing", "", 400, "profile.reference")
}

func (c *council) Try(context.Context, settings.Document) (job.Job, error) {
	return job.Job{ID: "job_3", Kind: "identity.try", State: job.Running}, nil
}

func TestTry(t *testing.T) {
	f := open(t)
	if got := f.ok("POST", "/v1/identity/try", `{"cluster_size":{"hard":9}}`, 202); !strings.Contains(got, `"id":"job_3"`) {
		t.Error(got)
	}
	f.refused("POST", "/v1/identity/try", `{"cluster_size":{"hard":1}}`, 422, "form.refused")
}

// Audit knows five entries of u1, two of one moment.
func (c *council) Audit(_ context.Context, ref profile.Ref, upTo int64, limit int) ([]AuditEntry, error) {
	if ref.Value != "u1" {
		return nil, errs.New(errs.NotFound, "profile.unknown", "no profile has that identifier")
	}
	var out []AuditEntry
	for i, at := range []int64{4000, 3000, 3000, 2000, 1000} {
		if at <= upTo && len(out) < limit {
			out = append(out, AuditEntry{At: at, Kind: "merged", Count: i, From: identity.NodeID{1}, To: identity.NodeID{2}, DecisionID: "dec_1"})
		}
	}
	return out, nil
}

func TestAudit(t *testing.T) {
	f := open(t)
	var counts []int
	for cursor := ""; ; {
		var page struct {
			Data []struct{ Count int }
			Next *string
		}
		if err := json.Unmarshal([]byte(f.ok("GET", "/v1/profiles/user_id:u1/audit?limit=2"+cursor, "", 200)), &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Data {
			counts = append(counts, e.Count)
		}
		if page.Next == nil {
			break
		}
		cursor = "&cursor=" + *page.Next
	}
	if !slices.Equal(counts, []int{0, 1, 2, 3, 4}) {
		t.Error(counts)
	}
	want := `{"at":"1970-01-01T00:00:04.000Z","kind":"merged","from":"01000000-0000-0000-0000-000000000000","to":"02000000-0000-0000-0000-000000000000","identifiers":[],"count":0,"cause":{"source":null,"message_id":null,"decision_id":"dec_1"},"decision":null}`
	if got := f.ok("GET", "/v1/profiles/user_id:u1/audit?limit=1", "", 200); !strings.Contains(got, want) {
		t.Error(got)
	}
	f.refused("GET", "/v1/profiles/user_id:u2/audit", "", 404, "profile.unknown")
}

func TestTraitPoliciesAreReadAndReplaced(t *testing.T) {
	f := open(t)
	f.ok("PUT", "/v1/settings/traits", `{"policies":[{"trait":"plan","policy":"source_priority","sources":["crm","web"]},{"trait":"age","policy":"max"}]}`, 202)
	const want = `{"policies":[{"trait":"age","policy":"max"},{"trait":"plan","policy":"source_priority","sources":["crm","web"]}]}`
	if got := strings.TrimSpace(f.ok("GET", "/v1/settings/traits", "", 200)); got != want {
		t.Error(got)
	}
	for _, bad := range []string{
		`{"policies":[{"trait":"a","policy":"newest"}]}`, `{"policies":[{"trait":"a","policy":"source_priority"}]}`, `{"policies":[{"policy":"first"}]}`,
		`{"policies":[{"trait":"a","policy":"max","sources":["crm"]}]}`, `{"policies":[{"trait":"a","policy":"max"},{"trait":"a","policy":"min"}]}`, `{"policy":[]}`,
	} {
		if w := f.do("PUT", "/v1/settings/traits", bad); w.Code != 422 || !strings.Contains(w.Body.String(), `"pointer"`) {
			t.Errorf("%s: %d %s", bad, w.Code, w.Body)
		}
	}
}
