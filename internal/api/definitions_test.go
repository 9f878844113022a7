package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"kith/event"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/membership"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/segment"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

// canon is definitions that everybody is asked of who is made of three orders.
type canon struct {
	traits, segments *resource.Collection[json.RawMessage]
	members          []membership.Member
	live             bool
	changed          int
}

func newCanon(clock sys.Clock) *canon {
	c := &canon{live: true}
	store := mem.New()
	c.traits = resource.OpenDefinitions(store, clock, resource.KindTrait, func(o *form.Object, key string) { c.Today().ReadTrait(o, key, expr.Options{CostMax: c.CostMax()}) })
	c.segments = resource.OpenDefinitions(store, clock, resource.KindSegment, func(o *form.Object, key string) { c.Today().ReadSegment(o, key, expr.Options{CostMax: c.CostMax()}) })
	return c
}

func (c *canon) Traits() *resource.Collection[json.RawMessage]   { return c.traits }
func (c *canon) Segments() *resource.Collection[json.RawMessage] { return c.segments }
func (c *canon) History(context.Context) (segment.History, int64) {
	return segment.History{Begins: noon - 366*24*3_600_000, Known: true}, noon
}
func (c *canon) CostMax() int64 { return 10_000_000 }
func (c *canon) Changed()       { c.changed++ }
func (c *canon) Refresh(_ context.Context, key string) (job.Job, error) {
	return job.Job{ID: "job_1", Kind: "trait.refresh " + key, State: job.Running}, nil
}

func (c *canon) NeededBy(key string) []string { return c.Today().NeededBy(key) }

func (c *canon) Today() *segment.Set {
	docs := membership.Documents{Traits: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}}
	for into, from := range map[*map[string]json.RawMessage]*resource.Collection[json.RawMessage]{&docs.Traits: c.traits, &docs.Segments: c.segments} {
		items, err := from.All(context.Background())
		if err != nil {
			panic(err)
		}
		for _, item := range items {
			(*into)[item.Key] = item.Doc
		}
	}
	set, err := docs.Set()
	if err != nil {
		panic(err)
	}
	return set
}

func (c *canon) Standing(context.Context, string) (SegmentStanding, error) {
	return SegmentStanding{Size: int64(len(c.members)), AsOf: noon, Live: c.live, Looked: 7}, nil
}

func (c *canon) Members(_ context.Context, _ string, after identity.NodeID, limit int) ([]membership.Member, bool, error) {
	rest := c.members
	for len(rest) > 0 && rest[0].Profile.String() <= after.String() {
		rest = rest[1:]
	}
	return rest[:min(limit, len(rest))], len(rest) > limit, nil
}

func (c *canon) AccountID(_ context.Context, n identity.NodeID) (string, error) {
	return "account-" + n.String()[:2], nil
}

func (c *canon) Answers(_ context.Context, _ profile.Ref, asOf *int64, f func(Answers) error) error {
	now := noon
	if asOf != nil {
		now = *asOf
	}
	set := c.Today()
	return f(Answers{Set: set, Now: now, Since: map[string]int64{"buyers": noon - 1000}, Answers: set.Ask(expr.Profile, orders{}, now, time.UTC)})
}

func (c *canon) Preview(_ context.Context, scope expr.Scope, cond expr.Condition, sample int, _ bool) (membership.Preview, error) {
	in := c.Today().Ask(scope, orders{}, noon, time.UTC).Is(cond).Verdict
	p := membership.Preview{Asked: membership.AskedPart(noon, 0, 1), PerCondition: []int64{}}
	if in {
		p.Size = 1
		p.Sample = make([]identity.NodeID, min(sample, 1))
	}
	return p, nil
}

func (c *canon) Compare(ctx context.Context, scope expr.Scope, cond expr.Condition, key string, sample int) (membership.Comparison, error) {
	p, err := c.Preview(ctx, scope, cond, sample, true)
	out := membership.Comparison{Preview: p}
	before := c.Today().Ask(scope, orders{}, noon, time.UTC).Member(key).Verdict
	one := membership.Side{Size: 1, Sample: make([]identity.NodeID, min(sample, 1))}
	if before {
		out.Before = 1
	}
	switch {
	case p.Size == 1 && !before:
		out.Entering = one
	case p.Size == 0 && before:
		out.Leaving = one
	}
	return out, err
}

func (c *canon) Overlap(_ context.Context, scope expr.Scope, keys []string) (Overlap, error) {
	out := Overlap{Exact: true, AsOf: noon, Regions: make([]int64, 1<<len(keys))}
	region := 0
	for i, k := range keys {
		if c.Today().Ask(scope, orders{}, noon, time.UTC).Member(k).Verdict {
			region |= 1 << i
		}
	}
	out.Regions[region] = 1
	return out, nil
}

func (c *canon) Breakdown(_ context.Context, scope expr.Scope, cond expr.Condition, trait string) (Breakdown, error) {
	out := Breakdown{Exact: true, AsOf: noon}
	if a := c.Today().Ask(scope, orders{}, noon, time.UTC); a.Is(cond).Verdict {
		for _, v := range a.Trait(trait) {
			out.Values = append(out.Values, BreakdownValue{JSON: v.AppendJSON(nil), Size: 1})
		}
	}
	return out, nil
}

var noon = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli()

// orders is a person with an order an hour before noon, one a day before that, and
// one a year before.
type orders struct{}

func (orders) Events(call expr.Call, lo, hi int64) (out []*expr.Event) {
	hour := int64(3_600_000)
	for i, at := range []int64{noon - 366*24*hour, noon - 25*hour, noon - hour} {
		if call.Type == event.Track && call.Name == "Order" && lo < at && at <= hi {
			out = append(out, &expr.Event{Timestamp: at, MessageID: string(rune('a' + i)), Source: "web", Call: call,
				Fields: expr.Fields{{Field: expr.Field{Path: "n"}, Text: []byte("10")}}})
		}
	}
	return out
}
func (orders) CustomTrait(string) []expr.Value { return nil }
func (orders) Listed(string) bool              { return false }
func (orders) Consent(_, _ string) string      { return "" }
func (orders) Accounts() []segment.View        { return nil }
func (orders) Members() []segment.View         { return nil }
func (orders) Rows(string) []expr.Fields       { return nil }

func TestDefinitionsAreDocuments(t *testing.T) {
	f := open(t)
	f.want(http.MethodPut, "/v1/traits/orders", `{"type":"count","event":"Order","window":{"last":"90d"}}`, 201)
	f.want(http.MethodPut, "/v1/segments/buyers", `{"name":"Buyers","where":{"trait":"orders","op":"gte","value":2}}`, 201)
	f.want(http.MethodPut, "/v1/segments/best", `{"where":{"segment":"buyers","op":"in"}}`, 201)
	got := f.want(http.MethodGet, "/v1/segments/buyers", "", 200)
	if c := got["cost"].(map[string]any); c["max"] != 10_000_000.0 || c["total"].(float64) < 300 || len(c["parts"].([]any)) != 2 {
		t.Errorf("%v", c)
	}
	if c := f.want(http.MethodGet, "/v1/traits/orders", "", 200)["cost"].(map[string]any); c["parts"].([]any)[0].(map[string]any)["pointer"] != "/event" {
		t.Errorf("%v", c)
	}
	if got["name"] != "Buyers" || got["status"] != "live" || got["version"] != 1.0 {
		t.Errorf("%v", got)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if put := f.want(http.MethodPut, "/v1/segments/buyers", string(again), 200); put["version"] != 1.0 {
		t.Errorf("what was read changes when it is put back: %v", put)
	}
	f.canon.live = false
	if got := f.want(http.MethodGet, "/v1/segments/buyers", "", 200); got["status"] != "backfilling" || got["looked"] != 7.0 {
		t.Errorf("%v", got)
	}
	if p := f.want(http.MethodDelete, "/v1/segments/buyers", "", 409); !strings.Contains(p["detail"].(string), "best") {
		t.Errorf("%v", p)
	}
	f.want(http.MethodDelete, "/v1/segments/best", "", 204)
	f.want(http.MethodDelete, "/v1/segments/buyers", "", 204)
	f.want(http.MethodGet, "/v1/segments/buyers", "", 404)
	if f.canon.changed == 0 {
		t.Error("nobody was told of the changes")
	}
}

func TestRefusedDefinitionsNameThePlace(t *testing.T) {
	f := open(t)
	for body, want := range map[string]string{
		`{"where":{"trait":"x","op":"equals","value":1}}`:    "/where/op",
		`{"where":{"all":[{"segment":"nobody","op":"in"}]}}`: "/where/all/0/segment",
		`{"where":{"event":"A","window":{"last":"30s"}}}`:    "/where/window/last",
		`{"wher":{}}`:                         "/wher",
		`{"where":{"segment":"s","op":"in"}}`: "/where/segment",
		`{"where":{"any":[` + strings.Repeat(`{"event":{"type":"page"}},`, 299) + `{"event":{"type":"page"}}]}}`: "/where/any/0",
	} {
		p := f.want(http.MethodPut, "/v1/segments/s", body, 422)
		found := false
		for _, e := range p["errors"].([]any) {
			found = found || e.(map[string]any)["pointer"] == want
		}
		if !found {
			t.Errorf("%s: %v", body, p["errors"])
		}
	}
}

func TestProfilesShowWhatDefinitionsComeTo(t *testing.T) {
	f := open(t)
	f.people.profiles[profile.Ref{Type: "user_id", Value: "u1"}] = profile.Profile{ID: identity.NodeID{1}}
	f.want(http.MethodPut, "/v1/traits/orders", `{"type":"count","event":"Order","window":{"last":"90d"}}`, 201)
	f.want(http.MethodPut, "/v1/traits/gone", `{"type":"max","event":"Order","property":"none"}`, 201)
	f.want(http.MethodPut, "/v1/segments/buyers", `{"where":{"trait":"orders","op":"gte","value":2}}`, 201)
	f.want(http.MethodPut, "/v1/segments/fresh", `{"where":{"event":"Order","window":{"last":"2h"}}}`, 201)
	got := f.want(http.MethodGet, "/v1/profiles/user_id:u1", "", 200)
	if c := got["computed"].(map[string]any); c["orders"] != 2.0 || len(c) != 1 {
		t.Errorf("computed %v", c)
	}
	if s := toText(got["segments"]); s != `[{"key":"buyers","since":"2025-03-01T11:59:59.000Z"},{"key":"fresh","since":"2025-03-01T12:00:00.000Z"}]` {
		t.Errorf("segments %s", s)
	}
	then := f.want(http.MethodGet, "/v1/profiles/user_id:u1?as_of=2025-03-01T10:30:00Z", "", 200)
	if c := then["computed"].(map[string]any); c["orders"] != 1.0 {
		t.Errorf("computed then %v", c)
	}
	list := f.want(http.MethodGet, "/v1/profiles/user_id:u1/segments?limit=1", "", 200)
	if list["next"] == nil || len(list["data"].([]any)) != 1 {
		t.Errorf("%v", list)
	}
	why := f.want(http.MethodGet, "/v1/profiles/user_id:u1/explain?segment=fresh", "", 200)
	if why["verdict"] != true || why["value"] != 1.0 || why["next_change"] != "2025-03-01T13:00:00.000Z" || len(why["events"].([]any)) != 1 {
		t.Errorf("%v", why)
	}
	f.want(http.MethodGet, "/v1/profiles/user_id:u1/explain?segment=none", "", 404)
	if draft := f.want(http.MethodPost, "/v1/profiles/user_id:u1/explain", `{"where":{"event":"Order","window":{"last":"2h"}}}`, 200); toText(draft) != toText(why) {
		t.Errorf("not saved %v, saved %v", draft, why)
	}
	f.want(http.MethodPost, "/v1/profiles/user_id:nobody/explain", `{"where":{"event":"Order"}}`, 404)
	f.want(http.MethodPost, "/v1/profiles/user_id:u1/explain", `{"where":{"evnt":"Order"}}`, 422)
	f.want(http.MethodPost, "/v1/profiles/user_id:u1/explain", `{"scope":"account","where":{"trait":"plan","op":"exists"}}`, 422)
	f.want(http.MethodPut, "/v1/traits/decade", `{"type":"count","event":"Order","window":{"last":"520w"}}`, 201)
	long := f.want(http.MethodGet, "/v1/profiles/user_id:u1?verbose=1", "", 200)["computed"].(map[string]any)
	if toText(long["decade"]) != `{"partial":true,"truncated":false,"type":"count","value":3}` || long["orders"].(map[string]any)["partial"] != false {
		t.Errorf("%v", long)
	}
	if bare := f.want(http.MethodGet, "/v1/profiles/user_id:u1", "", 200)["computed"].(map[string]any); bare["decade"] != 3.0 {
		t.Errorf("%v", bare)
	}
	if d := f.want(http.MethodGet, "/v1/traits/decade", "", 200); d["partial"] != true || d["history_begins_at"] != "2024-02-29T12:00:00.000Z" {
		t.Errorf("%v", d)
	}
	f.want(http.MethodPut, "/v1/segments/old", `{"where":{"any":[{"event":"Order","window":{"last":"2h"}},{"event":"Order","window":{"last":"520w"}}]}}`, 201)
	if d := f.want(http.MethodGet, "/v1/segments/old", "", 200); d["partial"] != true {
		t.Errorf("%v", d)
	}
	why = f.want(http.MethodGet, "/v1/profiles/user_id:u1/explain?segment=old", "", 200)
	if parts := why["children"].([]any); why["partial"] != true || parts[0].(map[string]any)["partial"] != nil || parts[1].(map[string]any)["partial"] != true {
		t.Errorf("%v", why)
	}
}

func TestMembersAndPreview(t *testing.T) {
	f := open(t)
	f.want(http.MethodPut, "/v1/segments/buyers", `{"where":{"event":"Order"}}`, 201)
	f.canon.members = []membership.Member{{Profile: identity.NodeID{1}, Since: noon}, {Profile: identity.NodeID{2}, Since: noon}, {Profile: identity.NodeID{3}, Since: noon}}
	var ids []string
	next := ""
	for range 3 {
		page := f.want(http.MethodGet, "/v1/segments/buyers/members?limit=2&cursor="+next, "", 200)
		for _, m := range page["data"].([]any) {
			ids = append(ids, m.(map[string]any)["profile_id"].(string)[:2])
		}
		if page["next"] == nil {
			break
		}
		next = page["next"].(string)
	}
	if got := strings.Join(ids, " "); got != "01 02 03" {
		t.Errorf("members %s", got)
	}
	f.want(http.MethodGet, "/v1/segments/none/members", "", 404)
	p := f.want(http.MethodPost, "/v1/segments:preview", `{"where":{"event":"Order","count":{"op":"gte","value":3}},"sample":5}`, 200)
	if p["size"] != 1.0 || p["exact"] != true || len(p["sample"].([]any)) != 1 {
		t.Errorf("%v", p)
	}
	f.want(http.MethodPost, "/v1/segments:preview", `{"where":{"event":5}}`, 422)
	f.want(http.MethodPut, "/v1/segments/never", `{"where":{"event":"Order","count":{"op":"eq","value":0}}}`, 201)
	o := f.want(http.MethodPost, "/v1/segments:overlap", `{"segments":["never","buyers"]}`, 200)
	if got := toText(o["regions"]); got != `[{"in":[],"size":0},{"in":["never"],"size":0},{"in":["buyers"],"size":1},{"in":["never","buyers"],"size":0}]` || toText(o["sizes"]) != `{"buyers":1,"never":0}` {
		t.Errorf("%v", o)
	}
	for _, body := range []string{`{"segments":[]}`, `{"segments":["buyers","none"]}`, `{"segments":["buyers","buyers"]}`, `{}`, `{"segments":["a","b","c","d","e","f"]}`} {
		f.want(http.MethodPost, "/v1/segments:overlap", body, 422)
	}
	f.want(http.MethodPut, "/v1/traits/spent", `{"type":"sum","event":"Order","property":"n"}`, 201)
	for _, of := range []string{`"segment":"buyers"`, `"where":{"event":"Order"}`} {
		b := f.want(http.MethodPost, "/v1/segments:breakdown", `{`+of+`,"trait":"spent"}`, 200)
		if got := toText(b["data"]); got != `[{"size":1,"value":30}]` {
			t.Errorf("%s gives %v", of, b)
		}
	}
	for _, body := range []string{`{"segment":"none","trait":"spent"}`, `{"segment":"buyers"}`, `{"segment":"buyers","where":{"event":"Order"},"trait":"spent"}`, `{"trait":"spent"}`} {
		f.want(http.MethodPost, "/v1/segments:breakdown", body, 422)
	}
}

func TestDryRunsSaveNothing(t *testing.T) {
	f := open(t)
	f.want(http.MethodPut, "/v1/segments/buyers", `{"where":{"event":"Order"}}`, 201)
	f.want(http.MethodPut, "/v1/segments/best", `{"where":{"segment":"buyers","op":"in"}}`, 201)
	narrow := `{"name":"Fewer","where":{"event":"Order","count":{"op":"gt","value":3}}}`
	d := f.want(http.MethodPut, "/v1/segments/buyers?dry_run=1", narrow, 200)
	c := d["change"].(map[string]any)
	if d["dry_run"] != true || d["created"] != false || d["size"] != 0.0 || d["definition"].(map[string]any)["name"] != "Fewer" || d["definition"].(map[string]any)["version"] != 2.0 {
		t.Errorf("%v", d)
	}
	if c["size_now"] != 1.0 || c["staying"] != 0.0 || toText(c["needed_by"]) != `["best"]` || c["entering"].(map[string]any)["size"] != 0.0 || len(c["leaving"].(map[string]any)["sample"].([]any)) != 1 {
		t.Errorf("%v", c)
	}
	if got := f.want(http.MethodGet, "/v1/segments/buyers", "", 200); got["version"] != 1.0 || got["name"] != "buyers" {
		t.Errorf("a dry run has changed it: %v", got)
	}
	d = f.want(http.MethodPut, "/v1/segments/more?dry_run=true", `{"where":{"event":"Order"}}`, 200)
	if c := d["change"].(map[string]any); d["created"] != true || c["entering"].(map[string]any)["size"] != 1.0 || c["size_now"] != 0.0 {
		t.Errorf("%v", d)
	}
	f.want(http.MethodGet, "/v1/segments/more", "", 404)
	p := f.want(http.MethodPost, "/v1/segments:preview", `{"key":"buyers","where":{"event":"None"},"sample":0}`, 200)
	if c := p["change"].(map[string]any); c["leaving"].(map[string]any)["size"] != 1.0 || toText(c["leaving"].(map[string]any)["sample"]) != "[]" {
		t.Errorf("%v", p)
	}
	for target, body := range map[string]string{
		"/v1/segments/buyers?dry_run=1": `{"where":{"segment":"best","op":"in"}}`, "/v1/segments/best?dry_run=1": `{"scope":"account","where":{"trait":"x","op":"exists"}}`,
		"/v1/traits/t?dry_run=1": `{"type":"sum","event":"Order"}`,
	} {
		f.want(http.MethodPut, target, body, 422)
	}
	f.want(http.MethodPut, "/v1/segments/buyers?dry_run=1", `{"version":7,"where":{"event":"Order"}}`, 409)
	for _, target := range []string{"/v1/segments/buyers?dry_run=perhaps", "/v1/sources/s?dry_run=1"} {
		if got := f.send(http.MethodPut, target, narrow, "Authorization", "Bearer "+adminToken).Code; got != http.StatusUnprocessableEntity && got != http.StatusBadRequest {
			t.Errorf("%s: %d", target, got)
		}
	}
	if got := f.want(http.MethodPut, "/v1/segments/list?dry_run=1", `{"list":true}`, 200); got["definition"] == nil || got["size"] != nil {
		t.Errorf("%v", got)
	}
	if got := f.want(http.MethodPut, "/v1/traits/t?dry_run=1", `{"type":"count","event":"Order"}`, 200); got["version"] != 1.0 {
		t.Errorf("%v", got)
	}
	f.want(http.MethodGet, "/v1/traits/t", "", 404)
}

// want calls with the admin token and returns the answer.
func (f *fixture) want(method, target, body string, status int) map[string]any {
	f.t.Helper()
	text := f.ok(method, target, body, status)
	if text == "" {
		return nil
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		f.t.Fatalf("%s: %v", text, err)
	}
	return out
}

func toText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
