package lake

import (
	"cmp"
	"slices"
	"strings"
)

// registry is the columns of properties that a table has. Readers may take names
// that differ in upper and lower case for one, so of such names only the first
// becomes a column.
type registry struct {
	names map[string]string // by the name in lower case
	order []string
}

func newRegistry(columns []ManifestColumn) *registry {
	r := &registry{names: map[string]string{}}
	for _, c := range columns {
		if _, ok := PropertyColumn(c.Name); ok {
			r.admit(c.Name)
		}
	}
	return r
}

// admit reports whether a name may be a column, and keeps it if so.
func (r *registry) admit(name string) bool {
	folded := strings.ToLower(name)
	have, ok := r.names[folded]
	if ok {
		return have == name
	}
	if len(r.order) >= typedTableMax {
		return false
	}
	r.names[folded] = name
	r.order = append(r.order, name)
	return true
}

// choose returns the columns of properties of a file with so many rows, ascending,
// and whether they are all that its rows have.
func (r *registry) choose(counts map[string]int64, rows int64) (names []string, whole bool) {
	type counted struct {
		name string
		n    int64
	}
	var all []counted
	whole = true
	for name, n := range counts {
		if n*typedShare >= rows {
			all = append(all, counted{name, n})
		} else {
			whole = false
		}
	}
	slices.SortFunc(all, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.name, b.name))
	})
	for _, c := range all {
		if len(names) == typedFileMax || !r.admit(c.name) {
			whole = false
			continue
		}
		names = append(names, c.name)
	}
	slices.Sort(names)
	return names, whole
}

// columns are the entries of the manifest for the columns of properties.
func (r *registry) columns() []ManifestColumn {
	var out []ManifestColumn
	for _, name := range r.order {
		typ, _ := PropertyColumn(name)
		path := name[len(propertyPrefix):strings.LastIndexByte(name, ':')]
		out = append(out, ManifestColumn{name, string(typ), "The property " + path + " where it is a " + name[strings.LastIndexByte(name, ':')+1:] + ", in the files that say so."})
	}
	return out
}
