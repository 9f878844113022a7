package api

import (
	"kith/internal/consent"
	"kith/internal/resource"
	"kith/internal/route"
)

// purposeAnswer is a purpose as it is answered. A body that repeats it changes
// nothing, but for a built-in one, which it declares.
type purposeAnswer struct {
	Key             string   `json:"key"`
	Name            string   `json:"name"`
	Description     string   `json:"description"`
	Channels        []string `json:"channels"`
	LegalBasis      string   `json:"legal_basis"`
	ConsentRequired bool     `json:"consent_required"`
	Categories      []string `json:"categories"`
	GPC             bool     `json:"gpc"`
	BuiltIn         bool     `json:"built_in"`
	Version         uint64   `json:"version,omitempty"`
	CreatedAt       *string  `json:"created_at"`
	UpdatedAt       *string  `json:"updated_at"`
}

func (a *API) purposeRows() []route.Route {
	c := &collection[resource.Purpose]{
		items: a.cfg.Purposes, path: "/v1/purposes", name: "Purpose", tag: "Purposes", show: showPurpose, extra: builtInPurposes,
		document: "PurposeDocument", answer: "Purpose", gone: "What was said of it stays in the ledger; a built-in purpose is again as it was.",
	}
	return c.rows()
}

func showPurpose(item *resource.Item[resource.Purpose]) any {
	p := &item.Doc
	return purposeAnswer{
		Key: item.Key, Name: p.Name, Description: p.Description, Channels: texts(p.Channels), LegalBasis: p.LegalBasis,
		ConsentRequired: p.ConsentRequired, Categories: texts(p.Categories), GPC: p.GPC, BuiltIn: item.Version == 0,
		Version: item.Version, CreatedAt: itemTime(item.CreatedAt), UpdatedAt: itemTime(item.UpdatedAt),
	}
}

func texts(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

// builtInPurposes are the purposes that there are without a document.
func builtInPurposes() []resource.Item[resource.Purpose] {
	words := map[string][2]string{
		consent.Advertising:     {"Advertising", "Advertising that follows people across sites and apps."},
		consent.Analytics:       {"Analytics", "Measuring how people use sites and apps."},
		consent.Marketing:       {"Marketing", "Messages that advertise, over any channel."},
		consent.Personalization: {"Personalization", "Content that is chosen by what is known of a person."},
		consent.SaleShare:       {"Sale and sharing", "Giving personal data to others for money or for their own use."},
	}
	var out []resource.Item[resource.Purpose]
	for _, p := range consent.BuiltIn() {
		out = append(out, resource.Item[resource.Purpose]{Key: p.Key, Doc: resource.Purpose{
			Name: words[p.Key][0], Description: words[p.Key][1], LegalBasis: resource.LegalBases()[0],
			ConsentRequired: p.Required, Categories: p.Categories, GPC: p.GPC,
		}})
	}
	return out
}

func writablePurpose() map[string]route.Schema {
	return map[string]route.Schema{
		"key":              {"type": "string", "description": "The key in the address."},
		"name":             {"type": "string", "maxLength": 200},
		"description":      {"type": "string", "maxLength": 2000},
		"channels":         {"type": "array", "items": textSchema(), "description": "Over which it is used, such as email; for people."},
		"legal_basis":      {"type": "string", "enum": resource.LegalBases(), "default": resource.LegalBases()[0]},
		"consent_required": {"type": "boolean", "description": "Silence is a no. By default when the basis is consent."},
		"categories":       {"type": "array", "items": textSchema(), "description": "Names that consent managers give it in the consent objects of events, case-sensitive."},
		"gpc":              {"type": "boolean", "default": false, "description": "Global Privacy Control refuses it."},
		"version":          {"type": "integer", "description": "In a body: change only what is still of this version."},
	}
}

func purposeSchema() route.Schema {
	all := writablePurpose()
	all["built_in"] = route.Schema{"type": "boolean", "description": "No document declares it."}
	all["created_at"], all["updated_at"] = orNull("string"), orNull("string")
	return object("What data is used for.", all, "version")
}

func purposeDocumentSchema() route.Schema {
	all := writablePurpose()
	for _, name := range []string{"built_in", "created_at", "updated_at"} {
		all[name] = route.Schema{"readOnly": true, "description": "May be repeated from an answer and means nothing."}
	}
	return route.Schema{
		"type": "object", "properties": all, "additionalProperties": false,
		"description": "A purpose as it shall be. Absent fields have their defaults.",
	}
}
