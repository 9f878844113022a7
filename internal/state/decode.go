package state

import "encoding/binary"

// Decoder reads the fields of a stored value in order. After the first field
// that is not there it gives zero values and Done reports false, so a caller
// checks once at the end.
type Decoder struct {
	rest []byte
	bad  bool
}

// NewDecoder reads from b, which must not change while it is in use.
func NewDecoder(b []byte) *Decoder { return &Decoder{rest: b} }

// Done reports whether every field was there and nothing is left.
func (d *Decoder) Done() bool { return !d.bad && len(d.rest) == 0 }

// Bad reports whether a field was missing.
func (d *Decoder) Bad() bool { return d.bad }

// More reports whether something is left to read.
func (d *Decoder) More() bool { return !d.bad && len(d.rest) > 0 }

// Take returns the next n bytes, which are part of the input. It returns n zero
// bytes for fixed-size fields that are missing.
func (d *Decoder) Take(n int) []byte {
	if d.bad || n < 0 || n > len(d.rest) {
		d.bad = true
		return make([]byte, min(max(n, 0), 64))
	}
	p := d.rest[:n:n]
	d.rest = d.rest[n:]
	return p
}

// Byte returns the next byte.
func (d *Decoder) Byte() byte {
	if d.bad || len(d.rest) == 0 {
		d.bad = true
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

// Uvarint returns the next unsigned number.
func (d *Decoder) Uvarint() uint64 {
	n, w := binary.Uvarint(d.rest)
	return uint64(d.advance(int64(n), w))
}

// Varint returns the next signed number.
func (d *Decoder) Varint() int64 {
	n, w := binary.Varint(d.rest)
	return d.advance(n, w)
}

func (d *Decoder) advance(n int64, w int) int64 {
	if d.bad || w <= 0 {
		d.bad = true
		return 0
	}
	d.rest = d.rest[w:]
	return n
}

// Count returns the length of a list whose items take at least size bytes each,
// so that a damaged length cannot ask for more memory than the value has.
func (d *Decoder) Count(size int) int {
	n := d.Uvarint()
	if n > uint64(len(d.rest)/size) {
		d.bad = true
		return 0
	}
	return int(n)
}

// Bytes returns the next length-prefixed bytes, which are part of the input.
func (d *Decoder) Bytes() []byte {
	n := d.Uvarint()
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return nil
	}
	return d.Take(int(n))
}

// Text returns the next length-prefixed text.
func (d *Decoder) Text() string { return string(d.Bytes()) }

// Rest returns everything that is left.
func (d *Decoder) Rest() []byte {
	p := d.rest
	d.rest = nil
	return p
}
