// Package decimal is the number with which kith compares, sums and computes: a
// decimal of 29 digits before and 9 after the point, written decimal(38,9).
//
// A Decimal is a whole count of units of 1e-9 in two words, so 1, 1.0 and 1e0
// are the same value, 9007199254740993 is not 9007199254740992, and 0.1 + 0.2
// is 0.3. Adding and subtracting are exact; reading, multiplying and dividing
// round once, half to even (IEEE 754-2019, section 4.3.1, roundTiesToEven).
// What does not fit is refused, never wrapped and never cut to the greatest
// value.
package decimal

import (
	"cmp"
	"math/bits"
	"strconv"
)

// Places is the number of digits behind the point, and Digits that of all.
const (
	Places = 9
	Digits = 38
)

// unitsPerOne is ten to the power of Places.
const unitsPerOne = 1_000_000_000

// Decimal is a number. The zero value is 0, and == tells whether two are the
// same number. Its units are a two's complement of 128 bits, whose magnitude
// is less than ten to the power of Digits.
type Decimal struct {
	hi int64
	lo uint64
}

// magnitude is an absolute value in units.
type magnitude struct{ hi, lo uint64 }

// Ten to the power of Digits, the least magnitude that is too large.
const (
	limitHi = 0x4b3b4ca85a86c47a
	limitLo = 0x098a224000000000
)

func (m magnitude) less(n magnitude) bool { return m.hi < n.hi || m.hi == n.hi && m.lo < n.lo }

func (m magnitude) fits() bool { return m.less(magnitude{limitHi, limitLo}) }

// signed makes a Decimal of a magnitude; it is false when that is too large.
func (m magnitude) signed(negative bool) (Decimal, bool) {
	if !m.fits() {
		return Decimal{}, false
	}
	d := Decimal{int64(m.hi), m.lo}
	if negative {
		d = d.Neg()
	}
	return d, true
}

func (d Decimal) magnitude() magnitude {
	if d.hi < 0 {
		d = d.Neg()
	}
	return magnitude{uint64(d.hi), d.lo}
}

// FromInt returns the whole number n, which always fits.
func FromInt(n int64) Decimal {
	hi, lo := bits.Mul64(uint64(n), unitsPerOne)
	if n < 0 { // n stands for n + 2^64 in the product
		hi -= unitsPerOne
	}
	return Decimal{int64(hi), lo}
}

// FromUnits returns the number of so many units of 1e-9, a two's complement of
// 128 bits as columnar formats hold it; it is false when that has more than 38
// digits.
func FromUnits(hi int64, lo uint64) (Decimal, bool) {
	if d := (Decimal{hi, lo}); d.magnitude().fits() {
		return d, true
	}
	return Decimal{}, false
}

// Units returns how many units of 1e-9 the number is, as FromUnits takes it.
func (d Decimal) Units() (hi int64, lo uint64) { return d.hi, d.lo }

// Int returns the number as an integer; it is false when it has a fraction or
// does not fit.
func (d Decimal) Int() (int64, bool) {
	m := d.magnitude()
	if m.hi >= unitsPerOne {
		return 0, false
	}
	whole, fraction := bits.Div64(m.hi, m.lo, unitsPerOne)
	n := int64(whole)
	if d.hi < 0 {
		n = -n
	}
	if fraction != 0 || (n < 0) != (d.hi < 0) {
		return 0, false
	}
	return n, true
}

// Float64 returns the double nearest to the number, for what is computed in
// doubles, such as statistics.
func (d Decimal) Float64() float64 {
	var room [Digits + 3]byte
	// The text is a number in range, so there is no error.
	f, _ := strconv.ParseFloat(string(d.AppendTo(room[:0])), 64)
	return f
}

// Sign returns -1, 0 or 1.
func (d Decimal) Sign() int { return d.Cmp(Decimal{}) }

// Cmp returns -1, 0 or 1 as d is less than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	if d.hi != e.hi {
		return cmp.Compare(d.hi, e.hi)
	}
	return cmp.Compare(d.lo, e.lo)
}

// Neg returns -d.
func (d Decimal) Neg() Decimal {
	lo, borrow := bits.Sub64(0, d.lo, 0)
	hi, _ := bits.Sub64(0, uint64(d.hi), borrow)
	return Decimal{int64(hi), lo}
}

// Add returns d + e, exactly; it is false when that does not fit. Ten to the 38
// is less than 2^127, so a sum that wraps is one that does not fit.
func (d Decimal) Add(e Decimal) (Decimal, bool) {
	lo, carry := bits.Add64(d.lo, e.lo, 0)
	hi, _ := bits.Add64(uint64(d.hi), uint64(e.hi), carry)
	sum := Decimal{int64(hi), lo}
	if overflow := (d.hi^sum.hi)&(e.hi^sum.hi) < 0; overflow || !sum.magnitude().fits() {
		return Decimal{}, false
	}
	return sum, true
}

// Sub returns d - e, exactly; it is false when that does not fit.
func (d Decimal) Sub(e Decimal) (Decimal, bool) { return d.Add(e.Neg()) }

// String returns the number in plain digits, with a point only before a
// fraction and no zeros at its end: 1, 1.5, -0.000000001.
func (d Decimal) String() string {
	var room [Digits + 3]byte
	return string(d.AppendTo(room[:0]))
}

// AppendTo appends what String returns, which is a JSON number.
func (d Decimal) AppendTo(dst []byte) []byte {
	if d.hi < 0 {
		dst = append(dst, '-')
	}
	m := d.magnitude()
	high, rest := m.hi/unitsPerOne, m.hi%unitsPerOne
	low, fraction := bits.Div64(rest, m.lo, unitsPerOne)
	// The whole part, at most 29 digits, is high and low; cut 19 digits off.
	if head, tail := bits.Div64(high, low, powers[19]); head > 0 {
		dst = strconv.AppendUint(dst, head, 10)
		dst = appendPadded(dst, tail, 19)
	} else {
		dst = strconv.AppendUint(dst, tail, 10)
	}
	if fraction == 0 {
		return dst
	}
	dst = appendPadded(append(dst, '.'), fraction, Places)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendPadded appends n with zeros in front, as that many digits.
func appendPadded(dst []byte, n uint64, digits int) []byte {
	for i := range digits {
		dst = append(dst, '0'+byte(n/powers[digits-1-i]%10))
	}
	return dst
}

// powers are the powers of ten that fit a word; nothing writes to it.
var powers = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// Floor returns the greatest whole number that is not above the number; it is
// false when that does not fit.
func (d Decimal) Floor() (int64, bool) {
	if n, ok := d.Int(); ok {
		return n, true
	}
	m := d.magnitude()
	if m.hi >= unitsPerOne {
		return 0, false
	}
	whole, _ := bits.Div64(m.hi, m.lo, unitsPerOne)
	if whole >= 1<<63-1 {
		return 0, false
	}
	if d.hi < 0 {
		return -int64(whole) - 1, true
	}
	return int64(whole), true
}
