package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// comparison is how what came out is held against what was planned.
type comparison struct {
	float64s bool // the SDK knows numbers only as 64-bit floats
	noNulls  bool // the SDK leaves out members that are null

	// halfPair is what the SDK sends for half a surrogate pair, if it replaces it.
	halfPair string
}

// equal returns the differences between a planned value and one that came out:
// none when they are the same, member for member. Numbers are the same when they
// are the same real number. NUL and half a surrogate pair come out as U+FFFD.
func (c comparison) equal(path string, want, got any) []string {
	return c.compare(path, want, got, false)
}

// within returns the differences of what was planned, at any depth of objects;
// members beside it may be there.
func (c comparison) within(path string, want, got any) []string {
	return c.compare(path, want, got, true)
}

func (c comparison) compare(path string, want, got any, open bool) []string {
	switch want := want.(type) {
	case map[string]any:
		return c.members(path, want, got, open)
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return []string{fmt.Sprintf("%s: %s, want %d elements", path, show(got), len(want))}
		}
		var out []string
		for i := range want {
			out = append(out, c.compare(fmt.Sprintf("%s[%d]", path, i), want[i], list[i], open)...)
		}
		return out
	case json.Number:
		if n, ok := got.(json.Number); ok && c.sameNumber(want, n) {
			return nil
		}
	case string:
		if s, ok := got.(string); ok && s == c.clean(want) {
			return nil
		}
	default: // true, false and null
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %s, want %s", path, show(got), show(want))}
}

func (c comparison) members(path string, want map[string]any, got any, open bool) []string {
	object, ok := got.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: %s, want an object", path, show(got))}
	}
	var out []string
	for k, v := range want {
		at, there := object[k]
		switch {
		case there:
			out = append(out, c.compare(path+"."+k, v, at, open)...)
		case v != nil || !c.noNulls:
			out = append(out, fmt.Sprintf("%s.%s is missing, want %s", path, k, show(v)))
		}
	}
	for k, v := range object {
		if _, planned := want[k]; !planned && !open {
			out = append(out, fmt.Sprintf("%s.%s: %s was never sent", path, k, show(v)))
		}
	}
	return out
}

func (c comparison) sameNumber(want, got json.Number) bool {
	text := string(want)
	if c.float64s {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return false
		}
		text = strconv.FormatFloat(f, 'g', -1, 64)
	}
	a, ok := new(big.Rat).SetString(text)
	b, ok2 := new(big.Rat).SetString(string(got))
	return ok && ok2 && a.Cmp(b) == 0
}

// clean is a string as kith keeps it.
func (c comparison) clean(s string) string {
	s = strings.ReplaceAll(s, loneSurrogate, cmp.Or(c.halfPair, "\ufffd"))
	return strings.ReplaceAll(s, "\x00", "\ufffd")
}

// show is a value in a message of a test, cut when it is long.
func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%v", v)
	}
	if len(b) > 200 {
		return string(b[:200]) + "…"
	}
	return string(b)
}

// decoded is a planned value in the form in which answers are decoded.
func decoded(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encoding a planned value: %v", err)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("decoding a planned value: %v", err)
	}
	return out
}

func TestComparisonSeesDifferences(t *testing.T) {
	for _, tc := range []struct {
		name      string
		c         comparison
		want, got any
		differ    []string
	}{
		{"same", comparison{}, obj{"a": []any{1, nil, "x"}}, obj{"a": []any{1, nil, "x"}}, nil},
		{"composed and decomposed", comparison{}, "\u00e9", "e\u0301", []string{"v"}},
		{"composed and decomposed key", comparison{}, obj{"\u00e9": 1}, obj{"e\u0301": 1}, []string{"v.\u00e9", "v.e\u0301"}},
		{"number of another form", comparison{}, json.Number("1e-7"), json.Number("0.0000001"), nil},
		{"number that lost its last digit", comparison{}, json.Number("9007199254740993"), json.Number("9007199254740992"), []string{"v"}},
		{"the same where floats are all there is", comparison{float64s: true}, json.Number("9007199254740993"), json.Number("9007199254740992"), nil},
		{"another float", comparison{float64s: true}, json.Number("0.1"), json.Number("0.10000000000000002"), []string{"v"}},
		{"number and text", comparison{}, 1, "1", []string{"v"}},
		{"null and absent", comparison{}, obj{"a": nil}, obj{}, []string{"v.a"}},
		{"null and absent where nulls are dropped", comparison{noNulls: true}, obj{"a": nil}, obj{}, nil},
		{"false and null", comparison{}, false, nil, []string{"v"}},
		{"order of a list", comparison{}, []any{1, 2}, []any{2, 1}, []string{"v[0]", "v[1]"}},
		{"a member more", comparison{}, obj{}, obj{"x": 1}, []string{"v.x"}},
		{"unusable characters", comparison{}, "a\x00" + loneSurrogate, "a\ufffd\ufffd", nil},
		{"unusable characters that are replaced", comparison{halfPair: "?"}, "a\x00" + loneSurrogate, "a\ufffd?", nil},
		{"the same unreplaced", comparison{halfPair: "?"}, loneSurrogate, "\ufffd", []string{"v"}},
	} {
		got := tc.c.equal("v", decoded(t, tc.want), decoded(t, tc.got))
		if len(got) != len(tc.differ) {
			t.Errorf("%s: %q, want differences at %q", tc.name, got, tc.differ)
			continue
		}
		for _, at := range tc.differ {
			if !slices.ContainsFunc(got, func(d string) bool { return strings.HasPrefix(d, at+":") || strings.HasPrefix(d, at+" ") }) {
				t.Errorf("%s: %q, want a difference at %s", tc.name, got, at)
			}
		}
	}
	c := comparison{}
	if d := c.within("v", decoded(t, obj{"a": obj{"b": 1}}), decoded(t, obj{"a": obj{"b": 1, "c": 2}, "d": 3})); len(d) > 0 {
		t.Errorf("members beside the planned ones: %q", d)
	}
	if d := c.within("v", decoded(t, obj{"a": obj{"b": 1}}), decoded(t, obj{"a": obj{"c": 2}})); len(d) != 1 {
		t.Errorf("a planned member is missing: %q", d)
	}
}
