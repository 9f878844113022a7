package cold

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"slices"

	"kith/internal/state"
)

// Facts are blocks in the order of their sequence, which are neither changed nor
// deleted while a state is of one generation; whoever empties it deletes the ledger
// first, and movers are bound to that not being under way. So those of a partition that
// were moved are those before one sequence, its bound: each key lies in one place, and
// rows of a range are read of either without being held against each other.

// Parts of a key of the facts: family, partition, sequence.
const (
	streamEnd = 1 + 4
	factEnd   = streamEnd + 8
)

// bound says up to which sequence, without it, blocks of a partition were moved.
type bound struct {
	partition uint32
	end       uint64
}

func isFact(key []byte) bool {
	return len(key) == factEnd && state.Family(key[0]) == state.FamilyFact
}

// numbered takes partition and sequence out of a key of the facts.
func numbered(key []byte) (partition uint32, sequence uint64) {
	return binary.BigEndian.Uint32(key[1:]), binary.BigEndian.Uint64(key[streamEnd:])
}

func factKey(partition uint32, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(streamKey(partition), sequence)
}

// streamKey is what the keys of a partition's facts begin with.
func streamKey(partition uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(state.FamilyFact)}, partition)
}

// recorded takes the moment of its commit out of a block, which has it behind the
// version.
func recorded(block []byte) (at int64, ok bool) {
	if len(block) == 0 {
		return 0, false
	}
	d := state.NewDecoder(block[1:])
	at = d.Varint()
	return at, !d.Bad()
}

// bound returns up to which sequence blocks of a partition were moved.
func (l *ledger) bound(partition uint32) uint64 {
	if l == nil {
		return 0
	}
	i, ok := l.place(partition)
	if !ok {
		return 0
	}
	return l.bounds[i].end
}

func (l *ledger) place(partition uint32) (int, bool) {
	return slices.BinarySearchFunc(l.bounds, partition, func(b bound, p uint32) int { return cmp.Compare(b.partition, p) })
}

// raise notes that blocks of a partition were moved up to a sequence.
func (l *ledger) raise(partition uint32, end uint64) {
	i, ok := l.place(partition)
	if !ok {
		l.bounds = slices.Insert(l.bounds, i, bound{partition: partition})
	}
	l.bounds[i].end = max(l.bounds[i].end, end)
}

// facts scans a range within the facts: those that were moved of the backend, and the
// others of the state.
func (r *reader) facts(ctx context.Context, rng state.Range) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		l, _, err := r.standings(ctx)
		if err != nil {
			yield(state.KV{}, err)
			return
		}
		chain(ctx, l.sides(rng), rng.Limit, func(s side) scan {
			if s == inState {
				return r.hot.Scan
			}
			return func(ctx context.Context, rng state.Range) iter.Seq2[state.KV, error] { return r.cold(ctx, l, rng) }
		})(yield)
	}
}

// sides cuts a range of the facts at the bounds of its partitions, in its direction.
func (l *ledger) sides(rng state.Range) (out []part) {
	low := rng.Low
	add := func(high []byte, s side) {
		if bytes.Compare(low, high) < 0 {
			out = append(out, part{state.Range{Low: low, High: high, Reverse: rng.Reverse}, s})
			low = high
		}
	}
	if l != nil {
		for _, b := range l.bounds {
			add(least(streamKey(b.partition), rng.High), inState)
			add(least(factKey(b.partition, b.end), rng.High), inBackend)
		}
	}
	add(rng.High, inState)
	if rng.Reverse {
		slices.Reverse(out)
	}
	return out
}

func least(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		return a
	}
	return b
}

// readFacts picks the blocks that can go of the first partition from a key on, and
// returns where the next begin: all that were recorded before the cut but the last
// one, so that who follows the facts finds the end in the state.
func (p *plan) readFacts(ctx context.Context, r state.Reader, from []byte, cut int64) ([]byte, error) {
	var last state.KV
	stream := []byte(nil)
	for kv, err := range r.Scan(ctx, state.Range{Low: p.unmoved(from), High: []byte{byte(state.FamilyFact) + 1}}) {
		if err != nil {
			return nil, err
		}
		if stream == nil {
			stream = bytes.Clone(kv.Key[:min(len(kv.Key), streamEnd)])
		}
		if !bytes.HasPrefix(kv.Key, stream) {
			break
		}
		if last.Key != nil {
			p.rows = append(p.rows, last)
		}
		if p.full() {
			return bytes.Clone(kv.Key), nil
		}
		if at, ok := recorded(kv.Value); !isFact(kv.Key) || !ok || at >= cut {
			break
		}
		p.look(kv)
		last = state.KV{Key: bytes.Clone(kv.Key), Value: bytes.Clone(kv.Value)}
	}
	if stream == nil {
		return nil, nil
	}
	return state.PrefixEnd(stream), nil
}

// unmoved is the first key from one on of which the state may have the row: in front
// of it lie the traces of what was deleted, which a server goes through one by one.
func (p *plan) unmoved(from []byte) []byte {
	if p.before != nil && len(from) >= streamEnd {
		partition := binary.BigEndian.Uint32(from[1:])
		if first := factKey(partition, p.before.bound(partition)); bytes.Compare(from, first) < 0 {
			return first
		}
	}
	return from
}
