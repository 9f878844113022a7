package oracle

import (
	"sort"

	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/statehash"
	"kith/internal/strictjson"
)

// rowRecord files a write with its row; what has no declared place is left out.
func (f *fold) rowRecord(rec *record.Record) {
	body, err := entity.DecodeBody(&strictjson.Doc{}, rec.Body)
	if err != nil {
		return // it was readable before
	}
	def := f.entities.Definition(body.Entity)
	if def == nil {
		return
	}
	key, ok := def.RowOf(&body, f.cfg)
	if !ok {
		return
	}
	if f.rows == nil {
		f.rows = map[[2]string][]entity.Write{}
	}
	name := [2]string{body.Entity, key}
	f.rows[name] = append(f.rows[name], entity.Write{
		Sighting: identity.Sighting{Timestamp: rec.Stamp.Timestamp, MessageID: rec.Stamp.MessageID, Source: rec.Stamp.Source},
		Delete:   body.Delete, Attributes: body.Attributes,
	})
}

// assemble makes the rows: the writes one after the other, each over the one
// before.
func (f *fold) assemble() {
	for name, writes := range f.rows {
		sort.SliceStable(writes, func(i, j int) bool {
			if c := writes[i].Sighting.Compare(writes[j].Sighting); c != 0 {
				return c < 0
			}
			return !writes[i].Delete && writes[j].Delete
		})
		row := statehash.Row{Entity: name[0], Key: name[1], Attributes: map[string]entity.Attribute{}}
		there := false
		for i := range writes {
			there = f.overwrite(&row, &writes[i]) || there && !writes[i].Delete
		}
		if !there {
			continue
		}
		if id, ok := f.ownerOf(&row); ok {
			row.Owner = &id
		}
		f.out.Contents.Rows = append(f.out.Contents.Rows, row)
	}
}

// overwrite reports whether the write wrote anything.
func (f *fold) overwrite(row *statehash.Row, w *entity.Write) bool {
	if w.Delete {
		row.Attributes = map[string]entity.Attribute{}
		return false
	}
	var doc strictjson.Doc
	if err := doc.Parse(w.Attributes, strictjson.Limits{}); err != nil {
		return false
	}
	for k, v := range doc.Root().Members() {
		next := entity.Attribute{Sighting: w.Sighting, Value: v.AppendClean(nil)}
		have, ok := row.Attributes[k.String()]
		if ok && have.Sighting == next.Sighting && string(have.Value) > string(next.Value) {
			continue // two copies of one message, each an event: the greater value
		}
		row.Attributes[k.String()] = next
	}
	return true
}

// scoredOf is whom a score is of: the one identifier in its attribute id.
func (f *fold) scoredOf(row *statehash.Row) (id identity.Identifier, ok bool) {
	var doc strictjson.Doc
	if err := doc.Parse(row.Attributes["id"].Value, strictjson.Limits{}); err != nil || doc.Root().Len() == 0 {
		return id, false
	}
	for k, v := range doc.Root().Members() {
		value := v.Text()
		if v.Kind() == strictjson.Number {
			value = string(v.Raw())
		}
		id, reason := f.cfg.Normalize(k.String(), value, "")
		return id, reason == identity.Usable
	}
	return id, false
}

func (f *fold) ownerOf(row *statehash.Row) (identity.Identifier, bool) {
	def := f.entities.Definition(row.Entity)
	attribute, typ := def.Attribute, def.Type
	if _, list := entity.IsList(row.Entity); list {
		for name := range row.Attributes { // there is one, named by the type
			attribute, typ = name, name
		}
	}
	if entity.BuiltIn(row.Entity) && attribute == "" {
		return f.scoredOf(row)
	}
	a, ok := row.Attributes[attribute]
	if !ok || attribute == entity.Replaced {
		return identity.Identifier{}, false
	}
	var doc strictjson.Doc
	if err := doc.Parse(a.Value, strictjson.Limits{}); err != nil {
		return identity.Identifier{}, false
	}
	value := doc.Root().Text()
	if doc.Root().Kind() == strictjson.Number {
		value = string(a.Value)
	}
	id, reason := f.cfg.Normalize(typ, value, "")
	return id, reason == identity.Usable
}
