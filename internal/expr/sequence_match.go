package expr

// stepMatches is which events of a step match, by the values that its lines refer
// to.
type stepMatches struct {
	all   bitset            // of which the lines hold that refer to traits
	lines [][]bitset        // of each line that refers to a step, by the class referred to
	index []map[Value][]int // of each line of equality, its values' places

	// What was asked for last.
	env env
	set bitset
}

// matching returns the events of a step for which all lines that refer hold, given
// the values that are referred to; a line that refers to a value that is not chosen
// yet holds. The set stands until the step is asked for under other values.
func (s *search) matching(step int, at env) bitset {
	m := &s.matches[step]
	if m.all == nil {
		m.all = s.constant(step)
		m.lines = make([][]bitset, len(s.steps[step].Lines))
	}
	if m.set != nil && m.env == at {
		return m.set
	}
	m.env, m.set = at, append(m.set[:0], m.all...)
	for j := range s.steps[step].Lines {
		if l := &s.steps[step].Lines[j]; l.Ref != nil && l.Ref.Step >= 0 {
			if r := s.referenceTo(l.Ref.Step); at[r] > 0 {
				m.set.keep(s.lineMatching(step, j, r, at[r]))
			}
		}
	}
	return m.set
}

// constant returns the events for which the lines hold that refer to traits.
func (s *search) constant(step int) bitset {
	events := s.seen[step]
	set := newBitset(len(events))
	set.setRange(0, len(events))
	for j := range s.steps[step].Lines {
		l := &s.steps[step].Lines[j]
		if l.Ref == nil || l.Ref.Step >= 0 {
			continue
		}
		others := s.x.Subject.Trait(l.Ref.Trait).Values
		holds := newBitset(len(events))
		for i := range events {
			if l.Op.refers(s.values(step, j, i), others) {
				holds.set(i)
			}
		}
		set.keep(holds)
	}
	return set
}

// lineMatching returns the events of a step for which a line holds that refers to
// an event of a class.
func (s *search) lineMatching(step, line, ref, class int) bitset {
	m := &s.matches[step]
	for len(m.lines[line]) <= class {
		m.lines[line] = append(m.lines[line], nil)
	}
	if set := m.lines[line][class]; set != nil {
		return set
	}
	l := &s.steps[step].Lines[line]
	others := s.referred(ref, class, l.Ref.Field)
	events := s.seen[step]
	set := newBitset(len(events))
	switch {
	case len(others) == 0: // with nothing to refer to no comparison holds
	case l.Op.base().Name == "eq":
		index := s.places(step, line)
		for _, v := range others {
			for _, i := range index[v] {
				set.set(i)
			}
		}
		if l.Op.Opposite != nil {
			for w := range set {
				set[w] = ^set[w]
			}
		}
	default:
		for i := range events {
			if l.Op.refers(s.values(step, line, i), others) {
				set.set(i)
			}
		}
	}
	m.lines[line][class] = set
	return set
}

// places returns, for each value of a line's field, the events that have it.
func (s *search) places(step, line int) map[Value][]int {
	m := &s.matches[step]
	if m.index == nil {
		m.index = make([]map[Value][]int, len(s.steps[step].Lines))
	}
	if m.index[line] == nil {
		m.index[line] = map[Value][]int{}
		for i := range s.seen[step] {
			for _, v := range s.values(step, line, i) {
				m.index[line][v] = append(m.index[line][v], i)
			}
		}
	}
	return m.index[line]
}

// values returns the values of a line's field of an event of a step.
func (s *search) values(step, line, place int) []Value {
	return s.material.values(step, line, s.offset[step]+place)
}

// class returns the class of an event of a step that is referred to.
func (s *search) class(ref, place int) int {
	step := s.refs[ref].step
	return s.material.class(ref, s.offset[step]+place)
}

// readValues is a field's values of each event of a step, as far as they were asked for.
type readValues struct {
	known []bool
	lists [][]Value
}

// values returns the values of a line's field of an event, read once.
func (m *material) values(step, line, i int) []Value {
	key := stepLine{step, line}
	r := m.read[key]
	if r == nil {
		r = &readValues{make([]bool, len(m.events[step])), make([][]Value, len(m.events[step]))}
		if m.read == nil {
			m.read = map[stepLine]*readValues{}
		}
		m.read[key] = r
	}
	if !r.known[i] {
		r.known[i], r.lists[i] = true, m.events[step][i].Fields.Values(m.steps[step].Lines[line].Field)
	}
	return r.lists[i]
}

type stepLine struct{ step, line int }

// class returns the class of an event of a step that is referred to: events of one
// class have the same values of all fields that are referred to.
func (m *material) class(ref, i int) int {
	r := &m.refs[ref]
	e := m.events[r.step][i]
	var key []byte
	for _, f := range r.fields {
		key = append(append(key, e.Fields.Text(f)...), 0)
	}
	c := r.classes[string(key)]
	if c == 0 {
		if r.classes == nil {
			r.classes = map[string]int{}
		}
		r.examples = append(r.examples, e)
		c = len(r.examples)
		r.classes[string(key)] = c
	}
	return c
}

// referred returns the values of a field of the events of a class.
func (m *material) referred(ref, class int, f Field) []Value {
	return m.refs[ref].examples[class-1].Fields.Values(f)
}
