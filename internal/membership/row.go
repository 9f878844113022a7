package membership

import (
	"encoding/binary"
	"slices"
	"strings"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/state"
)

// The tables of the family; the second byte of a key. The numbers are stored.
const (
	tableOf         = 1 // profile → its memberships and the moment at which they may change
	tableMember     = 2 // segment, profile → since
	tableDue        = 3 // moment, profile → empty
	tableTransition = 4 // sequence → what changed, and when
	tableCursor     = 5 // how far the facts are followed
	tableSize       = 6 // segment → number of members
)

const version = 1

// never stands for no moment in a row.
const never = 1<<63 - 1

// Standing is what is stored of one profile or account: the segments that it is
// in, and when which answers can change by themselves.
type Standing struct {
	Due    int64   // the first moment of Timers, UTC milliseconds; math.MaxInt64 for never
	In     []In    // by segment, ascending
	Timers []Timer // by segment, ascending

	gone bool // the row goes
}

// In is one membership.
type In struct {
	Segment string // the stored name: key and version
	Since   int64  // UTC milliseconds
	Told    bool   // the entry is among the transitions; not so while the definition does not serve
}

// Timer is the moment at which the answer for a segment can change by itself.
type Timer struct {
	Segment string // the stored name
	At      int64  // UTC milliseconds
}

// setTimer notes when the answer for a segment, asked at now, can change by itself;
// never takes the note away. An earlier moment that is still to come stays.
func (s *Standing) setTimer(segment string, at, now int64) {
	i, ok := slices.BinarySearchFunc(s.Timers, segment, func(t Timer, name string) int { return strings.Compare(t.Segment, name) })
	switch {
	case ok && now < s.Timers[i].At && s.Timers[i].At <= at:
		// It rings early, once, and is set again then: moments that every event moves
		// away would be written with every event.
	case ok && at == never:
		s.Timers = slices.Delete(s.Timers, i, i+1)
	case ok:
		s.Timers[i].At = at
	case at != never:
		s.Timers = slices.Insert(s.Timers, i, Timer{segment, at})
	}
}

// wind drops the timers of segments that are not kept any more, and finds the
// first moment.
func (s *Standing) wind(kept map[string]int) {
	s.Timers = slices.DeleteFunc(s.Timers, func(t Timer) bool { _, ok := kept[t.Segment]; return !ok })
	s.Due = never
	for _, t := range s.Timers {
		s.Due = min(s.Due, t.At)
	}
}

// Find returns the membership in a segment, or nil.
func (s *Standing) Find(segment string) *In {
	if i, ok := s.search(segment); ok {
		return &s.In[i]
	}
	return nil
}

func (s *Standing) search(segment string) (int, bool) {
	return slices.BinarySearchFunc(s.In, segment, func(in In, name string) int { return strings.Compare(in.Segment, name) })
}

func (s *Standing) put(in In) {
	i, ok := s.search(in.Segment)
	if ok {
		s.In[i] = in
		return
	}
	s.In = slices.Insert(s.In, i, in)
}

func (s *Standing) drop(segment string) {
	if i, ok := s.search(segment); ok {
		s.In = slices.Delete(s.In, i, i+1)
	}
}

func (s *Standing) encode() []byte {
	b := binary.AppendUvarint([]byte{version}, uint64(len(s.In)))
	for _, in := range s.In {
		b = binary.AppendUvarint(b, uint64(len(in.Segment)))
		b = append(b, in.Segment...)
		b = binary.AppendVarint(b, in.Since)
		b = append(b, bit(in.Told))
	}
	b = binary.AppendUvarint(b, uint64(len(s.Timers)))
	for _, t := range s.Timers {
		b = binary.AppendUvarint(b, uint64(len(t.Segment)))
		b = append(b, t.Segment...)
		b = binary.AppendVarint(b, t.At)
	}
	return b
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func errFormat() error {
	return errs.New(errs.Corrupt, "membership.format", "a stored membership cannot be read")
}

func decodeStanding(value []byte) (Standing, error) {
	s := Standing{Due: never}
	if value == nil {
		return s, nil
	}
	d := state.NewDecoder(value)
	if d.Byte() != version {
		return s, errFormat()
	}
	for n := d.Count(2); n > 0; n-- {
		s.In = append(s.In, In{d.Text(), d.Varint(), d.Byte() == 1})
	}
	for n := d.Count(2); n > 0; n-- {
		t := Timer{d.Text(), d.Varint()}
		s.Timers, s.Due = append(s.Timers, t), min(s.Due, t.At)
	}
	if !d.Done() {
		return s, errFormat()
	}
	return s, nil
}

func table(t byte) []byte { return []byte{byte(state.FamilyMembership), t} }

func standingKey(profile identity.NodeID) []byte { return append(table(tableOf), profile[:]...) }

func memberPrefix(segment string) []byte { return state.AppendText(table(tableMember), segment) }

func memberKey(segment string, profile identity.NodeID) []byte {
	return append(memberPrefix(segment), profile[:]...)
}

func sizeKey(segment string) []byte { return append(table(tableSize), segment...) }

func sinceValue(since int64) []byte { return state.AppendTime(nil, since) }

func dueKey(at int64, profile identity.NodeID) []byte {
	return append(state.AppendTime(table(tableDue), at), profile[:]...)
}

// Transition is one entry into a segment or exit from it, as it was recorded.
type Transition struct {
	Sequence   uint64
	Segment    string // key
	Profile    identity.NodeID
	Entered    bool
	At         int64 // the moment of the change: of a timed one when it was due, of an event its receipt
	RecordedAt int64
	Cause      Cause
}

// Cause is why a membership changed.
type Cause byte

// The causes. The numbers are stored.
const (
	ByEvent      Cause = 1 // something that happened to the person
	ByTime       Cause = 2
	ByIdentity   Cause = 3 // a merge, a split, a change of the profile's id
	ByDefinition Cause = 4 // the definition is new or another one
)

// String returns the cause's stable name.
func (c Cause) String() string {
	switch c {
	case ByEvent:
		return "event"
	case ByTime:
		return "time"
	case ByIdentity:
		return "identity"
	case ByDefinition:
		return "definition"
	}
	return "unknown"
}

func transitionKey(seq uint64) []byte {
	return binary.BigEndian.AppendUint64(table(tableTransition), seq)
}

func (t *Transition) encode() []byte {
	b := append([]byte{version, byte(t.Cause), bit(t.Entered)}, t.Profile[:]...)
	b = binary.AppendVarint(binary.AppendVarint(b, t.At), t.RecordedAt)
	return append(b, t.Segment...)
}

func decodeTransition(key, value []byte) (Transition, error) {
	var t Transition
	d := state.NewDecoder(value)
	if len(key) != 10 || d.Byte() != version {
		return t, errFormat()
	}
	t.Sequence = binary.BigEndian.Uint64(key[2:])
	t.Cause, t.Entered = Cause(d.Byte()), d.Byte() == 1
	t.Profile = identity.NodeID(d.Take(16))
	t.At, t.RecordedAt = d.Varint(), d.Varint()
	t.Segment = string(d.Rest())
	if d.Bad() {
		return t, errFormat()
	}
	return t, nil
}
