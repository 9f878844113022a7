package pebble

import (
	"bytes"
	"io"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"

	"kith/internal/errs"
	"kith/internal/state"
)

// The first byte of a stored value. A merged value and an operand begin with
// their operation (1 to 5), as package state encodes them; a value that was put
// has tagPut in front, so that it cannot be taken for one. tagBroken stands for
// the result of merges that do not go together, with the reason behind it: a
// compaction must be able to go on, so it is the next read that fails.
const (
	tagPut    = 0x00
	tagBroken = 0xff

	brokenMixed   = 1
	brokenOperand = 2
)

// mergerName is written into the folder; a folder of another merger is refused.
const mergerName = "kith.v1"

// decode takes the engine's part off a stored value.
func decode(stored []byte) ([]byte, error) {
	switch {
	case len(stored) == 0:
	case stored[0] == tagPut:
		return stored[1:], nil
	case state.Op(stored[0]) >= state.OpAdd && state.Op(stored[0]) <= state.OpUnion:
		return stored, nil
	case bytes.Equal(stored, broken(brokenMixed)):
		return nil, errs.New(errs.Corrupt, "state.merge_mixed", "a value was merged by two different operations, or over a value that is none")
	case bytes.Equal(stored, broken(brokenOperand)):
		return nil, errs.New(errs.Corrupt, "state.merge_operand", "a merged value cannot be read")
	}
	return nil, errs.New(errs.Corrupt, "state.value_tag", "a stored value begins with an unknown tag")
}

func broken(reason byte) []byte { return []byte{tagBroken, reason} }

// merger combines operands for the database, in reads and in compactions.
func merger() *pebble.Merger {
	return &pebble.Merger{
		Name: mergerName,
		Merge: func(_, value []byte) (pebble.ValueMerger, error) {
			return &valueMerger{acc: bytes.Clone(value)}, nil
		},
	}
}

// valueMerger combines what it is given at once. The operations commute, so
// newer and older operands are alike; the base, a value that was put, comes once.
type valueMerger struct {
	acc []byte
}

// MergeNewer implements pebble.ValueMerger.
func (m *valueMerger) MergeNewer(value []byte) error {
	m.acc = combine(m.acc, value)
	return nil
}

// MergeOlder implements pebble.ValueMerger.
func (m *valueMerger) MergeOlder(value []byte) error {
	m.acc = combine(m.acc, value)
	return nil
}

// Finish implements pebble.ValueMerger.
func (m *valueMerger) Finish(bool) ([]byte, io.Closer, error) {
	return m.acc, nil, nil
}

// combine returns a slice of its own. It never fails: see tagBroken.
func combine(a, b []byte) []byte {
	for _, v := range [...][]byte{a, b} {
		if len(v) > 0 && v[0] == tagBroken {
			return bytes.Clone(v)
		}
	}
	a, b = bare(a), bare(b)
	if len(a) == 0 || len(b) == 0 {
		return broken(brokenMixed)
	}
	v, err := state.Merged(a, state.Op(b[0]), b[1:])
	switch {
	case err == nil:
		return v
	case errs.CodeOf(err) == "state.merge_mixed":
		return broken(brokenMixed)
	default:
		return broken(brokenOperand)
	}
}

// bare takes tagPut off.
func bare(v []byte) []byte {
	if len(v) > 0 && v[0] == tagPut {
		return v[1:]
	}
	return v
}

// collapseAfter is the number of operands after which a merge becomes a put of
// the merged value, so that a read never has many more to combine.
const collapseAfter = 64

// tallyKeys bounds the keys in each half of a tally.
const tallyKeys = 1 << 16

// tally counts the operands written to each key since it was last collapsed. It
// remembers the keys merged most lately, between tallyKeys and twice as many: a
// key that drops out is merged so seldom that a flush of the memory tables
// combines its operands first. Keys whose hashes collide share a count and are
// collapsed sooner.
type tally struct {
	mu         sync.Mutex
	young, old map[uint64]uint8
}

// count adds one to the key's count and returns it.
func (t *tally) count(key []byte) int {
	h := xxhash.Sum64(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.young[h]
	if !ok {
		n = t.old[h]
		if len(t.young) >= tallyKeys || t.young == nil {
			t.old, t.young = t.young, map[uint64]uint8{}
		}
	}
	if n < collapseAfter {
		n++
	}
	t.young[h] = n
	return int(n)
}

// reset starts the key's count again.
func (t *tally) reset(key []byte) {
	h := xxhash.Sum64(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.young[h] = 0
}
