package scenario

import (
	"fmt"
	"strings"
)

// Bounds of a difference that is worth reading.
const (
	diffLinesMax   = 2000 // of each text; beyond it the texts are not compared
	diffContextMax = 40   // lines in all up to which common lines are shown too
)

// difference shows two texts line by line: those missing with a minus, those too
// many with a plus, common ones where the texts are short.
func difference(want, got string) string {
	a, b := splitLines(want), splitLines(got)
	if len(a) > diffLinesMax || len(b) > diffLinesMax {
		return fmt.Sprintf("  - %d lines\n  + %d others\n", len(a), len(b))
	}
	short := len(a)+len(b) <= diffContextMax
	common := longestCommon(a, b)
	var out strings.Builder
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			if short {
				fmt.Fprintf(&out, "    %s\n", a[i])
			}
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			fmt.Fprintf(&out, "  - %s\n", a[i])
			i++
		default:
			fmt.Fprintf(&out, "  + %s\n", b[j])
			j++
		}
	}
	return out.String()
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// longestCommon is the table of lengths of the longest common subsequences of the
// tails a[i:] and b[j:].
func longestCommon(a, b []string) [][]int {
	t := make([][]int, len(a)+1)
	for i := range t {
		t[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			t[i][j] = max(t[i+1][j], t[i][j+1])
			if a[i] == b[j] {
				t[i][j] = t[i+1][j+1] + 1
			}
		}
	}
	return t
}
