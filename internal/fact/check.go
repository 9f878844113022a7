package fact

import "encoding/binary"

// CheckRow tells whether a row of the family of facts can be read; the error is
// of kind Corrupt.
func CheckRow(key, value []byte) error {
	if len(key) != 13 {
		return errFormat()
	}
	b, err := decode(int32(binary.BigEndian.Uint32(key[1:])), key, value)
	if err == nil && len(b.Facts) == 0 {
		return errFormat()
	}
	return err
}
