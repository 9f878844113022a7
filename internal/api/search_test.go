package api

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/search"
)

// Find finds whoever has a trait or an identifier that the query is.
func (p *people) Find(_ context.Context, q string, offset, limit int) (search.Answer, error) {
	a := search.Answer{Exact: true}
	if p.err != nil {
		return a, p.err
	}
	n := 0
	for ref, have := range p.profiles {
		if ref.Value != q {
			continue
		}
		if n++; n > offset && len(a.Hits) < limit {
			a.Hits = append(a.Hits, search.Hit{Profile: have, Matched: []search.Match{{Field: ref.Type, Value: ref.Value}}, Score: 1})
		}
	}
	a.More = n > offset+limit
	return a, nil
}

// TestSearch: the answer is a list of short profiles, and says what matched.
func TestSearch(t *testing.T) {
	f := open(t)
	f.people.profiles = map[profile.Ref]profile.Profile{
		{Type: "user_id", Value: "u1"}: {
			ID: identity.NodeID{1}, Events: 3, Identifiers: []profile.Identifier{{Identifier: identity.Identifier{Type: "phone", Value: "+33612345678"}}},
			Traits: map[string]profile.Trait{"firstName": {Value: []byte(`"Ana"`)}, "lastName": {Value: []byte(`"García"`)}, "email": {Value: []byte(`"ana@example.com"`)}},
		},
	}
	const want = `{"data":[{"id":"01000000-0000-0000-0000-000000000000","name":"Ana García","email":"ana@example.com","phone":"+33612345678","user_id":null,` +
		`"first_seen":"1970-01-01T00:00:00.000Z","last_seen":"1970-01-01T00:00:00.000Z","events":3,"matched":[{"field":"user_id","value":"u1"}],"score":1}],"next":null,"exact":true}`
	if got := f.ok("GET", "/v1/profiles?q=u1", "", 200); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := f.ok("GET", "/v1/profiles?q=nobody", "", 200); got != `{"data":[],"next":null,"exact":true}` {
		t.Error(got)
	}
	for _, bad := range []string{"", "?q=", "?q=%20%20", "?q=a&limit=0", "?q=a&limit=101", "?q=a&cursor=!", "?q=a&cursor=eA", "?q=" + strings.Repeat("a", 257)} {
		if w := f.do("GET", "/v1/profiles"+bad, ""); w.Code != 400 {
			t.Errorf("%q: %d %s", bad, w.Code, w.Body)
		}
	}
}

// TestSearchPages: the cursor of a page leads to the next one.
func TestSearchPages(t *testing.T) {
	f := open(t)
	f.people.profiles = map[profile.Ref]profile.Profile{}
	for _, typ := range []string{"a", "b", "c"} {
		f.people.profiles[profile.Ref{Type: typ, Value: "x"}] = profile.Profile{ID: identity.NodeID{typ[0]}}
	}
	first := f.ok("GET", "/v1/profiles?q=x&limit=2", "", 200)
	_, next, ok := strings.Cut(first, `"next":"`)
	if !ok || strings.Count(first, `"score"`) != 2 {
		t.Fatal(first)
	}
	next, _, _ = strings.Cut(next, `"`)
	if got := f.ok("GET", "/v1/profiles?q=x&limit=2&cursor="+url.QueryEscape(next), "", 200); strings.Count(got, `"score"`) != 1 || !strings.Contains(got, `"next":null`) {
		t.Error(got)
	}
}
