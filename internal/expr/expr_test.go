package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kith/internal/resource/form"
)

func refused(err error) []form.Field {
	var r *form.Refused
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r):
		return r.Fields
	}
	return []form.Field{{Detail: err.Error()}}
}

// TestOperators holds every operator against a trait, an event's property and
// what is missing.
func TestOperators(t *testing.T) {
	const traits = `{"s":"Anna","n":5,"b":true,"list":["x",["y",7]],"nothing":null,"empty":[],"o":{"n":1.0},
		"t":"2025-03-01T01:00:00+01:00","day":"2025-03-02","local":"2025-03-01T00:00:00","big":1e40,"e":""}`
	for line, want := range map[string]bool{
		`s eq "Anna"`: true, `s eq "anna"`: false, `n eq 5`: true, `n eq 5.0`: true, `n eq "5"`: false, `b eq true`: true, `b eq 1`: false,
		`list eq "y"`: true, `list eq 7`: true, `list eq "z"`: false, `nothing eq "x"`: false, `o eq 1`: false, `o.n eq 1e0`: true, `big eq 1`: false,
		`s neq "Anna"`: false, `n neq "5"`: true, `nothing neq 1`: true, `list neq "x"`: false, `list neq "z"`: true, `o neq 1`: true,
		`s in ["Anna","Bert"]`: true, `n in [1,5.00]`: true, `gone in [1]`: false, `gone not_in [1]`: true, `n not_in ["5"]`: true, `list not_in [7]`: false,
		`n lt 6`: true, `n lt 5`: false, `n lte 5`: true, `n gt 4.999999999`: true, `n gte 5.000000001`: false, `s gt "Ann"`: true, `s lt 9`: false, `gone lt 9`: false,
		`list gt 6`: true, `b gte 0`: false,
		`s contains "nn"`: true, `s contains "NN"`: false, `n contains "5"`: false, `list contains "y"`: true, `gone contains "x"`: false,
		`s not_contains "nn"`: false, `s not_contains "zz"`: true, `gone not_contains "x"`: true, `n not_contains "x"`: false, `list not_contains "y"`: false,
		`list not_contains "z"`: true, `nothing not_contains "x"`: true,
		`s starts_with "An"`: true, `s ends_with "na"`: true, `s starts_with "na"`: false, `s ends_with "An"`: false,
		`s matches "^A.+a$"`: true, `s matches "nn"`: true, `s matches "^n"`: false, `n matches "5"`: false,
		`s exists`: true, `e exists`: true, `nothing exists`: false, `empty exists`: false, `gone exists`: false, `o exists`: true, `big exists`: true,
		`s not_exists`: false, `gone not_exists`: true,
		`t before "2025-03-01T00:00:00.001Z"`: true, `t before "2025-03-01"`: false, `t after "2025-02-28T23:59:59.999Z"`: true, `day after "2025-03-01T23:59:59Z"`: true,
		`local after "2000-01-01"`: false, `n after "2000-01-01"`: false,
		`t within_last "1m"`: true, `day within_last "1d"`: false, `day within_next "1d"`: true, `day within_next "23h"`: false, `t within_next "1d"`: false,
		`a.b exists`: false,
	} {
		c := must(t, lineOf("trait", line))
		p := &person{traits: traits}
		if got := p.ask(c, 0).Verdict; got != want {
			t.Errorf("trait %s: %t", line, got)
		}
		if strings.Contains(line, "within_") {
			continue
		}
		e := must(t, `{"event":"E","where":[`+lineOf("property", line)+`]}`)
		p = &person{events: []*Event{track("E", 0, "{}")}}
		p.events[0].Fields = nil
		name := strings.Fields(line)[0]
		if text := Project(parse(traits), name); text != nil {
			p.events[0].Fields = Fields{{Field{Path: name}, text}}
		}
		if got := p.ask(e, 0).Verdict; got != want {
			t.Errorf("property %s: %t", line, got)
		}
	}
}

// lineOf makes a condition of "path op value".
func lineOf(root, line string) string {
	parts := strings.SplitN(line, " ", 3)
	if len(parts) == 2 {
		return fmt.Sprintf(`{"%s":"%s","op":"%s"}`, root, parts[0], parts[1])
	}
	return fmt.Sprintf(`{"%s":"%s","op":"%s","value":%s}`, root, parts[0], parts[1], parts[2])
}

// TestWindows asks at the edges, given in milliseconds from midnight.
func TestWindows(t *testing.T) {
	p := &person{events: []*Event{track("E", 0, `{"n":2}`), track("E", 10*minute, `{"n":3}`)}}
	for _, c := range []struct {
		window string
		at     int64
		want   int
		next   int64 // from midnight; -1 for never
	}{
		{``, -1, 0, 0}, {``, 0, 1, 10 * minute}, {``, 10 * minute, 2, -1},
		{`{"last":"1m"}`, 0, 1, minute}, {`{"last":"1m"}`, minute - 1, 1, minute}, {`{"last":"1m"}`, minute, 0, 10 * minute}, {`{"last":"1m"}`, 11 * minute, 0, -1},
		{`{"from":"2m","to":"5m"}`, 2*minute - 1, 0, 2 * minute}, {`{"from":"5m","to":"2m"}`, 2 * minute, 1, 5 * minute}, {`{"from":"5m","to":"2m"}`, 5*minute - 1, 1, 5 * minute},
		{`{"from":"5m","to":"2m"}`, 5 * minute, 0, 12 * minute},
		{`{"since":"2025-03-01T00:00:00.001Z"}`, 10*minute - 1, 0, 10 * minute}, {`{"since":"2025-03-01"}`, 20 * minute, 2, -1},
		{`{"since":"2025-03-01","until":"2025-03-01T00:10:00Z"}`, 20 * minute, 1, -1}, {`{"until":"2025-03-01"}`, 20 * minute, 0, -1},
	} {
		window := ""
		if c.window != "" {
			window = `,"window":` + c.window
		}
		is := must(t, fmt.Sprintf(`{"event":"E","count":{"op":"eq","value":%d}%s}`, c.want, window))
		r := p.ask(is, c.at)
		if !r.Verdict {
			t.Errorf("%s at %d: not %d", c.window, c.at, c.want)
		}
		next := r.Next - midnight
		if r.Next == Never {
			next = -1
		}
		if next != c.next {
			t.Errorf("%s at %d: turns at %d", c.window, c.at, next)
		}
	}
}

// TestAggregates compares aggregates of 1, 2, 2 and a string, and of nothing.
func TestAggregates(t *testing.T) {
	p := &person{events: []*Event{
		track("E", 1, `{"n":1}`), track("E", 2, `{"n":[2,2],"s":"x"}`), track("E", 3, `{"n":"2"}`), track("E", 4, `{}`),
	}}
	for line, want := range map[string]bool{
		"sum n eq 5": true, "sum none eq 0": true, "sum none lt 1": true, "avg n gt 1.666666666": true, "avg n lt 1.666666667": true, "avg n eq 1.666666667": false,
		"min n eq 1": true, "max n eq 2": true, "max n lt 2": false, "count_distinct n eq 3": true, "count_distinct none eq 0": true,
		"avg none neq 0": true, "avg none eq 0": false, "min none lt 5": false, "max none gte 0": false, "min none neq 7": true,
	} {
		w := strings.Fields(line)
		c := must(t, fmt.Sprintf(`{"event":"E","aggregate":{"fn":"%s","property":"%s"},"op":"%s","value":%s}`, w[0], w[1], w[2], w[3]))
		if got := p.ask(c, minute).Verdict; got != want {
			t.Errorf("%s: %t", line, got)
		}
	}
}

// TestForms asks the forms that are not about events.
func TestForms(t *testing.T) {
	p := &person{
		traits: `{"plan":"pro"}`, segments: map[string]bool{"vip": true}, consents: map[string]string{"marketing/email": "denied"},
		accounts: []*person{{traits: `{"plan":"free"}`}, {traits: `{"plan":"enterprise","seats":5}`}},
		rows:     map[string][]string{"orders": {`{"n":5}`, `{"n":50}`}},
	}
	for text, want := range map[string]bool{
		`{"segment":"vip","op":"in"}`: true, `{"segment":"vip","op":"not_in"}`: false, `{"segment":"x","op":"not_in"}`: true,
		`{"consent":{"purpose":"marketing","channel":"email"},"op":"denied"}`: true, `{"consent":{"purpose":"marketing","channel":"email"},"op":"granted"}`: false,
		`{"consent":{"purpose":"marketing","channel":"sms"},"op":"denied"}`:                               false,
		`{"account":{"trait":"plan","op":"eq","value":"enterprise"}}`:                                     true,
		`{"account":{"trait":"gone","op":"neq","value":1}}`:                                               true,
		`{"account":{"all":[{"trait":"plan","op":"eq","value":"free"},{"trait":"seats","op":"exists"}]}}`: false,
		`{"entity":"orders"}`: true, `{"entity":"orders","where":[{"property":"n","op":"gt","value":10}],"count":{"op":"eq","value":1}}`: true,
		`{"entity":"carts"}`: false, `{"entity":"carts","count":{"op":"eq","value":0}}`: true,
		`{"all":[{"trait":"plan","op":"exists"},{"trait":"gone","op":"exists"}]}`: false, `{"any":[{"trait":"plan","op":"exists"},{"trait":"gone","op":"exists"}]}`: true,
		`{"none":[{"trait":"gone","op":"exists"},{"none":[{"trait":"plan","op":"exists"}]}]}`: true,
	} {
		if got := p.ask(must(t, text), 0).Verdict; got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	alone := &person{}
	if alone.ask(must(t, `{"account":{"trait":"plan","op":"neq","value":"x"}}`), 0).Verdict {
		t.Error("a person without an account has one that is unequal")
	}
	c, wrong := read(t, `{"members":{"event":"E"},"match":"all"}`, Options{Scope: Account})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	did, didNot := &person{events: []*Event{track("E", 0, "")}}, &person{}
	for _, a := range []struct {
		members []*person
		want    bool
	}{{[]*person{did}, true}, {[]*person{did, didNot}, false}} {
		if got := (&person{members: a.members}).ask(c, 0).Verdict; got != a.want {
			t.Errorf("all of %d members: %t", len(a.members), got)
		}
	}
}

// TestRefusals gives for each document the places and codes of its mistakes.
func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: " condition.form", `{"all":[],"any":[]}`: " condition.form", `{"all":[]}`: "/all field.required", `{"evnt":"x"}`: " condition.form",
		`{"event":5}`: "/event field.type", `{"event":[]}`: "/event field.invalid", `{"event":{"type":"purchase"}}`: "/event/type field.invalid",
		`{"event":"E","count":{"op":"gte","value":-1}}`: "/count/value condition.operand", `{"event":"E","count":{"op":"gte","value":1.5}}`: "/count/value condition.operand",
		`{"event":"E","count":{"op":"in","value":1}}`: "/count/op condition.operator", `{"event":"E","windw":{}}`: "/windw field.unknown",
		`{"event":"E","window":{"last":"0d"}}`: "/window/last condition.window", `{"event":"E","window":{"from":"2d","to":"2d"}}`: "/window condition.window",
		`{"event":"E","window":{"since":"2025-03-01T10:00:00"}}`:                                                  "/window condition.window /window/since condition.window",
		`{"event":"E","aggregate":{"fn":"median","property":"n"},"op":"gt","value":1}`:                            "/aggregate/fn condition.operator",
		`{"event":"E","aggregate":{"fn":"sum","property":"n"},"op":"gt","value":1,"count":{"op":"eq","value":1}}`: "/count condition.form",
		`{"event":"E","where":[{"property":"n","op":"within_last","value":"1d"}]}`:                                "/where/0/op condition.operator",
		`{"event":"E","where":[{"op":"eq","value":1}]}`:                                                           "/where/0 condition.form",
		`{"trait":"a","op":"equals","value":1}`:                                                                   "/op condition.operator",
		`{"trait":"a","op":"eq","value":null}`:                                                                    "/value condition.operand", `{"trait":"a","op":"eq","value":[1]}`: "/value condition.operand",
		`{"trait":"a","op":"eq"}`: "/value condition.operand", `{"trait":"a","op":"lt","value":true}`: "/value condition.operand", `{"trait":"a","op":"in","value":[]}`: "/value condition.operand",
		`{"trait":"a","op":"in","value":[1,null]}`: "/value/1 condition.operand", `{"trait":"a","op":"contains","value":""}`: "/value condition.operand",
		`{"trait":"a","op":"matches","value":"("}`: "/value condition.operand", `{"trait":"a","op":"matches","value":"(?=a)"}`: "/value condition.operand",
		`{"trait":"a","op":"before","value":"yesterday"}`: "/value condition.operand", `{"trait":"a","op":"exists","value":1}`: "/value field.invalid",
		`{"trait":"a","op":"within_last","value":"1.5h"}`: "/value condition.operand", `{"trait":"a..b","op":"exists"}`: "/trait field.invalid",
		`{"trait":"a","op":"eq","value":123456789012345678901234567890}`: "/value condition.operand",
		`{"segment":"vip","op":"member"}`:                                "/op condition.operator", `{"consent":{"channel":"email"},"op":"granted"}`: "/consent/purpose field.required",
		`{"account":{"event":"E"}}`: "/account condition.form",
		`{"members":{"event":"E"}}`: " condition.form",
		`{"sequence":[]}`:           "/sequence field.required", `{"sequence":[{"event":"A","not":true}]}`: "/sequence/0/not condition.form",
		`{"sequence":[{"event":"A","within":"1h"}]}`:                                                                                 "/sequence/0/within condition.form",
		`{"sequence":[{"event":"A"},{"event":"B","where":[{"property":"n","op":"eq","ref":"steps.1.n"}]}]}`:                          "/sequence/1/where/0/ref condition.ref",
		`{"sequence":[{"event":"A"},{"event":"B","not":true},{"event":"C","where":[{"property":"n","op":"eq","ref":"steps.1.n"}]}]}`: "/sequence/2/where/0/ref condition.ref",
		`{"sequence":[{"event":"A"},{"event":"B","where":[{"property":"n","op":"contains","ref":"steps.0.n"}]}]}`:                    "/sequence/1/where/0/op condition.operator",
		`{"event":"B","where":[{"property":"n","op":"eq","ref":"steps.0.n"}]}`:                                                       "/where/0/ref field.unknown /where/0/value condition.operand",
		`{"sequence":[{"event":"A"},{"event":"B"},{"event":"C"},{"event":"D","where":[{"property":"n","op":"eq","ref":"steps.0.n"},{"property":"n","op":"eq","ref":"steps.1.n"},{"property":"n","op":"eq","ref":"steps.2.n"}]}]}`: "/sequence condition.ref",
	} {
		_, wrong := read(t, text, Options{})
		var got []string
		for _, f := range wrong {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s\n got %s\nwant %s", text, strings.Join(got, " "), want)
		}
	}
}

func TestHintsAtTheNearestName(t *testing.T) {
	_, wrong := read(t, `{"trait":"a","op":"contain","value":"x"}`, Options{})
	if len(wrong) != 1 || !strings.Contains(wrong[0].Detail, "did you mean contains?") {
		t.Fatalf("%v", wrong)
	}
	if _, wrong := read(t, `{"trait":"a","op":"equals","value":"x"}`, Options{}); len(wrong) != 1 || !strings.Contains(wrong[0].Detail, "did you mean eq?") {
		t.Fatalf("%v", wrong)
	}
}

func TestABoundedDefinition(t *testing.T) {
	deep := strings.Repeat(`{"all":[`, DepthMax) + `{"trait":"a","op":"exists"}` + strings.Repeat(`]}`, DepthMax)
	if _, wrong := read(t, deep, Options{}); len(wrong) == 0 {
		t.Error("nested too deep, and taken")
	}
	wide := `{"all":[` + strings.Repeat(`{"trait":"a","op":"exists"},`, NodesMax) + `{"trait":"a","op":"exists"}]}`
	if _, wrong := read(t, wide, Options{}); len(wrong) == 0 {
		t.Error("too many conditions, and taken")
	}
}
