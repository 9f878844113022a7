package search

import (
	"slices"
	"strings"
	"unicode/utf8"

	"kith/internal/identity"
)

// Bounds of a query.
const (
	queryBytesMax = 256
	termsMax      = 8
)

// term is one thing that is searched: a word, an address, a number.
type term struct {
	exact    []Token // any of these
	begins   []Token // begin of tokens, of the word that is being typed
	near     []Token // with typing errors in them
	expanded []expansion
	rows     int  // that were read for it
	typed    bool // it was found as it stands
	cut      bool // more tokens begin with it than were read
}

// quality is how well a token fits.
type quality uint8

const (
	absent quality = iota
	near2          // two edits away
	near1          // one edit away
	begun          // begins with it
	equal
)

// value is the quality's part in a score.
func (q quality) value() float64 {
	return [...]float64{absent: 0, near2: 0.4, near1: 0.6, begun: 0.75, equal: 1}[q]
}

// plan is what a query may mean: an identifier as a whole, and terms.
type plan struct {
	whole *term // all of it as one id, address or number; nil when that is the only term
	terms []*term
	refs  []identity.NodeID // nodes of identifiers that it may be exactly

	weights [termsMax]float64 // of the terms
	weight  float64           // their sum
}

// parse reads a query. The country is that of numbers without a code.
func parse(q string, cfg *identity.Config, keys *identity.Keyring) plan {
	q = clip(strings.ReplaceAll(strings.ToValidUTF8(q, "\ufffd"), "\x00", ""), queryBytesMax)
	var p plan
	p.refs = references(strings.TrimSpace(q), cfg, keys)
	typing := len(q) > 0 && q[len(q)-1] != ' '
	folded := fold(q)
	if number, ok := phoneLike(folded); ok {
		p.whole = &term{exact: phoneTokens(number, cfg), near: phoneNear(number, cfg)}
		p.whole.begins = []Token{{Phone, number}, {ID, compact(folded)}}
		p.whole.exact = append(p.whole.exact, Token{ID, compact(folded)})
		p.whole.near = append(p.whole.near, Token{ID, compact(folded)})
		p.terms, p.whole = []*term{p.whole}, nil
		return p
	}
	p.terms = cut(folded, cfg)
	if len(p.terms) == 0 {
		return p
	}
	if typing {
		last := p.terms[len(p.terms)-1]
		for _, t := range last.exact {
			if slices.Contains(last.begins, t) {
				continue
			}
			if len(t.Text) >= 2 || utf8.RuneCountInString(t.Text) < len(t.Text) {
				last.begins = append(last.begins, t)
			}
		}
		if len(last.exact) > 0 && last.exact[0].Class == Word {
			last.begins = append(last.begins, Token{Email, last.exact[0].Text})
		}
	}
	if all := compact(folded); len(p.terms) > 1 && all != "" {
		p.whole = &term{exact: []Token{{ID, all}}}
		if first, _ := utf8.DecodeRuneInString(all); ideographic(first) {
			p.whole.exact = append(p.whole.exact, Token{Word, all})
		}
	}
	return p
}

// references are the nodes that the query names exactly, as TYPE:VALUE, as a
// profile id, or as a value of any type that has a rule.
func references(q string, cfg *identity.Config, keys *identity.Keyring) []identity.NodeID {
	var out []identity.NodeID
	add := func(typ, value string) {
		if id, reason := cfg.Normalize(typ, value, ""); reason == identity.Usable {
			out = append(out, keys.Node(id))
		}
	}
	if n, ok := identity.ParseNodeID(strings.TrimPrefix(q, "id:")); ok {
		out = append(out, n)
	}
	if typ, value, ok := strings.Cut(q, ":"); ok && typ != "" && value != "" && !strings.ContainsAny(typ, " ") {
		add(typ, value)
	}
	for typ := range cfg.Rules {
		add(typ, q)
	}
	return out
}

// phoneLike reports whether all of a query looks like a phone number, and its
// digits.
func phoneLike(s string) (string, bool) {
	for _, r := range s {
		if !(r >= '0' && r <= '9') && !strings.ContainsRune(" +-./()\u00a0", r) {
			return "", false
		}
	}
	d := digits(s)
	if !strings.ContainsAny(strings.TrimSpace(s), " +-./()") && len(d) < 6 {
		return "", false
	}
	return strings.TrimSpace(s), len(d) >= 5
}

// phoneTokens are the forms in which a number may be stored.
func phoneTokens(number string, cfg *identity.Config) []Token {
	var t tokens
	if id, reason := cfg.Normalize("phone", number, ""); reason == identity.Usable {
		t.addPhone(id.Value)
	}
	all := digits(strings.Replace(number, "(0)", "", 1))
	t.add(Phone, all)
	bare := strings.TrimLeft(all, "0")
	t.add(Phone, bare)
	if len(all) == 11 && all[0] == '8' {
		t.add(Phone, all[1:]) // the trunk prefix of Russia and its neighbours
	}
	return t.list
}

// phoneNear are the forms of a number that are searched with errors: the digits
// as typed, without what is dialled in front.
func phoneNear(number string, cfg *identity.Config) []Token {
	var t tokens
	if id, reason := cfg.Normalize("phone", number, ""); reason == identity.Usable {
		t.add(Phone, digits(id.Value))
		return t.list
	}
	t.add(Phone, strings.TrimLeft(digits(strings.Replace(number, "(0)", "", 1)), "0"))
	return t.list
}

// cut makes terms of a folded query: addresses, phone numbers between words, and
// words.
func cut(folded string, cfg *identity.Config) []*term {
	var out []*term
	fields := strings.Fields(folded)
	for i := 0; i < len(fields) && len(out) < termsMax; i++ {
		f := fields[i]
		end := i
		for end < len(fields) && phonePart(fields[end]) {
			end++
		}
		if number := strings.Join(fields[i:end], " "); len(digits(number)) >= 7 {
			t := &term{exact: phoneTokens(number, cfg), near: phoneNear(number, cfg)}
			t.exact = append(t.exact, Token{ID, compact(number)})
			out = append(out, t)
			i = end - 1
			continue
		}
		if at := strings.LastIndexByte(f, '@'); at > 0 {
			out = append(out, &term{exact: []Token{{Email, clip(f, tokenBytesMax)}}, begins: []Token{{Email, clip(f, tokenBytesMax)}}, near: []Token{{Email, clip(f, tokenBytesMax)}}})
			continue
		}
		ws := words(f)
		if id := compact(f); len(ws) > 1 && strings.ContainsAny(id, "0123456789") {
			out = append(out, wordTerm(id))
			continue
		}
		for _, w := range ws {
			if len(out) < termsMax {
				out = append(out, wordTerm(w))
			}
		}
	}
	return out
}

func phonePart(f string) bool {
	return strings.Trim(f, "0123456789+-./()") == "" && digits(f) != ""
}

func wordTerm(w string) *term {
	t := &term{exact: []Token{{Word, w}, {ID, w}}, near: []Token{{Word, w}}}
	if first, _ := utf8.DecodeRuneInString(w); ideographic(first) {
		t.begins = append(t.begins, Token{Word, w}) // a last name may stand in one word with the given one
	}
	if strings.ContainsAny(w, "0123456789") {
		t.near = append(t.near, Token{ID, w})
		if digits(w) == w && len(w) >= 4 {
			t.exact = append(t.exact, Token{Phone, w})
		}
	}
	return t
}

// editsOf is how many errors are looked for in a text.
func editsOf(s string) uint8 {
	switch n := utf8.RuneCountInString(s); {
	case n >= 8:
		return 2
	case n >= 3:
		return 1 // one of four may have been left out
	}
	return 0
}
