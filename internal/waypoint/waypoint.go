// Package waypoint remembers in the state where its facts ended at moments that lie
// many facts apart. Whoever follows the facts from far behind, because it was away or
// begins anew, can take them in pieces instead of all at once.
//
// A piece has to end where the facts once did. What a fact rests on is before it in the
// order of commits, and perhaps in another partition: an event is taken back by a fact
// of another partition than the one that tells of it. Up to what one snapshot has seen,
// both are there or the later one is not; up to numbers that somebody makes up, the
// later one may be there alone. The waypoints are rows of the state, so a server that
// loses its last commits loses those of them that do not hold any more. They lie apart
// for each time that the state was made anew, so one that is written late, by a process
// that was paused meanwhile, is nobody's.
package waypoint

import (
	"context"
	"encoding/binary"
	"time"

	"kith/internal/errs"
	"kith/internal/membership"
	"kith/internal/pipeline"
	"kith/internal/state"
	"kith/internal/sys"
)

// Waypoint is how far the facts were at a moment, and the transitions of segments.
type Waypoint struct {
	Epoch       uint64   // rises whenever the state is made anew, and facts are others
	Ends        []uint64 // by partition, the number of the next fact
	Transitions uint64   // the number of the next one
}

// Facts is how many facts are before it.
func (w *Waypoint) Facts() (n uint64) {
	for _, end := range w.Ends {
		n += end
	}
	return n
}

// reaches reports whether a waypoint is as far as another one or further, in all.
func (w *Waypoint) reaches(o *Waypoint) bool {
	for p, end := range o.Ends {
		if p >= len(w.Ends) && end > 0 || p < len(w.Ends) && w.Ends[p] < end {
			return false
		}
	}
	return w.Transitions >= o.Transitions
}

// Now returns the present of a snapshot.
func Now(ctx context.Context, r state.Reader, partitions int) (m Waypoint, err error) {
	if m.Ends, err = pipeline.FactEnds(ctx, r, partitions); err != nil {
		return m, err
	}
	epochs, err := pipeline.Epochs(ctx, r, partitions)
	if err != nil {
		return m, err
	}
	for _, n := range epochs {
		m.Epoch += n
	}
	m.Transitions, err = membership.Recorded(ctx, r)
	return m, err
}

// Keep notes waypoints until ctx ends, so many facts apart, looking every so often. What
// fails is done a moment later.
func Keep(ctx context.Context, clock sys.Clock, every time.Duration, s state.Store, partitions int, apart uint64) {
	for ctx.Err() == nil {
		_ = Note(ctx, s, partitions, apart)
		select {
		case <-ctx.Done():
		case <-clock.After(every):
		}
	}
}

// Note remembers the present, unless fewer facts have come since the last one. The
// error has kind Conflict when another process has just done so.
func Note(ctx context.Context, s state.Store, partitions int, apart uint64) error {
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	now, err := Now(ctx, snap, partitions)
	if err != nil {
		return err
	}
	last, err := latest(ctx, snap, now.Epoch)
	if err != nil || now.Facts() < last+max(apart, 1) {
		return err
	}
	tx, err := s.Begin(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	tx.PutIf(key(now.Epoch, now.Facts()), nil, now.encode())
	return tx.Commit(ctx, state.Cursor{})
}

// latest is how many facts are before the last waypoint of an epoch.
func latest(ctx context.Context, r state.Reader, epoch uint64) (facts uint64, err error) {
	rng := state.Prefix(prefix(epoch))
	rng.Reverse, rng.Limit = true, 1
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return 0, err
		}
		if len(kv.Key) != keyBytes {
			return 0, errFormat()
		}
		facts = binary.BigEndian.Uint64(kv.Key[keyBytes-8:])
	}
	return facts, nil
}

// Next returns the furthest waypoint between two, in the epoch of the second, that is at
// most so many facts behind the first, or else the nearest one; to if there is none.
func Next(ctx context.Context, r state.Reader, from, to *Waypoint, most uint64) (Waypoint, error) {
	out := *to
	if from.Facts()+most >= to.Facts() {
		return out, nil
	}
	rng := state.Range{Low: key(to.Epoch, from.Facts()+1), High: key(to.Epoch, to.Facts())}
	found := false
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return out, err
		}
		m, err := decode(kv.Key, kv.Value)
		if err != nil {
			return out, err
		}
		if found && m.Facts() > from.Facts()+most {
			break
		}
		if m.reaches(from) && to.reaches(&m) {
			out, found = m, true
		}
	}
	return out, nil
}

// The rows lie with those of the lake, by epoch and in the order of facts.
const keyBytes = 2 + 8 + 8

func prefix(epoch uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(state.FamilyLake), 'w'}, epoch)
}

func key(epoch, facts uint64) []byte { return binary.BigEndian.AppendUint64(prefix(epoch), facts) }

const version = 1

func (w *Waypoint) encode() []byte {
	b := binary.AppendUvarint([]byte{version}, uint64(len(w.Ends)))
	for _, end := range w.Ends {
		b = binary.AppendUvarint(b, end)
	}
	return binary.AppendUvarint(b, w.Transitions)
}

func errFormat() error {
	return errs.New(errs.Corrupt, "waypoint.format", "a stored waypoint of the facts cannot be read")
}

func decode(k, b []byte) (m Waypoint, err error) {
	d := state.NewDecoder(b)
	if len(k) != keyBytes || d.Byte() != version {
		return m, errFormat()
	}
	m.Epoch = binary.BigEndian.Uint64(k[2:])
	for n := d.Count(1); n > 0; n-- {
		m.Ends = append(m.Ends, d.Uvarint())
	}
	m.Transitions = d.Uvarint()
	if !d.Done() || binary.BigEndian.Uint64(k[keyBytes-8:]) != m.Facts() {
		return m, errFormat()
	}
	return m, nil
}

// CheckRow tells whether a row can be read; the error is of kind Corrupt. ok is false
// for a row that is no waypoint.
func CheckRow(key, value []byte) (ok bool, err error) {
	if len(key) < 2 || key[1] != 'w' {
		return false, nil
	}
	_, err = decode(key, value)
	return true, err
}
