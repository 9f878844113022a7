package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// TestPackageComments: every package says what it is for, in one of its files.
func TestPackageComments(t *testing.T) {
	for _, p := range load(t).packages {
		documented, code := 0, 0
		for _, f := range p.files {
			if f.test {
				continue
			}
			code++
			if f.syntax.Doc == nil {
				continue
			}
			documented++
			want := "Package " + f.syntax.Name.Name + " "
			if f.syntax.Name.Name == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(f.syntax.Doc.Text(), want) {
				t.Errorf("%s: the package comment must begin with %q", f.name, want)
			}
		}
		if code > 0 && documented != 1 {
			t.Errorf("%s has %d package comments; it needs one, in the file that a reader opens first", p.path, documented)
		}
	}
}

// TestExportedNamesAreDocumented: a comment on an exported name says what the
// reader of a call cannot see: invariants, units, ownership, errors.
func TestExportedNamesAreDocumented(t *testing.T) {
	tr := load(t)
	for _, p := range tr.packages {
		for _, f := range p.code() {
			for _, d := range f.syntax.Decls {
				for _, n := range undocumented(d) {
					t.Errorf("%s: %s is exported and has no comment", tr.at(n.Pos()), n.Name)
				}
			}
		}
	}
}

// undocumented returns the exported names that a declaration leaves without a
// comment. A comment on a group of names is one for each of them.
func undocumented(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil || d.Tok == token.IMPORT {
			return nil
		}
		var out []*ast.Ident
		for _, s := range d.Specs {
			out = append(out, undocumentedSpec(s)...)
		}
		return out
	}
	return nil
}

func undocumentedSpec(s ast.Spec) []*ast.Ident {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && s.Name.IsExported() {
			return []*ast.Ident{s.Name}
		}
	case *ast.ValueSpec:
		if s.Doc != nil || s.Comment != nil {
			return nil
		}
		var out []*ast.Ident
		for _, n := range s.Names {
			if n.IsExported() {
				out = append(out, n)
			}
		}
		return out
	}
	return nil
}

// exportedReceiver reports whether a function stands alone or on a type that
// other packages can name. Methods of others are there for an interface, which
// has the comment.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// unwanted are words that tell the reader of a comment about the work and not
// about the code. What is left to do is not written into code at all.
var unwanted = []struct {
	word *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`), "says what is missing; do it, or leave it out"},
	{regexp.MustCompile(`(?i)\b(phase|milestone|sprint|roadmap)\b`), "tells when something was made; say what it is"},
	{regexp.MustCompile(`(^|[\s(])#\d+\b`), "points at a ticket; say what the reader has to know"},
	{regexp.MustCompile(`(?i)\b(issue|ticket|pull request) #?\d+`), "points at a ticket; say what the reader has to know"},
	{regexp.MustCompile(`(^|[\s"'(])/(work|root|home)/\w`), "is a path of one machine"},
	{regexp.MustCompile(`\b(proxy\.golang\.org|registry\.npmjs\.org|deb\.debian\.org)\b`), "is the host of a registry"},
}

// ticketLike finds names like ABC-123. standards are the ones that are no ticket.
var (
	ticketLike = regexp.MustCompile(`\b[A-Z]{2,}-\d+\b`)
	standards  = regexp.MustCompile(`^(SHA|UTF|ISO|AES|RFC|CRC|UCS|CVE|IEEE|ECMA|HMAC|MD|EC|PKCS|ANSI)-`)
)

// TestComments keeps comments about the code.
func TestComments(t *testing.T) {
	tr := load(t)
	for _, p := range tr.packages {
		if p.path == "internal/arch" {
			continue // names the words
		}
		for _, f := range p.files {
			for _, group := range f.syntax.Comments {
				for _, c := range group.List {
					for _, why := range complaints(c.Text) {
						t.Errorf("%s: %s", tr.at(c.Pos()), why)
					}
				}
			}
		}
	}
}

func complaints(text string) []string {
	var out []string
	for _, u := range unwanted {
		if m := u.word.FindString(text); m != "" {
			out = append(out, `"`+strings.TrimSpace(m)+`" `+u.why)
		}
	}
	for _, m := range ticketLike.FindAllString(text, -1) {
		if !standards.MatchString(m) {
			out = append(out, `"`+m+`" looks like a ticket; say what the reader has to know`)
		}
	}
	return out
}

func TestComplaints(t *testing.T) {
	for text, want := range map[string]int{
		"// TODO: later":                               1,
		"// the second phase":                          1,
		"// see issue 12 and ABC-123":                  2,
		"// as in (#7)":                                1,
		"// SHA-256 of UTF-8 text, ISO-8601, &#39;":    0,
		"// a prefix of /v1/work/ and emphasised text": 0,
		"// kept in /work/main":                        1,
	} {
		if got := complaints(text); len(got) != want {
			t.Errorf("%q: %d complaints %q, want %d", text, len(got), got, want)
		}
	}
}
