package block

import (
	"strconv"
	"strings"
)

// typeName is the server's name of a type, taken apart.
type typeName struct {
	base      string
	arguments []string
}

// depthMax bounds how deep types are nested.
const depthMax = 64

// parse reads NAME or NAME(ARGUMENT, ...); what is in quotes and brackets of an
// argument stays as it is.
func parse(name string) typeName {
	base, rest, ok := strings.Cut(name, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return typeName{base: name}
	}
	t := typeName{base: base}
	rest = rest[:len(rest)-1]
	depth, start := 0, 0
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; c {
		case '\'', '`', '"':
			i = quoteEnd(rest, i)
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				t.arguments = append(t.arguments, strings.TrimSpace(rest[start:i]))
				start = i + 1
			}
		}
	}
	if last := strings.TrimSpace(rest[min(start, len(rest)):]); last != "" {
		t.arguments = append(t.arguments, last)
	}
	return t
}

// quoteEnd is the place of the quote that ends the one at a place.
func quoteEnd(s string, at int) int {
	for i := at + 1; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == s[at] {
			return i
		}
	}
	return len(s)
}

// number is an argument that is a number; 0 if it is none.
func (t *typeName) number(i int) int {
	if i >= len(t.arguments) {
		return 0
	}
	n, _ := strconv.Atoi(t.arguments[i]) // 0 where it is none
	return max(n, 0)
}

// unquoted is a name or a text without its quotes.
func unquoted(s string) string {
	if len(s) < 2 || !strings.ContainsRune("'`\"", rune(s[0])) || s[len(s)-1] != s[0] {
		return s
	}
	var out []byte
	for s = s[1 : len(s)-1]; s != ""; s = s[1:] {
		if s[0] == '\\' && len(s) > 1 {
			s = s[1:]
			if i := strings.IndexByte("bfnrt0", s[0]); i >= 0 {
				out = append(out, "\b\f\n\r\t\x00"[i])
				continue
			}
		}
		out = append(out, s[0])
	}
	return string(out)
}

// named takes the name off an element of a tuple; empty where it has none.
func named(element string) (name, typ string) {
	end := strings.IndexAny(element, " (")
	if element != "" && (element[0] == '`' || element[0] == '"') {
		end = quoteEnd(element, 0) + 1
	}
	if end <= 0 || end >= len(element) || element[end] != ' ' {
		return "", element
	}
	return unquoted(element[:end]), element[end+1:]
}
