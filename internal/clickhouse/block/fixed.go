package block

import (
	"encoding/binary"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// fixed is values that each have the same number of bytes.
type fixed struct {
	width int
	write func(to, value []byte) []byte
	data  []byte
}

func (c *fixed) prefix(*proto.Reader) error { return nil }

func (c *fixed) read(r *proto.Reader, n int) (err error) {
	c.data, err = bytesOf(r, n*c.width)
	return err
}

func (c *fixed) append(to []byte, row int) []byte {
	return c.write(to, c.data[row*c.width:(row+1)*c.width])
}

// fixedOf returns a column of a type whose values have the same number of bytes.
func fixedOf(t *typeName) (*fixed, bool) {
	if f, ok := plainTypes[t.base]; ok {
		return &fixed{width: f.width, write: f.write}, true
	}
	switch t.base {
	case "FixedString":
		return &fixed{width: t.number(0), write: appendText}, true
	case "DateTime":
		return &fixed{width: 4, write: func(to, v []byte) []byte { return instant(to, int64(binary.LittleEndian.Uint32(v)), 0) }}, true
	case "DateTime64":
		scale := t.number(0)
		return &fixed{width: 8, write: func(to, v []byte) []byte { return instant(to, int64(binary.LittleEndian.Uint64(v)), scale) }}, scale <= 9
	case "Decimal":
		width, scale := decimalWidth(t.number(0)), t.number(1)
		return &fixed{width: width, write: func(to, v []byte) []byte { return decimal(to, whole(v, true), scale) }}, true
	case "Enum8", "Enum16":
		width := 1
		if t.base == "Enum16" {
			width = 2
		}
		names := enumNames(t)
		return &fixed{width: width, write: func(to, v []byte) []byte { return appendText(to, names[whole(v, true).Int64()]) }}, true
	}
	if strings.HasPrefix(t.base, "Interval") {
		return &fixed{width: 8, write: integer(true)}, true
	}
	return nil, false
}

// plainTypes are the types without arguments.
var plainTypes = map[string]fixed{
	"Int8": {width: 1, write: integer(true)}, "Int16": {width: 2, write: integer(true)}, "Int32": {width: 4, write: integer(true)},
	"Int64": {width: 8, write: integer(true)}, "Int128": {width: 16, write: integer(true)}, "Int256": {width: 32, write: integer(true)},
	"UInt8": {width: 1, write: integer(false)}, "UInt16": {width: 2, write: integer(false)}, "UInt32": {width: 4, write: integer(false)},
	"UInt64": {width: 8, write: integer(false)}, "UInt128": {width: 16, write: integer(false)}, "UInt256": {width: 32, write: integer(false)},
	"Bool":    {width: 1, write: func(to, v []byte) []byte { return strconv.AppendBool(to, v[0] != 0) }},
	"Nothing": {width: 1, write: func(to, _ []byte) []byte { return append(to, "null"...) }},
	"Float32": {width: 4, write: func(to, v []byte) []byte {
		return float(to, float64(math.Float32frombits(binary.LittleEndian.Uint32(v))), 32)
	}},
	"Float64": {width: 8, write: func(to, v []byte) []byte {
		return float(to, math.Float64frombits(binary.LittleEndian.Uint64(v)), 64)
	}},
	"BFloat16": {width: 2, write: func(to, v []byte) []byte {
		return float(to, float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(v))<<16)), 32)
	}},
	"Date":   {width: 2, write: func(to, v []byte) []byte { return day(to, int64(binary.LittleEndian.Uint16(v))) }},
	"Date32": {width: 4, write: func(to, v []byte) []byte { return day(to, int64(int32(binary.LittleEndian.Uint32(v)))) }},
	"UUID":   {width: 16, write: uuid},
	"IPv4":   {width: 4, write: func(to, v []byte) []byte { return address(to, []byte{v[3], v[2], v[1], v[0]}) }},
	"IPv6":   {width: 16, write: address},
}

// whole is a number of any width, its least byte first.
func whole(v []byte, signed bool) *big.Int {
	up := slices.Clone(v)
	slices.Reverse(up)
	n := new(big.Int).SetBytes(up)
	if signed && up[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	return n
}

// integer writes whole numbers: those of 64 bits and more as texts.
func integer(signed bool) func(to, v []byte) []byte {
	return func(to, v []byte) []byte {
		if len(v) > 8 {
			return append(whole(v, signed).Append(append(to, '"'), 10), '"')
		}
		var all [8]byte
		if copy(all[:], v); signed && v[len(v)-1]&0x80 != 0 {
			for i := len(v); i < 8; i++ {
				all[i] = 0xff
			}
		}
		n := binary.LittleEndian.Uint64(all[:])
		if len(v) == 8 {
			to = append(to, '"')
		}
		if signed {
			to = strconv.AppendInt(to, int64(n), 10)
		} else {
			to = strconv.AppendUint(to, n, 10)
		}
		if len(v) == 8 {
			to = append(to, '"')
		}
		return to
	}
}

// float writes the shortest text that means the number.
func float(to []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(to, `"nan"`...)
	case math.IsInf(f, 1):
		return append(to, `"inf"`...)
	case math.IsInf(f, -1):
		return append(to, `"-inf"`...)
	}
	form := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	at := len(to)
	to = strconv.AppendFloat(to, f, form, -1, bits)
	if form == 'e' { // 1e21 and 1e-7, not 1e+21 and 1e-07
		text := strings.NewReplacer("e+", "e", "e-0", "e-").Replace(string(to[at:]))
		to = append(to[:at], text...)
	}
	return to
}

// instant writes a number of seconds, or of parts of one, since 1970.
func instant(to []byte, n int64, scale int) []byte {
	unit := int64(math.Pow10(scale))
	seconds, rest := n/unit, n%unit
	if rest < 0 {
		seconds, rest = seconds-1, rest+unit
	}
	to = time.Unix(seconds, 0).UTC().AppendFormat(append(to, '"'), "2006-01-02T15:04:05")
	if scale > 0 {
		part := strconv.FormatInt(rest, 10)
		to = append(append(append(to, '.'), strings.Repeat("0", scale-len(part))...), part...)
	}
	return append(to, 'Z', '"')
}

func day(to []byte, n int64) []byte {
	return append(time.Unix(n*86400, 0).UTC().AppendFormat(append(to, '"'), time.DateOnly), '"')
}

func uuid(to, v []byte) []byte {
	up := slices.Clone(v)
	slices.Reverse(up[:8])
	slices.Reverse(up[8:])
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for i, b := range up {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			to = append(to, '-')
		}
		to = append(to, hex[b>>4], hex[b&15])
	}
	return append(to, '"')
}

func address(to, v []byte) []byte {
	a, _ := netip.AddrFromSlice(v) // it has 4 or 16 bytes
	return append(a.AppendTo(append(to, '"')), '"')
}

// decimalWidth is the number of bytes of a decimal of that many digits.
func decimalWidth(digits int) int {
	switch {
	case digits <= 9:
		return 4
	case digits <= 18:
		return 8
	case digits <= 38:
		return 16
	}
	return 32
}

func decimal(to []byte, n *big.Int, scale int) []byte {
	text := new(big.Int).Abs(n).String()
	if len(text) <= scale {
		text = strings.Repeat("0", scale-len(text)+1) + text
	}
	if to = append(to, '"'); n.Sign() < 0 {
		to = append(to, '-')
	}
	to = append(to, text[:len(text)-scale]...)
	if scale > 0 {
		to = append(append(to, '.'), text[len(text)-scale:]...)
	}
	return append(to, '"')
}

// enumNames are the names of an enumeration by their numbers.
func enumNames(t *typeName) map[int64][]byte {
	names := map[int64][]byte{}
	for _, a := range t.arguments {
		end := quoteEnd(a, 0)
		number, err := strconv.ParseInt(strings.Trim(a[min(end+1, len(a)):], " ="), 10, 32)
		if err == nil {
			names[number] = []byte(unquoted(a[:min(end+1, len(a))]))
		}
	}
	return names
}
