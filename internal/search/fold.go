package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of what is indexed of one value.
const (
	valueBytesMax = 512 // of the value
	tokenBytesMax = 96  // of a token
	wordsMax      = 16  // words of one value
)

// clip cuts a text to at most so many bytes, between two characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for len(s) > 0 {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

// fold brings a text to the form in which it is compared: compatibility forms
// made one (NFKC), lower case, without accents. Letters that stand for others
// where a keyboard lacks them become these.
func fold(s string) string {
	s = clip(s, valueBytesMax)
	if plain(s) {
		return strings.ToLower(s)
	}
	s = norm.NFD.String(strings.ToLower(norm.NFKC.String(s)))
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if accent(r) {
			continue
		}
		if to, ok := spelled(r); ok {
			b.WriteString(to)
			continue
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String()) // Korean syllables and Japanese voiced sounds whole again
}

func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// accent reports whether a mark is left out: accents of Latin, Greek and
// Cyrillic letters, vowel points of Hebrew and Arabic. Marks of other scripts
// are part of the word.
func accent(r rune) bool {
	return r >= 0x300 && r <= 0x36f || r >= 0x591 && r <= 0x5c7 || r >= 0x64b && r <= 0x65f || r == 0x640 || r == 0x670
}

// spelled gives the letters that a letter without decomposition is written with.
func spelled(r rune) (string, bool) {
	switch r {
	case 'ß':
		return "ss", true
	case 'æ':
		return "ae", true
	case 'œ':
		return "oe", true
	case 'ø':
		return "o", true
	case 'đ', 'ð':
		return "d", true
	case 'ł':
		return "l", true
	case 'ħ':
		return "h", true
	case 'ŧ':
		return "t", true
	case 'þ':
		return "th", true
	case 'ı':
		return "i", true
	case 'ς':
		return "σ", true
	case 'ى', 'ی':
		return "ي", true
	case 'ة':
		return "ه", true
	case 'ک':
		return "ك", true
	}
	if r >= 'ァ' && r <= 'ヶ' {
		return string(r - 'ァ' + 'ぁ'), true
	}
	return "", false
}

// apostrophe reports whether a character joins what is around it.
func apostrophe(r rune) bool {
	return r == '\'' || r == '’' || r == '‘' || r == 'ʼ' || r == '`' || r == '´' || r == '′'
}

func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// words cuts a folded text into its words, at most wordsMax.
func words(s string) []string {
	var out []string
	var b strings.Builder
	end := func() {
		if b.Len() > 0 && len(out) < wordsMax {
			out = append(out, clip(b.String(), tokenBytesMax))
		}
		b.Reset()
	}
	for _, r := range s {
		switch {
		case wordRune(r):
			b.WriteRune(r)
		case apostrophe(r):
		default:
			end()
		}
	}
	end()
	return out
}

// compact leaves the letters and digits of a folded text.
func compact(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if wordRune(r) {
			return r
		}
		return -1
	}, s), tokenBytesMax)
}

// digits leaves the decimal digits of a folded text.
func digits(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s), tokenBytesMax)
}

// ideographic reports whether a character is of a script that writes words
// without spaces between them.
func ideographic(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}
