package decimal

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func (s Sum) big() *big.Int {
	n := new(big.Int).SetInt64(s.hi)
	n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(s.mid))
	return n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(s.lo))
}

func (d Decimal) big() *big.Int { return wide(d).big() }

func anyDecimal() *rapid.Generator[Decimal] {
	return rapid.Custom(func(t *rapid.T) Decimal {
		if rapid.Bool().Draw(t, "small") {
			return FromInt(rapid.Int64Range(-5, 5).Draw(t, "n"))
		}
		d, ok := FromUnits(rapid.Int64().Draw(t, "hi"), rapid.Uint64().Draw(t, "lo"))
		if !ok {
			return Decimal{limitHi - 1, 1<<64 - 1}
		}
		return d
	})
}

// TestSumIsExact holds sums, products and quotients against arithmetic of any
// size.
func TestSumIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Sum
		want := new(big.Int)
		for _, d := range rapid.SliceOfN(anyDecimal(), 1, 20).Draw(t, "numbers") {
			if rapid.Bool().Draw(t, "add") {
				s, want = s.Add(d), want.Add(want, d.big())
			} else {
				s, want = s.Sub(d), want.Sub(want, d.big())
			}
		}
		if s.big().Cmp(want) != 0 {
			t.Fatalf("the sum is %v, not %v", s.big(), want)
		}
		if d, ok := s.Decimal(); ok != (new(big.Int).Abs(want).Cmp(Decimal{limitHi, limitLo}.big()) < 0) || ok && d.big().Cmp(want) != 0 {
			t.Fatalf("as a number it is %v, %t", d, ok)
		}
		d, n := anyDecimal().Draw(t, "factor"), rapid.Int64Min(0).Draw(t, "count")
		product := new(big.Int).Mul(d.big(), big.NewInt(n))
		if d.Times(n).big().Cmp(product) != 0 {
			t.Fatalf("%v times %d is %v", d, n, d.Times(n).big())
		}
		if s.Cmp(d.Times(n)) != want.Cmp(product) {
			t.Fatalf("%v against %v is %d", want, product, s.Cmp(d.Times(n)))
		}
		checkOver(t, s, rapid.Int64Min(1).Draw(t, "divisor"))
		checkOver(t, s, rapid.Int64Range(1, 4).Draw(t, "small divisor"))
	})
}

// checkOver rounds half to even by hand: twice the distance to the result is at
// most the divisor, and where it is equal the result is even.
func checkOver(t *rapid.T, s Sum, n int64) {
	q, ok := s.Over(n)
	if !ok {
		least := new(big.Int).Mul(Decimal{limitHi, limitLo}.big(), big.NewInt(n))
		if twice := new(big.Int).Abs(s.big()); twice.Add(twice, big.NewInt(n)).Cmp(least) < 0 {
			t.Fatalf("%v over %d does not fit", s.big(), n)
		}
		return
	}
	off := new(big.Int).Sub(s.big(), new(big.Int).Mul(q.big(), big.NewInt(n)))
	c := off.Abs(off).Lsh(off, 1).Cmp(big.NewInt(n))
	if c > 0 || c == 0 && q.big().Bit(0) == 1 {
		t.Fatalf("%v over %d is %v", s.big(), n, q)
	}
}
