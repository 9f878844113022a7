package membership

import (
	"encoding/json"

	"kith/internal/state"
)

// CheckRow tells whether a row of the family of memberships can be read; the error
// is of kind Corrupt.
func CheckRow(key, value []byte) error {
	if len(key) < 2 || value == nil {
		return errFormat()
	}
	var ok bool
	switch key[1] {
	case tableOf:
		_, err := decodeStanding(value)
		return err
	case tableMember:
		_, rest, named := state.CutText(key[2:])
		ok = named && len(rest) == 16 && len(value) == 8
	case tableDue:
		ok = len(key) == 2+8+16 && len(value) == 0
	case tableTransition:
		_, err := decodeTransition(key, value)
		return err
	case tableCursor:
		ok = len(key) == 3 && json.Valid(value)
	case tableSize:
		ok = len(value) == 9 && state.Op(value[0]) == state.OpAdd
	default:
		ok = false
	}
	if !ok {
		return errFormat()
	}
	return nil
}
