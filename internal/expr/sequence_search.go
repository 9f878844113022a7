package expr

import (
	"slices"
	"sort"
)

// candidatesMax is how many events of each positive step are looked at: the newest.
const candidatesMax = 1000

// search looks for a choice of events at a moment. more tells that there were
// more events than it looks at.
//
// It goes through the positive steps once. At each it holds the set of the events
// that can be chosen there, given some choice before; which of the next step's
// events follow from that set is found by one walk over it, since each event is
// followed by those of one span. A step that later ones refer to parts its set by
// the values that are referred to, and the parts go on one by one until nothing
// refers to that step any more; then they are one set again, in which no event is
// taken twice. So the work is bounded by the steps, the events that are looked at,
// and the different values of the at most two steps that are referred to.
func (m *material) search(now int64) (found bool, chosen []*Event, more bool) {
	s := &search{material: m, now: now, levels: make([]level, len(m.positive)), visited: map[visit]bitset{}}
	for i, step := range m.steps {
		events := m.events[i]
		lo, hi := 0, after(events, now)
		if !step.Not {
			for lo < hi && !m.window.Holds(events[lo].Timestamp, now) {
				lo++
			}
			for hi > lo && !m.window.Holds(events[hi-1].Timestamp, now) {
				hi--
			}
			if hi-lo > candidatesMax {
				lo, more = hi-candidatesMax, true
			}
		}
		s.seen, s.offset = append(s.seen, events[lo:hi]), append(s.offset, lo)
	}
	s.matches = make([]stepMatches, len(m.steps))
	for k, i := range m.positive {
		n := len(s.seen[i])
		s.levels[k] = level{following: newBitset(n), part: newBitset(n)}
	}
	nothing := env{}
	copy(s.levels[0].following, s.matching(m.positive[0], nothing))
	if !s.from(0, nothing) {
		return false, nil, more
	}
	for k, i := range m.positive {
		chosen = append(chosen, s.seen[i][s.chosen[k]])
	}
	return true, chosen, more
}

// search is one search.
type search struct {
	*material
	now     int64
	seen    [][]*Event    // of each step what can be seen
	offset  []int         // of each step, where that begins among its events
	matches []stepMatches // of each step, see matching
	visited map[visit]bitset

	levels []level // of each positive step
	chosen []int   // of each positive step the place in seen, when a choice is found
}

// level is how the search stands at one positive step.
type level struct {
	following bitset // the events that can be chosen
	sorted    []classed
	part      bitset // those of one class
	set       bitset // those that it goes on with: one of the two
	env       env    // under which it goes on
}

type classed struct{ class, place int }

// env is the values of the steps that are referred to: for each reference the class
// of the event that was chosen, from 1; 0 while there is none, or no step behind
// refers to it.
type env [RefsMax]int

// visit is what the rest of a search depends on, beside the event.
type visit struct {
	turn int // the positive step
	env  env
}

// from reports whether a choice of one of the events that follow at the k-th
// positive step leads to the end.
func (s *search) from(k int, at env) bool {
	l := &s.levels[k]
	r := s.referenceTo(s.positive[k])
	if r < 0 {
		l.set = l.following
		return s.onward(k, at)
	}
	l.sorted = l.sorted[:0]
	for i := range l.following.all {
		l.sorted = append(l.sorted, classed{s.class(r, i), i})
	}
	slices.SortStableFunc(l.sorted, func(a, b classed) int { return a.class - b.class })
	l.set = l.part
	for lo := 0; lo < len(l.sorted); {
		hi := lo
		clear(l.part)
		for ; hi < len(l.sorted) && l.sorted[hi].class == l.sorted[lo].class; hi++ {
			l.part.set(l.sorted[hi].place)
		}
		at[r] = l.sorted[lo].class
		if s.possible(k, r, at) && s.onward(k, at) {
			return true
		}
		lo = hi
	}
	return false
}

// possible reports whether each later positive step that refers to a value that was
// just chosen has an event that fits what was chosen so far.
func (s *search) possible(k, r int, at env) bool {
	for _, i := range s.positive[k+1:] {
		if i > s.refs[r].last {
			break
		}
		if s.matching(i, at).empty() {
			return false
		}
	}
	return true
}

// referenceTo returns the place of a step among those that are referred to, or -1.
func (s *search) referenceTo(step int) int {
	for r := range s.refs {
		if s.refs[r].step == step {
			return r
		}
	}
	return -1
}

// onward goes on behind the k-th positive step with the set that stands there.
func (s *search) onward(k int, at env) bool {
	set := s.levels[k].set
	s.levels[k].env = at
	if k+1 == len(s.positive) {
		for i := range set.all {
			if s.closes(k, i, at) {
				s.trace(i)
				return true
			}
		}
		return false
	}
	s.follow(k, set, at)
	next := s.positive[k+1]
	dropped := false
	for r := range s.refs {
		if s.refs[r].step < next && s.refs[r].last <= next {
			at[r], dropped = 0, true
		}
	}
	following := s.levels[k+1].following
	if dropped { // what differed before may be one now
		v := visit{k + 1, at}
		if s.visited[v] == nil {
			s.visited[v] = make(bitset, len(following))
		}
		if !following.take(s.visited[v]) {
			return false
		}
	} else if following.empty() {
		return false
	}
	return s.from(k+1, at)
}

// follow finds the events of the positive step after the k-th one that follow some
// event of the set.
func (s *search) follow(k int, set bitset, at env) {
	out, n := s.levels[k+1].following, len(s.seen[s.positive[k+1]])
	clear(out)
	done, near := 0, span{}
	for i := range set.all {
		lo, hi := s.span(k, i, at, &near)
		out.setRange(max(lo, done), hi)
		if done = max(done, hi); done == n {
			break
		}
	}
	out.keep(s.matching(s.positive[k+1], at))
}

// span is where the events that may follow one begin and end; those of a later
// event begin and end no earlier, but for not-steps.
type span struct{ lo, hi int }

// span returns the places of the events of the positive step after the k-th one
// that may follow an event of that: later ones, soon enough, and before any event
// that a not-step in between forbids. near is what it found for an earlier event,
// or empty.
func (s *search) span(k, place int, at env, near *span) (lo, hi int) {
	i, j := s.positive[k], s.positive[k+1]
	e, events := s.seen[i][place], s.seen[j]
	for near.lo < len(events) && events[near.lo].Compare(e) <= 0 {
		near.lo++
	}
	if w := s.steps[j].Within; w == 0 {
		near.hi = len(events)
	} else {
		for limit := add(e.Timestamp, w); near.hi < len(events) && events[near.hi].Timestamp <= limit; {
			near.hi++
		}
	}
	hi = near.hi
	for q := i + 1; q < j; q++ {
		if f := s.firstOf(q, e, at); f != nil {
			hi = min(hi, behind(events, f)) // f itself may be the event that follows
		}
	}
	return near.lo, hi
}

// closes reports whether the not-steps behind the last positive step hold after an
// event of it.
func (s *search) closes(k, place int, at env) bool {
	i := s.positive[k]
	e := s.seen[i][place]
	for q := i + 1; q < len(s.steps); q++ {
		if w := s.steps[q].Within; w > 0 && s.now <= add(e.Timestamp, w) {
			return false // its time has not run out
		}
		if s.firstOf(q, e, at) != nil {
			return false
		}
	}
	return true
}

// firstOf returns the first event that a not-step forbids after e, or nil.
func (s *search) firstOf(step int, e *Event, at env) *Event {
	events := s.seen[step]
	i, ok := s.matching(step, at).next(behind(events, e))
	if w := s.steps[step].Within; !ok || w > 0 && events[i].Timestamp-e.Timestamp > w {
		return nil
	}
	return events[i]
}

// trace goes back from the last event to the first ones that lead to it.
func (s *search) trace(last int) {
	s.chosen = make([]int, len(s.positive))
	s.chosen[len(s.positive)-1] = last
	for k := len(s.positive) - 2; k >= 0; k-- {
		var near span
		for i := range s.levels[k].set.all {
			if lo, hi := s.span(k, i, s.levels[k].env, &near); lo <= s.chosen[k+1] && s.chosen[k+1] < hi {
				s.chosen[k] = i
				break
			}
		}
	}
}

// behind returns the place of the first event after e.
func behind(events []*Event, e *Event) int {
	return sort.Search(len(events), func(i int) bool { return events[i].Compare(e) > 0 })
}

// after returns the place of the first event later than a time.
func after(events []*Event, t int64) int {
	return sort.Search(len(events), func(i int) bool { return events[i].Timestamp > t })
}
