package expr

import "slices"

// turnsMax bounds how many moments to come are looked at for the next one at
// which a verdict turns. Beyond it the moment given is one at which it may.
const turnsMax = 64

// Timeline tells which events count at a moment.
type Timeline struct {
	window *Window
	events []*Event // that count now or can count later, in the order of events
	turns  []int64  // moments after now at which one begins or ends to count, ascending
}

// NewTimeline returns the timeline from now on of events, given in their order.
func NewTimeline(w *Window, events []*Event, now int64) *Timeline {
	t := &Timeline{window: w}
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

// Counted returns the events that count at a moment, in the order of events.
func (t *Timeline) Counted(now int64) []*Event {
	// Windows move forward, so what counts lies side by side.
	lo, hi := 0, len(t.events)
	for lo < hi && !t.window.Holds(t.events[lo].Timestamp, now) {
		lo++
	}
	for hi > lo && !t.window.Holds(t.events[hi-1].Timestamp, now) {
		hi--
	}
	return t.events[lo:hi]
}

// Turn returns the first moment after now at which turned says yes, or Never.
func (t *Timeline) Turn(now int64, turned func(now int64) bool) int64 {
	return firstTurn(t.turns, turned)
}

func firstTurn(moments []int64, turned func(now int64) bool) int64 {
	for i, m := range moments {
		if turned(m) || i == turnsMax {
			return m
		}
	}
	return Never
}
