package settings

import (
	"encoding/json"
	"slices"
	"strings"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/resource/form"
)

// Traits is the document that says by which policies custom traits of people count.
type Traits struct {
	Policies []TraitPolicy `json:"policies"` // by trait
}

// TraitPolicy is the policy of one trait.
type TraitPolicy struct {
	Trait   string   `json:"trait"`
	Policy  string   `json:"policy"`
	Sources []string `json:"sources,omitempty"` // of source_priority, the highest first
}

const (
	policiesMax   = 500
	sourcesMax    = 100
	traitBytesMax = 255
)

// ReadTraits reads a document as somebody wrote it. The error is of kind Invalid and
// names every place.
func ReadTraits(body []byte) (Traits, error) {
	t := Traits{Policies: []TraitPolicy{}}
	err := form.Read(body, func(o *form.Object) {
		o.Objects("policies", policiesMax, func(p *form.Object) {
			next := TraitPolicy{Trait: p.Required("trait", traitBytesMax), Policy: p.Required("policy", 64)}
			next.Sources = p.Texts("sources", sourcesMax, 64)
			switch {
			case next.Policy == "":
			case !slices.Contains(identity.SurvivorshipPolicies(), next.Policy):
				p.Refuse("policy", form.CodeInvalid, "must be "+strings.Join(identity.SurvivorshipPolicies(), ", "))
			case next.Policy == identity.KeepSource && len(next.Sources) == 0:
				p.Refuse("sources", form.CodeRequired, "must name the sources, the highest first")
			case next.Policy != identity.KeepSource && len(next.Sources) > 0:
				p.Refuse("sources", form.CodeInvalid, "is for source_priority alone")
			}
			if slices.ContainsFunc(t.Policies, func(have TraitPolicy) bool { return have.Trait == next.Trait }) {
				p.Refuse("trait", form.CodeInvalid, "must have one policy")
			}
			t.Policies = append(t.Policies, next)
		})
	})
	slices.SortFunc(t.Policies, func(a, b TraitPolicy) int { return strings.Compare(a.Trait, b.Trait) })
	return t, err
}

// DecodeTraits reads a stored document; the error is of kind Corrupt.
func DecodeTraits(data []byte) (t Traits, err error) {
	if json.Unmarshal(data, &t) != nil {
		return t, errs.New(errs.Corrupt, "identity.settings_format", "the stored settings of traits cannot be read")
	}
	return t, nil
}

// JSON returns the form in which the document is stored.
func (t *Traits) JSON() ([]byte, error) {
	b, err := json.Marshal(t)
	return b, errs.Wrap(err, errs.Internal, "identity.settings_encode", "the settings of traits could not be written down")
}

// Survivorship is the policies as the configuration has them; nil when all traits
// have their latest write.
func (t *Traits) Survivorship() map[string]identity.Survivorship {
	var out map[string]identity.Survivorship
	for _, p := range t.Policies {
		if p.Policy == identity.KeepLatest {
			continue
		}
		if out == nil {
			out = map[string]identity.Survivorship{}
		}
		out[p.Trait] = identity.Survivorship{Policy: p.Policy, Sources: p.Sources}
	}
	return out
}
