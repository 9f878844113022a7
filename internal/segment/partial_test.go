package segment

import (
	"math"
	"testing"

	"kith/internal/expr"
	"kith/internal/expr/exprtest"
	"kith/internal/resource/form"
)

func TestHistoryShortensWindows(t *testing.T) {
	s := NewSet()
	put := func(kind, key, body string) {
		t.Helper()
		err := form.Read([]byte(body), func(o *form.Object) {
			if kind == "trait" {
				s = s.WithTrait(s.ReadTrait(o, key, expr.Options{}))
			} else {
				s = s.WithSegment(s.ReadSegment(o, key, expr.Options{}))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("trait", "five", `{"type":"count","event":"A","window":{"last":"5m"}}`)
	put("trait", "ever", `{"type":"count","event":"A"}`)
	put("trait", "between", `{"type":"count","event":"A","window":{"from":"2m","to":"6m"}}`)
	put("trait", "until", `{"type":"count","event":"A","window":{"until":"2025-03-01T00:03:00Z"}}`)
	put("trait", "since", `{"type":"count","event":"A","window":{"since":"2025-03-01T00:04:00Z"}}`)
	put("trait", "later", `{"type":"count","event":"A","window":{"since":"2030-03-01"}}`)
	put("trait", "made", `{"type":"expression","expression":"five / ever"}`)
	put("segment", "in", `{"where":{"any":[{"trait":"ever","op":"gt","value":1},{"none":[{"trait":"made","op":"exists"}]}]}}`)
	put("segment", "of", `{"where":{"segment":"in","op":"in"}}`)
	put("segment", "seq", `{"where":{"sequence":[{"event":"A"},{"event":"B"}],"window":{"last":"5m"}}}`)
	put("segment", "custom", `{"where":{"trait":"plan","op":"eq","value":"pro"}}`)
	put("trait", "acc", `{"type":"count","event":"A","scope":"account","window":{"last":"5m"}}`)
	put("segment", "account", `{"where":{"account":{"trait":"acc","op":"gt","value":1}}}`)
	now := exprtest.Midnight + 10*exprtest.Minute
	for _, c := range []struct {
		begins int64 // minutes from midnight
		want   map[string]bool
	}{
		{0, map[string]bool{}},
		{4, map[string]bool{}},
		{5, map[string]bool{"between": true, "since": true}},
		{6, map[string]bool{"five": true, "between": true, "since": true, "made": true, "in": true, "of": true, "seq": true, "acc": true, "account": true}},
	} {
		h := History{Begins: exprtest.Midnight + c.begins*exprtest.Minute, Known: true}
		for _, d := range s.Traits() {
			if got := s.Partial(h, now).Trait(d); got != c.want[d.Key] {
				t.Errorf("history from minute %d on: trait %s is partial: %t", c.begins, d.Key, got)
			}
		}
		for _, d := range s.Segments() {
			if got := s.Partial(h, now).Segment(d); got != c.want[d.Key] {
				t.Errorf("history from minute %d on: segment %s is partial: %t", c.begins, d.Key, got)
			}
		}
	}
	five := s.Trait("five")
	if at := (History{Begins: exprtest.Midnight + 5*exprtest.Minute + 1, Known: true}); at.Shortens(&five.Window, now) {
		t.Error("a window that begins with the history is whole")
	}
	if none := (History{Begins: math.MaxInt64, Known: true}); !none.Shortens(&five.Window, now) || (History{}).Shortens(&five.Window, now) {
		t.Error("without history every window is shortened, and of an unknown one nothing is said")
	}
}
