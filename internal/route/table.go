package route

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"kith/internal/errs"
)

var keyNames = [...]string{"none", "write", "read", "admin"}

// String returns the name of the kind in the document and in messages.
func (k Key) String() string {
	if int(k) < len(keyNames) {
		return keyNames[k]
	}
	return "unknown"
}

// Opens reports whether the holder of a key of this kind may call a route that
// asks for kind want. It is the whole table of rights: a kind opens its own
// routes and those that ask for none, and an admin key, which has all rights in
// its workspace, opens those of a read key as well.
func (k Key) Opens(want Key) bool {
	return want == NoKey || k == want || k == AdminKey && want == ReadKey
}

var classNames = [...]string{"public", "internal", "identifying", "special", "secret"}

// String returns the name of the class in the document.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unknown"
}

// collector reports whether the row belongs to the collector. Its handlers look
// for the key themselves, since SDKs put it into a header, the address or the
// body; they inflate and bound the body; and they are called with whatever query
// parameters a page or a proxy adds.
func (r *Route) collector() bool { return r.CORS || r.Key == WriteKey }

// Check refuses a table that could not be mounted or described as it stands.
// The errors name every row in question; they are of kind Internal because a
// table is part of the program.
func Check(table []Route) error {
	names, places := map[string]bool{}, map[string]bool{}
	var bad []string
	for i := range table {
		r := &table[i]
		for _, mistake := range r.mistakes() {
			bad = append(bad, fmt.Sprintf("%s %s (%s): %s", r.Method, r.Path, r.Name, mistake))
		}
		place := r.Method + " " + shape(r.Path)
		if names[r.Name] || places[place] {
			bad = append(bad, fmt.Sprintf("%s (%s): name or path stands twice", place, r.Name))
		}
		names[r.Name], places[place] = true, true
	}
	bad = append(bad, wildcardClashes(table)...)
	if len(bad) > 0 {
		return errs.New(errs.Internal, "route.table", "%s", strings.Join(bad, "; "))
	}
	return nil
}

var methods = []string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodHead,
}

// mistakes lists what is wrong with one row.
func (r *Route) mistakes() []string {
	var bad []string
	check := func(ok bool, mistake string) {
		if !ok {
			bad = append(bad, mistake)
		}
	}
	check(slices.Contains(methods, r.Method), "unknown method")
	check(strings.HasPrefix(r.Path, "/") && !strings.Contains(r.Path, "//") && r.Path != "/"+slash, "bad path")
	check(r.Path == "/" || !strings.HasSuffix(r.Path, "/"), "a path ends without a slash, or with /{$}")
	check(r.Name != "", "no name")
	check(r.Tag != "", "no tag")
	check(r.Summary != "", "no summary")
	check(len(r.Answers) > 0, "no answers")
	check(r.Handler != nil, "no handler")
	check(int(r.Key) < len(keyNames) && int(r.Class) < len(classNames), "unknown kind of key or class")
	check((r.BodyBytes > 0) == (r.Body != nil), "a body needs a bound and a schema, both or none")
	for _, a := range r.Answers {
		check(a.Status >= 200 && a.Status < 600 && a.Summary != "", "an answer without status or summary")
	}
	return append(bad, r.paramMistakes()...)
}

func (r *Route) paramMistakes() []string {
	var bad []string
	inPath := wildcards(r.Path)
	for _, p := range r.Params {
		switch p.In {
		case "path":
			i := slices.Index(inPath, p.Name)
			if i < 0 {
				bad = append(bad, "parameter "+p.Name+" is not in the path")
				continue
			}
			inPath = slices.Delete(inPath, i, i+1)
		case "query", "header":
		default:
			bad = append(bad, "parameter "+p.Name+" is nowhere")
		}
		if p.Summary == "" || p.Schema == nil {
			bad = append(bad, "parameter "+p.Name+" lacks a summary or schema")
		}
	}
	for _, name := range inPath {
		bad = append(bad, "parameter "+name+" of the path is not declared")
	}
	return bad
}

// segments cuts a path or pattern into what stands between its slashes.
func segments(path string) []string {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// slash is the last segment of a path that is written with a slash at its end.
// Such a row needs to stand in the table only to be described: the mux finds a
// path with and without the slash.
const slash = "{$}"

// wildcard returns the name of a segment of the form {name} or {name...}; rest
// tells the second form, which matches everything that is left.
func wildcard(segment string) (name string, rest, ok bool) {
	if segment == slash || !strings.HasPrefix(segment, "{") || !strings.HasSuffix(segment, "}") {
		return "", false, false
	}
	name, rest = strings.CutSuffix(segment[1:len(segment)-1], "...")
	return name, rest, true
}

// cutVerb parts a segment of the form {name}:verb, which only the last one may have.
func cutVerb(segment string) (rest, verb string) {
	if i := strings.Index(segment, "}:"); i > 0 && segment[0] == '{' {
		return segment[:i+1], segment[i+1:]
	}
	return segment, ""
}

func wildcards(path string) []string {
	var names []string
	for _, s := range segments(path) {
		s, _ = cutVerb(s)
		if name, _, ok := wildcard(s); ok {
			names = append(names, name)
		}
	}
	return names
}

// shape is a path without the names of its wildcards.
func shape(path string) string {
	all := segments(path)
	for i, s := range all {
		s, verb := cutVerb(s)
		if _, rest, ok := wildcard(s); ok && rest {
			all[i] = "{...}"
		} else if ok {
			all[i] = "{}" + verb
		}
	}
	return "/" + strings.Join(all, "/")
}

// wildcardClashes finds paths of one shape whose wildcards have different names,
// and wildcards that swallow the rest of a path from its middle.
func wildcardClashes(table []Route) []string {
	var bad []string
	first := map[string]string{}
	for i := range table {
		path := table[i].Path
		if before, ok := first[shape(path)]; ok && before != path {
			bad = append(bad, before+" and "+path+" are one path under two names")
		}
		first[shape(path)] = path
		all := segments(path)
		for j, s := range all {
			if j == len(all)-1 {
				s, _ = cutVerb(s)
			}
			if _, rest, ok := wildcard(s); ok && rest && j != len(all)-1 {
				bad = append(bad, path+": only the last segment may take the rest")
			}
			if _, _, ok := wildcard(s); !ok && strings.ContainsAny(s, "{}") && (s != slash || j != len(all)-1) {
				bad = append(bad, path+": a wildcard is a whole segment")
			}
		}
	}
	return bad
}
