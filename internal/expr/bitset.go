package expr

import "math/bits"

// bitset is a set of places of a list.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int) { b[i>>6] |= 1 << (i & 63) }

// setRange adds the places from lo up to hi, which is no part of them.
func (b bitset) setRange(lo, hi int) {
	for lo < hi {
		w := lo >> 6
		upto := min(hi, (w+1)<<6)
		b[w] |= (^uint64(0) >> (64 - (upto - lo))) << (lo & 63)
		lo = upto
	}
}

// next returns the first place of the set from i on; false when there is none.
func (b bitset) next(i int) (int, bool) {
	for w := i >> 6; w < len(b); w++ {
		word := b[w]
		if w == i>>6 {
			word &= ^uint64(0) << (i & 63)
		}
		if word != 0 {
			return w<<6 + bits.TrailingZeros64(word), true
		}
	}
	return 0, false
}

// all yields the places, ascending.
func (b bitset) all(yield func(int) bool) {
	for i, ok := b.next(0); ok; i, ok = b.next(i + 1) {
		if !yield(i) {
			return
		}
	}
}

// keep drops what another set does not have.
func (b bitset) keep(other bitset) {
	for w := range b {
		b[w] &= other[w]
	}
}

// take drops from b what seen has, adds the rest to seen, and reports whether
// there is a rest.
func (b bitset) take(seen bitset) bool {
	left := false
	for w := range b {
		b[w] &^= seen[w]
		seen[w] |= b[w]
		left = left || b[w] != 0
	}
	return left
}

func (b bitset) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}
