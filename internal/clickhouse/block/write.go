package block

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"kith/internal/errs"
)

// CodeRow is the code of the error of rows that a table cannot take.
const CodeRow = "clickhouse.row"

func errRow(what string) error {
	return errs.New(errs.Unavailable, CodeRow, "a row does not fit its table: %s", what)
}

// Write makes a block of lines, each a JSON object of columns, for a table whose
// columns are those of an empty block. What a line leaves out is the type's zero. A
// line with a column that the table does not have, or with a value that the column
// cannot take, is an error, which does not quote it.
func Write(to *proto.Buffer, version int, table *Block, lines []byte) (rows int, err error) {
	columns := make([]writer, len(table.Names))
	byName := make(map[string]*writer, len(columns))
	for i, name := range table.Names {
		if err := columns[i].of(table.Types[i]); err != nil {
			return 0, err
		}
		byName[name] = &columns[i]
	}
	for len(lines) > 0 {
		line, rest, _ := bytes.Cut(lines, []byte{'\n'})
		if lines = rest; len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		rows++
		if err := object(line, func(name string, value []byte) error {
			c := byName[name]
			if c == nil {
				return errRow("it has a column that is not there")
			}
			if c.rows == rows {
				return errRow("it has a column twice")
			}
			c.rows = rows
			return c.put(value)
		}); err != nil {
			return 0, err
		}
		for i := range columns {
			if c := &columns[i]; c.rows != rows {
				c.rows = rows
				c.zero()
			}
		}
	}
	proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: len(columns), Rows: rows}.EncodeAware(to, version)
	for i := range columns {
		to.PutString(table.Names[i])
		to.PutString(table.Types[i])
		to.PutRaw(columns[i].null)
		to.PutRaw(columns[i].data)
	}
	return rows, nil
}

// object calls for each member of a JSON object.
func object(line []byte, member func(name string, value []byte) error) error {
	in := json.NewDecoder(bytes.NewReader(line))
	in.UseNumber()
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return errRow("it is no JSON object")
	}
	var value json.RawMessage
	for in.More() {
		name, err := in.Token()
		if err != nil || in.Decode(&value) != nil {
			return errRow("it is no JSON object")
		}
		if err := member(name.(string), value); err != nil {
			return err
		}
	}
	if _, err := in.Token(); err != nil || len(bytes.TrimSpace(line[in.InputOffset():])) > 0 {
		return errRow("it is no JSON object")
	}
	return nil
}

// writer is a column of a block that is made.
type writer struct {
	kind     string
	width    int // of a number
	scale    int // of a time
	nullable bool
	rows     int
	null     []byte
	data     []byte
}

// of takes the type of the column.
func (c *writer) of(name string) error {
	t := parse(name)
	if t.base == "Nullable" && len(t.arguments) == 1 {
		c.nullable = true
		t = parse(t.arguments[0])
	}
	c.kind = t.base
	switch t.base {
	case "String":
	case "Bool", "UInt8", "Int8":
		c.width = 1
	case "UInt16", "Int16":
		c.width = 2
	case "UInt32", "Int32", "Float32":
		c.width = 4
	case "UInt64", "Int64", "Float64":
		c.width = 8
	case "DateTime64":
		if c.width, c.scale = 8, t.number(0); c.scale > 9 {
			return errType(name)
		}
	default:
		return errs.New(errs.Unavailable, CodeType, "a table has a column of the type %s, which cannot be filled over the native protocol", t.base)
	}
	return nil
}

// zero adds what a line left out.
func (c *writer) zero() {
	if c.nullable {
		c.null = append(c.null, 1)
	}
	c.blank()
}

// blank adds the zero of the type.
func (c *writer) blank() {
	if c.kind == "String" {
		c.data = append(c.data, 0)
		return
	}
	c.data = append(c.data, make([]byte, c.width)...)
}

// put adds a value.
func (c *writer) put(value []byte) error {
	if bytes.Equal(value, []byte("null")) {
		if !c.nullable {
			return errRow("it has a null where none can be")
		}
		c.zero()
		return nil
	}
	if c.nullable {
		c.null = append(c.null, 0)
	}
	switch c.kind {
	case "String":
		var s string
		if json.Unmarshal(value, &s) != nil {
			return errRow("it has no text where one has to be")
		}
		c.data = append(binary.AppendUvarint(c.data, uint64(len(s))), s...)
		return nil
	case "DateTime64":
		return c.time(value)
	case "Float32", "Float64":
		f, err := strconv.ParseFloat(string(value), 8*c.width)
		if err != nil {
			return errRow("it has no number where one has to be")
		}
		if c.width == 4 {
			c.data = binary.LittleEndian.AppendUint32(c.data, math.Float32bits(float32(f)))
		} else {
			c.data = binary.LittleEndian.AppendUint64(c.data, math.Float64bits(f))
		}
		return nil
	}
	return c.integer(value)
}

// integer adds a whole number, which may be in quotes, or true or false.
func (c *writer) integer(value []byte) error {
	text := string(bytes.Trim(value, `"`))
	switch text {
	case "true":
		text = "1"
	case "false":
		text = "0"
	}
	var n uint64
	var err error
	if c.kind[0] == 'I' {
		var signed int64
		signed, err = strconv.ParseInt(text, 10, 8*c.width)
		n = uint64(signed)
	} else {
		n, err = strconv.ParseUint(text, 10, 8*c.width)
	}
	if err != nil || c.kind == "Bool" && n > 1 {
		return errRow("it has no whole number in reach of its column where one has to be")
	}
	c.data = binary.LittleEndian.AppendUint64(c.data, n)[:len(c.data)+c.width]
	return nil
}

// time adds a moment, as a number of parts of a second; one whose number is too large
// becomes the largest. Which of them a server can show depends on its release.
func (c *writer) time(value []byte) error {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return errRow("it has no time where one has to be")
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return errRow("it has no time where one has to be")
	}
	unit := int64(math.Pow10(c.scale))
	n := at.Unix()*unit + int64(at.Nanosecond())/int64(math.Pow10(9-c.scale))
	switch seconds := at.Unix(); {
	case seconds > math.MaxInt64/unit-1:
		n = math.MaxInt64
	case seconds < math.MinInt64/unit+1:
		n = math.MinInt64
	}
	c.data = binary.LittleEndian.AppendUint64(c.data, uint64(n))
	return nil
}
