package demo

// chance draws numbers that depend on nothing but what it was begun with. It is
// SplitMix64, written out so that a seed means the same in every version of Go.
type chance struct{ state uint64 }

// The streams of chance, so that what is drawn for one purpose does not shift
// what is drawn for another.
const (
	streamPerson uint64 = iota + 1
	streamKind
	streamHousehold
	streamCompany
	streamEvents
	streamLive
	streamOrder
	streamPartner
)

// begin starts a stream for the number i.
func begin(seed, stream, i uint64) *chance {
	c := &chance{seed}
	c.state = c.next() ^ stream*0x9e3779b97f4a7c15
	c.state = c.next() ^ i*0xd1342543de82ef95
	return c
}

func (c *chance) next() uint64 {
	c.state += 0x9e3779b97f4a7c15
	z := c.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below draws from 0 to n-1.
func (c *chance) below(n int) int { return int(c.next() >> 1 % uint64(n)) }

// span draws from low to high, both included.
func (c *chance) span(low, high int) int { return low + c.below(high-low+1) }

// in draws whether something happens that happens to so many in a hundred.
func (c *chance) in(percent int) bool { return c.below(100) < percent }

// of draws one of the texts.
func (c *chance) of(texts []string) string { return texts[c.below(len(texts))] }

const hexDigits = "0123456789abcdef"

// uuid draws what looks like a random UUID.
func (c *chance) uuid() string {
	var b [36]byte
	var bits uint64
	for i := range b {
		if i%16 == 0 {
			bits = c.next()
		}
		b[i] = hexDigits[bits&15]
		bits >>= 4
	}
	b[8], b[13], b[18], b[23], b[14], b[19] = '-', '-', '-', '-', '4', '8'+b[19]&1
	return string(b[:])
}
