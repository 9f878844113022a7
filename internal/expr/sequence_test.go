package expr

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// longSequence makes a sequence of two to eight steps over few values, of which at
// most two are referred to.
func longSequence(r *rand.Rand) string {
	var steps []string
	var positive, referred []int
	for i := range 2 + r.IntN(StepsMax-1) {
		name := string(rune('A' + r.IntN(2)))
		s := fmt.Sprintf(`{"event":%q`, name)
		not := i > 0 && r.IntN(4) == 0
		if not {
			s += `,"not":true`
		}
		if i > 0 && r.IntN(3) == 0 {
			s += fmt.Sprintf(`,"within":"%dm"`, 1+r.IntN(4))
		}
		var lines []string
		for range r.IntN(3) {
			if len(positive) == 0 {
				break
			}
			to := positive[r.IntN(len(positive))]
			if len(referred) == RefsMax {
				to = referred[r.IntN(RefsMax)]
			} else if len(referred) == 0 || referred[0] != to {
				referred = append(referred, to)
			}
			lines = append(lines, fmt.Sprintf(`{"property":%q,"op":%q,"ref":"steps.%d.%s"}`,
				[]string{"n", "list"}[r.IntN(2)], []string{"eq", "eq", "neq", "lt", "gte"}[r.IntN(5)], to, []string{"n", "list"}[r.IntN(2)]))
		}
		if r.IntN(12) == 0 {
			lines = append(lines, `{"property":"n","op":"lt","ref":"traits.n"}`)
		}
		if len(lines) > 0 {
			s += `,"where":[` + strings.Join(lines, ",") + `]`
		}
		if !not {
			positive = append(positive, i)
		}
		steps = append(steps, s+"}")
	}
	window := ""
	if r.IntN(2) == 0 {
		window = fmt.Sprintf(`,"window":{"last":"%dm"}`, 1+r.IntN(12))
	}
	return `{"sequence":[` + strings.Join(steps, ",") + `]` + window + `}`
}

// TestLongSequencesByTrying holds the search against trying every choice of events
// on long sequences whose steps refer to each other, and the choice that it names
// against the rules.
func TestLongSequencesByTrying(t *testing.T) {
	found, referring := 0, 0
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 8))
		text := longSequence(r)
		c := must(t, text).(*SequenceCondition)
		p := &person{traits: fmt.Sprintf(`{"n":%d}`, r.IntN(4))}
		for i := range r.IntN(14) {
			properties := fmt.Sprintf(`{"n":%d}`, r.IntN(3))
			switch r.IntN(6) {
			case 0:
				properties = fmt.Sprintf(`{"n":%d.0,"list":[%d,%d]}`, r.IntN(3), r.IntN(3), r.IntN(3))
			case 1:
				properties = `{}`
			}
			e := track(string(rune('A'+r.IntN(2))), int64(r.IntN(12))*minute, properties)
			e.MessageID = fmt.Sprint("m", r.IntN(5), "-", i)
			p.events = append(p.events, e)
		}
		x := &Context{Now: midnight + int64(6+r.IntN(10))*minute, Zone: time.UTC, Subject: p, Explain: true}
		want := (&trial{c: c, x: x, p: p, chosen: map[int]*Event{}}).any(0, nil)
		got := c.Eval(x)
		if got.Verdict != want {
			t.Fatalf("seed %d: %s is %t", seed, text, got.Verdict)
		}
		if strings.Contains(text, "steps.") {
			referring++
		}
		if !want {
			continue
		}
		found++
		if !chosenRight(c, x, p) {
			t.Fatalf("seed %d: %s names events that it does not hold for", seed, text)
		}
	}
	t.Logf("%d of 20000 sequences were found, %d refer to steps", found, referring)
	if found < 1000 || referring < 10_000 {
		t.Error("too little was tried")
	}
}

// chosenRight reports whether the choice that a search names is one that the rules
// allow.
func chosenRight(c *SequenceCondition, x *Context, p *person) bool {
	_, chosen, _ := c.material(x).search(x.Now)
	only := &trial{c: c, x: x, p: p, chosen: map[int]*Event{}}
	var before *Event
	for i := range c.Steps {
		if c.Steps[i].Not {
			continue
		}
		e := chosen[0]
		chosen = chosen[1:]
		w := c.Steps[i].Within
		if before != nil && (e.Compare(before) <= 0 || w > 0 && e.Timestamp-before.Timestamp > w) {
			return false
		}
		if !only.picks(i, e) || !c.Window.Holds(e.Timestamp, x.Now) {
			return false
		}
		only.chosen[i] = e
		if !only.nots(i) {
			return false
		}
		before = e
	}
	return only.nots(len(c.Steps))
}

// TestSequencesOfManyEvents: of a thousand different values at each step the one
// choice that fits is found, however many there are to try.
func TestSequencesOfManyEvents(t *testing.T) {
	const n = 1000
	p := &person{}
	add := func(name string, at int, properties string) {
		e := track(name, int64(at)*1000, properties)
		e.MessageID = fmt.Sprint(name, at)
		p.events = append(p.events, e)
	}
	for i := range n {
		add("A", i, fmt.Sprintf(`{"n":%d}`, i))
		add("B", n+i, fmt.Sprintf(`{"n":%d}`, (i*7)%n))
		add("C", 2*n+i, fmt.Sprintf(`{"n":%d,"list":[%d]}`, (i*11)%n, (i*13)%n))
	}
	add("D", 4*n, `{"n":617,"list":[618]}`)
	now := 5 * int64(n) * 1000
	for text, want := range map[string]bool{
		`{"sequence":[{"event":"A"},{"event":"B"},{"event":"D","where":[{"property":"n","op":"eq","ref":"steps.0.n"},{"property":"list","op":"eq","ref":"steps.1.n"}]}]}`:                                                                                                                                                                             true,
		`{"sequence":[{"event":"A"},{"event":"B","where":[{"property":"n","op":"gt","ref":"steps.0.n"}]},{"event":"C","where":[{"property":"n","op":"gt","ref":"steps.0.n"},{"property":"list","op":"eq","ref":"steps.1.n"}]},{"event":"D","where":[{"property":"n","op":"eq","ref":"steps.1.n"},{"property":"list","op":"gt","ref":"steps.0.n"}]}]}`: true,
		`{"sequence":[{"event":"A"},{"event":"B"},{"event":"C"},{"event":"D","where":[{"property":"n","op":"gt","ref":"steps.0.n"},{"property":"n","op":"lt","ref":"steps.1.n"}]},{"event":"D"}]}`:                                                                                                                                                    false,
		`{"sequence":[{"event":"A"},{"event":"B"},{"not":true,"event":"C","where":[{"property":"n","op":"neq","ref":"steps.0.n"},{"property":"n","op":"neq","ref":"steps.1.n"}]},{"event":"D"}]}`:                                                                                                                                                     false,
		`{"sequence":[{"event":"A"},{"event":"B"},{"not":true,"event":"C","where":[{"property":"n","op":"gt","ref":"steps.0.n"}]},{"event":"D"}]}`:                                                                                                                                                                                                    true,
	} {
		if got := p.ask(must(t, text), now).Verdict; got != want {
			t.Errorf("%s is %t", text, got)
		}
	}
}
