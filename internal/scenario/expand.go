package scenario

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// Bounds that keep a mistyped number from eating the machine.
const (
	lineMax  = 8 << 20  // bytes of one line once expanded
	fileMax  = 64 << 20 // bytes of all lines of a file once expanded
	linesMax = 200_000  // lines of a file once repeated
)

// expansion is @(TEXT*N), @(0xHEX), or @(i).
var expansion = regexp.MustCompile(`@\((?:(i)|0x([0-9A-Fa-f]+)|([^()]*?|[()\[\]{}]+)\*([0-9]{1,9}))\)`)

// expand replaces the expansions of a line: @(TEXT*N) by N times TEXT, in which #
// is the number of the copy, @(0xHEX) by the bytes, @(i) by the round of the
// repeat block around it.
func expand(line string, round int) (string, error) {
	if !strings.Contains(line, "@(") {
		return line, nil
	}
	var out strings.Builder
	at := 0
	for _, m := range expansion.FindAllStringSubmatchIndex(line, -1) {
		out.WriteString(line[at:m[0]])
		at = m[1]
		if err := expandOne(&out, line, m, round); err != nil {
			return "", err
		}
	}
	out.WriteString(line[at:])
	return out.String(), nil
}

// digitsMax is the length of the largest number of a copy.
const digitsMax = 9

// writeCopies writes n times text with # as the number of the copy.
func writeCopies(out *strings.Builder, text string, n int) {
	if !strings.Contains(text, "#") {
		out.WriteString(strings.Repeat(text, n))
		return
	}
	for i := 1; i <= n; i++ {
		out.WriteString(strings.ReplaceAll(text, "#", strconv.Itoa(i)))
	}
}

// expandOne writes one expansion; m are the indices of its match.
func expandOne(out *strings.Builder, line string, m []int, round int) error {
	switch {
	case m[2] >= 0:
		if round == 0 {
			return wrong("@(i) is the number of the round", "@(i) stands outside of a repeat block")
		}
		out.WriteString(strconv.Itoa(round))
	case m[4] >= 0:
		b, err := hex.DecodeString(line[m[4]:m[5]])
		if err != nil {
			return wrong("write two digits for each byte", "@(0x…) holds an odd number of digits")
		}
		out.Write(b)
	default:
		text := line[m[6]:m[7]]
		n, err := strconv.Atoi(line[m[8]:m[9]])
		if err != nil || n*(len(text)+strings.Count(text, "#")*digitsMax) > lineMax-out.Len() {
			return wrong("a line may grow to 8 MiB", "the line becomes too long")
		}
		writeCopies(out, text, n)
	}
	return nil
}
