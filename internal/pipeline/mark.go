package pipeline

import (
	"bytes"
	"encoding/binary"
	"sort"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/markday"
	"kith/internal/state"
)

// repeatWindow: a copy received within this many milliseconds of another copy of
// the same message is a repeat of it.
const repeatWindow = 30 * 24 * 60 * 60 * 1000

// copyRank orders the copies of one message: the least is the event.
type copyRank struct {
	Received int64 // UTC milliseconds
	Sum      [16]byte
}

func (a copyRank) less(b copyRank) bool {
	if a.Received != b.Received {
		return a.Received < b.Received
	}
	return bytes.Compare(a.Sum[:], b.Sum[:]) < 0
}

// run is a chain of copies of one message, each received within repeatWindow of
// the next. Its least copy is the event; the others are repeats. Chains depend
// on the set of copies alone, so neither order nor batching shows.
type run struct {
	event copyRank
	last  int64 // latest moment of receipt of any copy
	// Where the event lies in the history, so that it can be withdrawn when a
	// lesser copy turns up. A zero home means that it has no place there.
	home      identity.NodeID
	typ       event.Type
	name      string
	timestamp int64
	position  eventlog.Position
	// pending is the contribution of this batch that is the event, or nil when the
	// event is already in the state.
	pending *Contribution
}

// covers reports whether a copy received at that moment belongs to the run.
func (r *run) covers(received int64) bool {
	return received >= r.event.Received-repeatWindow && received <= r.last+repeatWindow
}

// entry names the event's row in the history.
func (r *run) entry(source, messageID string) *history.Entry {
	return &history.Entry{
		Node: r.home, Type: r.typ, Name: r.name, Timestamp: r.timestamp,
		MessageID: messageID, Source: source, ReceivedAt: r.event.Received,
	}
}

// markRow is the runs of one message, in order of receipt; nearly always one.
type markRow struct {
	stored  []byte // as read, or nil
	runs    []run
	changed bool

	// Of a message some of whose copies are of a load: the copies of none, and those
	// of each. Such a row is never forgotten, so that a load can be taken back.
	base  []run
	loads []markLoad
}

func runOf(c *Contribution) run {
	return run{
		event: c.Copy, last: c.Copy.Received, home: c.Home, typ: c.Entry.Type,
		name: state.BoundName(c.Entry.Name), timestamp: c.Entry.Timestamp,
		position: c.Position, pending: c,
	}
}

// admit takes in one copy. It returns the runs whose event was in the state and
// is none any more.
func (m *markRow) admit(c *Contribution) (withdrawn []run) {
	joined := runOf(c)
	rest := m.runs[:0:0]
	for _, r := range m.runs {
		if !r.covers(c.Copy.Received) {
			rest = append(rest, r)
			continue
		}
		loser := r
		if r.event.less(joined.event) || r.event == joined.event {
			loser, joined = joined, r
		}
		joined.last = max(r.last, joined.last, loser.last)
		if loser.pending == nil {
			withdrawn = append(withdrawn, loser)
		}
	}
	m.runs = append(rest, joined)
	sort.Slice(m.runs, func(i, j int) bool { return m.runs[i].event.less(m.runs[j].event) })
	m.changed = true
	return withdrawn
}

// markKey is the key of a message's row.
func markKey(m mark) []byte { return append([]byte{byte(state.FamilyMark)}, m[:]...) }

// The forms of a mark; the second one is that of a message with loads.
const (
	markVersion      = 1
	markVersionLoads = 2
)

func (m *markRow) encode() []byte {
	if m.loads != nil {
		return m.encodeLoads()
	}
	return appendRuns([]byte{markVersion}, m.runs)
}

func appendRuns(b []byte, runs []run) []byte {
	b = binary.AppendUvarint(b, uint64(len(runs)))
	for i := range runs {
		r := &runs[i]
		b = binary.AppendVarint(b, r.event.Received)
		b = append(b, r.event.Sum[:]...)
		b = binary.AppendVarint(b, r.last)
		b = append(b, r.home[:]...)
		b = append(b, byte(r.typ))
		b = binary.AppendUvarint(b, uint64(len(r.name)))
		b = append(b, r.name...)
		b = binary.AppendVarint(b, r.timestamp)
		b = binary.AppendUvarint(b, uint64(r.position.Partition))
		b = binary.AppendUvarint(b, uint64(r.position.Offset))
	}
	return b
}

func decodeMark(stored []byte) (*markRow, error) {
	m := &markRow{stored: stored}
	if stored == nil {
		return m, nil
	}
	d := state.NewDecoder(stored)
	version := d.Byte()
	if version == markVersionLoads {
		m.decodeLoads(d)
	} else {
		m.runs = decodeRuns(d)
	}
	if version != markVersion && version != markVersionLoads || !d.Done() {
		return nil, errs.New(errs.Corrupt, "pipeline.mark_format", "a stored mark cannot be read")
	}
	return m, nil
}

func decodeRuns(d *state.Decoder) (runs []run) {
	for n := d.Count(38); n > 0; n-- {
		runs = append(runs, run{
			event: copyRank{Received: d.Varint(), Sum: [16]byte(d.Take(16))},
			last:  d.Varint(), home: identity.NodeID(d.Take(16)),
			typ: event.Type(d.Byte()), name: d.Text(), timestamp: d.Varint(),
			position: eventlog.Position{Partition: int32(d.Uvarint()), Offset: int64(d.Uvarint())},
		})
	}
	return runs
}

// lastDay is the day after whose window the row is of no use.
func (m *markRow) lastDay() uint32 {
	var last int64
	for i := range m.runs {
		last = max(last, m.runs[i].last)
	}
	return markday.Of(last)
}
