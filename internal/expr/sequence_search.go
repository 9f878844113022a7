package expr

import (
	"sort"
)

// Bounds of a search.
const (
	candidatesMax = 1000      // of each positive step the newest are looked at
	workMax       = 2_000_000 // comparisons of one search; beyond it the answer is no
)

// search looks for a choice of events at a moment. more tells that there were
// more events or more choices than it looks at; it looks at them in the order of
// events, so what it finds does not depend on how they arrived.
func (m *material) search(now int64) (found bool, chosen []*Event, more bool) {
	s := &search{material: m, now: now, chosen: make([]int, len(m.steps)), tried: map[choice]bool{}}
	for i, step := range m.steps {
		var seen []*Event
		for _, e := range m.events[i] {
			if e.Timestamp <= now && (step.Not || m.window.Holds(e.Timestamp, now)) {
				seen = append(seen, e)
			}
		}
		if !step.Not && len(seen) > candidatesMax {
			seen, more = seen[len(seen)-candidatesMax:], true
		}
		s.seen = append(s.seen, seen)
	}
	if !s.from(0) {
		return false, nil, more || s.work > workMax
	}
	for _, i := range m.positive {
		chosen = append(chosen, s.event(i))
	}
	return true, chosen, more
}

// search is one search.
type search struct {
	*material
	now    int64
	seen   [][]*Event // of each step what can be seen
	chosen []int      // of each positive step that has its event, the place in seen
	tried  map[choice]bool
	work   int
}

// choice is what the rest of a search depends on: the positive step whose turn it
// is, the event before it, and the events of steps that later ones refer to.
type choice struct {
	turn, before int
	referred     [RefsMax]int
}

func (s *search) event(step int) *Event { return s.seen[step][s.chosen[step]] }

// from reports whether events can be found for the positive steps from the k-th
// on. On success chosen holds them.
func (s *search) from(k int) bool {
	key := s.choice(k)
	if s.tried[key] {
		return false
	}
	i := s.positive[k]
	for at := s.first(k); at < len(s.seen[i]); at++ {
		if s.work++; s.work > workMax {
			return false
		}
		s.chosen[i] = at
		if k > 0 && s.tooLate(i, s.positive[k-1]) {
			break
		}
		if s.fits(i) && s.silent(k-1, s.event(i)) && s.rest(k) {
			return true
		}
	}
	s.tried[key] = true
	return false
}

// rest reports whether what follows the k-th positive step, which has its event,
// holds.
func (s *search) rest(k int) bool {
	if k+1 < len(s.positive) {
		return s.from(k + 1)
	}
	return s.silent(k, nil)
}

func (s *search) choice(k int) choice {
	c := choice{turn: k, before: -1, referred: [RefsMax]int{-1, -1}}
	if k > 0 {
		c.before = s.chosen[s.positive[k-1]]
	}
	for n, r := range s.refs {
		if i := s.positive[k]; n < RefsMax && r.step < i && r.last >= i {
			c.referred[n] = s.chosen[r.step]
		}
	}
	return c
}

// first returns the place of the first event that the k-th positive step may
// choose.
func (s *search) first(k int) int {
	if k == 0 {
		return 0
	}
	before := s.event(s.positive[k-1])
	return after(s.seen[s.positive[k]], before)
}

// after returns the place of the first event after e.
func after(events []*Event, e *Event) int {
	return sort.Search(len(events), func(i int) bool { return events[i].Compare(e) > 0 })
}

// tooLate reports whether the event of step i lies beyond its bound after the
// event of the positive step before it; so do all later ones then.
func (s *search) tooLate(i, before int) bool {
	w := s.steps[i].Within
	return w > 0 && s.event(i).Timestamp-s.event(before).Timestamp > w
}

// fits reports whether the lines that refer hold for the event chosen for step i.
func (s *search) fits(i int) bool { return s.refersRight(i, s.event(i)) }

func (s *search) refersRight(i int, e *Event) bool {
	at := lineContext{Context: s.x, step: func(n int, f Field) []Value { return s.event(n).Fields.Values(f) }}
	for j := range s.steps[i].Lines {
		if l := &s.steps[i].Lines[j]; l.Ref != nil {
			s.work++
			if !l.holds(e.Fields, at) {
				return false
			}
		}
	}
	return true
}

// silent reports whether the not-steps behind the k-th positive step hold, given
// the event of the next positive step, or nil behind the last one.
func (s *search) silent(k int, next *Event) bool {
	if k < 0 {
		return true
	}
	e := s.event(s.positive[k])
	for i := s.positive[k] + 1; i < len(s.steps) && s.steps[i].Not; i++ {
		w := s.steps[i].Within
		if next == nil && w > 0 && s.now <= add(e.Timestamp, w) {
			return false // its time has not run out
		}
		if s.happens(i, e, next, w) {
			return false
		}
	}
	return true
}

// happens reports whether an event of not-step i lies after e and before next, at
// most within after e.
func (s *search) happens(i int, e, next *Event, within int64) bool {
	events := s.seen[i]
	for at := after(events, e); at < len(events); at++ {
		f := events[at]
		if next != nil && f.Compare(next) >= 0 || within > 0 && f.Timestamp-e.Timestamp > within {
			return false
		}
		s.work++
		if s.refersRight(i, f) {
			return true
		}
	}
	return false
}
