package clickhouse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"kith/internal/analytics"
	"kith/internal/errs"
)

// typ is how values of a type of the server become those of an answer.
type typ struct {
	kind         analytics.Kind
	bits         uint8
	unsigned     bool
	width, scale uint8
}

// integers are the whole numbers that answers have as such.
var integers = map[string]typ{
	"Int8": {bits: 8}, "Int16": {bits: 16}, "Int32": {bits: 32}, "Int64": {bits: 64}, "Int128": {bits: 128},
	"UInt8": {bits: 8, unsigned: true}, "UInt16": {bits: 16, unsigned: true}, "UInt32": {bits: 32, unsigned: true}, "UInt64": {bits: 64, unsigned: true},
	"UInt128": {bits: 128, unsigned: true},
}

// readType reads the server's name of a type.
func readType(name string) typ {
	for _, around := range []string{"LowCardinality(", "Nullable("} {
		if rest, ok := strings.CutPrefix(name, around); ok {
			return readType(strings.TrimSuffix(rest, ")"))
		}
	}
	if t, ok := integers[name]; ok {
		t.kind = analytics.Integer
		return t
	}
	base, _, _ := strings.Cut(name, "(")
	switch base {
	case "Bool":
		return typ{kind: analytics.Bool}
	case "Float32", "Float64", "BFloat16":
		return typ{kind: analytics.Float}
	case "Date", "Date32":
		return typ{kind: analytics.Date}
	case "DateTime", "DateTime64":
		return typ{kind: analytics.Time}
	case "Array", "Map", "Tuple", "JSON", "Nested", "Variant", "Dynamic":
		return typ{kind: analytics.JSON}
	case "Decimal":
		var width, scale uint8
		if n, err := fmt.Sscanf(strings.ReplaceAll(name, " ", ""), "Decimal(%d,%d)", &width, &scale); err == nil && n == 2 && width <= 38 {
			return typ{kind: analytics.Decimal, width: width, scale: scale}
		}
	}
	return typ{kind: analytics.Text}
}

func (t *typ) column(name, engineType string) analytics.Column {
	bits := t.bits
	if bits > 0 && bits < 64 {
		bits = 64
	}
	return analytics.Column{Name: name, Type: engineType, Kind: t.kind, Bits: bits, Unsigned: t.unsigned && t.bits >= 64, Width: t.width, Scale: t.scale}
}

// value returns a value of an answer; nil for null.
func (t *typ) value(raw json.RawMessage) ([]byte, error) {
	if bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	if t.kind == analytics.JSON {
		return raw, nil
	}
	if len(raw) == 0 || raw[0] != '"' {
		return raw, nil // a number or a boolean is written as an answer has it
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil, errs.New(errs.Unavailable, "sql.answer", "the engine's answer cannot be read")
	}
	switch t.kind {
	case analytics.Float:
		switch s {
		case "inf":
			s = "Infinity"
		case "-inf":
			s = "-Infinity"
		case "nan", "-nan":
			s = "NaN"
		}
	case analytics.Time:
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return nil, errs.New(errs.Unavailable, "sql.answer", "the engine's answer cannot be read")
		}
		s = at.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return []byte(s), nil
}
