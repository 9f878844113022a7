package arch

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestNoInit: code that runs because a package is imported cannot be left out,
// ordered or tested.
func TestNoInit(t *testing.T) {
	tr := load(t)
	for _, p := range tr.packages {
		for _, f := range p.files {
			for _, d := range f.syntax.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: init; make a constructor and call it", tr.at(fn.Pos()))
				}
			}
		}
	}
}

// TestNoMutableGlobals: a package-level variable is an embedded file, an
// assertion, a value made once from constants (an expression, an error, a table),
// and is never written to afterwards.
func TestNoMutableGlobals(t *testing.T) {
	tr := load(t)
	for _, p := range tr.packages {
		code := p.code()
		names := map[string]bool{}
		for _, f := range code {
			for _, v := range variables(f) {
				if reason := mutable(f, v); reason != "" {
					t.Errorf("%s: the package-level variable %s %s; keep it in a struct that its user is given", tr.at(v.spec.Pos()), v.name, reason)
				}
				names[v.name] = v.name != "_"
			}
		}
		for _, f := range code {
			for _, fn := range f.syntax.Decls {
				if fn, ok := fn.(*ast.FuncDecl); ok && fn.Body != nil {
					for _, n := range writes(fn, names) {
						t.Errorf("%s: %s is a package-level variable and must not change", tr.at(n.Pos()), n.Name)
					}
				}
			}
		}
	}
}

type variable struct {
	name  string
	spec  *ast.ValueSpec
	doc   *ast.CommentGroup // of the declaration
	value ast.Expr          // nil: none
}

func variables(f *goFile) []variable {
	var out []variable
	for _, d := range f.syntax.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			spec := s.(*ast.ValueSpec)
			for i, n := range spec.Names {
				v := variable{name: n.Name, spec: spec, doc: g.Doc}
				if len(spec.Values) == len(spec.Names) {
					v.value = spec.Values[i]
				}
				out = append(out, v)
			}
		}
	}
	return out
}

// makers are the calls that may make a package-level value.
var makers = map[string][]string{
	"regexp":             {"MustCompile"},
	"errors":             {"New"},
	"kith/internal/errs": {"New"},
	"strings":            {"NewReplacer", "Repeat", "Fields"},
	"sync":               {"OnceValue", "OnceValues"},
	"crypto/sha256":      {"Sum256"},
	"hash/crc32":         {"MakeTable"},
	"net/netip":          {"MustParsePrefix", "MustParseAddr"},
	"html/template":      {"Must"},
	"text/template":      {"Must"},
	"time":               {"Date"},
}

// mutable says why a variable may not be package-level, or "".
func mutable(f *goFile, v variable) string {
	if v.name == "_" || embedded(v) {
		return ""
	}
	switch x := v.value.(type) {
	case nil:
		return "has no value"
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			return "is a pointer"
		}
	case *ast.CallExpr:
		if _, conversion := x.Fun.(*ast.ArrayType); conversion {
			return ""
		}
		pkg, name := selected(f, x.Fun)
		if !slices.Contains(makers[pkg], name) {
			return "is made by a call that is not in the list of this test"
		}
	case *ast.CompositeLit:
		if pkg, name := selected(f, x.Type); pkg == "sync" || pkg == "sync/atomic" {
			return "is a " + name
		}
	}
	return ""
}

func embedded(v variable) bool {
	for _, doc := range [...]*ast.CommentGroup{v.doc, v.spec.Doc} {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// writes returns the package-level names to which a function writes: by
// assigning to them or to a part of them, by taking their address, by deleting
// or clearing. Names that the function declares itself are its own.
func writes(fn *ast.FuncDecl, names map[string]bool) []*ast.Ident {
	own := declared(fn)
	var out []*ast.Ident
	check := func(e ast.Expr) {
		if id := base(e); id != nil && names[id.Name] && !own[id.Name] {
			out = append(out, id)
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				check(e)
			}
		case *ast.IncDecStmt:
			check(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				check(n.X)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && len(n.Args) > 0 {
				check(n.Args[0])
			}
		}
		return true
	})
	return out
}

// declared returns the names that a function brings in itself, wherever: it may
// miss a write through a name that is also its own, and never reports a false one.
func declared(fn *ast.FuncDecl) map[string]bool {
	own := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, id := range n.Names {
				own[id.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, e := range n.Lhs {
					if id, ok := e.(*ast.Ident); ok {
						own[id.Name] = true
					}
				}
			}
		case *ast.RangeStmt:
			for _, e := range [...]ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					own[id.Name] = true
				}
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				own[id.Name] = true
			}
		}
		return true
	})
	return own
}

// base is the variable whose part an expression is.
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}
