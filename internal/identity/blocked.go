package identity

import (
	_ "embed"
	"encoding/csv"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// blockedValues is the table of values that never identify anybody: what SDKs,
// forms and test scripts send in place of an id. Columns: type (* for all),
// match (exact, iexact, regex in RE2 syntax), value, why.
//
//go:embed blocked_values.csv
var blockedValues string

// anyType is the row of the table that holds for every type.
const anyType = "*"

// Blocklist knows which normalised values identify nobody. It does not change
// once made and is safe for concurrent use.
type Blocklist struct {
	exact   map[Identifier]bool
	folded  map[Identifier]bool // lower-case values
	regexes map[string][]*regexp.Regexp
}

// DefaultBlocklist returns the built-in table.
func DefaultBlocklist() *Blocklist {
	b := &Blocklist{exact: map[Identifier]bool{}, folded: map[Identifier]bool{}, regexes: map[string][]*regexp.Regexp{}}
	rows, err := csv.NewReader(strings.NewReader(blockedValues)).ReadAll()
	if err != nil {
		panic("BUG: the built-in table of blocked values cannot be read: " + err.Error())
	}
	for _, row := range rows[1:] {
		typ, match, value := row[0], row[1], row[2]
		switch match {
		case "exact":
			b.exact[Identifier{typ, value}] = true
		case "iexact":
			b.folded[Identifier{typ, strings.ToLower(value)}] = true
		case "regex":
			b.regexes[typ] = append(b.regexes[typ], regexp.MustCompile(value))
		}
	}
	return b
}

// Blocked are more values that identify nobody, by type, or by "*" for all types.
// Values are compared without regard to case.
type Blocked struct {
	Values   map[string][]string
	Patterns map[string][]*regexp.Regexp
}

// With returns a table that holds more.
func (b *Blocklist) With(more Blocked) *Blocklist {
	out := &Blocklist{exact: b.exact, folded: maps.Clone(b.folded), regexes: map[string][]*regexp.Regexp{}}
	for typ, list := range b.regexes {
		out.regexes[typ] = slices.Clone(list)
	}
	for typ, list := range more.Values {
		for _, v := range list {
			out.folded[Identifier{typ, strings.ToLower(norm.NFC.String(strings.TrimSpace(v)))}] = true
		}
	}
	for typ, list := range more.Patterns {
		out.regexes[typ] = append(out.regexes[typ], list...)
	}
	return out
}

// Blocks reports whether the identifier's normalised value identifies nobody.
func (b *Blocklist) Blocks(id Identifier) bool {
	if b.listed(id) || filler(id.Value) || unfilledTemplate(id.Value) {
		return true
	}
	if inner := strings.Trim(id.Value, `"'`); inner != id.Value {
		return b.Blocks(Identifier{id.Type, inner})
	}
	return false
}

func (b *Blocklist) listed(id Identifier) bool {
	lower := strings.ToLower(id.Value)
	if b.exact[id] || b.exact[Identifier{anyType, id.Value}] ||
		b.folded[Identifier{id.Type, lower}] || b.folded[Identifier{anyType, lower}] {
		return true
	}
	for _, re := range b.regexes[id.Type] {
		if re.MatchString(id.Value) {
			return true
		}
	}
	for _, re := range b.regexes[anyType] {
		if re.MatchString(id.Value) {
			return true
		}
	}
	return false
}

// filler reports values without content: empty, zeroes and dashes only (the nil
// UUID too), punctuation only, the UUID of all f, and one character repeated six
// times or more.
func filler(s string) bool {
	zeroes, marks, effs := true, true, len(s) == 36
	for i := 0; i < len(s); i++ {
		c := s[i]
		zeroes = zeroes && (c == '0' || c == '-')
		marks = marks && strings.IndexByte(" \t\r\n\f\v-_.*#?", c) >= 0
		effs = effs && (c|0x20 == 'f' || c == '-')
	}
	if zeroes || marks || effs {
		return true
	}
	first, size := utf8.DecodeRuneInString(s)
	return utf8.RuneCountInString(s) >= 6 && strings.Count(s, s[:size]) == utf8.RuneCountInString(s) && first != utf8.RuneError
}

// unfilledTemplate reports placeholders of template languages that were sent as
// they stand: {{user.id}}, ${id}, <%= id %>, %id%, <id>, *|ID|*, [[id]].
func unfilledTemplate(s string) bool {
	for _, t := range [...][2]string{{"{{", "}}"}, {"${", "}"}, {"<%", "%>"}, {"*|", "|*"}, {"[[", "]]"}} {
		if len(s) >= len(t[0])+len(t[1]) && strings.HasPrefix(s, t[0]) && strings.HasSuffix(s, t[1]) {
			return true
		}
	}
	if len(s) < 3 {
		return false
	}
	word := func(extra string) bool {
		return strings.IndexFunc(s[1:len(s)-1], func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(extra, r)
		}) < 0
	}
	return s[0] == '%' && s[len(s)-1] == '%' && word("_") || s[0] == '<' && s[len(s)-1] == '>' && word("_ ")
}

// unprintable reports characters that make two values look alike or that break
// what shows them: controls, bidirectional overrides, zero-width characters, and
// U+FFFD, which stands for bytes that were no text.
func unprintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return strings.IndexFunc(s, hidden) >= 0
		}
	}
	return false
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Cf, r)
}

// Rules writes the table down as sorted lines, for comparing two of them.
func (b *Blocklist) Rules() []string {
	var out []string
	for id := range b.exact {
		out = append(out, "exact "+id.Type+" "+id.Value)
	}
	for id := range b.folded {
		out = append(out, "iexact "+id.Type+" "+id.Value)
	}
	for typ, list := range b.regexes {
		for _, re := range list {
			out = append(out, "regex "+typ+" "+re.String())
		}
	}
	slices.Sort(out)
	return out
}
