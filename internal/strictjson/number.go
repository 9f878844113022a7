package strictjson

import (
	"bytes"
	"strconv"
)

// maxPlain is how many digits stand before the point of a plain number, and
// minPlain how many zeros may follow it (ECMA-262, Number::toString).
const (
	maxPlain = 21
	minPlain = -6
)

// mantissa is the digits of a number without leading and trailing zeros, in
// two parts as they stand around the point.
type mantissa struct{ whole, fraction []byte }

func (m mantissa) len() int { return len(m.whole) + len(m.fraction) }

// append appends the digits from index from up to index to.
func (m mantissa) append(dst []byte, from, to int) []byte {
	w := len(m.whole)
	if from < w {
		dst = append(dst, m.whole[from:min(to, w)]...)
	}
	if to > w {
		dst = append(dst, m.fraction[max(from, w)-w:to-w]...)
	}
	return dst
}

// appendNumber appends the canonical form of a number literal; see
// Value.AppendCanonical. Its work is linear in the length of the literal.
func appendNumber(dst, literal []byte) []byte {
	if n := len(literal); n <= maxPlain && literal[0] != '-' && digits(literal, 0) == n {
		return append(dst, literal...)
	}
	negative := literal[0] == '-'
	if negative {
		literal = literal[1:]
	}
	m, point, exponent := split(literal)
	if m.len() == 0 {
		return append(dst, '0')
	}
	if negative {
		dst = append(dst, '-')
	}
	down := len(exponent) > 0 && exponent[0] == '-'
	exponent = bytes.TrimLeft(exponent, "+-0")
	if len(exponent) > 18 {
		return appendSum(appendMantissa(dst, m), exponent, down, point-1)
	}
	e, _ := strconv.ParseInt("0"+string(exponent), 10, 64)
	if down {
		e = -e
	}
	e += int64(point)
	if e > maxPlain || e <= minPlain {
		dst = appendMantissa(dst, m)
		if e--; e >= 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, e, 10)
	}
	return appendPlain(dst, m, int(e))
}

// split takes a literal without sign apart: its value is 0.m times ten to the
// power of point plus the number that exponent spells, which may be empty.
func split(literal []byte) (m mantissa, point int, exponent []byte) {
	if i := bytes.IndexAny(literal, "eE"); i >= 0 {
		literal, exponent = literal[:i], literal[i+1:]
	}
	m.whole, m.fraction, _ = bytes.Cut(literal, []byte("."))
	m.fraction = bytes.TrimRight(m.fraction, "0")
	point = len(m.whole)
	if len(m.fraction) == 0 {
		m.whole = bytes.TrimRight(m.whole, "0")
	}
	if point == 1 && literal[0] == '0' {
		all := len(m.fraction)
		m.whole, m.fraction = nil, bytes.TrimLeft(m.fraction, "0")
		point = len(m.fraction) - all
	}
	return m, point, exponent
}

// appendPlain appends 0.m times ten to the power of n without an exponent.
func appendPlain(dst []byte, m mantissa, n int) []byte {
	const zeros = "000000000000000000000"
	switch k := m.len(); {
	case n <= 0:
		dst = append(append(dst, "0."...), zeros[:-n]...)
		return m.append(dst, 0, k)
	case n < k:
		dst = append(m.append(dst, 0, n), '.')
		return m.append(dst, n, k)
	default:
		return append(m.append(dst, 0, k), zeros[:n-k]...)
	}
}

// appendMantissa appends the digits with a point behind the first, and an e.
func appendMantissa(dst []byte, m mantissa) []byte {
	dst = m.append(dst, 0, 1)
	if m.len() > 1 {
		dst = m.append(append(dst, '.'), 1, m.len())
	}
	return append(dst, 'e')
}

// appendSum appends, with its sign, the exponent that has these digits, is
// negative if down says so, and is added to. It has more than 18 digits and
// add is far smaller, so that neither the sign nor much of the length changes.
func appendSum(dst, exponent []byte, down bool, add int) []byte {
	sign := byte('+')
	if down {
		sign, add = '-', -add
	}
	at := len(dst) + 2
	dst = append(append(dst, sign, '0'), exponent...)
	for i, carry := len(dst)-1, add; carry != 0; i-- {
		sum := int(dst[i]-'0') + carry
		carry = sum / 10
		if sum %= 10; sum < 0 {
			sum, carry = sum+10, carry-1
		}
		dst[i] = byte('0' + sum)
	}
	lead := at - 1
	for dst[lead] == '0' {
		lead++
	}
	return append(dst[:at-1], dst[lead:]...)
}
