package decimal

import (
	"bytes"
	"math/bits"

	"kith/internal/errs"
)

// The codes of errors.
const (
	CodeSyntax = "decimal.syntax" // not a JSON number
	CodeRange  = "decimal.range"  // more than 29 digits before the point, after rounding
	CodeKey    = "decimal.key"    // not what AppendKey writes
)

// maxExponent is what a greater exponent is read as. It is more than a mantissa
// that fits into memory can make up for, and ten times it is no overflow.
const maxExponent = 1 << 56

// Parse reads a number literal of JSON and rounds it once, half to even, to 9
// places. Its work is linear in the length of the literal, whatever the
// exponent. Errors are of kind errs.Invalid: CodeSyntax for what is no literal
// and CodeRange for a number that is too large.
func Parse(literal []byte) (Decimal, error) {
	rest, negative := bytes.CutPrefix(literal, []byte("-"))
	whole, rest := cutDigits(rest)
	fraction, exponent, ok := rest[:0], int64(0), len(whole) > 0 && (whole[0] != '0' || len(whole) == 1)
	if ok && len(rest) > 0 && rest[0] == '.' {
		fraction, rest = cutDigits(rest[1:])
		ok = len(fraction) > 0
	}
	if ok && len(rest) > 0 && rest[0]|0x20 == 'e' {
		exponent, rest, ok = cutExponent(rest[1:])
	}
	if !ok || len(rest) > 0 {
		return Decimal{}, errs.New(errs.Invalid, CodeSyntax, "not a JSON number")
	}
	if m, ok := units(whole, fraction, exponent); ok {
		if d, ok := m.signed(negative); ok {
			return d, nil
		}
	}
	return Decimal{}, errs.New(errs.Invalid, CodeRange, "a number has at most %d digits before the point", Digits-Places)
}

func cutDigits(s []byte) (digits, rest []byte) {
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return s[:n], s[n:]
}

func cutExponent(s []byte) (exponent int64, rest []byte, ok bool) {
	negative := len(s) > 0 && s[0] == '-'
	if negative || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	digits, rest := cutDigits(s)
	for _, c := range digits {
		exponent = min(exponent*10+int64(c-'0'), maxExponent)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, rest, len(digits) > 0
}

// units returns whole.fraction times ten to the exponent in units, rounded half
// to even; it is false when that has more than 38 digits, or 38 nines that
// round up.
func units(whole, fraction []byte, exponent int64) (magnitude, bool) {
	whole = bytes.TrimLeft(whole, "0")
	point := int64(len(whole))
	if len(whole) == 0 {
		all := len(fraction)
		fraction = bytes.TrimLeft(fraction, "0")
		point = int64(len(fraction) - all)
	}
	digit := func(i int) uint64 {
		if i < len(whole) {
			return uint64(whole[i] - '0')
		}
		if i -= len(whole); i < len(fraction) {
			return uint64(fraction[i] - '0')
		}
		return 0
	}
	// The value in units is 0.d1d2… times ten to the power of keep, d1 not 0.
	keep := point + exponent + Places
	if len(whole)+len(fraction) == 0 || keep < 0 {
		return magnitude{}, true
	}
	if keep > Digits {
		return magnitude{}, false
	}
	n := int(keep)
	var head, tail uint64
	for i := range min(n, 19) {
		head = head*10 + digit(i)
	}
	m := magnitude{0, head}
	if n > 19 {
		for i := 19; i < n; i++ {
			tail = tail*10 + digit(i)
		}
		m.hi, m.lo = bits.Mul64(head, powers[n-19])
		m = m.plus(tail)
	}
	if next := digit(n); next > 5 || next == 5 && (m.lo&1 == 1 || anyDigit(whole, fraction, n+1)) {
		m = m.plus(1)
	}
	return m, m.fits()
}

// plus returns m + n, which must fit.
func (m magnitude) plus(n uint64) magnitude {
	lo, carry := bits.Add64(m.lo, n, 0)
	return magnitude{m.hi + carry, lo}
}

// anyDigit reports whether a digit from index i on is not 0.
func anyDigit(whole, fraction []byte, i int) bool {
	if i < len(whole) {
		return len(bytes.Trim(whole[i:], "0"))+len(bytes.Trim(fraction, "0")) > 0
	}
	i -= len(whole)
	return i < len(fraction) && len(bytes.Trim(fraction[i:], "0")) > 0
}
