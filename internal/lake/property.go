package lake

import (
	"slices"
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

// The endings of what has no column: lists, objects, and numbers that are too
// large. What lies in an object has columns of its own.
const (
	endList   = ":list"
	endObject = ":object"
	endUnfit  = ":unfit"
)

// ApartAll says that there may be anything beside the columns.
const ApartAll = "*"

// apartMax bounds what is listed as apart, of a row and of a file.
const apartMax = 500

// PlainColumns tells of a property's path, as conditions name it, whether its
// columns tell everything in files of which apart lists what columns do not tell;
// and it returns their names: of the texts, the numbers and the booleans.
func PlainColumns(path string, apart []string) (names [3]string, plain bool) {
	name := propertyPrefix
	plain = !slices.Contains(apart, ApartAll)
	steps := strings.Split(path, ".")
	for i, step := range steps {
		if i > 0 {
			name += "."
		}
		name += escapeStep.Replace(step)
		if slices.Contains(apart, name+endList) {
			plain = false
		}
	}
	for _, end := range [...]string{endObject, endUnfit, endString, endNumber, endBoolean} {
		if slices.Contains(apart, name+end) {
			plain = false
		}
	}
	fits := len(name)+len(endBoolean) <= typedNameMax && len(steps) <= typedDepthMax
	return [3]string{name + endString, name + endNumber, name + endBoolean}, plain && fits
}

// PropertyColumns returns what tells of a property's path the names of its columns
// that any file has, of the texts, the numbers and the booleans, and whether they
// tell everything in all files.
func (m *Manifest) PropertyColumns() func(path string) (names [3]string, plain bool) {
	have := map[string]bool{}
	var apart []string
	for i := range m.Files {
		for _, name := range m.Files[i].Typed {
			have[name] = true
		}
		apart = append(apart, m.Files[i].Apart...)
	}
	if !m.Told() {
		apart = []string{ApartAll}
	}
	return func(path string) ([3]string, bool) {
		names, plain := PlainColumns(path, apart)
		for i, name := range names {
			if !have[name] {
				names[i] = ""
			}
		}
		return names, plain
	}
}

// cells returns the scalar properties of an event, and the names of what else it
// has.
func cells(properties strictjson.Value) ([]cell, []string) {
	c := cellsOf{}
	c.object(propertyPrefix, properties, typedDepthMax)
	return c.cells, c.apart
}

type cellsOf struct {
	cells []cell
	apart []string
}

func (c *cellsOf) object(prefix string, object strictjson.Value, depth int) {
	for k, v := range object.Members() {
		name := prefix + escapeStep.Replace(k.String())
		if len(c.cells) == typedValuesMax || len(name)+len(endBoolean) > typedNameMax || len(c.apart) >= apartMax {
			c.apart = append(c.apart, ApartAll)
			return
		}
		c.member(name, v, depth)
	}
}

func (c *cellsOf) member(name string, v strictjson.Value, depth int) {
	switch v.Kind() {
	case strictjson.Object:
		c.apart = append(c.apart, name+endObject)
		if depth > 1 {
			c.object(name+".", v, depth-1)
		} else {
			c.apart = append(c.apart, ApartAll)
		}
	case strictjson.Array:
		c.apart = append(c.apart, name+endList)
	case strictjson.String:
		c.cells = append(c.cells, cell{name + endString, textValue(cleanText(v))})
	case strictjson.Bool:
		c.cells = append(c.cells, cell{name + endBoolean, parquet.BooleanValue(v.Bool())})
	case strictjson.Number:
		if d, err := decimal.Parse(v.Raw()); err == nil {
			c.cells = append(c.cells, cell{name + endNumber, decimalValue(d)})
		} else {
			c.apart = append(c.apart, name+endUnfit)
		}
	}
}

// apartOf puts what is apart into one ascending list.
func apartOf(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		for _, name := range l {
			if len(out) < apartMax {
				out = include(out, name)
			} else if _, have := slices.BinarySearch(out, name); !have {
				return []string{ApartAll}
			}
		}
	}
	return out
}

// without returns the names of counts that are not among the chosen ones.
func without(counts map[string]int64, chosen []string) []string {
	var out []string
	for name := range counts {
		if !slices.Contains(chosen, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
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
