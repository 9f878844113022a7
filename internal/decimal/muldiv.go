package decimal

import "math/bits"

// Mul returns d times e, rounded half to even; it is false when that does not
// fit.
func (d Decimal) Mul(e Decimal) (Decimal, bool) {
	a, b := d.magnitude(), e.magnitude()
	// The product by words, then one short division of its four words by the
	// units of one (Knuth, The Art of Computer Programming, vol. 2, 4.3.1,
	// algorithm M and exercise 16).
	w1, w0 := bits.Mul64(a.lo, b.lo)
	x1, x0 := bits.Mul64(a.lo, b.hi)
	y1, y0 := bits.Mul64(a.hi, b.lo)
	w3, w2 := bits.Mul64(a.hi, b.hi)
	var c, k uint64
	w1, c = bits.Add64(w1, x0, 0)
	w2, c = bits.Add64(w2, x1, c)
	w3 += c
	w1, k = bits.Add64(w1, y0, 0)
	w2, k = bits.Add64(w2, y1, k)
	w3 += k
	if w3 != 0 || w2 >= unitsPerOne {
		return Decimal{}, false
	}
	hi, r := bits.Div64(w2, w1, unitsPerOne)
	lo, r := bits.Div64(r, w0, unitsPerOne)
	m := roundHalf(magnitude{hi, lo}, magnitude{0, r}, magnitude{0, unitsPerOne})
	return m.signed((d.hi < 0) != (e.hi < 0))
}

// Div returns d divided by e, rounded half to even; it is false when e is 0 or
// the quotient does not fit.
func (d Decimal) Div(e Decimal) (Decimal, bool) {
	if e == (Decimal{}) {
		return Decimal{}, false
	}
	a, b := d.magnitude(), e.magnitude()
	// d's units times the units of one: less than ten to the 47, 157 bits.
	c, w0 := bits.Mul64(a.lo, unitsPerOne)
	w2, w1 := bits.Mul64(a.hi, unitsPerOne)
	w1, carry := bits.Add64(w1, c, 0)
	quotient, rest, ok := divide(w2+carry, w1, w0, b)
	if !ok {
		return Decimal{}, false
	}
	return roundHalf(quotient, rest, b).signed((d.hi < 0) != (e.hi < 0))
}

// roundHalf rounds quotient + rest/divisor half to even. The divisor is less
// than 2^127, so twice the rest fits.
func roundHalf(quotient, rest, divisor magnitude) magnitude {
	twice := magnitude{rest.hi<<1 | rest.lo>>63, rest.lo << 1}
	if divisor.less(twice) || divisor == twice && quotient.lo&1 == 1 {
		return quotient.plus(1)
	}
	return quotient
}

// divide returns the quotient and the rest of the three words of a number less
// than 2^157 and a divisor that is not 0. It is false when the quotient needs
// more than two words.
func divide(w2, w1, w0 uint64, by magnitude) (quotient, rest magnitude, ok bool) {
	if by.hi == 0 {
		if w2 >= by.lo {
			return magnitude{}, magnitude{}, false
		}
		hi, r := bits.Div64(w2, w1, by.lo)
		lo, r := bits.Div64(r, w0, by.lo)
		return magnitude{hi, lo}, magnitude{0, r}, true
	}
	// Long division by two words, both numbers shifted so that the divisor's
	// first bit is set. For s = 0 a shift by 64 gives 0, as it should. Of the
	// dividend the first word is less than 2^29, far below the divisor's.
	s := bits.LeadingZeros64(by.hi)
	v := magnitude{by.hi<<s | by.lo>>(64-s), by.lo << s}
	u3, u2 := w2>>(64-s), w2<<s|w1>>(64-s)
	u1, u0 := w1<<s|w0>>(64-s), w0<<s
	hi, r := divideStep(magnitude{u3, u2}, u1, v)
	lo, r := divideStep(r, u0, v)
	return magnitude{hi, lo}, magnitude{r.hi >> s, r.lo>>s | r.hi<<(64-s)}, true
}

// divideStep returns one word of the quotient and the rest of u followed by
// the word next, where u is less than v and v's first bit is set: steps D3 to
// D6 of Knuth's algorithm D (vol. 2, 4.3.1). The estimate from the first words
// is right or at most two too large (theorem B).
func divideStep(u magnitude, next uint64, v magnitude) (uint64, magnitude) {
	q := ^uint64(0)
	if u.hi < v.hi {
		q, _ = bits.Div64(u.hi, u.lo, v.hi)
	}
	c, p0 := bits.Mul64(q, v.lo)
	p2, p1 := bits.Mul64(q, v.hi)
	p1, carry := bits.Add64(p1, c, 0)
	p2 += carry
	for {
		r0, b := bits.Sub64(next, p0, 0)
		r1, b := bits.Sub64(u.lo, p1, b)
		if _, b = bits.Sub64(u.hi, p2, b); b == 0 {
			return q, magnitude{r1, r0}
		}
		q--
		p0, b = bits.Sub64(p0, v.lo, 0)
		p1, b = bits.Sub64(p1, v.hi, b)
		p2 -= b
	}
}
