package arch

import (
	"go/ast"
	"strings"
	"testing"
)

// How long things may get. The beauty of code is in its tail: what is read most
// often is the function that was never cut.
const (
	functionLinesMax  = 80
	functionLinesLong = 60 // reported
	fileLinesMax      = 700
	packageLinesMax   = 5000 // without tests
)

// longFunctions are the functions that are too long and stay so, with the reason.
var longFunctions = map[string]string{
	"internal/strictjson/scan.go scan": "one state machine with gotos, so that position and tape stay in registers",
}

// TestSizes fails for what is too long and tells what is about to be.
func TestSizes(t *testing.T) {
	tr := load(t)
	used := map[string]bool{}
	for _, p := range tr.packages {
		total := 0
		for _, f := range p.files {
			if f.lines > fileLinesMax {
				t.Errorf("%s has %d lines, over %d; cut it along its subjects", f.name, f.lines, fileLinesMax)
			}
			if !f.test {
				total += f.lines
			}
			functions(tr, f, func(name, at string, lines int) {
				key := f.name + " " + name
				switch {
				case f.test:
				case lines > functionLinesMax && longFunctions[key] != "":
					used[key] = true
				case lines > functionLinesMax:
					t.Errorf("%s: %s has %d lines, over %d; give its steps names", at, name, lines, functionLinesMax)
				case lines > functionLinesLong:
					t.Logf("%s: %s has %d lines", at, name, lines)
				}
			})
		}
		if total > packageLinesMax {
			t.Errorf("%s has %d lines without tests, over %d; it has more than one subject", p.path, total, packageLinesMax)
		}
	}
	for key := range longFunctions {
		if !used[key] {
			t.Errorf("longFunctions: %s is no longer too long; take it out", key)
		}
	}
}

func functions(tr *tree, f *goFile, visit func(name, at string, lines int)) {
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		lines := tr.fset.Position(fn.End()).Line - tr.fset.Position(fn.Pos()).Line + 1
		visit(fn.Name.Name, tr.at(fn.Pos()), lines)
	}
}

// TestTour: a newcomer reads a handful of files, and they stay short.
func TestTour(t *testing.T) {
	total := 0
	for _, name := range tourFiles(t) {
		total += strings.Count(readFile(t, name), "\n")
	}
	if total > 1000 {
		t.Errorf("the files of the tour have %d lines together, over 1,000", total)
	}
}
