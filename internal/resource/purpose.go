package resource

import (
	"slices"

	"kith/internal/resource/form"
	"kith/internal/state"
	"kith/internal/sys"
)

// KindPurpose is the kind of the documents that say what data is used for.
const KindPurpose = "purpose"

// legalBases are the bases that a purpose may rest on, as the General Data
// Protection Regulation names them.
var legalBases = [...]string{"consent", "contract", "legal_obligation", "vital", "public_task", "legitimate_interest"}

// LegalBases returns the bases that a purpose may rest on.
func LegalBases() []string { return slices.Clone(legalBases[:]) }

// Purpose is what data is used for.
type Purpose struct {
	Name            string   `json:"name"`
	Description     string   `json:"description,omitempty"`
	Channels        []string `json:"channels,omitempty"`   // over which it is used; for people
	LegalBasis      string   `json:"legal_basis"`          // one of LegalBases
	ConsentRequired bool     `json:"consent_required"`     // silence is a no
	Categories      []string `json:"categories,omitempty"` // names that consent managers give it
	GPC             bool     `json:"gpc,omitempty"`        // Global Privacy Control refuses it
}

// Bounds of the texts of a document.
const (
	descriptionBytesMax = 2000
	categoryBytesMax    = 128
)

// OpenPurposes returns the purposes that lie in the store.
func OpenPurposes(store state.Store, clock sys.Clock) *Collection[Purpose] {
	return &Collection[Purpose]{NewDocuments(store), clock, KindPurpose, readPurpose}
}

func readPurpose(key string, body []byte) (p Purpose, version uint64, err error) {
	err = form.Read(body, func(o *form.Object) {
		readKeyOf(o, key)
		if p.Name = o.Text("name", nameBytesMax); p.Name == "" {
			p.Name = key
		}
		p.Description = o.Text("description", descriptionBytesMax)
		p.Channels = o.Texts("channels", listMax, KeyBytesMax)
		checkList(o, "channels", p.Channels, func(s string) bool { return CheckKey(s) == nil }, "must be names of channels such as email, each once")
		if p.LegalBasis = o.Text("legal_basis", nameBytesMax); p.LegalBasis == "" {
			p.LegalBasis = legalBases[0]
		}
		if !slices.Contains(legalBases[:], p.LegalBasis) {
			o.Refuse("legal_basis", form.CodeInvalid, "must be consent, contract, legal_obligation, vital, public_task or legitimate_interest")
		}
		p.ConsentRequired = o.Flag("consent_required", p.LegalBasis == legalBases[0])
		p.Categories = o.Texts("categories", listMax, categoryBytesMax)
		checkList(o, "categories", p.Categories, func(s string) bool { return s != "" }, "must be category names as the consent manager sends them, each once")
		p.GPC = o.Flag("gpc", false)
		version = uint64(o.Int("version", 0, 1, 1<<53))
		o.Skip("built_in", "created_at", "updated_at")
	})
	return p, version, err
}

// readKeyOf refuses a body that names another key than the address.
func readKeyOf(o *form.Object, key string) {
	if given := o.Text("key", KeyBytesMax); given != "" && given != key {
		o.Refuse("key", form.CodeInvalid, "must be the key in the address, or absent")
	}
}
