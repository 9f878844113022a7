package view

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"time"

	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/state"
)

// pick is a selection, and the property of its events whose values are folded.
type pick struct {
	selection *expr.Selection
	property  string
}

// picks reports whether the pick picks an event.
func (p *pick) picks(e *expr.Event, zone *time.Location) bool {
	for _, c := range p.selection.Calls {
		if c.Type == e.Call.Type && (c.AnyName || state.BoundName(c.Name) == e.Call.Name) {
			return p.selection.Meets(e, zone)
		}
	}
	return false
}

// series is what is kept of one node's events that a pick picks: chunks in the
// order of time, of which few have their events in memory. The others are folded,
// and read from the history when a window's edge lies in them.
type series struct {
	pick
	node    identity.NodeID
	bounds  *Bounds
	ends    []uint64 // by partition, the next fact behind the snapshot that it was read from
	chunks  []*chunk
	running *running // of the different values, once they were asked for
	wanted  int      // how many chunks one question has gone through
	ahead   bool     // events were read that no fact has told of yet
	tick    int
	loaded  int // events of the chunks that are held
}

// chunk is events that lie side by side. Those of one millisecond are in one chunk.
type chunk struct {
	first, last int64 // timestamps
	n           int
	folded      expr.Aggregate // of the property's numbers
	held        bool
	events      []*expr.Event // when they are held, in their order
	values      [][]expr.Value
	used        int // tick
}

func (c *chunk) fold(values []expr.Value) { c.folded.Add(values) }

func (s *series) values(e *expr.Event) []expr.Value {
	if s.property == "" {
		return nil
	}
	return e.Fields.Values(expr.Field{Path: s.property})
}

// place returns the chunk in which an event of a timestamp lies, or is to lie.
func (s *series) place(t int64) int {
	i, _ := slices.BinarySearchFunc(s.chunks, t, func(c *chunk, t int64) int {
		if c.first <= t {
			return -1
		}
		return 1
	})
	return max(i-1, 0)
}

// add adds an event that the pick picks.
func (s *series) add(e *expr.Event) {
	values := s.values(e)
	switch r := s.running; {
	case s.ahead:
		s.running = nil // the event may be counted in it already
	case r != nil && r.lo < e.Timestamp && e.Timestamp <= r.hi:
		r.add(values, 1)
	}
	i := s.place(e.Timestamp)
	last := len(s.chunks) - 1
	if last < 0 || i == last && s.chunks[i].n >= s.bounds.Chunk && e.Timestamp > s.chunks[i].last {
		s.tick++
		s.chunks = append(s.chunks, &chunk{first: e.Timestamp, last: e.Timestamp, held: true, used: s.tick})
		i = last + 1
		s.letGo()
	}
	c := s.chunks[i]
	c.n++
	c.first, c.last = min(c.first, e.Timestamp), max(c.last, e.Timestamp)
	c.fold(values)
	if c.held {
		s.loaded += c.insert(e, values)
	}
	if c.held && c.n > 2*s.bounds.Chunk {
		s.split(i)
	}
	s.ahead = s.ahead && slices.ContainsFunc(s.chunks, (*chunk).uneven)
}

// uneven reports whether a chunk holds other events than those that it was told of.
func (c *chunk) uneven() bool { return c.held && len(c.events) != c.n }

// insert puts an event in its place, unless it was read before it was told of, and
// returns how many more events there are.
func (c *chunk) insert(e *expr.Event, values []expr.Value) (more int) {
	at, found := slices.BinarySearchFunc(c.events, e, (*expr.Event).Compare)
	if found {
		return 0
	}
	c.events = slices.Insert(c.events, at, e)
	c.values = slices.Insert(c.values, at, values)
	return 1
}

// split makes two chunks of one that is held, between two milliseconds, unless it
// holds events that nobody has told of.
func (s *series) split(i int) {
	c := s.chunks[i]
	if c.uneven() {
		return
	}
	at := len(c.events) / 2
	for at < len(c.events) && c.events[at].Timestamp == c.events[at-1].Timestamp {
		at++
	}
	if at == len(c.events) {
		return
	}
	second := &chunk{held: true, used: c.used, events: slices.Clone(c.events[at:]), values: slices.Clone(c.values[at:])}
	c.events, c.values = slices.Clip(c.events[:at]), slices.Clip(c.values[:at])
	for _, half := range []*chunk{c, second} {
		half.folded = expr.Aggregate{}
		half.n = len(half.events)
		half.first, half.last = half.events[0].Timestamp, half.events[half.n-1].Timestamp
		for _, v := range half.values {
			half.fold(v)
		}
	}
	s.chunks = slices.Insert(s.chunks, i+1, second)
}

// even splits the chunks that have become too long while their events were not
// held, as those of many names do that are read name by name.
func (s *series) even(read source) {
	for i := 0; i < len(s.chunks); i++ {
		c := s.chunks[i]
		if c.n <= 2*s.bounds.Chunk {
			continue
		}
		s.hold(c, read)
		before := len(s.chunks)
		if s.split(i); len(s.chunks) > before {
			i--
		}
	}
}

// letGo lets go of the events of the chunk that was used least lately, when many are
// held; never of the one that is used now.
func (s *series) letGo() {
	held := 1
	var oldest *chunk
	for _, c := range s.chunks[:len(s.chunks)-1] { // new events go into the last one
		if c.held {
			held++
			if c.used < s.tick && (oldest == nil || c.used < oldest.used) {
				oldest = c
			}
		}
	}
	if oldest != nil && held > max(s.bounds.Held, min(s.wanted, 4*s.bounds.Held)) {
		s.loaded -= len(oldest.events)
		oldest.held, oldest.events, oldest.values = false, nil, nil
	}
}

// weight is about how many events are in memory.
func (s *series) weight() int {
	n := 1 + len(s.chunks) + s.loaded
	if s.running != nil {
		n += len(s.running.folded.Distinct)
	}
	return n
}

// source reads events of the series' pick that its chunks do not hold.
type source func(s *series, from, to int64) []*expr.Event

// hold has a chunk's events in memory.
func (s *series) hold(c *chunk, read source) {
	s.tick++
	c.used = s.tick
	if c.held {
		return
	}
	c.held, c.events, c.values = true, read(s, c.first, c.last), nil
	s.loaded += len(c.events)
	s.ahead = s.ahead || c.uneven()
	for _, e := range c.events {
		c.values = append(c.values, s.values(e))
	}
	s.letGo()
}

// each yields the chunks that hold events with lo < t ≤ hi, in their order, and of
// each the places of its events that do: all of them where whole.
func (s *series) each(lo, hi int64, read source) iter.Seq2[*chunk, part] {
	return func(yield func(*chunk, part) bool) {
		for i := s.firstAfter(lo); i < len(s.chunks) && s.chunks[i].first <= hi; i++ {
			if c := s.chunks[i]; !yield(c, s.part(c, lo, hi, read)) {
				return
			}
		}
	}
}

// firstAfter returns the place of the first chunk that ends after lo.
func (s *series) firstAfter(lo int64) int {
	i, _ := slices.BinarySearchFunc(s.chunks, lo, func(c *chunk, lo int64) int {
		if c.last <= lo {
			return -1
		}
		return 1
	})
	return i
}

// part is a part of a chunk's events.
type part struct {
	whole    bool
	from, to int
}

func (s *series) part(c *chunk, lo, hi int64, read source) part {
	if lo < c.first && c.last <= hi {
		return part{whole: true, to: c.n}
	}
	s.hold(c, read)
	at := func(t int64) int {
		i, _ := slices.BinarySearchFunc(c.events, t, func(e *expr.Event, t int64) int {
			if e.Timestamp <= t {
				return -1
			}
			return 1
		})
		return i
	}
	from, to := at(lo), at(hi)
	return part{from: from, to: max(from, to)}
}

// len counts the events with lo < t ≤ hi.
func (s *series) len(lo, hi int64, read source) int {
	n := 0
	for _, p := range s.each(lo, hi, read) {
		n += p.to - p.from
	}
	return n
}

// fold adds the numbers of the events with lo < t ≤ hi.
func (s *series) fold(into *expr.Aggregate, lo, hi int64, read source) {
	for c, p := range s.each(lo, hi, read) {
		if p.whole {
			into.Merge(&c.folded)
			continue
		}
		for _, v := range c.values[p.from:p.to] {
			into.Add(v)
		}
	}
}

// forward yields the events with lo < t ≤ hi, in their order.
func (s *series) forward(lo, hi int64, read source) iter.Seq[*expr.Event] {
	return func(yield func(*expr.Event) bool) {
		for c, p := range s.each(lo, hi, read) {
			s.hold(c, read)
			if p.whole {
				p.to = len(c.events)
			}
			for _, e := range c.events[p.from:p.to] {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// backward yields the events with lo < t ≤ hi, against their order.
func (s *series) backward(lo, hi int64, read source) iter.Seq[*expr.Event] {
	return func(yield func(*expr.Event) bool) {
		gone := 0
		for i := len(s.chunks) - 1; i >= 0 && s.chunks[i].last > lo; i-- {
			c := s.chunks[i]
			if c.first > hi {
				continue
			}
			gone++
			s.wanted = max(s.wanted, gone)
			p := s.part(c, lo, hi, read)
			s.hold(c, read)
			if p.whole {
				p.to = len(c.events)
			}
			for _, e := range slices.Backward(c.events[p.from:p.to]) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// running is how often each value is found among the events with lo < t ≤ hi. As
// a window moves, it follows.
type running struct {
	lo, hi int64
	folded *expr.Aggregate
}

func (r *running) add(values []expr.Value, n int64) {
	for _, v := range values {
		if r.folded.Distinct[v] += n; r.folded.Distinct[v] == 0 {
			delete(r.folded.Distinct, v)
		}
	}
}

// different returns how often each value is found among the events with
// lo < t ≤ hi.
func (s *series) different(lo, hi int64, read source) *expr.Aggregate {
	r := s.running
	if r == nil || lo >= r.hi || hi <= r.lo {
		r = &running{lo: lo, hi: lo, folded: expr.NewAggregate("count_distinct")}
		s.running = r
	}
	s.move(min(r.lo, lo), max(r.lo, lo), cmp.Compare(r.lo, lo), read)
	s.move(min(r.hi, hi), max(r.hi, hi), cmp.Compare(hi, r.hi), read)
	r.lo, r.hi = lo, hi
	return r.folded
}

// move adds, n = 1, or takes away, n = -1, the events with lo < t ≤ hi.
func (s *series) move(lo, hi int64, n int, read source) {
	if n == 0 {
		return
	}
	for e := range s.forward(lo, hi, read) {
		s.running.add(s.values(e), int64(n))
	}
}

// times appends the first n different timestamps after a moment.
func (s *series) times(dst []int64, after int64, n int, read source) []int64 {
	began := len(dst)
	for e := range s.forward(after, math.MaxInt64, read) {
		if len(dst) > began && dst[len(dst)-1] == e.Timestamp {
			continue
		}
		if len(dst)-began == n {
			break
		}
		dst = append(dst, e.Timestamp)
	}
	return dst
}
