package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"kith/internal/errs"
	"kith/internal/state"
)

// load names what a run of a source brought: the first 128 bits of SHA-256 over
// both. Zero is no run.
type load [16]byte

func loadOf(source, run string) load {
	if run == "" {
		return load{}
	}
	b := binary.AppendUvarint(make([]byte, 0, 96), uint64(len(source)))
	b = append(append(b, source...), run...)
	sum := sha256.Sum256(b)
	return load(sum[:16])
}

func (l load) isZero() bool { return l == load{} }

// markLoad is the copies of one message that one load brought, as if there were no
// others. While the load is out they do not count.
type markLoad struct {
	load load
	out  bool
	runs []run
}

// chain adds a run to others of the same copies: it joins those within reach.
func chain(runs []run, next run) []run {
	rest := runs[:0:0]
	for _, r := range runs {
		if !r.covers(next.event.Received) {
			rest = append(rest, r)
			continue
		}
		last := max(r.last, next.last)
		if r.event.less(next.event) || r.event == next.event {
			next = r
		}
		next.last = last
	}
	rest = append(rest, next)
	slices.SortFunc(rest, compareRuns)
	return rest
}

func compareRuns(a, b run) int {
	switch {
	case a.event.less(b.event):
		return -1
	case b.event.less(a.event):
		return 1
	}
	return 0
}

// admitLoaded takes in one copy of a message some of whose copies are of a load.
// out tells whether the copy's load is retracted, if the message has none of it yet.
func (m *markRow) admitLoaded(c *Contribution, out bool) (withdrawn []run) {
	if m.loads == nil {
		m.base = slices.Clone(m.runs)
	}
	m.changed = true
	if c.Load.isZero() {
		m.base = chain(m.base, runOf(c))
		withdrawn, _ = m.settle()
		return withdrawn
	}
	l := m.ofLoad(c.Load)
	if l == nil {
		m.loads = append(m.loads, markLoad{load: c.Load, out: out})
		slices.SortFunc(m.loads, func(a, b markLoad) int { return slices.Compare(a.load[:], b.load[:]) })
		l = m.ofLoad(c.Load)
	}
	l.runs = chain(l.runs, runOf(c))
	withdrawn, _ = m.settle()
	return withdrawn
}

// ofLoad returns the copies that a load brought, or nil.
func (m *markRow) ofLoad(l load) *markLoad {
	for i := range m.loads {
		if m.loads[i].load == l {
			return &m.loads[i]
		}
	}
	return nil
}

// turn takes the copies of a load out, or back in. It returns the runs whose event
// was in the state and is none any more, and those whose event is now to enter it.
func (m *markRow) turn(l load, out bool) (withdrawn, admitted []run) {
	have := m.ofLoad(l)
	if have == nil || have.out == out {
		return nil, nil
	}
	have.out, m.changed = out, true
	return m.settle()
}

// settle computes the runs anew from the copies that count.
func (m *markRow) settle() (withdrawn, admitted []run) {
	before := m.runs
	m.runs = m.counting()
	for _, r := range before {
		if !slices.ContainsFunc(m.runs, r.same) && r.pending == nil {
			withdrawn = append(withdrawn, r)
		}
	}
	for _, r := range m.runs {
		if !slices.ContainsFunc(before, r.same) && r.pending == nil {
			admitted = append(admitted, r)
		}
	}
	return withdrawn, admitted
}

// same reports whether two runs have the same event.
func (r run) same(o run) bool { return r.event == o.event && r.position == o.position }

// counting is the runs of all copies that count: those of several loads are joined
// where they are within reach of each other.
func (m *markRow) counting() []run {
	all := slices.Clone(m.base)
	for _, l := range m.loads {
		if !l.out {
			all = append(all, l.runs...)
		}
	}
	slices.SortFunc(all, compareRuns)
	var out []run
	for _, r := range all {
		if n := len(out); n > 0 && r.event.Received <= out[n-1].last+repeatWindow {
			out[n-1].last = max(out[n-1].last, r.last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// encodeLoads writes the second form of a mark.
func (m *markRow) encodeLoads() []byte {
	b := appendRuns([]byte{markVersionLoads}, m.base)
	b = binary.AppendUvarint(b, uint64(len(m.loads)))
	for i := range m.loads {
		l := &m.loads[i]
		b = append(b, l.load[:]...)
		if l.out {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
		b = appendRuns(b, l.runs)
	}
	return b
}

func (m *markRow) decodeLoads(d *state.Decoder) {
	m.base = decodeRuns(d)
	for n := d.Count(18); n > 0; n-- {
		m.loads = append(m.loads, markLoad{load: load(d.Take(16)), out: d.Byte() == 1, runs: decodeRuns(d)})
	}
	m.runs = m.counting()
}

// The rows of the family of loads, by the byte after the family.
const (
	rowLoad    = 0 // load → which decisions retract it
	rowMessage = 1 // load, mark → the message
	rowSweep   = 2 // load → how far a retraction, or its end, has got
)

func loadKey(kind byte, l load) []byte {
	return append([]byte{byte(state.FamilyRun), kind}, l[:]...)
}

func loadMessageKey(l load, m mark) []byte { return append(loadKey(rowMessage, l), m[:]...) }

const loadVersion = 1

// loadMessage names a message below its load.
type loadMessage struct {
	mark              mark
	source, messageID string
}

func (m *loadMessage) encode() []byte {
	b := binary.AppendUvarint([]byte{loadVersion}, uint64(len(m.source)))
	b = append(b, m.source...)
	return append(b, m.messageID...)
}

func decodeLoadMessage(key, value []byte) (loadMessage, error) {
	d := state.NewDecoder(value)
	version := d.Byte()
	m := loadMessage{source: d.Text(), messageID: string(d.Rest())}
	if len(key) != 2+16+16 || version != loadVersion || !d.Done() {
		return m, errLoadFormat()
	}
	m.mark = mark(key[18:])
	return m, nil
}

func errLoadFormat() error {
	return errs.New(errs.Corrupt, "pipeline.load_format", "a stored row of a load cannot be read")
}

// retraction is which standing decisions retract a load.
type retraction struct {
	stored    []byte
	decisions []string // ascending
}

func (r *retraction) out() bool { return len(r.decisions) > 0 }

func (r *retraction) encode() []byte {
	if !r.out() {
		return nil
	}
	b := binary.AppendUvarint([]byte{loadVersion}, uint64(len(r.decisions)))
	for _, id := range r.decisions {
		b = binary.AppendUvarint(b, uint64(len(id)))
		b = append(b, id...)
	}
	return b
}

func decodeRetraction(value []byte) (retraction, error) {
	r := retraction{stored: value}
	if value == nil {
		return r, nil
	}
	d := state.NewDecoder(value)
	version := d.Byte()
	for n := d.Count(1); n > 0; n-- {
		r.decisions = append(r.decisions, d.Text())
	}
	if version != loadVersion || !d.Done() || !r.out() {
		return r, errLoadFormat()
	}
	return r, nil
}

// sweep is a retraction, or the end of one, under way through the messages of its
// load.
type sweep struct {
	load  load
	out   bool
	after *mark // messages up to it are done
	done  int64
}

func (s *sweep) encode() []byte {
	b := []byte{loadVersion, 0}
	if s.out {
		b[1] = 1
	}
	b = binary.AppendVarint(b, s.done)
	if s.after != nil {
		b = append(b, s.after[:]...)
	}
	return b
}

func decodeSweep(key, value []byte) (sweep, error) {
	d := state.NewDecoder(value)
	version, out := d.Byte(), d.Byte()
	s := sweep{out: out == 1, done: d.Varint()}
	if d.More() {
		m := mark(d.Take(16))
		s.after = &m
	}
	if len(key) != 18 || version != loadVersion || out > 1 || !d.Done() {
		return s, errLoadFormat()
	}
	s.load = load(key[2:])
	return s, nil
}

// checkLoadRow tells whether a row of the family of loads can be read.
func checkLoadRow(key, value []byte) error {
	if len(key) < 18 {
		return errLoadFormat()
	}
	var err error
	switch key[1] {
	case rowLoad:
		if _, err = decodeRetraction(value); err == nil && value == nil {
			err = errLoadFormat()
		}
	case rowMessage:
		_, err = decodeLoadMessage(key, value)
	case rowSweep:
		_, err = decodeSweep(key, value)
	default:
		err = errLoadFormat()
	}
	return err
}
