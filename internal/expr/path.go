package expr

import (
	"strings"

	"kith/internal/strictjson"
)

// PathBytesMax bounds a path.
const PathBytesMax = 255

// Collect appends what a path leads to from root: keys joined by dots, followed
// from object to object; an array on the way stands for each of its elements.
// What is found may itself be an array or null.
func Collect(out []strictjson.Value, root strictjson.Value, path string) []strictjson.Value {
	if root.Kind() == strictjson.Array {
		for e := range root.Elements() {
			out = Collect(out, e, path)
		}
		return out
	}
	key, rest, more := strings.Cut(path, ".")
	v := root.Get(key)
	switch {
	case !v.Exists():
		return out
	case more:
		return Collect(out, v, rest)
	}
	return append(out, v)
}

// Project returns what a path leads to as clean JSON: the value itself, or an
// array when the path went through one. It is nil when the path leads to nothing.
func Project(root strictjson.Value, path string) []byte {
	found := Collect(nil, root, path)
	switch {
	case len(found) == 0:
		return nil
	case len(found) == 1 && !throughArray(root, path):
		return found[0].AppendClean(nil)
	}
	b := []byte{'['}
	for i, v := range found {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.AppendClean(b)
	}
	return append(b, ']')
}

// throughArray reports whether the path meets an array before its end.
func throughArray(root strictjson.Value, path string) bool {
	v := root
	for more := true; more; {
		if v.Kind() == strictjson.Array {
			return true
		}
		var key string
		key, path, more = strings.Cut(path, ".")
		v = v.Get(key)
	}
	return false
}
