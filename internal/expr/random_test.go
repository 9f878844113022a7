package expr

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kith/event"
	"kith/internal/expr/exprtest"
)

// randomPerson is a person made by a source.
func randomPerson(s *exprtest.Source, deep bool) *person {
	p := &person{traits: s.Values(), consents: map[string]string{}, rows: map[string][]string{}}
	for i := range s.Rand.IntN(8) {
		e := &Event{Timestamp: s.Moment(), MessageID: fmt.Sprint("m", s.Rand.IntN(100), "-", i), Source: "web", Call: randomCall(s.Rand)}
		e.Fields = allFields(parse(s.Values()), Field{})
		e.Fields = append(e.Fields, allFields(parse(s.Values()), Field{Context: true})...)
		p.events = append(p.events, e)
	}
	if s.Rand.IntN(2) == 0 {
		p.consents["marketing/email"] = []string{"granted", "denied", "withdrawn"}[s.Rand.IntN(3)]
	}
	for range s.Rand.IntN(3) {
		p.rows["orders"] = append(p.rows["orders"], s.Values())
	}
	if deep {
		for range s.Rand.IntN(3) {
			p.accounts = append(p.accounts, randomPerson(s, false))
		}
	}
	return p
}

func randomCall(r *rand.Rand) Call {
	if r.IntN(5) == 0 {
		return Call{Type: event.Page, Name: "A"}
	}
	return Call{Type: event.Track, Name: []string{"A", "B", "C"}[r.IntN(3)]}
}

// TestVerdictsHoldUntilNext: up to the moment that a result names, no verdict
// changes by itself, whatever the condition; and at every moment, order of
// arrival does not show.
func TestVerdictsHoldUntilNext(t *testing.T) {
	counts := map[string]int{}
	turned, early := 0, 0
	for seed := range uint64(4000) {
		s := exprtest.New(seed)
		s.Counts = counts
		text := s.Condition(2)
		c, p := must(t, text), randomPerson(s, true)
		now := s.Moment()
		x := &Context{Now: now, Zone: time.UTC, Subject: p}
		r := c.Eval(x)
		if r.Next <= now {
			t.Fatalf("seed %d: %s turns at %d, not after now", seed, text, r.Next-now)
		}
		for _, at := range moments(now) {
			y := *x
			y.Now = at
			if at < r.Next && c.Eval(&y).Verdict != r.Verdict {
				t.Fatalf("seed %d: %s is %t at %d, turns at %d ms from midnight, announced for %d",
					seed, text, r.Verdict, now-exprtest.Midnight, at-exprtest.Midnight, r.Next-exprtest.Midnight)
			}
		}
		if r.Next != Never {
			y := *x
			y.Now = r.Next
			if c.Eval(&y).Verdict != r.Verdict {
				turned++
			} else {
				early++
			}
		}
		slices.Reverse(p.events)
		x.Explain = true
		if again := c.Eval(x); again.Verdict != r.Verdict || again.Next != r.Next || again.Detail == nil {
			t.Fatalf("seed %d: %s depends on the order of arrival", seed, text)
		}
	}
	t.Logf("%d verdicts turned when announced, %d did not; %v", turned, early, counts)
}

// moments are those within the time in which anything happens, on the grid and
// beside it.
func moments(now int64) []int64 {
	var all []int64
	for m := int64(-12); m <= 20; m++ {
		for d := int64(-1); d <= 1; d++ {
			if at := exprtest.Midnight + m*exprtest.Minute + d; at > now {
				all = append(all, at)
			}
		}
	}
	return all
}

// TestSequencesByTrying holds the search against trying every choice of events.
func TestSequencesByTrying(t *testing.T) {
	found := 0
	for seed := range uint64(6000) {
		s := exprtest.New(seed)
		for _, f := range []string{"event", "aggregate", "trait", "account", "consent", "entity"} {
			s.Without[f] = true
		}
		text := s.Leaf()
		c, p := must(t, text).(*SequenceCondition), randomPerson(s, false)
		x := &Context{Now: s.Moment(), Zone: time.UTC, Subject: p}
		want := (&trial{c: c, x: x, p: p, chosen: map[int]*Event{}}).any(0, nil)
		if got := c.Eval(x).Verdict; got != want {
			t.Fatalf("seed %d: %s is %t at %d", seed, text, got, x.Now-exprtest.Midnight)
		}
		if want {
			found++
		}
	}
	t.Logf("%d of 6000 sequences were found", found)
}

// trial tries every choice, by the words of the rules.
type trial struct {
	c      *SequenceCondition
	x      *Context
	p      *person
	chosen map[int]*Event
}

func (t *trial) picks(step int, e *Event) bool {
	s := &t.c.Steps[step]
	named := slices.ContainsFunc(s.Calls, func(c Call) bool { return c.Type == e.Call.Type && (c.AnyName || c.Name == e.Call.Name) })
	return named && e.Timestamp <= t.x.Now && s.holds(e.Fields, lineContext{
		Context: t.x, step: func(n int, f Field) []Value { return t.chosen[n].Fields.Values(f) },
	})
}

func (t *trial) any(step int, before *Event) bool {
	if step == len(t.c.Steps) {
		return t.nots(len(t.c.Steps))
	}
	s := &t.c.Steps[step]
	if s.Not {
		return t.any(step+1, before)
	}
	for _, e := range t.p.events {
		if before != nil && (e.Compare(before) <= 0 || s.Within > 0 && e.Timestamp-before.Timestamp > s.Within) {
			continue
		}
		if !t.picks(step, e) || !t.c.Window.Holds(e.Timestamp, t.x.Now) {
			continue
		}
		t.chosen[step] = e
		if t.nots(step) && t.any(step+1, e) {
			return true
		}
		delete(t.chosen, step)
	}
	return false
}

// nots checks the not-steps that stand before a step.
func (t *trial) nots(upto int) bool {
	first := upto
	for first > 0 && t.c.Steps[first-1].Not {
		first--
	}
	if first == upto {
		return true
	}
	e, next := t.chosen[first-1], t.chosen[upto]
	for i := first; i < upto; i++ {
		w := t.c.Steps[i].Within
		if next == nil && w > 0 && t.x.Now <= e.Timestamp+w {
			return false
		}
		for _, f := range t.p.events {
			if f.Compare(e) > 0 && (next == nil || f.Compare(next) < 0) && (w == 0 || f.Timestamp-e.Timestamp <= w) && t.picks(i, f) {
				return false
			}
		}
	}
	return true
}
