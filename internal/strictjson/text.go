package strictjson

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// unescape reads the escape sequence at i, where the backslash is. It returns
// the character and the length of the sequence, a surrogate pair being one of
// 12 bytes; the length is 0 when it is malformed. NUL and a lone surrogate,
// which are taken but replaced, give -1.
func unescape(data []byte, i int) (rune, int) {
	if i+1 >= len(data) {
		return 0, 0
	}
	switch c := data[i+1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return unescapeUnit(data, i)
	}
	return 0, 0
}

// unescapeUnit is unescape for the sequence \uXXXX.
func unescapeUnit(data []byte, i int) (rune, int) {
	r := hex4(data, i+2)
	switch {
	case r < 0:
		return 0, 0
	case r == 0:
		return -1, 6
	case r < 0xd800 || r > 0xdfff:
		return r, 6
	}
	if r < 0xdc00 && i+7 < len(data) && data[i+6] == '\\' && data[i+7] == 'u' {
		if low := hex4(data, i+8); low >= 0xdc00 && low <= 0xdfff {
			return 0x10000 + (r-0xd800)<<10 + low - 0xdc00, 12
		}
	}
	return -1, 6
}

// hex4 returns the number that four hexadecimal digits at i give, or -1.
func hex4(data []byte, i int) rune {
	if i+4 > len(data) {
		return -1
	}
	r := rune(0)
	for _, c := range data[i : i+4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// decode appends the decoded content of a scanned string, given without its
// quotes. The decoded form is never longer than the written one.
func decode(dst, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(dst, raw...)
		}
		r, n := unescape(raw, i)
		dst = utf8.AppendRune(append(dst, raw[:i]...), r) // a rune of -1 is appended as U+FFFD
		raw = raw[i+n:]
	}
}

// decodedLen returns how many bytes decode appends.
func decodedLen(raw []byte) int {
	total := 0
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return total + len(raw)
		}
		r, n := unescape(raw, i)
		if r < 0 {
			r = utf8.RuneError
		}
		total += i + utf8.RuneLen(r)
		raw = raw[i+n:]
	}
}

// textIs reports whether the decoded content of raw is s, without decoding it
// anywhere.
func textIs(raw []byte, s string) bool {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return string(raw) == s
		}
		if len(s) < i || string(raw[:i]) != s[:i] {
			return false
		}
		r, n := unescape(raw, i)
		if r < 0 {
			r = utf8.RuneError
		}
		var buf [utf8.UTFMax]byte
		k := utf8.EncodeRune(buf[:], r)
		if len(s) < i+k || s[i:i+k] != string(buf[:k]) {
			return false
		}
		raw, s = raw[i+n:], s[i+k:]
	}
}

// quote appends the string of raw, given without its quotes, with the escapes
// of RFC 8785, section 3.2.2.2: the short ones, \u00xx in lower case for the
// other controls, and every other character as itself.
func quote(dst, raw []byte) []byte {
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(append(dst, raw...), '"')
		}
		r, n := unescape(raw, i)
		dst = appendEscaped(append(dst, raw[:i]...), r)
		raw = raw[i+n:]
	}
}

func appendEscaped(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if r >= 0 && r < ' ' {
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// decodedString returns the decoded content with no allocation but its own.
func decodedString(raw []byte) string {
	var b strings.Builder
	b.Grow(decodedLen(raw))
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			b.Write(raw)
			return b.String()
		}
		r, n := unescape(raw, i)
		b.Write(raw[:i])
		b.WriteRune(r) // a rune of -1 is written as U+FFFD
		raw = raw[i+n:]
	}
}
