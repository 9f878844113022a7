package lake

import (
	"strings"

	"kith/internal/decimal"
	"kith/internal/strictjson"

	"github.com/parquet-go/parquet-go"
)

// propertyPrefix begins the names of the columns of properties. A name goes on
// with the path, its steps parted by dots, then a colon and the type of the
// values: string, number or boolean. In a step % . and : are written %25 %2E %3A.
const propertyPrefix = "properties."

// The types of the columns of properties, by the ending of their names.
const (
	endString  = ":string"
	endNumber  = ":number"
	endBoolean = ":boolean"
)

// Bounds of the columns of properties. What has no column is in properties.
const (
	typedShare     = 1000 // a path gets a column in a file if one row in so many has it
	typedNameMax   = 200  // bytes of a name
	typedFileMax   = 256  // columns of a file
	typedTableMax  = 4000 // columns of a table
	typedDepthMax  = 8    // steps of a path
	typedValuesMax = 256  // values of one row
)

// cell is the value of a scalar property in the column that its path and type
// name.
type cell struct {
	column string
	value  parquet.Value
}

// PropertyColumn returns the type of a column of properties; false when the name
// is none of one.
func PropertyColumn(name string) (ColumnType, bool) {
	switch {
	case !strings.HasPrefix(name, propertyPrefix):
		return "", false
	case strings.HasSuffix(name, endString):
		return Text, true
	case strings.HasSuffix(name, endNumber):
		return Decimal, true
	case strings.HasSuffix(name, endBoolean):
		return Boolean, true
	}
	return "", false
}

var escapeStep = strings.NewReplacer("%", "%25", ".", "%2E", ":", "%3A")

// cells returns the scalar properties of an event.
func cells(properties strictjson.Value) []cell {
	return appendCells(nil, propertyPrefix, properties, typedDepthMax)
}

func appendCells(out []cell, prefix string, object strictjson.Value, depth int) []cell {
	for k, v := range object.Members() {
		if len(out) == typedValuesMax {
			return out
		}
		name := prefix + escapeStep.Replace(k.String())
		if len(name)+len(endBoolean) > typedNameMax {
			continue
		}
		switch v.Kind() {
		case strictjson.Object:
			if depth > 1 {
				out = appendCells(out, name+".", v, depth-1)
			}
		case strictjson.String:
			out = append(out, cell{name + endString, textValue(cleanText(v))})
		case strictjson.Bool:
			out = append(out, cell{name + endBoolean, parquet.BooleanValue(v.Bool())})
		case strictjson.Number:
			if d, err := decimal.Parse(v.Raw()); err == nil {
				out = append(out, cell{name + endNumber, decimalValue(d)})
			}
		}
	}
	return out
}

// cleanText is a string without what no text may hold.
func cleanText(v strictjson.Value) string { return v.Text() }

func textValue(s string) parquet.Value { return parquet.ByteArrayValue([]byte(s)) }

// decimalValue writes a decimal as 16 bytes, big-endian.
func decimalValue(d decimal.Decimal) parquet.Value {
	hi, lo := d.Units()
	b := make([]byte, 16)
	for i := range 8 {
		b[i] = byte(uint64(hi) >> (56 - 8*i))
		b[8+i] = byte(lo >> (56 - 8*i))
	}
	return parquet.FixedLenByteArrayValue(b)
}
