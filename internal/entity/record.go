package entity

import (
	"cmp"
	"slices"

	"kith/internal/identity"
	"kith/internal/strictjson"
)

func sortNamed(rows []Named) {
	slices.SortFunc(rows, func(a, b Named) int { return cmp.Compare(a.Key, b.Key) })
}

// Body is what a record of kind Row holds as its body.
type Body struct {
	Entity     string
	Run        string
	Delete     bool
	Key        string // of a deletion: the row's key; of a built-in entity it is in Attributes
	Attributes []byte // of a write: clean JSON object with the key's attribute in it
}

// AppendTo appends the body's JSON.
func (b *Body) AppendTo(out []byte) []byte {
	out = strictjson.AppendString(append(out, `{"entity":`...), b.Entity)
	if b.Run != "" {
		out = strictjson.AppendString(append(out, `,"run":`...), b.Run)
	}
	switch {
	case b.Delete && b.Key == "":
		out = append(append(out, `,"delete":true,"attributes":`...), b.Attributes...)
	case b.Delete:
		out = strictjson.AppendString(append(out, `,"delete":`...), b.Key)
	default:
		out = append(append(out, `,"attributes":`...), b.Attributes...)
	}
	return append(out, '}')
}

// DecodeBody reads a record's body. Bytes that are none give kind Corrupt.
func DecodeBody(doc *strictjson.Doc, data []byte) (Body, error) {
	if err := doc.Parse(data, strictjson.Limits{}); err != nil {
		return Body{}, errFormat("write of an entity's row")
	}
	root := doc.Root()
	b := Body{Entity: root.Get("entity").Text(), Run: root.Get("run").Text()}
	named := BuiltIn(b.Entity)
	v := root.Get("delete")
	b.Delete = v.Exists()
	if b.Delete && !named {
		b.Key = v.Text()
	} else {
		v := root.Get("attributes")
		if v.Kind() != strictjson.Object {
			return Body{}, errFormat("write of an entity's row")
		}
		b.Attributes = v.AppendClean(nil)
	}
	if b.Entity == "" || b.Delete && !named && !ValidKey(b.Key) {
		return Body{}, errFormat("write of an entity's row")
	}
	return b, nil
}

// RowOf returns the key of the row that a body writes. ok is false when its
// attributes have none, as the entity is declared today.
func (d *Definition) RowOf(b *Body, cfg *identity.Config) (key string, ok bool) {
	if _, list := IsList(d.Entity); list {
		return listRow(b.Attributes, cfg)
	}
	if d.builtIn {
		return scoreRow(b.Attributes, cfg)
	}
	if b.Delete {
		return b.Key, true
	}
	var doc strictjson.Doc
	if err := doc.Parse(b.Attributes, strictjson.Limits{}); err != nil {
		return "", false
	}
	return KeyOf(doc.Root().Get(d.Key))
}
