package route

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// place is one path of the table with the rows of its methods.
type place struct {
	names []string // of the wildcards, in the order of the path
	rows  map[string]*row
	allow string // for the Allow header
	cors  bool   // some row takes calls from any origin
}

// row is a mounted Route.
type row struct {
	*Route
	query []string // names of the query parameters it takes, ascending
}

// tree finds the place of a path, segment by segment. A literal segment wins
// over a wildcard. Paths are never redirected, for an SDK's POST would not survive
// it, and never cleaned of dots. One trailing slash and repeated leading ones
// mean nothing.
type tree struct {
	exact    map[string]*place // paths without wildcards: most calls end here
	literals map[string]*tree
	any      *tree
	verbs    map[string]*tree // of the wildcard: what stands behind it in the last segment
	rest     *place
	place    *place
}

func newTree(table []Route) *tree {
	root := &tree{exact: map[string]*place{}}
	for i := range table {
		root.add(&table[i])
	}
	root.seal()
	return root
}

func (t *tree) add(r *Route) {
	at := t
	var into **place
	for _, s := range segments(r.Path) {
		s, verb := cutVerb(s)
		_, rest, ok := wildcard(s)
		switch {
		case !ok:
			at = at.literal(strings.TrimSuffix(s, slash))
		case rest:
			into = &at.rest
		default:
			if at.any == nil {
				at.any = &tree{}
			}
			at = at.any.behind(verb)
		}
	}
	if into == nil {
		into = &at.place
	}
	if *into == nil {
		*into = &place{names: wildcards(r.Path), rows: map[string]*row{}}
	}
	(*into).mount(r)
	if len((*into).names) == 0 {
		t.exact[documentPath(r.Path)] = *into
	}
}

func (t *tree) literal(segment string) *tree {
	if t.literals == nil {
		t.literals = map[string]*tree{}
	}
	if t.literals[segment] == nil {
		t.literals[segment] = &tree{}
	}
	return t.literals[segment]
}

// behind is the tree of a verb behind a wildcard, or of the wildcard alone.
func (t *tree) behind(verb string) *tree {
	if verb == "" {
		return t
	}
	if t.verbs == nil {
		t.verbs = map[string]*tree{}
	}
	if t.verbs[verb] == nil {
		t.verbs[verb] = &tree{}
	}
	return t.verbs[verb]
}

func (p *place) mount(r *Route) {
	mounted := &row{Route: r}
	for _, param := range r.Params {
		if param.In == "query" {
			mounted.query = append(mounted.query, param.Name)
		}
	}
	slices.Sort(mounted.query)
	p.rows[r.Method] = mounted
	p.cors = p.cors || r.CORS
}

// seal fills in what follows from all rows of a place.
func (t *tree) seal() {
	for _, p := range []*place{t.place, t.rest} {
		if p != nil {
			p.allow = p.allowed()
		}
	}
	for _, below := range []map[string]*tree{t.literals, t.verbs} {
		for _, next := range below {
			next.seal()
		}
	}
	if t.any != nil {
		t.any.seal()
	}
}

func (p *place) allowed() string {
	var all []string
	for m := range p.rows {
		all = append(all, m)
	}
	if p.rows[http.MethodGet] != nil && p.rows[http.MethodHead] == nil {
		all = append(all, http.MethodHead)
	}
	if p.cors && p.rows[http.MethodOptions] == nil {
		all = append(all, http.MethodOptions)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// find returns the place of an escaped path and the decoded values of its
// wildcards. A wildcard never matches an empty segment.
func (t *tree) find(escaped string) (*place, []string) {
	if p := t.exact[escaped]; p != nil {
		return p, nil
	}
	if strings.HasPrefix(escaped, "//") {
		escaped = "/" + strings.TrimLeft(escaped, "/")
	}
	if p, values := t.lookup(escaped); p != nil {
		return p, values
	}
	if len(escaped) > 1 && strings.HasSuffix(escaped, "/") {
		return t.lookup(escaped[:len(escaped)-1])
	}
	return nil, nil
}

// findCollector is find for a path with slashes in its middle that are repeated:
// an SDK whose address ends in a slash writes such paths. Only the collector has
// to be found this way.
func (t *tree) findCollector(escaped string) (*place, []string) {
	if !strings.Contains(escaped, "//") || len(escaped) > pathBytesMax {
		return nil, nil
	}
	for strings.Contains(escaped, "//") {
		escaped = strings.ReplaceAll(escaped, "//", "/")
	}
	if p, values := t.find(escaped); p != nil && p.cors {
		return p, values
	}
	return nil, nil
}

func (t *tree) lookup(escaped string) (*place, []string) {
	if p := t.exact[escaped]; p != nil {
		return p, nil
	}
	if len(escaped) > pathBytesMax {
		return nil, nil
	}
	all := segments(escaped)
	if len(all) > segmentsMax {
		return nil, nil
	}
	for i, s := range all {
		decoded, err := url.PathUnescape(s)
		if err != nil || !utf8.ValidString(decoded) {
			return nil, nil
		}
		all[i] = decoded
	}
	return t.walk(all, nil)
}

// Bounds of the work on a path that somebody made up.
const (
	pathBytesMax = 8 << 10
	segmentsMax  = 64
)

func (t *tree) walk(left, values []string) (*place, []string) {
	if len(left) == 0 {
		if t.place == nil && t.rest != nil {
			return t.rest, append(values[:len(values):len(values)], "")
		}
		return t.place, values
	}
	if next := t.literals[left[0]]; next != nil {
		if p, v := next.walk(left[1:], values); p != nil {
			return p, v
		}
	}
	if i := strings.LastIndexByte(left[0], ':'); t.any != nil && len(left) == 1 && i > 0 {
		if next := t.any.verbs[left[0][i:]]; next != nil && next.place != nil {
			return next.place, append(values[:len(values):len(values)], left[0][:i])
		}
	}
	if t.any != nil && left[0] != "" {
		if p, v := t.any.walk(left[1:], append(values[:len(values):len(values)], left[0])); p != nil {
			return p, v
		}
	}
	if t.rest != nil {
		return t.rest, append(values[:len(values):len(values)], strings.Join(left, "/"))
	}
	return nil, nil
}

// row returns the row that answers the method, GET's for HEAD, or nil.
func (p *place) row(method string) *row {
	if r := p.rows[method]; r != nil {
		return r
	}
	if method == http.MethodHead {
		return p.rows[http.MethodGet]
	}
	return nil
}
