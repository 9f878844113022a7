package segment

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kith/internal/expr"
	"kith/internal/resource/form"
)

const costMax = 10_000_000

// places reads a segment and returns its cost and where it is refused.
func places(t *testing.T, s *Set, body string) (cost int64, at []string, details string) {
	t.Helper()
	var d *Definition
	err := form.Read([]byte(body), func(o *form.Object) { d = s.ReadSegment(o, "x", expr.Options{CostMax: costMax}) })
	var r *form.Refused
	if errors.As(err, &r) {
		for _, f := range r.Fields {
			at, details = append(at, f.Pointer), details+f.Detail
			if f.Code != CodeDear {
				t.Fatalf("%s: %v", body, f)
			}
		}
	}
	return s.CostOf(d).Total, at, details
}

// fieldsOf is the places and details of a refusal.
func fieldsOf(err error) (text string) {
	var r *form.Refused
	if errors.As(err, &r) {
		for _, f := range r.Fields {
			text += f.Pointer + " " + f.Detail + "\n"
		}
	}
	return text
}

// many repeats a condition in a group.
func many(n int, c string) string { return `{"any":[` + strings.Repeat(c+",", n-1) + c + `]}` }

func TestDearDefinitionsAreRefused(t *testing.T) {
	s := NewSet()
	const page = `{"event":{"type":"page"}}`
	pairs := func(window string) string {
		return `{"where":{"sequence":[{"event":"A"},{"event":"B"},{"event":"C","within":"1h"},{"event":"D","within":"1h","where":[{"property":"a","op":"lt","ref":"steps.0.a"},{"property":"b","op":"gt","ref":"steps.1.b"}]}]` + window + `}}`
	}
	for body, want := range map[string]string{
		`{"where":` + many(150, page) + `}`:                                                "",
		`{"where":` + many(300, page) + `}`:                                                "/where/any/0",
		`{"where":` + many(300, `{"event":{"type":"page"},"window":{"last":"30d"}}`) + `}`: "",
		`{"where":` + many(400, `{"event":"A"}`) + `}`:                                     "",
		pairs(``):                         "/where/sequence",
		pairs(`,"window":{"last":"30d"}`): "",
		strings.ReplaceAll(pairs(``), `,"within":"1h"`, ``):                                                  "",
		strings.Replace(pairs(``), `"B"}`, `"B","where":[{"property":"b","op":"eq","ref":"steps.0.a"}]}`, 1): "",
		`{"scope":"account","where":{"members":` + many(4, page) + `}}`:                                      "/where/members/any/0",
		`{"where":{"all":[{"event":"A"},` + many(300, page) + `]}}`:                                          "/where/all/1/any/0",
	} {
		cost, at, details := places(t, s, body)
		if got := strings.Join(at, " "); want == "" && got != "" || want != "" && !strings.HasPrefix(got, want) {
			t.Errorf("%.120s costs %d and is refused at %q", body, cost, got)
		}
		if want == "" != (cost <= costMax) || want != "" && !strings.Contains(details, fmt.Sprint(costMax)) {
			t.Errorf("%.120s costs %d: %s", body, cost, details)
		}
		if strings.Contains(want, "any/0") && !strings.Contains(details, "name the event, or give it a shorter window") {
			t.Errorf("no remedy: %s", details)
		}
	}
	if cost, at, _ := places(t, s, `{"where":{"sequence":[{"event":"A"},{"event":"B","where":[{"property":"a","op":"eq","ref":"steps.0.a"}]},{"event":"C","where":[{"property":"a","op":"eq","ref":"steps.0.a"},{"property":"b","op":"eq","ref":"steps.1.b"}]}]}}`); len(at) > 0 || cost > 10_000 {
		t.Errorf("a common sequence costs %d: %v", cost, at)
	}
}

// TestCostsGoThroughNames: what a definition names costs too, once, and what would
// make another one too dear is refused.
func TestCostsGoThroughNames(t *testing.T) {
	s := NewSet()
	put := func(key, body string) {
		err := form.Read([]byte(body), func(o *form.Object) { s = s.WithSegment(s.ReadSegment(o, key, expr.Options{CostMax: costMax})) })
		if err != nil {
			t.Fatal(err)
		}
	}
	const page = `{"event":{"type":"page"}}`
	put("half", `{"where":`+many(100, page)+`}`)
	put("also", `{"where":`+many(70, page)+`}`)
	put("twice", `{"where":{"all":[{"segment":"half","op":"in"},{"segment":"half","op":"not_in"}]}}`)
	if a, b := s.CostOf(s.Segment("half")).Total, s.CostOf(s.Segment("twice")).Total; a != b {
		t.Errorf("named twice it costs %d, by itself %d", b, a)
	}
	put("both", `{"where":{"any":[{"segment":"twice","op":"in"},{"segment":"also","op":"in"}]}}`)
	if c := s.CostOf(s.Segment("both")); len(c.Parts) != 2 || c.Parts[0].Pointer != "/where/any/0" || !strings.Contains(c.Parts[0].Why, "twice") {
		t.Errorf("%+v", c)
	}
	err := form.Read([]byte(`{"where":`+many(150, page)+`}`), func(o *form.Object) { s.ReadSegment(o, "also", expr.Options{CostMax: costMax}) })
	if err == nil || !strings.Contains(fieldsOf(err), "both") {
		t.Errorf("%v", err)
	}
	err = form.Read([]byte(`{"type":"count","event":{"type":"page"},"scope":"account"}`), func(o *form.Object) { s.ReadTrait(o, "t", expr.Options{CostMax: 1000}) })
	if err == nil || !strings.HasPrefix(fieldsOf(err), "/event ") {
		t.Errorf("%v", err)
	}
	body := `{"where":{"trait":"a","op":"exists"}}`
	for i := range needsMax + 1 {
		put(fmt.Sprint("n", i), body)
		body = fmt.Sprintf(`{"where":{"segment":"n%d","op":"in"}}`, i)
	}
	if _, at, _ := places(t, s, body); len(at) != 1 || at[0] != "" {
		t.Errorf("a chain of definitions is refused at %v", at)
	}
}
