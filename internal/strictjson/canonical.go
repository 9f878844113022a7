package strictjson

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// AppendClean appends the value as compact JSON: the members in their order,
// numbers as they were written, strings with the escapes of RFC 8785 and with
// U+FFFD for NUL and each lone surrogate. A Missing value appends nothing.
func (v Value) AppendClean(dst []byte) []byte {
	if v.d == nil {
		return dst
	}
	data, nodes := v.d.data, v.d.nodes
	// Between two nodes of the tape lie only white space and punctuation. All
	// before from is written, and between from and pos nothing needs change.
	from, pos := nodes[v.i].start, nodes[v.i].start
	for i, end := v.i, nodes[v.i].next; i < end; i++ {
		n := &nodes[i]
		dst, from = flushSpace(dst, data, from, pos, n.start)
		pos = n.end
		if n.kind() >= Array {
			pos = n.start
		}
		if n.meta&flagEscaped != 0 {
			dst = quote(append(dst, data[from:n.start]...), data[n.start+1:n.end-1])
			from = n.end
		}
	}
	end := nodes[v.i].end
	dst, from = flushSpace(dst, data, from, pos, end)
	return append(dst, data[from:end]...)
}

// flushSpace looks for white space between pos and end; where there is some it
// appends what lies from from up to it and moves from behind it.
func flushSpace(dst, data []byte, from, pos, end uint32) ([]byte, uint32) {
	for ; pos < end; pos++ {
		if data[pos] <= ' ' {
			dst = append(dst, data[from:pos]...)
			from = pos + 1
		}
	}
	return dst, from
}

// AppendCanonical appends the value in canonical form: two values that mean
// the same have the same bytes. Strings and the order of members are those of
// RFC 8785 (keys by UTF-16 code units). Numbers have the shape of RFC 8785,
// which is ECMAScript's Number::toString, but of their exact decimal value
// instead of the nearest double: 9007199254740993 stays, and 1, 1.0 and 1e0
// are all 1, 0 and -0 both 0. With the value as 0.d1d2…dk times ten to the n,
// d1 and dk not zero, it is plain for -6 < n <= 21, else d1.d2…dke±(n-1), so a
// huge exponent costs no more than its own digits. Repeated keys, which are a
// violation, keep their order. A Missing value appends nothing.
//
// Its stack and its lists of sorted keys are explicit, so that depth costs no
// goroutine stack; they are local slices, not fields, to stay off the heap.
func (v Value) AppendCanonical(dst []byte) []byte {
	if v.d == nil {
		return dst
	}
	var stackRoom [16]frame
	var orderRoom [64]uint32
	d, stack, order := v.d, stackRoom[:0], orderRoom[:0]
	for i := v.i; ; {
		switch n := &d.nodes[i]; n.kind() {
		case Array:
			dst = append(dst, '[')
			stack = append(stack, frame{pos: i + 1, end: n.next})
		case Object:
			dst = append(dst, '{')
			base := uint32(len(order))
			order = d.appendSortedKeys(order, i)
			stack = append(stack, frame{object: true, base: base, pos: base, end: uint32(len(order))})
		default:
			dst = d.appendScalar(dst, n)
		}
		for len(stack) > 0 && stack[len(stack)-1].pos == stack[len(stack)-1].end {
			if f := stack[len(stack)-1]; f.object {
				dst, order = append(dst, '}'), order[:f.base]
			} else {
				dst = append(dst, ']')
			}
			stack = stack[:len(stack)-1]
		}
		if len(stack) == 0 {
			return dst
		}
		f := &stack[len(stack)-1]
		if f.begun {
			dst = append(dst, ',')
		}
		f.begun = true
		if i = f.pos; f.object {
			key := order[f.pos]
			f.pos++
			dst = append(d.appendScalar(dst, &d.nodes[key]), ':')
			i = key + 1
		} else {
			f.pos = d.nodes[i].next
		}
	}
}

// frame is a container that AppendCanonical is inside of.
type frame struct {
	pos, end uint32 // of an array the next element's node and the end; of an object the same as indices of order
	base     uint32 // where an object's keys begin in order
	object   bool
	begun    bool // a member or element is written
}

// appendScalar appends the canonical form of everything but containers.
func (d *Doc) appendScalar(dst []byte, n *node) []byte {
	raw := d.data[n.start:n.end]
	switch {
	case n.meta&flagEscaped != 0:
		return quote(dst, raw[1:len(raw)-1])
	case n.kind() == Number:
		return appendNumber(dst, raw)
	default:
		return append(dst, raw...)
	}
}

// appendSortedKeys appends the key nodes of the object at i, sorted by their
// decoded UTF-16 code units, equal ones by their place in the text.
func (d *Doc) appendSortedKeys(order []uint32, i uint32) []uint32 {
	base := len(order)
	for k, end := i+1, d.nodes[i].next; k < end; k = d.nodes[k+1].next {
		order = append(order, k)
	}
	if keys := order[base:]; len(keys) > 1 {
		slices.SortFunc(keys, d.compareKeys)
	}
	return order
}

func (d *Doc) compareKeys(a, b uint32) int {
	x, y := &d.nodes[a], &d.nodes[b]
	s, t := d.data[x.start+1:x.end-1], d.data[y.start+1:y.end-1]
	c := 0
	if (x.meta|y.meta)&flagEscaped == 0 {
		c = compareUTF16(s, t)
	} else {
		c = compareEscaped(s, t)
	}
	if c == 0 {
		c = cmp.Compare(a, b)
	}
	return c
}

// compareUTF16 orders the contents of two strings by UTF-16 code units.
// Well-formed UTF-8 sorts like its code points, and so do UTF-16 code units
// but for one thing: the surrogates of a character beyond U+FFFF, whose UTF-8
// begins with 0xf0 or more, are less than U+E000 to U+FFFF, which begin with
// 0xee or 0xef. Bytes that differ and are both 0xee or more begin a character.
func compareUTF16(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if x, y := a[i], b[i]; x != y {
			if x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0) {
				return cmp.Compare(y, x)
			}
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// compareEscaped is compareUTF16 for strings that may hold escapes, which it
// decodes character by character.
func compareEscaped(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		x, n := nextRune(a)
		y, m := nextRune(b)
		if x != y {
			if x >= 0xe000 && y >= 0xe000 && (x > 0xffff) != (y > 0xffff) {
				return cmp.Compare(y, x)
			}
			return cmp.Compare(x, y)
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

// nextRune decodes the first character of a scanned string's content, which is
// not empty.
func nextRune(raw []byte) (rune, int) {
	if raw[0] != '\\' {
		return utf8.DecodeRune(raw)
	}
	r, n := unescape(raw, 0)
	if r < 0 {
		r = utf8.RuneError
	}
	return r, n
}
