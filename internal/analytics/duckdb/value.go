package duckdb

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"

	mapping "github.com/duckdb/duckdb-go-bindings"

	"kith/internal/analytics"
)

// typ is a type of the engine, read once for a result.
type typ struct {
	id           mapping.Type
	json         bool // a text that is JSON
	width, scale uint8
	stored       mapping.Type // how a decimal or an enum is stored
	size         uint64       // of an array
	names        []string     // of a struct's fields, or of an enum's values
	children     []typ
}

func readType(logical mapping.LogicalType) typ {
	t := typ{id: mapping.GetTypeId(logical)}
	child := func(l mapping.LogicalType) {
		t.children = append(t.children, readType(l))
		mapping.DestroyLogicalType(&l)
	}
	switch t.id {
	case mapping.TypeVarchar:
		t.json = mapping.LogicalTypeGetAlias(logical) == "JSON"
	case mapping.TypeDecimal:
		t.width, t.scale = mapping.DecimalWidth(logical), mapping.DecimalScale(logical)
		t.stored = mapping.DecimalInternalType(logical)
	case mapping.TypeEnum:
		t.stored = mapping.EnumInternalType(logical)
		for i := range mapping.EnumDictionarySize(logical) {
			t.names = append(t.names, mapping.EnumDictionaryValue(logical, mapping.IdxT(i)))
		}
	case mapping.TypeList:
		child(mapping.ListTypeChildType(logical))
	case mapping.TypeArray:
		t.size = uint64(mapping.ArrayTypeArraySize(logical))
		child(mapping.ArrayTypeChildType(logical))
	case mapping.TypeMap:
		child(mapping.MapTypeKeyType(logical))
		child(mapping.MapTypeValueType(logical))
	case mapping.TypeStruct:
		for i := range mapping.StructTypeChildCount(logical) {
			t.names = append(t.names, mapping.StructTypeChildName(logical, i))
			child(mapping.StructTypeChildType(logical, i))
		}
	}
	return t
}

// supported reports whether values of the type can be written.
func (t *typ) supported() bool {
	for i := range t.children {
		if !t.children[i].supported() {
			return false
		}
	}
	return t.describe() != ""
}

// describe returns the type's name, or nothing for one that is not supported.
func (t *typ) describe() string {
	switch t.id {
	case mapping.TypeVarchar:
		if t.json {
			return "JSON"
		}
		return "VARCHAR"
	case mapping.TypeDecimal:
		return "DECIMAL(" + strconv.Itoa(int(t.width)) + "," + strconv.Itoa(int(t.scale)) + ")"
	case mapping.TypeList:
		return t.children[0].describe() + "[]"
	case mapping.TypeArray:
		return t.children[0].describe() + "[" + strconv.FormatUint(t.size, 10) + "]"
	case mapping.TypeMap:
		return "MAP(" + t.children[0].describe() + ", " + t.children[1].describe() + ")"
	case mapping.TypeStruct:
		s := "STRUCT("
		for i := range t.children {
			if i > 0 {
				s += ", "
			}
			if t.names[i] != "" {
				s += quoted(t.names[i]) + " "
			}
			s += t.children[i].describe()
		}
		return s + ")"
	case mapping.TypeSQLNull:
		return "NULL"
	}
	return plainTypes[t.id]
}

var plainTypes = map[mapping.Type]string{
	mapping.TypeBoolean: "BOOLEAN", mapping.TypeTinyInt: "TINYINT", mapping.TypeSmallInt: "SMALLINT", mapping.TypeInteger: "INTEGER",
	mapping.TypeBigInt: "BIGINT", mapping.TypeHugeInt: "HUGEINT", mapping.TypeUTinyInt: "UTINYINT", mapping.TypeUSmallInt: "USMALLINT",
	mapping.TypeUInteger: "UINTEGER", mapping.TypeUBigInt: "UBIGINT", mapping.TypeUHugeInt: "UHUGEINT", mapping.TypeFloat: "FLOAT",
	mapping.TypeDouble: "DOUBLE", mapping.TypeTimestamp: "TIMESTAMP", mapping.TypeTimestampS: "TIMESTAMP_S",
	mapping.TypeTimestampMS: "TIMESTAMP_MS", mapping.TypeTimestampNS: "TIMESTAMP_NS", mapping.TypeTimestampTZ: "TIMESTAMP WITH TIME ZONE",
	mapping.TypeDate: "DATE", mapping.TypeTime: "TIME", mapping.TypeInterval: "INTERVAL", mapping.TypeBlob: "BLOB",
	mapping.TypeUUID: "UUID", mapping.TypeEnum: "ENUM",
}

// column describes a column of this type.
func (t *typ) column(name string) analytics.Column {
	c := analytics.Column{Name: name, Type: t.describe()}
	switch t.id {
	case mapping.TypeBoolean:
		c.Kind = analytics.Bool
	case mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt:
		c.Kind, c.Bits = analytics.Integer, 64
	case mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger, mapping.TypeUBigInt:
		c.Kind, c.Bits, c.Unsigned = analytics.Integer, 64, true
	case mapping.TypeHugeInt:
		c.Kind, c.Bits = analytics.Integer, 128
	case mapping.TypeUHugeInt:
		c.Kind, c.Bits, c.Unsigned = analytics.Integer, 128, true
	case mapping.TypeDecimal:
		c.Kind, c.Width, c.Scale = analytics.Decimal, t.width, t.scale
	case mapping.TypeFloat, mapping.TypeDouble:
		c.Kind = analytics.Float
	case mapping.TypeTimestamp, mapping.TypeTimestampS, mapping.TypeTimestampMS, mapping.TypeTimestampNS, mapping.TypeTimestampTZ:
		c.Kind = analytics.Time
	case mapping.TypeDate:
		c.Kind = analytics.Date
	case mapping.TypeBlob:
		c.Kind = analytics.Bytes
	case mapping.TypeList, mapping.TypeArray, mapping.TypeStruct, mapping.TypeMap:
		c.Kind = analytics.JSON
	case mapping.TypeVarchar:
		if t.json {
			c.Kind = analytics.JSON
		}
	}
	return c
}

// vector reads the values of a column in one chunk. What it points to is the
// engine's and lives as long as the chunk.
type vector struct {
	t        *typ
	data     unsafe.Pointer
	validity unsafe.Pointer
	children []vector
}

func readVector(t *typ, v mapping.Vector) vector {
	out := vector{t: t, data: mapping.VectorGetData(v), validity: mapping.VectorGetValidity(v)}
	switch t.id {
	case mapping.TypeList:
		out.children = []vector{readVector(&t.children[0], mapping.ListVectorGetChild(v))}
	case mapping.TypeArray:
		out.children = []vector{readVector(&t.children[0], mapping.ArrayVectorGetChild(v))}
	case mapping.TypeMap: // a list of structs of key and value
		entries := mapping.ListVectorGetChild(v)
		for i := range t.children {
			out.children = append(out.children, readVector(&t.children[i], mapping.StructVectorGetChild(entries, mapping.IdxT(i))))
		}
	case mapping.TypeStruct:
		for i := range t.children {
			out.children = append(out.children, readVector(&t.children[i], mapping.StructVectorGetChild(v, mapping.IdxT(i))))
		}
	}
	return out
}

func (v *vector) null(row int) bool {
	if v.t.id == mapping.TypeSQLNull {
		return true
	}
	if v.validity == nil {
		return false
	}
	word := *(*uint64)(unsafe.Add(v.validity, row/64*8))
	return word&(1<<(row%64)) == 0
}

// at returns the value of a row as the type of its storage.
func at[T any](v *vector, row int) T {
	var zero T
	return *(*T)(unsafe.Add(v.data, row*int(unsafe.Sizeof(zero))))
}

// stringT is how the engine stores texts and bytes: up to 12 in place, longer ones
// elsewhere.
type stringT struct {
	length uint32
	prefix [4]byte
	ptr    *byte
}

func (v *vector) bytes(row int) []byte {
	s := (*stringT)(unsafe.Add(v.data, row*int(unsafe.Sizeof(stringT{}))))
	if s.length <= 12 {
		return unsafe.Slice(&s.prefix[0], s.length)
	}
	return unsafe.Slice(s.ptr, s.length)
}

// text appends the value of a row, which is not NULL, in the form of its kind.
func (v *vector) text(dst []byte, row int) []byte {
	switch v.t.id {
	case mapping.TypeBoolean:
		return strconv.AppendBool(dst, at[bool](v, row))
	case mapping.TypeVarchar:
		return append(dst, v.bytes(row)...)
	case mapping.TypeBlob:
		return base64.StdEncoding.AppendEncode(dst, v.bytes(row))
	case mapping.TypeFloat:
		return appendFloat(dst, float64(at[float32](v, row)), 32)
	case mapping.TypeDouble:
		return appendFloat(dst, at[float64](v, row), 64)
	case mapping.TypeDecimal:
		return appendDecimal(dst, v.integer(v.t.stored, row), int(v.t.scale))
	case mapping.TypeEnum:
		return append(dst, v.t.names[v.integer(v.t.stored, row).Int64()]...)
	case mapping.TypeUUID:
		return appendUUID(dst, at[[2]uint64](v, row))
	case mapping.TypeInterval:
		return appendInterval(dst, at[interval](v, row))
	case mapping.TypeList, mapping.TypeArray, mapping.TypeStruct, mapping.TypeMap:
		return v.json(dst, row)
	case mapping.TypeDate, mapping.TypeTime, mapping.TypeTimestamp, mapping.TypeTimestampTZ, mapping.TypeTimestampS,
		mapping.TypeTimestampMS, mapping.TypeTimestampNS:
		return v.moment(dst, row)
	}
	return v.integer(v.t.id, row).Append(dst, 10)
}

// integer returns a value that is stored as a number.
func (v *vector) integer(stored mapping.Type, row int) *big.Int {
	switch stored {
	case mapping.TypeTinyInt:
		return big.NewInt(int64(at[int8](v, row)))
	case mapping.TypeSmallInt:
		return big.NewInt(int64(at[int16](v, row)))
	case mapping.TypeInteger:
		return big.NewInt(int64(at[int32](v, row)))
	case mapping.TypeUTinyInt:
		return big.NewInt(int64(at[uint8](v, row)))
	case mapping.TypeUSmallInt:
		return big.NewInt(int64(at[uint16](v, row)))
	case mapping.TypeUInteger:
		return big.NewInt(int64(at[uint32](v, row)))
	case mapping.TypeBigInt:
		return big.NewInt(at[int64](v, row))
	case mapping.TypeUBigInt:
		return new(big.Int).SetUint64(at[uint64](v, row))
	}
	words := at[[2]uint64](v, row) // the lower half first
	high := new(big.Int).SetUint64(words[1])
	if stored == mapping.TypeHugeInt {
		high.SetInt64(int64(words[1]))
	}
	return high.Lsh(high, 64).Add(high, new(big.Int).SetUint64(words[0]))
}

// moment appends dates and times.
func (v *vector) moment(dst []byte, row int) []byte {
	switch v.t.id {
	case mapping.TypeDate:
		days := at[int32](v, row)
		if days == math.MaxInt32 || days == -math.MaxInt32 {
			return appendInfinity(dst, days > 0)
		}
		return time.Unix(int64(days)*86400, 0).UTC().AppendFormat(dst, time.DateOnly)
	case mapping.TypeTime:
		return time.UnixMicro(at[int64](v, row)).UTC().AppendFormat(dst, "15:04:05.000000")
	}
	n := at[int64](v, row)
	if n == math.MaxInt64 || n == -math.MaxInt64 {
		return appendInfinity(dst, n > 0)
	}
	t := time.UnixMicro(n)
	switch v.t.id {
	case mapping.TypeTimestampS:
		t = time.Unix(n, 0)
	case mapping.TypeTimestampMS:
		t = time.UnixMilli(n)
	case mapping.TypeTimestampNS:
		t = time.Unix(0, n)
	}
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

func appendInfinity(dst []byte, positive bool) []byte {
	if !positive {
		dst = append(dst, '-')
	}
	return append(dst, "infinity"...)
}

// json appends a value as JSON.
func (v *vector) json(dst []byte, row int) []byte {
	if v.null(row) {
		return append(dst, "null"...)
	}
	switch v.t.id {
	case mapping.TypeList, mapping.TypeArray:
		from, n := v.extent(row)
		dst = append(dst, '[')
		for i := range n {
			dst = comma(dst, i)
			dst = v.children[0].json(dst, from+i)
		}
		return append(dst, ']')
	case mapping.TypeMap:
		from, n := v.extent(row)
		dst = append(dst, '{')
		for i := range n {
			dst = comma(dst, i)
			dst = appendText(dst, v.children[0].text(nil, from+i))
			dst = v.children[1].json(append(dst, ':'), from+i)
		}
		return append(dst, '}')
	case mapping.TypeStruct:
		return v.structure(dst, row)
	case mapping.TypeFloat, mapping.TypeDouble:
		text := v.text(nil, row)
		if !json.Valid(text) {
			return append(dst, "null"...) // JSON has no word for it
		}
		return append(dst, text...)
	}
	switch kind := v.t.column("").Kind; {
	case kind == analytics.JSON, kind == analytics.Bool, kind == analytics.Integer, kind == analytics.Decimal:
		return v.text(dst, row)
	}
	return appendText(dst, v.text(nil, row))
}

// structure appends a struct as an object, or as a list where its fields have no
// names.
func (v *vector) structure(dst []byte, row int) []byte {
	named := len(v.t.names) > 0 && v.t.names[0] != ""
	open, shut := byte('['), byte(']')
	if named {
		open, shut = '{', '}'
	}
	dst = append(dst, open)
	for i := range v.children {
		dst = comma(dst, i)
		if named {
			dst = append(appendText(dst, []byte(v.t.names[i])), ':')
		}
		dst = v.children[i].json(dst, row)
	}
	return append(dst, shut)
}

// extent returns where the elements of a list lie.
func (v *vector) extent(row int) (from, n int) {
	if v.t.id == mapping.TypeArray {
		return row * int(v.t.size), int(v.t.size)
	}
	e := at[[2]uint64](v, row)
	return int(e[0]), int(e[1])
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// appendText appends a JSON string.
func appendText(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		default:
			dst = append(dst, c)
		}
		i++
	}
	return append(dst, '"')
}

func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

// appendDecimal appends a number of units of 10^-scale with all digits of its
// fraction.
func appendDecimal(dst []byte, units *big.Int, scale int) []byte {
	if units.Sign() < 0 {
		dst = append(dst, '-')
		units = new(big.Int).Neg(units)
	}
	digits := units.Append(nil, 10)
	for len(digits) <= scale {
		digits = append([]byte{'0'}, digits...)
	}
	dst = append(dst, digits[:len(digits)-scale]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[len(digits)-scale:]...)
	}
	return dst
}

// appendUUID appends a UUID, which is stored as a number whose sign is turned so
// that it sorts.
func appendUUID(dst []byte, words [2]uint64) []byte {
	const hex = "0123456789abcdef"
	high := words[1] ^ 1<<63
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			dst = append(dst, '-')
		}
		word := high
		if i >= 16 {
			word = words[0]
		}
		dst = append(dst, hex[word>>(60-i%16*4)&15])
	}
	return dst
}

// interval is how the engine stores one.
type interval struct {
	months, days int32
	micros       int64
}

// appendInterval appends an interval as the engine prints it: 1 year 2 months 3
// days 04:05:06.789.
func appendInterval(dst []byte, v interval) []byte {
	start := len(dst)
	part := func(n int32, unit string) {
		if n == 0 {
			return
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		dst = append(strconv.AppendInt(dst, int64(n), 10), ' ')
		dst = append(dst, unit...)
		if n != 1 && n != -1 {
			dst = append(dst, 's')
		}
	}
	part(v.months/12, "year")
	part(v.months%12, "month")
	part(v.days, "day")
	if v.micros == 0 && len(dst) > start {
		return dst
	}
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	micros := uint64(v.micros)
	if v.micros < 0 {
		dst = append(dst, '-')
		micros = -micros
	}
	seconds := micros / 1e6
	two := func(n uint64) {
		if n < 10 {
			dst = append(dst, '0')
		}
		dst = strconv.AppendUint(dst, n, 10)
	}
	two(seconds / 3600)
	dst = append(dst, ':')
	two(seconds / 60 % 60)
	dst = append(dst, ':')
	two(seconds % 60)
	if rest := micros % 1e6; rest > 0 {
		dst = append(dst, '.')
		fraction := strconv.AppendUint(nil, 1e6+rest, 10)[1:]
		for fraction[len(fraction)-1] == '0' {
			fraction = fraction[:len(fraction)-1]
		}
		dst = append(dst, fraction...)
	}
	return dst
}

// quoted writes a name as an identifier.
func quoted(name string) string {
	out := []byte{'"'}
	for i := range len(name) {
		if name[i] == '"' {
			out = append(out, '"')
		}
		out = append(out, name[i])
	}
	return string(append(out, '"'))
}

// literal writes a text as a constant.
func literal(s string) string {
	out := []byte{'\''}
	for i := range len(s) {
		if s[i] == '\'' {
			out = append(out, '\'')
		}
		out = append(out, s[i])
	}
	return string(append(out, '\''))
}
