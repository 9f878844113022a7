package decimal

import (
	"cmp"
	"math/bits"
)

// Sum is a sum of Decimals that cannot overflow: 192 bits of units of 1e-9, a
// two's complement, room for 2^64 of the largest numbers. Adding commutes and
// Sub takes back exactly, so the order of numbers does not show. The zero value
// is 0.
type Sum struct {
	hi      int64
	mid, lo uint64
}

// wide is d in three words.
func wide(d Decimal) Sum { return Sum{d.hi >> 63, uint64(d.hi), d.lo} }

// Add returns s + d.
func (s Sum) Add(d Decimal) Sum { return s.Plus(wide(d)) }

// Sub returns s - d.
func (s Sum) Sub(d Decimal) Sum { return s.Plus(wide(d).neg()) }

// Plus returns s + t.
func (s Sum) Plus(t Sum) Sum {
	lo, carry := bits.Add64(s.lo, t.lo, 0)
	mid, carry := bits.Add64(s.mid, t.mid, carry)
	hi, _ := bits.Add64(uint64(s.hi), uint64(t.hi), carry)
	return Sum{int64(hi), mid, lo}
}

// Minus returns s - t.
func (s Sum) Minus(t Sum) Sum { return s.Plus(t.neg()) }

func (s Sum) neg() Sum {
	lo, borrow := bits.Sub64(0, s.lo, 0)
	mid, borrow := bits.Sub64(0, s.mid, borrow)
	hi, _ := bits.Sub64(0, uint64(s.hi), borrow)
	return Sum{int64(hi), mid, lo}
}

// Cmp returns -1, 0 or 1 as s is less than, equal to or greater than t.
func (s Sum) Cmp(t Sum) int {
	return cmp.Or(cmp.Compare(s.hi, t.hi), cmp.Compare(s.mid, t.mid), cmp.Compare(s.lo, t.lo))
}

// Times returns d times n, exactly; n must not be negative.
func (d Decimal) Times(n int64) Sum {
	m := d.magnitude()
	carry, lo := bits.Mul64(m.lo, uint64(n))
	hi, mid := bits.Mul64(m.hi, uint64(n))
	mid, c := bits.Add64(mid, carry, 0)
	product := Sum{int64(hi + c), mid, lo}
	if d.hi < 0 {
		return product.neg()
	}
	return product
}

// Decimal returns the sum as a number; it is false when that has more than 29
// digits before the point.
func (s Sum) Decimal() (Decimal, bool) {
	if d := (Decimal{int64(s.mid), s.lo}); wide(d) == s && d.magnitude().fits() {
		return d, true
	}
	return Decimal{}, false
}

// Over returns the sum divided by n, which must be positive, rounded half to
// even; it is false when the quotient does not fit.
func (s Sum) Over(n int64) (Decimal, bool) {
	m := s
	if s.hi < 0 {
		m = s.neg()
	}
	d := uint64(n)
	hi, rest := uint64(m.hi)/d, uint64(m.hi)%d
	mid, rest := bits.Div64(rest, m.mid, d)
	lo, rest := bits.Div64(rest, m.lo, d)
	if twice := rest * 2; rest >= 1<<63 || twice > d || twice == d && lo&1 == 1 {
		var carry uint64
		lo, carry = bits.Add64(lo, 1, 0)
		mid, carry = bits.Add64(mid, 0, carry)
		hi += carry
	}
	if hi != 0 {
		return Decimal{}, false
	}
	return magnitude{mid, lo}.signed(s.hi < 0)
}
