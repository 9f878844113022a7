package guard

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
)

// walker goes through a tree. The first refusal ends it.
type walker struct {
	lists

	catalog Catalog
	used    map[string]bool
	columns map[string]bool
	all     bool
	scopes  []map[string]bool // names of WITH clauses, innermost last
	depth   int
	nodes   int
	at      int // the place in the text that was passed last
	err     error

	queries, refs, exprs map[string]shape // by the kind of node
}

// field judges the value of one field of a node.
type field func(w *walker, v any)

// shape is what a kind of node may consist of. A field that is absent has its
// default.
type shape map[string]field

func newWalker(catalog Catalog) *walker {
	w := &walker{lists: newLists(), catalog: catalog, used: map[string]bool{}, columns: map[string]bool{}, at: -1}
	w.queries = queryShapes()
	w.refs = common(refShapes(), shape{"type": aText, "alias": aText, "sample": maybe(sample), "query_location": aNumber})
	w.exprs = common(exprShapes(), shape{"class": aText, "alias": aText, "query_location": aNumber})
	return w
}

// common adds the fields that every kind of node has.
func common(kinds map[string]shape, fields shape) map[string]shape {
	for _, s := range kinds {
		maps.Copy(s, fields)
	}
	return kinds
}

func (w *walker) refuse(code, format string, args ...any) {
	if w.err == nil {
		w.err = refuse(code, w.at, format, args...)
	}
}

// odd refuses what the table of shapes does not have.
func (w *walker) odd(what string) {
	w.refuse(CodeConstruct, "the query has a construct that is not allowed (%s); the reference lists what is", printable(what))
}

// object judges a node by its shape.
func (w *walker) object(v any, s shape) {
	node, ok := v.(map[string]any)
	if !ok {
		w.odd("no object")
		return
	}
	if w.nodes++; w.nodes > NodesMax {
		w.refuse(CodeTooComplex, "the query has too many parts; cut it into several")
	}
	if w.depth++; w.depth > DepthMax {
		w.refuse(CodeTooComplex, "the query is nested too deeply; cut it into steps with WITH")
	}
	w.place(node)
	for _, name := range slices.Sorted(maps.Keys(node)) {
		if w.err != nil {
			break
		}
		judge, ok := s[name]
		if !ok {
			w.odd(name)
			break
		}
		judge(w, node[name])
	}
	w.depth--
}

// place remembers where in the text a node comes from.
func (w *walker) place(node map[string]any) {
	if n, ok := node["query_location"].(json.Number); ok {
		if at, err := n.Int64(); err == nil && at >= 0 && at <= math.MaxInt32 {
			w.at = int(at)
		}
	}
}

// text returns a field that holds a string.
func text(v any, name string) string {
	node, _ := v.(map[string]any)
	s, _ := node[name].(string)
	return s
}

// list applies a judgement to each element.
func list(f field) field {
	return func(w *walker, v any) {
		all, ok := v.([]any)
		if !ok {
			w.odd("no list")
			return
		}
		for _, e := range all {
			if w.err != nil {
				return
			}
			f(w, e)
		}
	}
}

// maybe lets a null through.
func maybe(f field) field {
	return func(w *walker, v any) {
		if v != nil {
			f(w, v)
		}
	}
}

// The judgements of plain values.

func aText(w *walker, v any) {
	if _, ok := v.(string); !ok {
		w.odd("no text")
	}
}

func aFlag(w *walker, v any) {
	if _, ok := v.(bool); !ok {
		w.odd("no flag")
	}
}

func aNumber(w *walker, v any) {
	if _, ok := v.(json.Number); !ok {
		w.odd("no number")
	}
}

func isFalse(w *walker, v any) {
	if v != false {
		w.odd("flag")
	}
}

func isEmpty(w *walker, v any) {
	switch v := v.(type) {
	case nil:
		return
	case string:
		if v == "" {
			return
		}
	case []any:
		if len(v) == 0 {
			return
		}
	}
	w.odd("not empty")
}

// anyColumn is a field that, unless it is empty, names columns by place or by a
// text that is no reference.
func anyColumn(w *walker, v any) {
	names, ok := v.([]any)
	if !ok {
		w.odd("no list")
		return
	}
	w.all = w.all || len(names) > 0
}

// oneOf lets through the listed texts.
func oneOf(allowed string) field {
	set := words(allowed)
	return func(w *walker, v any) {
		if s, ok := v.(string); !ok || !set[s] {
			w.odd(s)
		}
	}
}

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, s := range strings.Fields(list) {
		set[s] = true
	}
	return set
}

// printable shortens what a message repeats.
func printable(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s), "")
}

// The WITH clauses.

// visible reports whether a WITH of that name is in scope.
func (w *walker) visible(name string) bool {
	for _, s := range w.scopes {
		if s[name] {
			return true
		}
	}
	return false
}

// withScope judges what stands inside a scope of WITH names.
func (w *walker) withScope(f func()) {
	w.scopes = append(w.scopes, map[string]bool{})
	f()
	w.scopes = w.scopes[:len(w.scopes)-1]
}

// declare brings a name into the innermost scope.
func (w *walker) declare(name string) {
	if !PlainName(name) {
		w.refuse(CodeReservedCTE, "WITH cannot use the name %q; use letters, digits and underscores, and no name of the engine's own", printable(name))
		return
	}
	w.scopes[len(w.scopes)-1][strings.ToLower(name)] = true
}
