// Package block reads and writes the blocks of ClickHouse's native protocol: a
// block that comes becomes rows of JSON values, the same ones that the server writes
// itself over HTTP, and rows of JSON become a block that goes.
package block

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"kith/internal/errs"
)

// Block is a block that has come: columns of the same number of rows.
type Block struct {
	Names, Types []string
	Rows         int
	columns      []column
}

// column is the values of a column, or of a part of one.
type column interface {
	// prefix reads what stands before the values of a block.
	prefix(r *proto.Reader) error
	// read reads the values of n rows.
	read(r *proto.Reader, n int) error
	// append writes a value as JSON.
	append(to []byte, row int) []byte
}

// CodeType is the code of the error of a type whose values are not read here.
const CodeType = "clickhouse.type"

func errType(name string) error {
	if len(name) > 200 {
		name = name[:200]
	}
	return errs.New(errs.Invalid, CodeType, "values of the type %s do not come over the native protocol; turn them into texts with toString", name)
}

func errForm() error {
	return errs.New(errs.Unavailable, "clickhouse.answer", "what ClickHouse answers cannot be read")
}

// DecodeResult implements proto.Result.
func (b *Block) DecodeResult(r *proto.Reader, version int, head proto.Block) error {
	*b = Block{Rows: head.Rows}
	for range head.Columns {
		name, err := r.Str()
		if err != nil {
			return err
		}
		typ, err := r.Str()
		if err != nil {
			return err
		}
		c, err := columnOf(typ, 0)
		if err != nil {
			return err
		}
		if head.Rows > 0 {
			if err := c.prefix(r); err != nil {
				return err
			}
			if err := c.read(r, head.Rows); err != nil {
				return err
			}
		}
		b.Names, b.Types, b.columns = append(b.Names, name), append(b.Types, typ), append(b.columns, c)
	}
	return nil
}

// Append writes a value as JSON.
func (b *Block) Append(to []byte, column, row int) []byte { return b.columns[column].append(to, row) }

// bytesOf reads n bytes, and has memory for no more than what has come.
func bytesOf(r *proto.Reader, n int) ([]byte, error) {
	const step = 1 << 20
	if n < 0 {
		return nil, errForm()
	}
	out := make([]byte, 0, min(n, step))
	for len(out) < n {
		from := len(out)
		out = append(out, make([]byte, min(n-from, step))...)
		if err := r.ReadFull(out[from:]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// columnOf returns an empty column of a type.
func columnOf(name string, depth int) (column, error) {
	if depth > depthMax {
		return nil, errType("that is nested so deep")
	}
	t := parse(name)
	if f, ok := fixedOf(&t); ok {
		return f, nil
	}
	inner := func(i int) (column, error) {
		if i >= len(t.arguments) {
			return nil, errType(name)
		}
		return columnOf(t.arguments[i], depth+1)
	}
	switch t.base {
	case "String":
		return &texts{}, nil
	case "Nullable":
		in, err := inner(0)
		return &nullable{in: in}, err
	case "Array":
		in, err := inner(0)
		return &array{in: in}, err
	case "LowCardinality":
		return dictionaryOf(t.arguments, name, depth)
	case "SimpleAggregateFunction":
		return inner(1)
	case "Map":
		key, err := inner(0)
		if err != nil {
			return nil, err
		}
		value, err := inner(1)
		return &mapping{array{in: &tuple{in: []column{key, value}}}}, err
	case "Tuple", "Nested":
		in := &tuple{names: make([]string, len(t.arguments))}
		for i, a := range t.arguments {
			var typ string
			in.names[i], typ = named(a)
			c, err := columnOf(typ, depth+1)
			if err != nil {
				return nil, err
			}
			in.in = append(in.in, c)
		}
		if t.base == "Nested" {
			return &array{in: in}, nil
		}
		return in, nil
	}
	if shape, ok := shapes[t.base]; ok {
		return columnOf(shape, depth+1)
	}
	return nil, errType(name)
}

// shapes are the types of geometry, which are made of others.
var shapes = map[string]string{
	"Point": "Tuple(Float64, Float64)", "Ring": "Array(Point)", "LineString": "Array(Point)",
	"Polygon": "Array(Ring)", "MultiLineString": "Array(LineString)", "MultiPolygon": "Array(Polygon)",
}

// texts are values of String.
type texts struct {
	data []byte
	ends []int
}

func (c *texts) prefix(*proto.Reader) error { return nil }

func (c *texts) read(r *proto.Reader, n int) error {
	c.data, c.ends = nil, make([]int, 0, min(n, 1<<20))
	for range n {
		length, err := r.StrLen()
		if err != nil {
			return err
		}
		if length > 4096 {
			value, err := bytesOf(r, length)
			if err != nil {
				return err
			}
			c.data = append(c.data, value...)
		} else {
			from := len(c.data)
			c.data = append(c.data, make([]byte, length)...)
			if err := r.ReadFull(c.data[from:]); err != nil {
				return err
			}
		}
		c.ends = append(c.ends, len(c.data))
	}
	return nil
}

func (c *texts) append(to []byte, row int) []byte {
	from := 0
	if row > 0 {
		from = c.ends[row-1]
	}
	return appendText(to, c.data[from:c.ends[row]])
}

// nullable is values of which some are missing.
type nullable struct {
	in   column
	null []byte
}

func (c *nullable) prefix(r *proto.Reader) error { return c.in.prefix(r) }

func (c *nullable) read(r *proto.Reader, n int) (err error) {
	if c.null, err = bytesOf(r, n); err != nil {
		return err
	}
	return c.in.read(r, n)
}

func (c *nullable) append(to []byte, row int) []byte {
	if c.null[row] != 0 {
		return append(to, "null"...)
	}
	return c.in.append(to, row)
}

// array is values that are lists.
type array struct {
	in   column
	ends []int
}

func (c *array) prefix(r *proto.Reader) error { return c.in.prefix(r) }

func (c *array) read(r *proto.Reader, n int) error {
	raw, err := bytesOf(r, 8*n)
	if err != nil {
		return err
	}
	c.ends = make([]int, n)
	last := 0
	for i := range c.ends {
		end := binary.LittleEndian.Uint64(raw[8*i:])
		if end < uint64(last) || end > 1<<40 {
			return errForm()
		}
		last = int(end)
		c.ends[i] = last
	}
	return c.in.read(r, last)
}

// span is where the elements of a value stand.
func (c *array) span(row int) (from, to int) {
	if row > 0 {
		from = c.ends[row-1]
	}
	return from, c.ends[row]
}

func (c *array) append(to []byte, row int) []byte {
	from, end := c.span(row)
	to = append(to, '[')
	for i := from; i < end; i++ {
		if i > from {
			to = append(to, ',')
		}
		to = c.in.append(to, i)
	}
	return append(to, ']')
}

// mapping is values that are maps: lists of keys and values.
type mapping struct{ array }

func (c *mapping) append(to []byte, row int) []byte {
	from, end := c.span(row)
	pair := c.in.(*tuple)
	to = append(to, '{')
	for i := from; i < end; i++ {
		if i > from {
			to = append(to, ',')
		}
		at := len(to)
		to = pair.in[0].append(to, i)
		if to[at] != '"' { // a key is a text
			to = append(appendText(to[:at:at], to[at:]), ':')
		} else {
			to = append(to, ':')
		}
		to = pair.in[1].append(to, i)
	}
	return append(to, '}')
}

// tuple is values that have parts. They have names or not.
type tuple struct {
	names []string
	in    []column
}

func (c *tuple) prefix(r *proto.Reader) error {
	for _, in := range c.in {
		if err := in.prefix(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *tuple) read(r *proto.Reader, n int) error {
	if len(c.in) == 0 {
		_, err := bytesOf(r, n) // a byte for each row stands for no parts
		return err
	}
	for _, in := range c.in {
		if err := in.read(r, n); err != nil {
			return err
		}
	}
	return nil
}

func (c *tuple) append(to []byte, row int) []byte {
	object := len(c.names) > 0 && c.names[0] != ""
	begin, end := byte('['), byte(']')
	if object {
		begin, end = '{', '}'
	}
	to = append(to, begin)
	for i, in := range c.in {
		if i > 0 {
			to = append(to, ',')
		}
		if object {
			to = append(appendText(to, []byte(c.names[i])), ':')
		}
		to = in.append(to, row)
	}
	return append(to, end)
}

// dictionary is values that stand once in a list, and numbers of them.
type dictionary struct {
	in       column
	nullable bool // the first of the list stands for a missing one
	keys     []byte
	width    int
	rows     int
}

func dictionaryOf(arguments []string, name string, depth int) (column, error) {
	if len(arguments) != 1 {
		return nil, errType(name)
	}
	c := &dictionary{}
	of := arguments[0]
	if rest, ok := strings.CutPrefix(of, "Nullable("); ok {
		of, c.nullable = strings.TrimSuffix(rest, ")"), true
	}
	var err error
	c.in, err = columnOf(of, depth+1)
	return c, err
}

func (c *dictionary) prefix(r *proto.Reader) error {
	if version, err := r.UInt64(); err != nil {
		return err
	} else if version != 1 {
		return errForm()
	}
	return c.in.prefix(r)
}

func (c *dictionary) read(r *proto.Reader, n int) (err error) {
	c.rows = n
	if n == 0 {
		return nil
	}
	flags, err := r.UInt64()
	if err != nil {
		return err
	}
	const shared, own = 1 << 8, 1 << 9
	if flags&shared != 0 || flags&own == 0 || flags&0xff > 3 {
		return errForm()
	}
	c.width = 1 << (flags & 0xff)
	size, err := r.UInt64()
	if err != nil {
		return err
	}
	if size > 1<<32 {
		return errForm()
	}
	if err := c.in.read(r, int(size)); err != nil {
		return err
	}
	if rows, err := r.UInt64(); err != nil {
		return err
	} else if rows != uint64(n) {
		return errForm()
	}
	if c.keys, err = bytesOf(r, n*c.width); err != nil {
		return err
	}
	for i := range n {
		if c.key(i) >= size {
			return errForm()
		}
	}
	return nil
}

func (c *dictionary) key(row int) uint64 {
	var whole [8]byte
	copy(whole[:], c.keys[row*c.width:(row+1)*c.width])
	return binary.LittleEndian.Uint64(whole[:])
}

func (c *dictionary) append(to []byte, row int) []byte {
	key := c.key(row)
	if c.nullable && key == 0 {
		return append(to, "null"...)
	}
	return c.in.append(to, int(key))
}

// appendText writes a text as JSON. Bytes that are no UTF-8 stay as they are.
func appendText(to, text []byte) []byte {
	to = append(to, '"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			to = append(to, '\\', c)
		case c >= 0x20 && c != 0xe2:
			to = append(to, c)
		case c == '\b':
			to = append(to, `\b`...)
		case c == '\f':
			to = append(to, `\f`...)
		case c == '\n':
			to = append(to, `\n`...)
		case c == '\r':
			to = append(to, `\r`...)
		case c == '\t':
			to = append(to, `\t`...)
		case c == 0xe2 && i+2 < len(text) && text[i+1] == 0x80 && text[i+2]|1 == 0xa9:
			to = fmt.Appendf(to, `\u20%02x`, text[i+2]-0x80)
			i += 2
		case c == 0xe2:
			to = append(to, c)
		default:
			to = fmt.Appendf(to, `\u%04X`, c)
		}
	}
	return append(to, '"')
}
