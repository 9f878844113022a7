package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// row is one line of a Markdown table: the names between backticks in its first
// two cells, and the text of its last.
type row struct {
	line  int
	name  string
	words []string
	why   string
}

var inBackticks = regexp.MustCompile("`([^`]+)`")

// table reads the first table below a heading of ARCHITECTURE.md. Its first line
// and the rule under it are passed over.
func table(t *testing.T, heading string) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	inside, seen := false, 0
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			inside = strings.TrimLeft(line, "# ") == heading
		case !inside:
		case strings.HasPrefix(line, "|"):
			if seen++; seen > 2 {
				rows = append(rows, readRow(t, i+1, line))
			}
		case seen > 0:
			inside = false
		}
	}
	if len(rows) == 0 {
		t.Fatalf("ARCHITECTURE.md has no table under the heading %q", heading)
	}
	return rows
}

func readRow(t *testing.T, number int, line string) row {
	t.Helper()
	cells := strings.Split(strings.Trim(line, "| "), "|")
	names := inBackticks.FindAllStringSubmatch(cells[0], -1)
	if len(cells) < 2 || len(names) != 1 {
		t.Fatalf("ARCHITECTURE.md:%d: a row needs one name in backticks in its first cell", number)
	}
	r := row{line: number, name: names[0][1], why: strings.TrimSpace(cells[len(cells)-1])}
	for _, m := range inBackticks.FindAllStringSubmatch(cells[1], -1) {
		r.words = append(r.words, m[1])
	}
	return r
}

// ticked writes names as they stand in a cell.
func ticked(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	return "`" + strings.Join(names, "` `") + "`"
}

// short is a package's path as the tables write it.
func short(p string) string { return strings.TrimPrefix(p, "internal/") }

// long finds the path that a table means, or "".
func (tr *tree) long(name string) string {
	for _, p := range [...]string{"internal/" + name, name} {
		if tr.known(p) != nil {
			return p
		}
	}
	return ""
}
