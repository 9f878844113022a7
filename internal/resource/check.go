package resource

import (
	"encoding/json"

	"kith/internal/errs"
	"kith/internal/state"
)

// CheckRow tells whether a row of the resources can be read; the error is of kind
// Corrupt.
func CheckRow(key, value []byte) error {
	kind, _, ok := cutKey(key)
	if !ok {
		return errs.New(errs.Corrupt, "resource.format", "a stored resource is of no known format")
	}
	var err error
	switch kind {
	case kindGeneration:
		_, err = mergedNumber(value, state.OpAdd)
	case kindUsed:
		_, err = mergedNumber(value, state.OpMax)
	default:
		var doc Document
		if doc, err = decodeDocument(key, value); err != nil {
			return err
		}
		switch kind {
		case KindSource:
			_, err = decodeSource(doc)
		case KindPurpose:
			_, err = decodeItem[Purpose](doc)
		case KindEntity:
			_, err = decodeItem[Entity](doc)
		case KindTrait, KindSegment:
			_, err = decodeItem[json.RawMessage](doc)
		}
	}
	return err
}
