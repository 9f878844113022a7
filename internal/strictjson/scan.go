package strictjson

import (
	"encoding/binary"
	"math/bits"
)

// noParent stands where an open container has no container around it.
const noParent = ^uint32(0)

// scan is the tokenizer: one pass over the data that appends to the tape. An
// open container's next holds the index of the container around it, so the
// tape is its own stack. It returns the offset of the first failure.
//
// The function is one state machine with gotos, long as it is, so that the
// position and the tape stay in registers.
func (d *Doc) scan() (int, failure) {
	data, nodes := d.data, d.nodes
	cur, depth, tooDeepAt := noParent, 0, d.limits.Depth+1
	if d.limits.Depth == 0 {
		tooDeepAt = MaxLen + 1
	}
	i, end, flags, c := 0, 0, uint32(0), byte(0)

value:
	i, c = peek(data, i)
	switch c {
	case '"':
		if end, flags = scanString(data, i+1); flags >= flagFailure {
			return end, failure(flags >> failureShift)
		}
		nodes = append(nodes, node{uint32(i), uint32(end), uint32(len(nodes)) + 1, uint32(String) | flags})
	case '{', '[':
		if depth++; depth == tooDeepAt {
			d.violate(uint32(i), tooDeep)
		}
		kind := uint32(Object)
		if c == '[' {
			kind = uint32(Array)
		}
		nodes = append(nodes, node{start: uint32(i), next: cur, meta: kind})
		cur = uint32(len(nodes)) - 1
		if i, c = peek(data, i+1); c != ']' && c != '}' {
			if kind == uint32(Object) {
				goto key
			}
			goto value
		}
		goto closing
	case 't', 'f', 'n':
		var kind Kind
		if end, kind = scanLiteral(data, i, c); kind == Missing {
			return end, badSyntax
		}
		nodes = append(nodes, node{uint32(i), uint32(end), uint32(len(nodes)) + 1, uint32(kind)})
	default:
		var ok bool
		if end, ok = scanNumber(data, i); !ok {
			return end, badSyntax
		}
		nodes = append(nodes, node{uint32(i), uint32(end), uint32(len(nodes)) + 1, uint32(Number)})
	}
	i, flags = end, flags&flagReplaced

behind: // i is behind a value with flags
	if cur == noParent {
		d.nodes = nodes
		if i, _ = peek(data, i); i < len(data) {
			return i, trailing
		}
		return i, fine
	}
	nodes[cur].meta = (nodes[cur].meta | flags) + countOne
	flags = 0
	if i, c = peek(data, i); c != ',' {
		goto closing
	}
	i++
	if nodes[cur].meta&kindMask == uint32(Array) {
		goto value
	}

key:
	if i, c = peek(data, i); c != '"' {
		return i, badSyntax
	}
	if end, flags = scanString(data, i+1); flags >= flagFailure {
		return end, failure(flags >> failureShift)
	}
	nodes = append(nodes, node{uint32(i), uint32(end), uint32(len(nodes)) + 1, uint32(String) | flags})
	nodes[cur].meta |= flags & flagReplaced
	flags = 0
	if i, c = peek(data, end); c != ':' {
		return i, badSyntax
	}
	i++
	goto value

closing: // i is at what should be cur's closing bracket
	open := &nodes[cur]
	if (c != '}' || open.kind() != Object) && (c != ']' || open.kind() != Array) {
		return i, badSyntax
	}
	i++
	at := cur
	cur, depth = open.next, depth-1
	open.end, open.next = uint32(i), uint32(len(nodes))
	flags = open.meta & flagReplaced
	if open.meta >= 2<<countShift && c == '}' {
		d.checkKeys(nodes, at)
	}
	goto behind
}

// peek skips white space from i on and returns the offset and byte it stops
// at; at the end of the data the byte is 0, which nothing outside of a string
// may be.
func peek(data []byte, i int) (int, byte) {
	if i < len(data) && data[i] > ' ' {
		return i, data[i]
	}
	return skipSpace(data, i)
}

func skipSpace(data []byte, i int) (int, byte) {
	for ; i < len(data); i++ {
		if c := data[i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return i, c
		}
	}
	return i, 0
}

// scanLiteral reads true, false or null at i, where c is; on anything else the
// kind is Missing.
func scanLiteral(data []byte, i int, c byte) (int, Kind) {
	word, kind := "true", Bool
	switch c {
	case 'f':
		word = "false"
	case 'n':
		word, kind = "null", Null
	}
	for k := range len(word) {
		if i+k >= len(data) || data[i+k] != word[k] {
			return i + k, Missing
		}
	}
	return i + len(word), kind
}

// scanNumber reads a number at i and returns the offset behind it, or that of
// the byte that is none of a number.
func scanNumber(data []byte, i int) (int, bool) {
	if i < len(data) && data[i] == '-' {
		i++
	}
	start := i
	if i = digits(data, i); i == start || (data[start] == '0' && i > start+1) {
		return start, false
	}
	if i < len(data) && data[i] == '.' {
		start = i + 1
		if i = digits(data, start); i == start {
			return i, false
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		start = i
		if i = digits(data, start); i == start {
			return i, false
		}
	}
	return i, true
}

// digits returns the offset behind the run of decimal digits at i.
func digits(data []byte, i int) int {
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	return i
}

// scanString returns failures in its flags, above the flags of a node.
const (
	failureShift = 8
	flagFailure  = 1 << failureShift
)

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// special returns a word whose lowest set bit is the high bit of the first
// byte of w, in memory order, that is a quote, a backslash, a control or no
// ASCII; it is 0 when there is none. These are the tests "has a zero byte" and
// "has a byte less than n" of Anderson's Bit Twiddling Hacks. A borrow makes
// them wrong only above the first hit.
func special(w uint64) uint64 {
	quote, slash := w^(lowBits*'"'), w^(lowBits*'\\')
	return (w | (w - lowBits*' ') | (quote - lowBits) | (slash - lowBits)) & highBits
}

// scanString reads a string whose first byte behind the quote is at i. It
// returns the offset behind the closing quote and the flags of the node, or
// the offset of a failure and the failure above failureShift.
func scanString(data []byte, i int) (int, uint32) {
	flags := uint32(0)
	for {
		i = skipPlain(data, i)
		if i >= len(data) {
			return i, uint32(badSyntax) << failureShift
		}
		switch c := data[i]; {
		case c == '"':
			return i + 1, flags
		case c == '\\':
			r, n := unescape(data, i)
			if n == 0 {
				return i, uint32(badSyntax) << failureShift
			}
			flags |= flagEscaped
			if r < 0 {
				flags |= flagReplaced
			}
			i += n
		case c < ' ':
			return i, uint32(badSyntax) << failureShift
		default:
			var ok bool
			if i, ok = skipRunes(data, i); !ok {
				return i, uint32(badUTF8) << failureShift
			}
		}
	}
}

// skipPlain returns the offset of the first byte from i on that special finds.
func skipPlain(data []byte, i int) int {
	for ; i+8 <= len(data); i += 8 {
		if m := special(binary.LittleEndian.Uint64(data[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(data) && data[i] >= ' ' && data[i] < 0x80 && data[i] != '"' && data[i] != '\\' {
		i++
	}
	return i
}

// skipRunes returns the offset behind the characters beyond ASCII at i, or of
// the first byte that begins none. Most text of one script is runs of
// characters of two bytes or of three, for which it has short cuts.
func skipRunes(data []byte, i int) (int, bool) {
	for i < len(data) && data[i] >= 0x80 {
		if i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			if twoByteRunes(w, 1<<64-1) {
				i += 8
				continue
			}
			if twoByteRunes(w, 1<<16-1) {
				i += 2
				continue
			}
			if threeByteRune(w) {
				i += 3
				continue
			}
		}
		n := runeLen(data, i)
		if n == 0 {
			return i, false
		}
		i += n
	}
	return i, true
}

// twoByteRunes reports whether the bytes of w under the mask are characters of
// two bytes each: the first 110xxxxx with xxxxx of at least 2, the second
// 10xxxxxx. Adding 0x1e carries into bit 5 exactly when xxxx0 is not zero.
func twoByteRunes(w, mask uint64) bool {
	const pairs = 0x0001000100010001
	return (w^pairs*0x80c0)&(pairs*0xc0e0)&mask == 0 && ^(w&(pairs*0x1e)+pairs*0x1e)&(pairs*0x20)&mask == 0
}

// threeByteRune reports whether w begins with a character of three bytes whose
// first is not one of the two, 0xe0 and 0xed, that restrict the second.
func threeByteRune(w uint64) bool {
	return (w^0x8080e0)&0xc0c0f0 == 0 && w&0xff != 0xe0 && w&0xff != 0xed
}

// runeLen returns the length of the well-formed UTF-8 sequence of a character
// beyond ASCII at i, or 0 (The Unicode Standard, table 3-7).
func runeLen(data []byte, i int) int {
	p := data[i:]
	c := p[0]
	if c < 0xc2 || c > 0xf4 {
		return 0
	}
	if c < 0xe0 {
		if len(p) < 2 || p[1]&0xc0 != 0x80 {
			return 0
		}
		return 2
	}
	lo, hi := byte(0x80), byte(0xbf)
	switch c {
	case 0xe0:
		lo = 0xa0
	case 0xed:
		hi = 0x9f
	case 0xf0:
		lo = 0x90
	case 0xf4:
		hi = 0x8f
	}
	if len(p) < 3 || p[1] < lo || p[1] > hi || p[2]&0xc0 != 0x80 {
		return 0
	}
	if c < 0xf0 {
		return 3
	}
	if len(p) < 4 || p[3]&0xc0 != 0x80 {
		return 0
	}
	return 4
}
