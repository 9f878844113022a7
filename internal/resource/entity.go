package resource

import (
	"slices"

	"kith/internal/resource/form"
	"kith/internal/state"
	"kith/internal/sys"
)

// KindEntity is the kind of the documents that declare entities.
const KindEntity = "entity"

// Entity declares a kind of things that people have, or that events speak of:
// subscriptions, orders, products.
type Entity struct {
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Key         string      `json:"key"`                // the attribute that tells rows apart
	Relation    *Relation   `json:"relation,omitempty"` // whose a row is; nil: nobody's
	Attributes  []Attribute `json:"attributes,omitempty"`
}

// Relation says that an attribute of a row names the person that the row belongs
// to.
type Relation struct {
	Attribute      string `json:"attribute"`
	IdentifierType string `json:"identifier_type"`
}

// Attribute is the declared type of one attribute of the rows.
type Attribute struct {
	Name string `json:"name"`
	Type string `json:"type"` // one of AttributeTypes
}

var attributeTypes = [...]string{"string", "number", "boolean", "time", "object", "array"}

// AttributeTypes returns the types that an attribute may be declared with.
func AttributeTypes() []string { return slices.Clone(attributeTypes[:]) }

// attributesMax bounds the declared attributes.
const attributesMax = 500

// OpenEntities returns the entities that are declared in the store.
func OpenEntities(store state.Store, clock sys.Clock) *Collection[Entity] {
	return &Collection[Entity]{NewDocuments(store), clock, KindEntity, readEntity}
}

func readEntity(key string, body []byte) (e Entity, version uint64, err error) {
	err = form.Read(body, func(o *form.Object) {
		if e.Name = o.Text("name", nameBytesMax); e.Name == "" {
			e.Name = key
		}
		e.Description = o.Text("description", descriptionBytesMax)
		e.Key = attributeName(o, "key")
		o.Object("relation", func(rel *form.Object) {
			e.Relation = &Relation{Attribute: attributeName(rel, "attribute"), IdentifierType: rel.Required("identifier_type", typeBytesMax)}
			if t := e.Relation.IdentifierType; t != "" && !identifierType(t) {
				rel.Refuse("identifier_type", form.CodeInvalid, "must be the name of an identifier type, such as user_id")
			}
		})
		o.Objects("attributes", attributesMax, func(a *form.Object) {
			next := Attribute{attributeName(a, "name"), a.Required("type", typeBytesMax)}
			if next.Type != "" && !slices.Contains(attributeTypes[:], next.Type) {
				a.Refuse("type", form.CodeInvalid, "must be string, number, boolean, time, object or array")
			}
			if slices.ContainsFunc(e.Attributes, func(have Attribute) bool { return have.Name == next.Name }) {
				a.Refuse("name", form.CodeInvalid, "must be declared once")
			}
			e.Attributes = append(e.Attributes, next)
		})
		version = uint64(o.Int("version", 0, 1, 1<<53))
		o.Skip("created_at", "updated_at")
		if given := o.Text("entity", KeyBytesMax); given != "" && given != key {
			o.Refuse("entity", form.CodeInvalid, "must be the key in the address, or absent")
		}
	})
	return e, version, err
}

// attributeName takes the name of an attribute. Names that begin with @ say
// something of a row and are none.
func attributeName(o *form.Object, field string) string {
	name := o.Required(field, 255)
	if name != "" && name[0] == '@' {
		o.Refuse(field, form.CodeInvalid, "may not begin with @")
	}
	return name
}
