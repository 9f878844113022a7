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

// expand replaces the expansions of a line: @(TEXT*N) by N times TEXT, @(0xHEX)
// by the bytes, @(i) by the round of the repeat block around it.
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
		if err != nil || n*len(text) > lineMax-out.Len() {
			return wrong("a line may grow to 8 MiB", "the line becomes too long")
		}
		out.WriteString(strings.Repeat(text, n))
	}
	return nil
}
