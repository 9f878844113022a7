package arch

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// markdown returns the names of the documents.
func markdown(t *testing.T) []string {
	t.Helper()
	var names []string
	err := walk(func(name string) error {
		if strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks: what a document of the repository points at is there.
func TestLinks(t *testing.T) {
	for _, name := range markdown(t) {
		for _, m := range link.FindAllStringSubmatch(readFile(t, name), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file := path.Join(path.Dir(name), target)
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
				t.Errorf("%s points at %s, which is not there", name, target)
			}
		}
	}
}

// codePath finds paths of this repository that a document names in backticks.
var codePath = regexp.MustCompile("`((?:internal|event|cmd|test|docs|web|examples|deploy)/[\\w./-]*)`")

// TestNamedPaths: a path that a document names is there. A pattern such as
// internal/state/<engine> is none.
func TestNamedPaths(t *testing.T) {
	for _, name := range markdown(t) {
		if strings.HasPrefix(name, "docs/changes/") || name == "CHANGELOG.md" {
			continue // tell of what was
		}
		for _, m := range codePath.FindAllStringSubmatch(readFile(t, name), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
}

// adrSections are what every decision says, in this order.
var adrSections = []string{"Context", "Decision", "Consequences", "Rejected"}

// TestDecisions: decisions are numbered without a gap, have the same sections
// and stay a page or two.
func TestDecisions(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "docs", "adr"))
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	for _, e := range entries {
		name := "docs/adr/" + e.Name()
		if e.Name() == "README.md" {
			continue
		}
		number++
		if digits, _, _ := strings.Cut(e.Name(), "-"); digits != pad(number) {
			t.Errorf("%s: the number %s comes next", name, pad(number))
		}
		text := readFile(t, name)
		if !strings.HasPrefix(text, "# "+pad(number)+": ") {
			t.Errorf("%s must begin with %q", name, "# "+pad(number)+": ")
		}
		var sections []string
		for _, line := range strings.Split(text, "\n") {
			if s, ok := strings.CutPrefix(line, "## "); ok {
				sections = append(sections, s)
			}
		}
		if !slices.Equal(sections, adrSections) {
			t.Errorf("%s has the sections %q, want %q", name, sections, adrSections)
		}
		if n := strings.Count(text, "\n"); n > 120 {
			t.Errorf("%s has %d lines; a decision that needs more than 120 is more than one", name, n)
		}
	}
	if number == 0 {
		t.Error("no decision is written down")
	}
}

func pad(n int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, 4-len(s))) + s
}

// tourFiles are the files that ARCHITECTURE.md tells a newcomer to read.
func tourFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, r := range table(t, "A tour in five files") {
		files = append(files, r.name)
	}
	return files
}

var familyConstant = regexp.MustCompile(`(?m)^\s+Family\w+\s+Family = '(.)'`)

// TestFamilies: every family of keys is described, and none that there is not.
func TestFamilies(t *testing.T) {
	declared := map[string]bool{}
	for _, m := range familyConstant.FindAllStringSubmatch(readFile(t, "internal/state/key.go"), -1) {
		declared[m[1]] = true
	}
	_, text, ok := strings.Cut(readFile(t, "internal/state/FORMAT.md"), "\n## Families\n")
	if !ok || len(declared) == 0 {
		t.Fatal("no families found in key.go or no section of that name in FORMAT.md")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	described := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(.)` ").FindAllStringSubmatch(text, -1) {
		described[m[1]] = true
		if !declared[m[1]] {
			t.Errorf("internal/state/FORMAT.md describes the family %s, which key.go does not declare", m[1])
		}
	}
	for f := range declared {
		if !described[f] {
			t.Errorf("internal/state/FORMAT.md, section Families, does not describe the family %s", f)
		}
	}
}
