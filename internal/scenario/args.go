package scenario

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"kith/internal/strictjson"
)

// parseArgs reads key=value and bare values, separated by white space.
func parseArgs(s string) ([]arg, error) {
	var out []arg
	seen := map[string]bool{}
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		a, rest, err := cutArg(s)
		if err != nil {
			return nil, err
		}
		if a.key != "" && seen[a.key] {
			return nil, wrong("give each key once; a message with repeated keys is written with send", "%s is given twice", a.key)
		}
		seen[a.key] = true
		out = append(out, a)
		s = rest
	}
	return out, nil
}

// cutArg takes the first argument off a line that does not begin with a space.
func cutArg(s string) (a arg, rest string, err error) {
	a.key, s = cutKey(s)
	if a.key != "" && (s == "" || s[0] == ' ' || s[0] == '\t') {
		return a, "", wrong(`write "" for an empty text`, "%s= has no value", a.key)
	}
	a.value, rest, err = cutValue(s)
	if err != nil {
		return a, "", err
	}
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return a, "", wrong("put a space between arguments, or quote the whole value", "unexpected %.20q after a value", rest)
	}
	return a, rest, nil
}

// cutKey takes "key=" off: a letter, then letters, digits and _ - . characters.
func cutKey(s string) (key, rest string) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && (c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'):
		case i > 0 && c == '=':
			return s[:i], s[i+1:]
		default:
			return "", s
		}
	}
	return "", s
}

// cutValue takes a value off: JSON that begins with a quote or bracket, else a
// word that ends at white space. A word that is a JSON literal is that literal.
func cutValue(s string) (v value, rest string, err error) {
	switch s[0] {
	case '"', '{', '[':
		end := jsonEnd(s)
		if end < 0 {
			return v, "", wrong("close every quote, bracket and brace on the same line; a line goes on below when it ends in a backslash", "the value that begins with %.20q does not end", s)
		}
		v.json, rest = s[:end], s[end:]
		return v, rest, validJSON(v.json)
	}
	end := strings.IndexAny(s, " \t")
	if end < 0 {
		end = len(s)
	}
	word := s[:end]
	if !utf8.ValidString(word) {
		return v, "", wrong("use send for a body that is broken on purpose", "%.40q is not UTF-8", word)
	}
	if validJSON(word) == nil {
		return value{json: word, word: true}, s[end:], nil
	}
	return value{json: quote(word), word: true}, s[end:], nil
}

// jsonEnd returns where the string, array or object at the start of s ends, or -1.
func jsonEnd(s string) int {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth == 0 && !quoted {
			return min(i+1, len(s))
		}
	}
	return -1
}

// validJSON takes every JSON value that can be sent, also one with repeated keys.
func validJSON(s string) error {
	var doc strictjson.Doc
	if err := doc.Parse([]byte(s), strictjson.Limits{}); err != nil {
		return wrong("write it as RFC 8259 says, or use send for a body that is broken on purpose", "%.40q is not valid JSON", s)
	}
	return nil
}

// unquote reads a JSON string.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' {
		return "", false
	}
	var doc strictjson.Doc
	if err := doc.Parse([]byte(s), strictjson.Limits{}); err != nil {
		return "", false
	}
	return doc.Root().Text(), true
}

// quote writes a JSON string.
func quote(s string) string { return string(strictjson.AppendString(nil, s)) }

// plain writes JSON as an argument: a string that can be read back as a bare word
// as that word, everything else as it is.
func plain(raw string) string {
	s, ok := unquote(raw)
	if !ok || raw != `"`+s+`"` || strings.ContainsAny(s, " \t") {
		return raw
	}
	if s == "" || strings.ContainsAny(s[:1], `{["<#`) || validJSON(s) == nil {
		return raw
	}
	return s
}

// indented lays JSON out over several lines.
func indented(raw []byte) string {
	var v json.RawMessage = raw
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return string(raw)
	}
	return string(out)
}
