package arch

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
	"testing"
)

// worldly are the imports by which code reaches out of its arguments.
var worldly = map[string]string{
	"os": "os", "os/exec": "os", "os/signal": "os", "os/user": "os", "syscall": "os", "io/ioutil": "os",
	"golang.org/x/sys/unix": "os",
	"net":                   "net", "crypto/tls": "net",
	"net/http": "http", "net/http/httptest": "http",
	"crypto/rand": "random", "math/rand": "random", "math/rand/v2": "random",
	"log": "log", "log/slog": "log",
	"golang.org/x/sync/errgroup": "goroutines",
}

// harmless are the names of such imports that touch nothing: errors, kinds,
// numbers, and the forms of addresses. A file that uses no other is not counted.
var harmless = map[string][]string{
	"os": {
		"ErrNotExist", "ErrExist", "ErrClosed", "ErrDeadlineExceeded", "ErrPermission", "FileMode", "FileInfo", "Signal",
		"O_RDONLY", "O_WRONLY", "O_RDWR", "O_CREATE", "O_EXCL", "O_TRUNC", "O_APPEND", "PathError",
	},
	"net": {
		"SplitHostPort", "JoinHostPort", "ParseIP", "ParseCIDR", "IP", "IPNet", "IPMask", "Addr", "Conn", "Listener",
		"Error", "OpError", "DNSError", "ErrClosed", "TCPAddr",
	},
}

// calls are the names of a package that reach out although the package itself
// is harmless or already listed for something less.
var calls = map[string]map[string]string{
	"time": {
		"Now": "clock", "Since": "clock", "Until": "clock", "Sleep": "clock", "After": "clock",
		"AfterFunc": "clock", "Tick": "clock", "NewTicker": "clock", "NewTimer": "clock",
	},
	"net/http": {
		"Get": "client", "Head": "client", "Post": "client", "PostForm": "client", "Client": "client",
		"DefaultClient": "client", "Transport": "client", "DefaultTransport": "client",
	},
	"net": {
		"Dial": "client", "DialTimeout": "client", "Dialer": "client", "DialTCP": "client", "DialUDP": "client",
		"DialUnix": "client", "DialIP": "client", "Resolver": "client", "DefaultResolver": "client",
		"LookupHost": "client", "LookupIP": "client", "LookupAddr": "client",
	},
	"path/filepath": {"Walk": "os", "WalkDir": "os", "Glob": "os", "EvalSymlinks": "os", "Abs": "os"},
}

// TestWorld holds what code touches outside its arguments against the table "The
// world". A package without a line is a function of what it is given: no clock,
// no chance, no file, no connection, no log, no goroutine.
func TestWorld(t *testing.T) {
	tr := load(t)
	lines := map[string]row{}
	for _, r := range table(t, "The world") {
		p := tr.long(r.name)
		if p == "" {
			t.Errorf("ARCHITECTURE.md:%d: there is no package %s; remove the line", r.line, r.name)
		}
		lines[p] = r
	}
	for _, p := range tr.packages {
		touched, places := touches(tr, p)
		r, ok := lines[p.path]
		if slices.Equal(sorted(r.words), touched) {
			continue
		}
		var where []string
		for _, w := range touched {
			if !slices.Contains(r.words, w) {
				where = append(where, w+" at "+places[w])
			}
		}
		if ok {
			t.Errorf("%s touches other things than ARCHITECTURE.md:%d says (%s). Inject what it needs, or if it is the place for it write:\n\t| `%s` | %s | %s |",
				p.path, r.line, strings.Join(where, ", "), short(p.path), ticked(touched), r.why)
			continue
		}
		t.Errorf("%s touches %s. Inject what it needs, or if it is the place for it add to ARCHITECTURE.md, table \"The world\":\n\t| `%s` | %s | why here |",
			p.path, strings.Join(where, ", "), short(p.path), ticked(touched))
	}
}

// touches returns what the code of a package reaches for, sorted, and one place
// of each.
func touches(tr *tree, p *goPackage) (words []string, places map[string]string) {
	places = map[string]string{}
	for _, f := range p.code() {
		note := func(word string, n ast.Node) {
			if places[word] == "" {
				places[word] = tr.at(n.Pos())
			}
		}
		for _, spec := range f.syntax.Imports {
			imp := strings.Trim(spec.Path.Value, `"`)
			if word := worldly[imp]; word != "" && !usesOnly(f, imp, harmless[imp]) {
				note(word, spec)
			}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				note("goroutines", n)
			}
			if pkg, name := selected(f, n); calls[pkg][name] != "" {
				note(calls[pkg][name], n)
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(places)), places
}

// usesOnly reports whether a file uses no names of an import but these.
func usesOnly(f *goFile, imp string, names []string) bool {
	only := len(names) > 0
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if pkg, name := selected(f, n); pkg == imp && !slices.Contains(names, name) {
			only = false
		}
		return only
	})
	return only
}

// selected returns the import and the name of an expression like time.Now.
func selected(f *goFile, n ast.Node) (pkg, name string) {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	return f.imports[x.Name], s.Sel.Name
}

// stages are what the law of the fold is about. They take time as an argument
// and must never get a line in the table.
var stages = []string{
	"event", "internal/decimal", "internal/fact", "internal/history", "internal/history/keyed", "internal/identity",
	"internal/profile", "internal/record", "internal/statehash", "internal/strictjson",
}

// TestStagesArePure keeps the table "The world" from taking in what must stay a
// function of its arguments.
func TestStagesArePure(t *testing.T) {
	tr := load(t)
	for _, name := range stages {
		p := tr.known(name)
		if p == nil {
			t.Errorf("there is no package %s", name)
			continue
		}
		if words, places := touches(tr, p); len(words) > 0 {
			t.Errorf("%s is a stage and touches %s at %s", name, words[0], places[words[0]])
		}
	}
	for _, f := range tr.known("internal/pipeline").code() {
		if shell[f.name] {
			continue
		}
		for _, imp := range f.imports {
			if worldly[imp] != "" || imp == "time" {
				t.Errorf("%s imports %s; of the pipeline only the runner and its status touch the world", f.name, imp)
			}
		}
	}
}

// shell are the files of the pipeline that own goroutines and transactions. The
// others are what the runner runs.
var shell = map[string]bool{"internal/pipeline/runner.go": true, "internal/pipeline/status.go": true}

// TestNothingSleeps: a test that sleeps is slow on a fast machine and wrong on a
// slow one. Within testing/synctest a sleep is deterministic and allowed.
func TestNothingSleeps(t *testing.T) {
	tr := load(t)
	for _, p := range tr.packages {
		for _, f := range p.files {
			bubble := slices.Contains(slices.Collect(maps.Values(f.imports)), "testing/synctest")
			if !f.test || bubble {
				continue
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if pkg, name := selected(f, n); pkg == "time" && name == "Sleep" {
					t.Errorf("%s: time.Sleep in a test; wait for what is meant, or use testing/synctest", tr.at(n.Pos()))
				}
				return true
			})
		}
	}
}
