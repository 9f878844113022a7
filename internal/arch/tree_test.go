package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// root is where the repository begins, seen from this package.
const root = "../.."

// module is the path in front of every package of this repository.
const module = "kith/"

// goFile is one parsed file.
type goFile struct {
	name    string // from the root, with slashes
	test    bool
	lines   int
	syntax  *ast.File
	imports map[string]string // local name → path
}

// goPackage is one folder of Go files.
type goPackage struct {
	path  string // from the root
	files []*goFile
}

// code yields the files that are no tests.
func (p *goPackage) code() []*goFile {
	return slices.DeleteFunc(slices.Clone(p.files), func(f *goFile) bool { return f.test })
}

// tree is the parsed repository.
type tree struct {
	fset     *token.FileSet
	packages []*goPackage // by path
}

// parsed reads the repository once for all tests.
var parsed = sync.OnceValues(func() (*tree, error) {
	tr := &tree{fset: token.NewFileSet()}
	byPath := map[string]*goPackage{}
	err := walk(func(name string) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := tr.parse(name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byPath[dir] == nil {
			byPath[dir] = &goPackage{path: dir}
			tr.packages = append(tr.packages, byPath[dir])
		}
		byPath[dir].files = append(byPath[dir].files, f)
		return nil
	})
	slices.SortFunc(tr.packages, func(a, b *goPackage) int { return strings.Compare(a.path, b.path) })
	return tr, err
})

// walk hands over the files of the repository, without what tools leave there.
func walk(visit func(name string) error) error {
	return fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			hidden := strings.HasPrefix(base, ".") && base != "." && base != ".github"
			if hidden || base == "node_modules" || base == "testdata" || base == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		return visit(name)
	})
}

func (tr *tree) parse(name string) (*goFile, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	syntax, err := parser.ParseFile(tr.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &goFile{
		name: name, test: strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(text, []byte{'\n'}), syntax: syntax, imports: map[string]string{},
	}
	for _, spec := range syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		f.imports[localName(spec, p)] = p
	}
	return f, nil
}

// localName is the name under which a file uses an import. A path that ends in a
// version is known by the element before it.
func localName(spec *ast.ImportSpec, p string) string {
	if spec.Name != nil && spec.Name.Name != "_" {
		return spec.Name.Name
	}
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(p))
	}
	if spec.Name != nil { // imported for its effect: kept apart from a use of the name
		return "_ " + p
	}
	return base
}

// load returns the parsed repository.
func load(t *testing.T) *tree {
	t.Helper()
	tr, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.packages) == 0 {
		t.Fatal("no package found: the tests must run in their own folder")
	}
	return tr
}

// at formats a place for a failure.
func (tr *tree) at(p token.Pos) string {
	q := tr.fset.Position(p)
	return q.Filename + ":" + strconv.Itoa(q.Line)
}

// known finds a package by its path.
func (tr *tree) known(p string) *goPackage {
	i, ok := slices.BinarySearchFunc(tr.packages, p, func(a *goPackage, b string) int { return strings.Compare(a.path, b) })
	if !ok {
		return nil
	}
	return tr.packages[i]
}
