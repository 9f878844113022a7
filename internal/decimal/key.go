package decimal

import (
	"encoding/binary"

	"kith/internal/errs"
)

// KeyLen is the length in bytes of what AppendKey appends.
const KeyLen = 16

// signBit is flipped in a key, so that negative numbers sort before the others
// (excess or offset binary representation).
const signBit = 1 << 63

// AppendKey appends 16 bytes that compare bytewise as the numbers do: the units
// as a big-endian two's complement with the sign bit flipped. The encoding is
// stored and must not change.
func (d Decimal) AppendKey(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(d.hi)^signBit)
	return binary.BigEndian.AppendUint64(dst, d.lo)
}

// FromKey reads what AppendKey wrote. The key must be of that length; an error
// is of kind errs.Corrupt with CodeKey.
func FromKey(key []byte) (Decimal, error) {
	if len(key) != KeyLen {
		return Decimal{}, errs.New(errs.Corrupt, CodeKey, "a decimal key has %d bytes, not %d", KeyLen, len(key))
	}
	d, ok := FromUnits(int64(binary.BigEndian.Uint64(key)^signBit), binary.BigEndian.Uint64(key[8:]))
	if !ok {
		return Decimal{}, errs.New(errs.Corrupt, CodeKey, "a decimal key holds more than %d digits", Digits)
	}
	return d, nil
}
