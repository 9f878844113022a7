package pipeline

import (
	"encoding/binary"

	"kith/internal/errs"
	"kith/internal/held"
	"kith/internal/identity"
	"kith/internal/markday"
	"kith/internal/state"
)

// CheckRow tells whether a row of the families that the pipeline itself keeps
// (cursors, marks, days of marks, held records, waiting evidence) can be read; the error is of kind
// Corrupt.
func CheckRow(key, value []byte) error {
	var err error
	switch state.Family(key[0]) {
	case state.FamilyCursor:
		_, _, err = CursorOf(key, value)
	case state.FamilyMark:
		if len(key) != 1+len(mark{}) || value == nil {
			return errs.New(errs.Corrupt, "pipeline.mark_format", "a stored mark cannot be read")
		}
		_, err = decodeMark(value)
	case state.FamilyMarkDay:
		_, err = markday.Read(key, value)
	case state.FamilyRun:
		err = checkLoadRow(key, value)
	case state.FamilyQuarantine:
		_, err = held.Decode(key, value)
	case state.FamilyWaiting:
		if string(key) == string(identity.WaitingMark()) {
			_, err = identity.DecodeLag(value)
		} else {
			_, err = identity.DecodeWaiting(key, value)
		}
	default:
		return errs.New(errs.Corrupt, "pipeline.family", "the row belongs to no family of the pipeline")
	}
	return err
}

// CursorOf reads a row of the cursors' family. ok is false for the row that says
// under which configuration the state was made, which is no cursor.
func CursorOf(key, value []byte) (c Cursor, ok bool, err error) {
	switch {
	case string(key) == string(interpretationKey()):
		if _, known := versionOf(value); !known {
			err = errs.New(errs.Corrupt, "pipeline.interpretation_format", "the configuration under which the state was made cannot be told")
		}
		return c, false, err
	case len(key) != 5:
		return c, false, errs.New(errs.Corrupt, "pipeline.cursor_format", "a stored cursor cannot be read")
	}
	c, err = decodeCursor(int32(binary.BigEndian.Uint32(key[1:])), value)
	return c, err == nil, err
}
