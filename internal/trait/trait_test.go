package trait

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kith/event"
	"kith/internal/decimal"
	"kith/internal/expr"
	"kith/internal/resource/form"
)

// stream is a subject that has nothing but track events named E.
type stream []*expr.Event

func (s stream) Events(call expr.Call, lo, hi int64) (out []*expr.Event) {
	for _, e := range s {
		if e.Call == call && lo < e.Timestamp && e.Timestamp <= hi {
			out = append(out, e)
		}
	}
	return out
}
func (s stream) Trait(string) expr.Trait     { return expr.Trait{Next: expr.Never} }
func (s stream) Member(string) (bool, int64) { return false, expr.Never }
func (s stream) Consent(_, _ string) string  { return "" }
func (s stream) Accounts() []expr.Subject    { return nil }
func (s stream) Members() []expr.Subject     { return nil }
func (s stream) Rows(string) []expr.Fields   { return nil }

const base = int64(1_740_787_200_000)

// made makes events a minute apart, each with the property p as given; an empty
// text is an event without it.
func made(values ...string) stream {
	var s stream
	for i, text := range values {
		e := &expr.Event{Timestamp: base + int64(i)*60_000, MessageID: fmt.Sprint(i), Call: expr.Call{Type: event.Track, Name: "E"}}
		if text != "" {
			e.Fields = expr.Fields{{Field: expr.Field{Path: "p"}, Text: []byte(text)}}
		}
		s = append(s, e)
	}
	return s
}

func define(t testing.TB, text string) *Definition {
	t.Helper()
	var d *Definition
	err := form.Read([]byte(text), func(o *form.Object) { d = Read(o, "k", expr.Options{}) })
	if err != nil {
		var r *form.Refused
		errors.As(err, &r)
		t.Fatalf("%s: %v", text, r.Fields)
	}
	return d
}

// TestTypes gives every type's value of some events, of others, and of nothing.
func TestTypes(t *testing.T) {
	some := made(`2`, `"b"`, `[1,[2,"a"]]`, ``, `null`, `1e40`, `{"x":1}`, `0.5`)
	for line, want := range map[string]string{
		"count": "8 | 0", "sum": "5.5 | 0", "avg": "1.375 | absent", "min": "0.5 | absent", "max": "2 | absent",
		"first": "2 | absent", "last": "0.5 | absent", "most_frequent": "2 | absent",
		"unique_list": `["a","b",0.5,1,2,{"x":1},1e+40] | []`, "unique_count": "7 | 0",
		"time_since_first": "600 | absent", "time_since_last": "180 | absent",
	} {
		property := `,"property":"p"`
		if line == "count" || strings.HasPrefix(line, "time_") {
			property = ""
		}
		d := define(t, `{"type":"`+line+`","event":"E"`+property+`}`)
		var got []string
		for _, s := range []stream{some, nil} {
			v := d.Eval(&expr.Context{Now: base + 600_999, Zone: time.UTC, Subject: s})
			text := string(v.JSON)
			if v.JSON == nil {
				text = "absent"
			}
			got = append(got, text)
		}
		if g := strings.Join(got, " | "); g != want {
			t.Errorf("%s: %s, not %s", line, g, want)
		}
	}
}

func TestTheFirstArrayStaysWhole(t *testing.T) {
	v := define(t, `{"type":"last","event":"E","property":"p"}`).Eval(&expr.Context{Now: base + 600_000, Zone: time.UTC, Subject: made(`7`, `[1,[2]]`, `[]`)})
	if string(v.JSON) != "[1,[2]]" || len(v.Values) != 2 {
		t.Errorf("%s %v", v.JSON, v.Values)
	}
}

// TestValuesHoldUntilNext: a windowed value changes exactly when announced.
func TestValuesHoldUntilNext(t *testing.T) {
	s := made(`3`, `1`, `2`, `2`)
	for _, kind := range []string{"count", "sum", "avg", "min", "max", "first", "last", "most_frequent", "unique_list", "unique_count", "time_since_first", "time_since_last"} {
		property := `,"property":"p"`
		if kind == "count" || strings.HasPrefix(kind, "time_") {
			property = ""
		}
		d := define(t, `{"type":"`+kind+`","event":"E"`+property+`,"window":{"last":"3m"}}`)
		for now := base - 60_000; now < base+480_000; now += 30_000 {
			v := d.Eval(&expr.Context{Now: now, Zone: time.UTC, Subject: s})
			if v.Next <= now {
				t.Fatalf("%s: the next change is %d ms before now", kind, now-v.Next)
			}
			for at := now; at < min(v.Next, base+480_000); at += 30_000 {
				w := d.Eval(&expr.Context{Now: at, Zone: time.UTC, Subject: s})
				if !v.Running && string(w.JSON) != string(v.JSON) || v.Running != w.Running || v.Since != w.Since {
					t.Fatalf("%s: %s became %s before the announced moment", kind, v.JSON, w.JSON)
				}
			}
		}
	}
}

func TestLongListsAreCut(t *testing.T) {
	var texts []string
	for i := range 1100 {
		texts = append(texts, fmt.Sprint(2000-i))
	}
	v := define(t, `{"type":"unique_list","event":"E","property":"p"}`).Eval(&expr.Context{Now: base + 1e9, Zone: time.UTC, Subject: made(texts...)})
	if !v.Truncated || len(v.Values) != 1000 || v.Values[0].Num != decimal.FromInt(901) {
		t.Errorf("%d values from %v on, truncated %t", len(v.Values), v.Values[0].Num, v.Truncated)
	}
}

func TestExpressions(t *testing.T) {
	traits := map[string]string{"a": "10", "b": "4", "zero": "0", "text": `"x"`, "list": "[1,2]", "big": "99999999999999999999999999999", "n.x": "1"}
	for text, want := range map[string]string{
		"a + b * 2": "18", "(a+b)*2": "28", "a - b - 1": "5", "a / b / 2": "1.25", "-a + 1": "-9", "- -a": "10", "2 / 3": "0.666666667", "1 / 3 * 3": "0.999999999",
		"a / zero": "", "a + gone": "", "a + text": "", "list + 1": "", "big * 10": "", "big + 0.4": "99999999999999999999999999999.4",
		"coalesce(gone, a)": "10", "coalesce(gone, text, 0) / b": "0", "coalesce(gone)": "", "coalesce(a / zero, 7)": "7", "n.x+1": "2", "1e2+a": "110", "0.1+0.2": "0.3",
	} {
		e, err := ParseExpression(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		v := e.Eval(func(name string) expr.Trait {
			return expr.Trait{Values: expr.Values([]byte(traits[name])), Next: expr.Never}
		})
		if string(v.JSON) != want {
			t.Errorf("%s is %s, not %s", text, v.JSON, want)
		}
	}
	for text, want := range map[string]string{
		"": "byte 1", "a +": "byte 4", "a b": "byte 3", "(a": "byte 3", "a)": "byte 2", "max(a)": "coalesce", "coalesce(": "byte 10", "1x": "byte 1", "a ** b": "byte 4", "a % b": "byte 3",
		strings.Repeat("(", 40) + "a": "deeper",
	} {
		if _, err := ParseExpression(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"median","event":"E"}`: "/type", `{"type":"sum","event":"E"}`: "/property", `{"type":"count","event":"E","property":"p"}`: "/property",
		`{"type":"count"}`: "/event", `{"type":"expression"}`: "/expression", `{"type":"expression","expression":"a+","event":"E"}`: "/event /expression",
		`{"type":"count","event":"E","scope":"household"}`: "/scope", `{"type":"count","event":"E","window":{"last":"30s"}}`: "/window/last",
	} {
		err := form.Read([]byte(text), func(o *form.Object) { Read(o, "k", expr.Options{}) })
		var r *form.Refused
		if !errors.As(err, &r) {
			t.Errorf("%s is taken", text)
			continue
		}
		var got []string
		for _, f := range r.Fields {
			got = append(got, f.Pointer)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{"a + b", "coalesce(a, 0) / -b", "((1))", "1e9 * x.y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseExpression(text)
		if err != nil {
			return
		}
		e.Eval(func(string) expr.Trait { return expr.Trait{Values: []expr.Value{expr.Num(decimal.FromInt(3))}} })
	})
}
