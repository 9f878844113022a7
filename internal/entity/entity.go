// Package entity keeps the things that people have or that events speak of:
// subscriptions, orders, products. A row is the last write of each of its
// attributes by the order of events; it belongs to the node that its relation
// names, today, and moves when the relation changes. A write can be taken out
// again, which leaves the row as if it had never been.
package entity

import (
	"slices"
	"strings"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/strictjson"
)

// KeyBytesMax bounds the key of a row, which stands in keys of the state and in
// marks.
const KeyBytesMax = 180

// Definition declares an entity.
type Definition struct {
	Entity    string // key of the entity, such as subscriptions
	Key       string // the attribute that tells rows apart
	Attribute string // names the person that a row belongs to; empty: rows are nobody's
	Type      string // of the identifier that Attribute holds

	builtIn bool // see BuiltIn
}

// Config is the interpreting configuration of entities. It must not change once
// it is in use. A nil Config declares none.
type Config struct {
	Definitions []Definition // by entity
}

// Definition returns the definition of an entity, or nil when it is not declared.
// Built-in ones need not be.
func (c *Config) Definition(key string) *Definition {
	if BuiltIn(key) {
		return &Definition{Entity: key, builtIn: true}
	}
	if c == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(c.Definitions, key, func(d Definition, key string) int { return strings.Compare(d.Entity, key) })
	if !ok {
		return nil
	}
	return &c.Definitions[i]
}

// Identifier returns what stands for a row where nodes are asked for, as for its
// lock. The colon keeps it apart from every type that a call can name.
func Identifier(entity, key string) identity.Identifier {
	return identity.Identifier{Type: "entity:" + entity, Value: key}
}

// KeyOf reads the key of a row: a string, or a whole number as it is written.
func KeyOf(v strictjson.Value) (key string, ok bool) {
	switch v.Kind() {
	case strictjson.String:
		key = v.Text()
	case strictjson.Number:
		key = string(v.Raw())
		if strings.ContainsAny(key, ".eE") || key == "-0" {
			return "", false
		}
	}
	return key, ValidKey(key)
}

// ValidKey reports whether a text can be the key of a row.
func ValidKey(key string) bool {
	return key != "" && len(key) <= KeyBytesMax && !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// Owner returns the identifier that a row belongs to. ok is false when the row
// names nobody.
func (d *Definition) Owner(row *Row, cfg *identity.Config) (id identity.Identifier, ok bool) {
	if _, list := IsList(d.Entity); list {
		return listOwner(row, cfg)
	}
	if d.builtIn {
		return scoreOwner(row, cfg)
	}
	if d.Attribute == "" || !row.Exists() {
		return id, false
	}
	a, ok := row.attributes[d.Attribute]
	if !ok {
		return id, false
	}
	var doc strictjson.Doc
	if err := doc.Parse(a.Value, strictjson.Limits{}); err != nil {
		return id, false
	}
	value := ""
	switch v := doc.Root(); v.Kind() {
	case strictjson.String:
		value = v.Text()
	case strictjson.Number:
		value = string(v.Raw())
	}
	id, reason := cfg.Normalize(d.Type, value, "")
	return id, reason == identity.Usable
}

func errFormat(what string) error {
	return errs.New(errs.Corrupt, "entity.format", "a stored %s cannot be read", what)
}
