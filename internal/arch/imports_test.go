package arch

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestImports holds every package against the table "Imports": it may import
// what its row lists, the row lists nothing else, and every package listed
// stands in a row further up. So imports point one way and cannot form a circle.
// Tests are free, because nothing is built on them.
func TestImports(t *testing.T) {
	tr := load(t)
	rows := table(t, "Imports")
	above := map[string]bool{}
	byPath := map[string]row{}
	for _, r := range rows {
		p := tr.long(r.name)
		if p == "" {
			t.Errorf("ARCHITECTURE.md:%d: there is no package %s; remove the line", r.line, r.name)
			continue
		}
		if _, twice := byPath[p]; twice {
			t.Errorf("ARCHITECTURE.md:%d: a second line for %s; remove it", r.line, r.name)
		}
		for _, w := range r.words {
			if !above[w] {
				t.Errorf("ARCHITECTURE.md:%d: %s may import %s, which stands in no line above it; a package imports only what comes before it", r.line, r.name, w)
			}
		}
		above[r.name], byPath[p] = true, r
	}
	for _, p := range tr.packages {
		if p.path == "internal/arch" {
			continue // the laws themselves: only tests
		}
		want := imported(p)
		r, ok := byPath[p.path]
		if !ok {
			t.Errorf("%s is in no line; add to ARCHITECTURE.md, table \"Imports\", below everything that it imports:\n\t%s", p.path, importLine(p.path, want))
		} else if !slices.Equal(sorted(r.words), want) {
			t.Errorf("%s imports other packages than ARCHITECTURE.md:%d says. If that is meant, write:\n\t%s", p.path, r.line, importLine(p.path, want))
		}
	}
}

func importLine(p string, imports []string) string {
	return "| `" + short(p) + "` | " + ticked(imports) + " |"
}

// imported returns the packages of this repository that the code of p imports,
// as the table writes them.
func imported(p *goPackage) []string {
	set := map[string]bool{}
	for _, f := range p.code() {
		for _, path := range f.imports {
			if own, ok := strings.CutPrefix(path, module); ok {
				set[short(own)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// TestLibraries holds every import of another module against the table
// "Libraries", which also gives the reason why each one is there.
func TestLibraries(t *testing.T) {
	tr := load(t)
	rows := table(t, "Libraries")
	used := map[string]map[string]bool{}
	for _, p := range tr.packages {
		for _, f := range p.files {
			for _, imp := range f.imports {
				lib := library(imp, rows)
				if lib == "" {
					continue
				}
				if used[lib] == nil {
					used[lib] = map[string]bool{}
				}
				if !f.test {
					used[lib][short(p.path)] = true
				}
			}
		}
	}
	for _, r := range rows {
		users, ok := used[r.name]
		if !ok {
			t.Errorf("ARCHITECTURE.md:%d: nothing imports %s; remove the line and the module", r.line, r.name)
			continue
		}
		delete(used, r.name)
		if got := slices.Sorted(maps.Keys(users)); !slices.Equal(sorted(r.words), got) {
			t.Errorf("%s is imported by other packages than ARCHITECTURE.md:%d says. If that is meant, write:\n\t| `%s` | %s | %s |", r.name, r.line, r.name, ticked(got), r.why)
		}
	}
	for lib, users := range used {
		t.Errorf("a module without a line; add to ARCHITECTURE.md, table \"Libraries\":\n\t| `%s` | %s | why it and no other |", lib, ticked(slices.Sorted(maps.Keys(users))))
	}
}

// library returns the row's name that an import belongs to, the import itself if
// there is none, or "" for the standard library and this repository.
func library(imp string, rows []row) string {
	first, _, _ := strings.Cut(imp, "/")
	if !strings.Contains(first, ".") {
		return ""
	}
	best := ""
	for _, r := range rows {
		if (imp == r.name || strings.HasPrefix(imp, r.name+"/")) && len(r.name) > len(best) {
			best = r.name
		}
	}
	if best == "" {
		return imp
	}
	return best
}

// TestEnginesMeetInTheApplication: an engine is chosen in one place. Everything
// else knows the port that it implements.
func TestEnginesMeetInTheApplication(t *testing.T) {
	tr := load(t)
	engines := map[string]bool{}
	for _, p := range tr.packages {
		dir := path.Dir(p.path)
		if (dir == "internal/eventlog" || dir == "internal/state") && !suite(p.path) && path.Base(p.path) != "internal" {
			engines[module+p.path] = true
		}
	}
	if len(engines) < 2 {
		t.Fatalf("only %d engines found", len(engines))
	}
	for _, p := range tr.packages {
		if p.path == "internal/app" || strings.HasPrefix(p.path, "test/") || harness[p.path] {
			continue
		}
		for _, f := range p.code() {
			for _, imp := range f.imports {
				if engines[imp] {
					t.Errorf("%s imports %s; only internal/app chooses engines, so import the port and be given one", f.name, imp)
				}
			}
		}
	}
}

// harness are the packages that run the engine for tests and measurements and so
// choose engines like the application does.
var harness = map[string]bool{"internal/scenario/engines": true, "internal/bench/engines": true}

// suite reports whether a package is the suite that the engines of a port pass.
func suite(p string) bool {
	base := path.Base(p)
	return strings.HasSuffix(base, "test") && len(base) > len("test")
}

// TestSuitesServeTests: a suite imports testing, so a program that imported it
// would carry the flags of go test.
func TestSuitesServeTests(t *testing.T) {
	for _, p := range load(t).packages {
		if suite(p.path) {
			continue
		}
		for _, f := range p.code() {
			for _, imp := range f.imports {
				if strings.HasPrefix(imp, module) && suite(imp) {
					t.Errorf("%s imports the suite %s, which only tests may", f.name, imp)
				}
			}
		}
	}
}

// requirement is a line of go.mod that asks for a module.
var requirement = regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/\S+|\S+\.\S+) v\S+( // indirect)?$`)

// TestModules: go.mod asks for the modules of the table "Libraries" and for no
// others, apart from what those need themselves.
func TestModules(t *testing.T) {
	rows := table(t, "Libraries")
	asked := map[string]bool{}
	for _, m := range requirement.FindAllStringSubmatch(readFile(t, "go.mod"), -1) {
		if m[2] != "" {
			continue
		}
		lib := library(m[1], rows)
		if lib == m[1] && !slices.ContainsFunc(rows, func(r row) bool { return r.name == lib }) {
			t.Errorf("go.mod asks for %s, which is not in ARCHITECTURE.md, table \"Libraries\"; if nothing imports it, run go mod tidy", m[1])
		}
		asked[lib] = true
	}
	for _, r := range rows {
		if !asked[r.name] {
			t.Errorf("go.mod does not ask for %s itself; run go mod tidy", r.name)
		}
	}
}
