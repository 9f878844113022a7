package expr

import (
	"math"
	"slices"
)

// Bounds of how many moments to come are looked at for the next one at which a
// verdict turns. Beyond them the moment given is one at which it may.
const (
	turnsMax       = 64
	talliedTurnMax = 8 // of aggregates of a tally, which cost more
)

// Timeline tells which events of a selection count at a moment.
type Timeline struct {
	window *Window
	tally  Tally    // instead of the events
	events []*Event // that count now or can count later, in the order of events
	turns  []int64  // moments after now at which one begins or ends to count, ascending; of a tally the first ones
	most   int      // of them are looked at
}

// Timeline returns the timeline from now on of the events that the selection
// picks. property is the one that will be aggregated, or empty.
func (s *Selection) Timeline(x *Context, w *Window, property string) *Timeline {
	if t := s.tally(x, property); t != nil {
		most := turnsMax
		if property != "" {
			most = talliedTurnMax
		}
		return &Timeline{window: w, tally: t, turns: w.turns(t, x.Now, most+1), most: most}
	}
	return newTimeline(w, s.Events(x, w.Oldest(x.Now), Never), x.Now)
}

func newTimeline(w *Window, events []*Event, now int64) *Timeline {
	t := &Timeline{window: w, most: turnsMax}
	for _, e := range events {
		enters, leaves, ok := w.span(e.Timestamp)
		if !ok || leaves <= now {
			continue
		}
		t.events = append(t.events, e)
		if enters > now {
			t.turns = append(t.turns, enters)
		}
		if leaves != Never {
			t.turns = append(t.turns, leaves)
		}
	}
	slices.Sort(t.turns)
	t.turns = slices.Compact(t.turns)
	return t
}

// turns returns the first n moments after now at which an event of a tally begins
// or ends to count.
func (w *Window) turns(t Tally, now int64, n int) []int64 {
	lo, hi := w.bounds(now)
	var out []int64
	for _, at := range t.Times(max(lo, hi), n) { // those to come
		if enters, _, ok := w.span(at); ok && enters > now {
			out = append(out, enters)
		}
	}
	if w.Form == Last || w.Form == Between {
		for _, at := range t.Times(lo, n) {
			out = append(out, add(at, w.Far))
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), n)]
}

// bounds returns the span (lo, hi] of event time that counts at a moment.
func (w *Window) bounds(now int64) (lo, hi int64) {
	switch w.Form {
	case Last:
		return now - w.Far, now
	case Between:
		return now - w.Far, now - w.Near
	case Absolute:
		return w.Oldest(now), min(now, w.Until-1)
	}
	return math.MinInt64, now
}

// Counted returns the events that count at a moment.
func (t *Timeline) Counted(now int64) Counted {
	if t.tally != nil {
		return t.tally.Between(t.window.bounds(now))
	}
	// Windows move forward, so what counts lies side by side.
	lo, hi := 0, len(t.events)
	for lo < hi && !t.window.Holds(t.events[lo].Timestamp, now) {
		lo++
	}
	for hi > lo && !t.window.Holds(t.events[hi-1].Timestamp, now) {
		hi--
	}
	return list(t.events[lo:hi])
}

// Turn returns the first moment after now at which turned says yes, or Never.
func (t *Timeline) Turn(turned func(now int64) bool) int64 {
	return firstTurn(t.turns, t.most, turned)
}

// firstTurn returns the first of the moments for which turned says yes, or that
// behind the first most of them, or Never.
func firstTurn(moments []int64, most int, turned func(now int64) bool) int64 {
	for i, m := range moments {
		if turned(m) || i == most {
			return m
		}
	}
	return Never
}
