// Package segment is the set of definitions of a workspace, its computed traits
// and segments, and what they come to for one person or account at one moment.
//
// Definitions name each other: a segment its traits and other segments, an
// expression its traits. A set never holds a circle, so every question has an
// answer; answers are worked out when they are asked for, each once.
package segment

import (
	"slices"
	"strings"

	"kith/internal/expr"
	"kith/internal/resource/form"
	"kith/internal/trait"
)

// Definition is one segment.
type Definition struct {
	Key   string
	Name  string // for people
	Scope expr.Scope
	List  bool           // members are uploaded; there is no condition
	Where expr.Condition // nil for a list
}

// Set is the definitions of a workspace. It does not change: With and Without
// make another one.
type Set struct {
	traits   map[string]*trait.Definition
	segments map[string]*Definition
}

// NewSet returns a set of no definitions.
func NewSet() *Set {
	return &Set{traits: map[string]*trait.Definition{}, segments: map[string]*Definition{}}
}

// Traits returns the computed traits in ascending order of keys.
func (s *Set) Traits() []*trait.Definition { return sorted(s.traits) }

// Segments returns the segments in ascending order of keys.
func (s *Set) Segments() []*Definition { return sorted(s.segments) }

func sorted[T any](m map[string]T) []T {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]T, 0, len(m))
	for _, k := range keys {
		out = append(out, m[k])
	}
	return out
}

// Trait returns the computed trait that a path leads to, or nil: the one of that
// key, or one of several values of which the path names one.
func (s *Set) Trait(path string) *trait.Definition {
	if d := s.traits[path]; d != nil {
		return d
	}
	if key, _, deeper := trait.Cut(path); deeper && s.traits[key] != nil && s.traits[key].RFM != nil {
		return s.traits[key]
	}
	return nil
}

// Segment returns the segment of that key, or nil.
func (s *Set) Segment(key string) *Definition { return s.segments[key] }

func (s *Set) clone() *Set {
	t := NewSet()
	for k, d := range s.traits {
		t.traits[k] = d
	}
	for k, d := range s.segments {
		t.segments[k] = d
	}
	return t
}

// WithTrait returns the set with the trait in place of the one of its key.
func (s *Set) WithTrait(d *trait.Definition) *Set {
	t := s.clone()
	t.traits[d.Key] = d
	return t
}

// WithSegment returns the set with the segment in place of the one of its key.
func (s *Set) WithSegment(d *Definition) *Set {
	t := s.clone()
	t.segments[d.Key] = d
	return t
}

// WithoutTrait returns the set without the trait of that key.
func (s *Set) WithoutTrait(key string) *Set {
	t := s.clone()
	delete(t.traits, key)
	return t
}

// WithoutSegment returns the set without the segment of that key.
func (s *Set) WithoutSegment(key string) *Set {
	t := s.clone()
	delete(t.segments, key)
	return t
}

const nameBytesMax = 200

// ReadSegment reads the fields of the object as the definition of the segment of
// that key, which may name what is in the set. What is wrong is refused on the
// object.
func (s *Set) ReadSegment(o *form.Object, key string, opts expr.Options) *Definition {
	opts.Segment = func(other string, scope expr.Scope) string { return s.mayName(key, other, scope) }
	d := ReadStored(o, key, opts)
	s.refuseDear(o, s.segmentCosts(d), s.WithSegment(d), opts.CostMax)
	return d
}

// ReadStored reads a definition that was checked when it was saved: it may name
// segments that are yet to be read.
func ReadStored(o *form.Object, key string, opts expr.Options) *Definition {
	d := &Definition{Key: key, Name: o.Text("name", nameBytesMax), List: o.Flag("list", false)}
	if d.Name == "" {
		d.Name = key
	}
	switch scope := o.Text("scope", 16); scope {
	case "", "profile":
	case "account":
		d.Scope = expr.Account
	default:
		o.Refuse("scope", form.CodeInvalid, "must be profile or account")
	}
	if d.List {
		if o.Has("where") {
			o.Refuse("where", form.CodeInvalid, "cannot stand beside list: members of a list are uploaded")
		}
		o.Skip("where")
		return d
	}
	opts.Scope = d.Scope
	if !o.Has("where") {
		o.Refuse("where", form.CodeRequired, "must be a condition; or list must be true")
	}
	o.Object("where", func(o *form.Object) { d.Where = expr.Read(o, opts) })
	return d
}

// mayName says why a segment may not name another one, or "".
func (s *Set) mayName(key, other string, scope expr.Scope) string {
	d := s.segments[other]
	switch {
	case other == key:
		return "a segment cannot be made of itself"
	case d == nil:
		return "there is no segment of that key" + expr.DidYouMean(other, keysOf(s.segments))
	case d.Scope != scope:
		return "that segment is not one of " + map[expr.Scope]string{expr.Profile: "profiles", expr.Account: "accounts"}[scope]
	}
	if path := s.path(other, key, nil); path != nil {
		return "would make a circle: " + strings.Join(append([]string{key}, path...), " → ")
	}
	return ""
}

func keysOf[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// path returns the keys by which a segment leads to another one, both included,
// or nil.
func (s *Set) path(from, to string, seen []string) []string {
	if from == to {
		return []string{to}
	}
	if slices.Contains(seen, from) {
		return nil
	}
	seen = append(seen, from)
	for _, next := range s.Needs(from) {
		if p := s.path(next, to, seen); p != nil {
			return append([]string{from}, p...)
		}
	}
	return nil
}

// Names returns the keys of the segments and computed traits that a definition of
// a kind, segment or trait, names itself, ascending.
func (s *Set) Names(kind, key string) (segments, traits []string) {
	if kind == "trait" {
		if d := s.traits[key]; d != nil && d.Expression != nil {
			traits = slices.Sorted(slices.Values(d.Expression.Traits))
		}
		return nil, traits
	}
	d := s.segments[key]
	if d == nil || d.Where == nil {
		return nil, nil
	}
	d.Where.Walk(func(c expr.Condition) {
		switch c := c.(type) {
		case *expr.SegmentCondition:
			segments = append(segments, c.Key)
		case *expr.TraitCondition:
			traits = append(traits, c.Path)
		case *expr.SequenceCondition:
			traits = append(traits, c.TraitRefs()...)
		}
	})
	for i, path := range traits {
		if d := s.Trait(path); d != nil {
			traits[i] = d.Key
		}
	}
	traits = slices.DeleteFunc(traits, func(k string) bool { return s.traits[k] == nil })
	slices.Sort(segments)
	slices.Sort(traits)
	return slices.Compact(segments), slices.Compact(traits)
}

// Needs returns the keys of the segments that a segment names, ascending.
func (s *Set) Needs(key string) []string {
	segments, _ := s.Names("segment", key)
	return segments
}

// NeededBy returns the keys of the segments that name a segment, ascending.
func (s *Set) NeededBy(key string) []string {
	var keys []string
	for _, d := range s.Segments() {
		if slices.Contains(s.Needs(d.Key), key) {
			keys = append(keys, d.Key)
		}
	}
	return keys
}

// ReadTrait reads the fields of the object as the definition of the trait of that
// key, whose expression may name what is in the set.
func (s *Set) ReadTrait(o *form.Object, key string, opts expr.Options) *trait.Definition {
	d := trait.Read(o, key, opts)
	if d.Expression == nil {
		s.refuseDear(o, s.traitCosts(d), s.WithTrait(d), opts.CostMax)
		return d
	}
	for _, name := range d.Expression.Traits {
		other := s.traits[name]
		switch {
		case name == key || other != nil && s.leads(other, key, nil):
			o.Refuse("expression", form.CodeInvalid, "would make a circle: "+name+" needs "+key)
		case other != nil && other.Timed():
			o.Refuse("expression", form.CodeInvalid, name+" counts time, so it cannot stand in an expression")
		case other != nil && other.Scope != d.Scope:
			o.Refuse("expression", form.CodeInvalid, name+" has another scope")
		}
	}
	s.refuseDear(o, s.traitCosts(d), s.WithTrait(d), opts.CostMax)
	return d
}

// leads reports whether an expression names a key, through others too.
func (s *Set) leads(d *trait.Definition, key string, seen []string) bool {
	if d.Expression == nil || slices.Contains(seen, d.Key) {
		return false
	}
	seen = append(seen, d.Key)
	for _, name := range d.Expression.Traits {
		if name == key {
			return true
		}
		if other := s.traits[name]; other != nil && s.leads(other, key, seen) {
			return true
		}
	}
	return false
}
