package strictjson

import "unicode/utf8"

// AppendString appends s as a JSON string with the shortest escapes; bytes that
// are no UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		dst = appendEscaped(dst, r)
		i += n
	}
	return append(dst, '"')
}
