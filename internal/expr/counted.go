package expr

import (
	"iter"
	"slices"
)

// Counted is the events that count at a moment.
type Counted interface {
	// Len returns how many there are.
	Len() int

	// Fold returns the aggregate of the values of a property, fit for the function.
	// It is not to be changed, and holds until the next call.
	Fold(fn, property string) *Aggregate

	// Forward yields them in the order of events, Backward against it.
	Forward() iter.Seq[*Event]
	Backward() iter.Seq[*Event]
}

// Tally is what is kept of the events that a selection picks of one subject, so
// that a person with very many events costs hardly more than others. It answers as
// going through the events would.
type Tally interface {
	// Between returns the events with lo < timestamp ≤ hi.
	Between(lo, hi int64) Counted

	// Times returns the first n different timestamps after a moment, ascending.
	Times(after int64, n int) []int64
}

// Keeper is a subject of which tallies may be kept.
type Keeper interface {
	// Tally returns what is kept of a selection and of the values of a property, or
	// nil: then its events are few enough to be gone through.
	Tally(s *Selection, property string) Tally
}

// tally returns what is kept of a selection's events, or nil.
func (s *Selection) tally(x *Context, property string) Tally {
	if k, ok := x.Subject.(Keeper); ok {
		return k.Tally(s, property)
	}
	return nil
}

// list is counted events that lie side by side.
type list []*Event

func (l list) Len() int                   { return len(l) }
func (l list) Forward() iter.Seq[*Event]  { return slices.Values(l) }
func (l list) Backward() iter.Seq[*Event] { return backward(l) }

func (l list) Fold(fn, property string) *Aggregate {
	a := NewAggregate(fn)
	for _, e := range l {
		a.Add(e.Fields.Values(Field{Path: property}))
	}
	return a
}

func backward(events []*Event) iter.Seq[*Event] {
	return func(yield func(*Event) bool) {
		for _, e := range slices.Backward(events) {
			if !yield(e) {
				return
			}
		}
	}
}

// newest returns the n newest of the counted events, in their order.
func newest(c Counted, n int) []*Event {
	if l, ok := c.(list); ok {
		return l[max(0, len(l)-n):]
	}
	var out []*Event
	for e := range c.Backward() {
		if len(out) == n {
			break
		}
		out = append(out, e)
	}
	slices.Reverse(out)
	return out
}
