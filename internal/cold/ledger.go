package cold

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"kith/internal/errs"
	"kith/internal/state"
)

// nodeID is the bytes of a node's id.
type nodeID = [16]byte

// Parts of a key of the history: family, node, strand, call, name as text, time.
const (
	nodeEnd = 1 + len(nodeID{})
	nameAt  = nodeEnd + 2
)

// tombstone stands in the state for a row that is removed, and that the backend may
// have. A value of the history begins with its version, which is not 0.
const tombstone = "\x00"

func isTombstone(v []byte) bool { return string(v) == tombstone }

func isHistory(key []byte) bool {
	return len(key) >= nodeEnd && state.Family(key[0]) == state.FamilyHistory
}

// placed takes the node and the time out of a key of the history. end is where the
// time begins. A key of another form is never moved.
func placed(key []byte) (node nodeID, at int64, end int, ok bool) {
	if !isHistory(key) || len(key) < nameAt {
		return node, 0, 0, false
	}
	_, rest, ok := state.CutText(key[nameAt:])
	if !ok {
		return node, 0, 0, false
	}
	at, _, ok = state.CutTime(rest)
	return nodeID(key[1:nodeEnd]), at, len(key) - len(rest), ok
}

// The rows of the state that say where rows lie: of the whole, and of each node of
// which rows were moved.
func ledgerKey() []byte { return []byte{byte(state.FamilyCold), 0} }

func nodeKey(n nodeID) []byte { return append([]byte{byte(state.FamilyCold)}, n[:]...) }

// Versions of what is stored: 1 of a ledger is 2 without bounds, 1 of a node is 2
// without calls.
const (
	nodeVersion   = 2
	ledgerVersion = 2
)

func errFormat() error {
	return errs.New(errs.Corrupt, "cold.format", "what the state says of the history elsewhere cannot be read")
}

// ledger says which attempts count.
type ledger struct {
	generation Generation
	moved      uint64  // versions that were inserted in all
	terms      []term  // the later one counts before the earlier
	bounds     []bound // of the facts, by partition
}

// term is the attempts of one mover: those from 1 to last count.
type term struct {
	id   uint64
	last uint64
}

// rank tells versions of a key apart, the later one having the higher; 0 for an
// attempt that does not count.
func (l *ledger) rank(a Attempt) (term int, number uint64) {
	for i, t := range l.terms {
		if t.id == a.Term && a.Number >= 1 && a.Number <= t.last {
			return i + 1, a.Number
		}
	}
	return 0, 0
}

// with returns the ledger in which one more attempt counts.
func (l *ledger) with(a Attempt, versions int) *ledger {
	out := &ledger{l.generation, l.moved + uint64(versions), slices.Clone(l.terms), slices.Clone(l.bounds)}
	if n := len(out.terms); n > 0 && out.terms[n-1].id == a.Term {
		out.terms[n-1].last = a.Number
	} else {
		out.terms = append(out.terms, term{a.Term, a.Number})
	}
	return out
}

func (l *ledger) encode() []byte {
	b := append([]byte{ledgerVersion}, l.generation[:]...)
	b = binary.AppendUvarint(b, l.moved)
	b = binary.AppendUvarint(b, uint64(len(l.terms)))
	for _, t := range l.terms {
		b = binary.BigEndian.AppendUint64(b, t.id)
		b = binary.AppendUvarint(b, t.last)
	}
	b = binary.AppendUvarint(b, uint64(len(l.bounds)))
	for _, one := range l.bounds {
		b = binary.AppendUvarint(b, uint64(one.partition))
		b = binary.AppendUvarint(b, one.end)
	}
	return b
}

// decodeLedger returns nil for a state of which nothing was moved.
func decodeLedger(b []byte) (*ledger, error) {
	if b == nil {
		return nil, nil
	}
	d := state.NewDecoder(b)
	form := d.Byte()
	if form == 0 || form > ledgerVersion {
		return nil, errFormat()
	}
	l := &ledger{generation: Generation(d.Take(16)), moved: d.Uvarint()}
	for range d.Count(9) {
		l.terms = append(l.terms, term{binary.BigEndian.Uint64(d.Take(8)), d.Uvarint()})
	}
	if form >= 2 {
		for range d.Count(2) {
			l.bounds = append(l.bounds, bound{uint32(d.Uvarint()), d.Uvarint()})
		}
	}
	if !slices.IsSortedFunc(l.bounds, func(a, b bound) int { return cmp.Compare(a.partition, b.partition) }) {
		return nil, errFormat()
	}
	if !d.Done() {
		return nil, errFormat()
	}
	return l, nil
}

// standing is what rows of a node were moved, if any.
type standing struct {
	moved bool
	last  int64  // the latest time of any
	calls uint64 // the bits of their calls, see callOf
}

// callOf is the bit of the call that a key of the history, or a beginning of one, has.
// Those of two calls may be the same.
func callOf(key []byte) uint64 { return 1 << (key[nameAt-1] % 64) }

// with returns what was moved together with more.
func (s standing) with(more standing) standing {
	if !s.moved {
		return more
	}
	return standing{true, max(s.last, more.last), s.calls | more.calls}
}

func (s standing) encode() []byte {
	return binary.AppendUvarint(state.AppendTime([]byte{nodeVersion}, s.last), s.calls)
}

// decodeNode returns the zero standing for a node of which nothing was moved.
func decodeNode(b []byte) (s standing, err error) {
	if b == nil {
		return s, nil
	}
	d := state.NewDecoder(b)
	form, at := d.Byte(), d.Take(8)
	if d.Bad() || form == 0 || form > nodeVersion {
		return s, errFormat()
	}
	s = standing{moved: true, calls: math.MaxUint64}
	s.last, _, _ = state.CutTime(at)
	if form >= 2 {
		s.calls = d.Uvarint()
	}
	if !d.Done() {
		return standing{}, errFormat()
	}
	return s, nil
}

// CheckRow tells whether a row of family Z can be read; the error is of kind Corrupt.
func CheckRow(key, value []byte) (err error) {
	switch len(key) {
	case 2:
		_, err = decodeLedger(value)
	case nodeEnd:
		_, err = decodeNode(value)
	default:
		err = errFormat()
	}
	return err
}

// Used reports whether rows of a state lie elsewhere, so that it can be read only
// together with them.
func Used(ctx context.Context, s state.Store) (bool, error) {
	l, err := readLedger(ctx, s)
	return l != nil, err
}

func readLedger(ctx context.Context, s state.Store) (*ledger, error) {
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	values, err := snap.Get(ctx, [][]byte{ledgerKey()})
	if err != nil {
		return nil, err
	}
	return decodeLedger(values[0])
}

// Verify tells whether the backend can have what the state says was moved into it.
// The error is of kind Corrupt where it has less: it was emptied, restored, or is
// another one.
func (s *Store) Verify(ctx context.Context) error {
	l, err := readLedger(ctx, s.hot)
	if err != nil || l == nil {
		return err
	}
	have, err := s.backend.Count(ctx, l.generation)
	if err == nil && have < int64(l.moved) {
		err = errs.New(errs.Corrupt, "history.lost",
			"the history that was moved out of the state is not all there: %d rows of %d; name the server and database that have it, or bring them back from their backup", have, l.moved)
	}
	return err
}
