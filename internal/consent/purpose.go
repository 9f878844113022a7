package consent

import "slices"

// Purpose is what data is used for.
type Purpose struct {
	Key        string
	Required   bool     // silence is a no
	Categories []string // names that consent managers give it, case-sensitive
	GPC        bool     // Global Privacy Control refuses it
	// Declared: a category that a consent object lacks counts as refused. The
	// built-in purposes take only what an object says.
	Declared bool
}

// Config is the interpreting configuration of consent: what statements of events
// mean. It must not change once it is in use.
type Config struct {
	Purposes []Purpose // by key
}

// Purpose returns the purpose of that key, or nil.
func (c *Config) Purpose(key string) *Purpose {
	for i := range c.Purposes {
		if c.Purposes[i].Key == key {
			return &c.Purposes[i]
		}
	}
	return nil
}

// reading is what of a purpose decides what records mean.
type reading struct {
	Key        string
	Categories []string
	GPC        bool
	Declared   bool
}

// Meaning returns what of the configuration decides what records mean, in a form
// that can be written down and compared.
func (c *Config) Meaning() any {
	out := []reading{}
	for _, p := range c.Purposes {
		if len(p.Categories) > 0 || p.GPC {
			out = append(out, reading{p.Key, p.Categories, p.GPC, p.Declared})
		}
	}
	return out
}

// Keys of the built-in purposes.
const (
	Marketing       = "marketing"
	Analytics       = "analytics"
	Personalization = "personalization"
	Advertising     = "advertising"
	SaleShare       = "sale_share"
)

// BuiltIn returns the purposes that there are without a document, by key. All of
// them need consent. The categories are those of common consent managers:
// OneTrust's groups, the examples of Segment's documentation, and the signals of
// Consent Mode.
func BuiltIn() []Purpose {
	return []Purpose{
		{Key: Advertising, Required: true, GPC: true, Categories: []string{
			"Advertising", "advertising", "Targeting", "targeting", "C0004", "ad_storage", "ad_user_data", "ad_personalization"}},
		{Key: Analytics, Required: true, Categories: []string{
			"Analytics", "analytics", "Performance", "performance", "C0002", "analytics_storage"}},
		{Key: Marketing, Required: true, Categories: []string{"Marketing", "marketing"}},
		{Key: Personalization, Required: true, Categories: []string{
			"Functional", "functional", "Personalization", "personalization", "C0003", "personalization_storage"}},
		{Key: SaleShare, Required: true, GPC: true, Categories: []string{
			"DataSharing", "Data Sharing", "sale_share", "SaleOfData", "SPD_BG"}},
	}
}

// DefaultConfig is the configuration without any document.
func DefaultConfig() *Config { return &Config{Purposes: BuiltIn()} }

// With returns the built-in purposes with the declared ones in place of or beside
// them, by key.
func With(declared []Purpose) *Config {
	all := BuiltIn()
	for _, p := range declared {
		p.Declared = true
		if i := slices.IndexFunc(all, func(have Purpose) bool { return have.Key == p.Key }); i >= 0 {
			all[i] = p
		} else {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Purpose) int {
		switch {
		case a.Key < b.Key:
			return -1
		case a.Key > b.Key:
			return 1
		}
		return 0
	})
	return &Config{Purposes: all}
}
