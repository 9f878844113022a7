package state

import (
	"bytes"
	"encoding/binary"
	"sort"

	"kith/internal/errs"
)

// Op is a merge operation. All are commutative and associative; all but OpAdd
// are idempotent. A merged value is stored as the op's byte followed by the
// payload, and an operand is a payload.
type Op byte

// The closed set of operations.
const (
	OpAdd   Op = 1 // payload: int64, big endian, two's complement; wraps on overflow
	OpMin   Op = 2 // payload: bytes; the least in byte order stays
	OpMax   Op = 3 // payload: bytes; the greatest in byte order stays
	OpLast  Op = 4 // payload: stamp (uvarint length, bytes) then value; the greatest stamp stays, of equal stamps the greatest value
	OpUnion Op = 5 // payload: items (uvarint length, bytes each), ascending, no repeats
)

// Merged combines a stored merged value (nil: none) with an operand and returns
// the value to store. It fails with kind Corrupt when the stored value was made
// by another operation or cannot be read.
func Merged(stored []byte, op Op, operand []byte) ([]byte, error) {
	if stored == nil {
		return append([]byte{byte(op)}, operand...), nil
	}
	if len(stored) == 0 || Op(stored[0]) != op {
		return nil, errs.New(errs.Corrupt, "state.merge_mixed", "a stored value was made by another merge operation")
	}
	payload, err := combine(op, stored[1:], operand)
	if err != nil {
		return nil, err
	}
	return append([]byte{byte(op)}, payload...), nil
}

func combine(op Op, a, b []byte) ([]byte, error) {
	switch op {
	case OpAdd:
		if len(a) != 8 || len(b) != 8 {
			return nil, badOperand(op)
		}
		return binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(a)+binary.BigEndian.Uint64(b)), nil
	case OpMin:
		if bytes.Compare(a, b) <= 0 {
			return a, nil
		}
		return b, nil
	case OpMax:
		if bytes.Compare(a, b) >= 0 {
			return a, nil
		}
		return b, nil
	case OpLast:
		return later(a, b)
	case OpUnion:
		return union(a, b)
	}
	return nil, badOperand(op)
}

func badOperand(op Op) error {
	return errs.New(errs.Corrupt, "state.merge_operand", "an operand of merge operation %d cannot be read", op)
}

// LastOperand encodes an operand of OpLast.
func LastOperand(stamp, value []byte) []byte {
	b := binary.AppendUvarint(make([]byte, 0, len(stamp)+len(value)+3), uint64(len(stamp)))
	return append(append(b, stamp...), value...)
}

// SplitLast takes an OpLast payload apart.
func SplitLast(payload []byte) (stamp, value []byte, err error) {
	n, w := binary.Uvarint(payload)
	if w <= 0 || n > uint64(len(payload)-w) {
		return nil, nil, badOperand(OpLast)
	}
	return payload[w : w+int(n)], payload[w+int(n):], nil
}

func later(a, b []byte) ([]byte, error) {
	as, av, err := SplitLast(a)
	if err != nil {
		return nil, err
	}
	bs, bv, err := SplitLast(b)
	if err != nil {
		return nil, err
	}
	if c := bytes.Compare(as, bs); c > 0 || c == 0 && bytes.Compare(av, bv) >= 0 {
		return a, nil
	}
	return b, nil
}

// UnionOperand encodes a set for OpUnion; items may come in any order.
func UnionOperand(items ...[]byte) []byte {
	sorted := append([][]byte(nil), items...)
	sort.Slice(sorted, func(i, j int) bool { return bytes.Compare(sorted[i], sorted[j]) < 0 })
	var b []byte
	for i, it := range sorted {
		if i > 0 && bytes.Equal(it, sorted[i-1]) {
			continue
		}
		b = append(binary.AppendUvarint(b, uint64(len(it))), it...)
	}
	return b
}

// SplitUnion takes an OpUnion payload apart.
func SplitUnion(payload []byte) ([][]byte, error) {
	var items [][]byte
	for len(payload) > 0 {
		n, w := binary.Uvarint(payload)
		if w <= 0 || n > uint64(len(payload)-w) {
			return nil, badOperand(OpUnion)
		}
		items = append(items, payload[w:w+int(n)])
		payload = payload[w+int(n):]
	}
	return items, nil
}

func union(a, b []byte) ([]byte, error) {
	as, err := SplitUnion(a)
	if err != nil {
		return nil, err
	}
	bs, err := SplitUnion(b)
	if err != nil {
		return nil, err
	}
	return UnionOperand(append(as, bs...)...), nil
}
