package lake

import (
	"context"
	"encoding/binary"

	"kith/internal/errs"
	"kith/internal/pipeline"
	"kith/internal/state"
	"kith/internal/waypoint"
)

// round is the row of the state that says which facts the lake takes in next. It
// is written before any file, so that after a crash the same facts make the same
// files. A round reaches to the ends of all partitions as of one snapshot:
// whatever a fact rests on is in the same round or an earlier one.
type round struct {
	Lake        [16]byte // the lake that it belongs to
	Generation  uint64
	Number      uint64 // rises with every attempt
	First       uint64 // the first attempt with these cuts, which names their files
	Done        bool   // all of it shows in the lake
	At          int64  // when it was begun, UTC milliseconds
	Cuts        []Cut  // one for each partition
	Transitions Cut    // of segments, beside the facts
	Fingerprint []byte // of the configuration that the facts were made under

	stored []byte
}

func roundKey() []byte { return []byte{byte(state.FamilyLake), 'r'} }

const roundVersion = 2

func (r *round) encode() []byte {
	b := append([]byte{roundVersion}, r.Lake[:]...)
	b = binary.AppendUvarint(b, r.Generation)
	b = binary.AppendUvarint(b, r.Number)
	b = binary.AppendUvarint(b, r.First)
	b = append(b, byte(btoi(r.Done)))
	b = binary.AppendVarint(b, r.At)
	b = binary.AppendUvarint(b, uint64(len(r.Cuts)))
	for _, c := range r.Cuts {
		b = binary.AppendUvarint(b, uint64(c.Partition))
		b = binary.AppendUvarint(b, c.From)
		b = binary.AppendUvarint(b, c.To)
	}
	b = binary.AppendUvarint(binary.AppendUvarint(b, r.Transitions.From), r.Transitions.To)
	return append(b, r.Fingerprint...)
}

func errRound() error {
	return errs.New(errs.Corrupt, "lake.round_format", "what the state keeps of the lake cannot be read")
}

func decodeRound(stored []byte) (*round, error) {
	if stored == nil {
		return nil, nil
	}
	d := state.NewDecoder(stored)
	r := &round{stored: stored}
	version := d.Byte()
	r.Lake = [16]byte(d.Take(16))
	r.Generation, r.Number, r.First = d.Uvarint(), d.Uvarint(), d.Uvarint()
	r.Done, r.At = d.Byte() == 1, d.Varint()
	for n := d.Count(3); n > 0; n-- {
		r.Cuts = append(r.Cuts, Cut{Partition: int32(d.Uvarint()), From: d.Uvarint(), To: d.Uvarint()})
	}
	if version > 1 {
		r.Transitions.From, r.Transitions.To = d.Uvarint(), d.Uvarint()
	}
	r.Fingerprint = append([]byte(nil), d.Rest()...)
	if version < 1 || version > roundVersion || !d.Done() {
		return nil, errRound()
	}
	return r, nil
}

func readRound(ctx context.Context, r state.Reader) (*round, error) {
	values, err := r.Get(ctx, [][]byte{roundKey()})
	if err != nil {
		return nil, err
	}
	return decodeRound(values[0])
}

// shown is how far the facts are with the round.
func (r *round) shown() *waypoint.Waypoint {
	m := &waypoint.Waypoint{Transitions: r.Transitions.To}
	for _, c := range r.Cuts {
		m.Ends = append(m.Ends, c.To)
	}
	return m
}

// next returns the round behind r that reaches to a waypoint.
func (r *round) next(to *waypoint.Waypoint, at int64) *round {
	n := &round{Lake: r.Lake, Generation: r.Generation, Number: r.Number + 1, At: at, Fingerprint: r.Fingerprint, stored: r.stored}
	n.First, n.Transitions = n.Number, Cut{From: r.Transitions.To, To: to.Transitions}
	for p, end := range to.Ends {
		c := Cut{Partition: int32(p), To: end}
		if p < len(r.Cuts) {
			c.From = r.Cuts[p].To
		}
		n.Cuts = append(n.Cuts, c)
	}
	return n
}

// again returns the next attempt at a round that was cut short.
func (r *round) again(at int64) *round {
	n := *r
	n.Number++
	n.At = at
	return &n
}

// facts is how many facts a round takes in.
func (r *round) facts() (n uint64) {
	for _, c := range r.Cuts {
		n += c.To - c.From
	}
	return n
}

// size is how much a round takes in, facts and transitions.
func (r *round) size() uint64 { return r.facts() + r.Transitions.To - r.Transitions.From }

// cuts are those that hold a fact.
func (r *round) cuts() []Cut {
	var out []Cut
	for _, c := range r.Cuts {
		if c.To > c.From {
			out = append(out, c)
		}
	}
	return out
}

// record makes the round durable, and with it the facts that it names, since a
// commit carries all before it. It fails with kind Conflict when another process
// writes this lake or the state is being made anew.
func (r *round) record(ctx context.Context, s state.Store, write func(state.Tx)) error {
	tx, err := s.Begin(ctx, []state.Lock{state.LakeLock})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	key, have, err := pipeline.Interpretation(ctx, tx)
	if err != nil {
		return err
	}
	if string(have) != string(r.Fingerprint) {
		return errMoved()
	}
	if have != nil {
		tx.PutIf(key, have, have)
	}
	encoded := r.encode()
	tx.PutIf(roundKey(), r.stored, encoded)
	if write != nil {
		write(tx)
	}
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		return err
	}
	r.stored = encoded
	return nil
}

func errMoved() error {
	return errs.New(errs.Conflict, "lake.moved", "the state is being made anew, or another process writes the lake")
}
