package identity

import "sort"

// Policy says which of two rival links of an identifier wins.
type Policy uint8

// The policies.
const (
	First  Policy = iota // the link seen first
	Latest               // the link seen last
	None                 // neither: a value with rivals joins nobody
)

const day = 24 * 60 * 60 * 1000 // milliseconds

// Limit bounds how many identifiers of one type a cluster may hold: no window
// of that length contains more than Count first sightings. Window is in
// milliseconds; 0 means ever.
type Limit struct {
	Count  int
	Window int64
}

// Rule is the configuration of one identifier type.
type Rule struct {
	Priority int // 1 is the highest
	Limit    Limit
	Policy   Policy
	// Protected types mean a person for sure; what is only likely never joins two of
	// their values.
	Protected bool
	// Guard: an identifier linked to more than that many distinct values of the
	// named type is shared by too many people to mean one of them; it joins nobody.
	Guard map[string]int
}

// Path maps a place in a call to an identifier type. Events limits it to tracks
// of these names; empty means every call.
type Path struct {
	Path   string // dotted, from properties, traits or context: "traits.crm_id"
	Type   string
	Events []string
}

// SourceRule is what a source's settings say about its identifiers.
type SourceRule struct {
	Country    string          // for phone numbers without a country code; ISO 3166 alpha-2
	Identifies map[string]bool // types that may identify; nil means all
}

// Config is the interpreting configuration of identity. It must not change once
// it is in use.
type Config struct {
	Country    string // where a source names none
	Rules      map[string]Rule
	External   Rule // of every type that has no rule of its own
	Paths      []Path
	Blocked    *Blocklist `json:"-"` // see Blocklist.Rules
	ClusterMax int        // identifiers in one cluster
	// ClusterAlert: a cluster of more identifiers is worth a look.
	ClusterAlert int
	// AnonymousNever: the events of an identifier of a browser alone stay with it and
	// do not follow the browser's owner.
	AnonymousNever bool
	// AliasMerges: an alias call makes two user ids one person, as an operator does.
	AliasMerges bool
	Sources     map[string]SourceRule
	// Survivorship says by trait which of several writes counts; of all others the last
	// one does.
	Survivorship map[string]Survivorship `json:",omitempty"`

	phones *phoneCache
}

// DefaultConfig returns the built-in configuration. Its values are those of
// section 2.2 of the identity specification; docs/adr/0003 gives the reasons.
func DefaultConfig() *Config {
	device := Rule{Priority: 6, Limit: Limit{10, 365 * day}, Policy: Latest, Guard: map[string]int{"user_id": 3, "email": 3}}
	browser := Rule{Priority: 7, Limit: Limit{30, 30 * day}, Policy: Latest, Guard: map[string]int{"user_id": 3, "email": 3}}
	contact := func(priority int) Rule {
		return Rule{Priority: priority, Limit: Limit{Count: 5}, Policy: First, Guard: map[string]int{"user_id": 5}}
	}
	return &Config{
		Rules: map[string]Rule{
			"user_id":        {Priority: 1, Limit: Limit{Count: 1}, Protected: true},
			"crm_id":         {Priority: 2, Limit: Limit{Count: 1}, Protected: true},
			"email":          contact(4),
			"phone":          contact(5),
			"device_id":      device,
			"idfa":           device,
			"gaid":           device,
			"advertising_id": device,
			"push_token":     device,
			"anonymous_id":   browser,
			"ga_client_id":   browser,
		},
		External:   Rule{Priority: 3, Limit: Limit{Count: 3}, Policy: First, Guard: map[string]int{"user_id": 3}},
		Blocked:    DefaultBlocklist(),
		ClusterMax: 500, ClusterAlert: 100,
		phones: newPhoneCache(),
	}
}

// Rule returns the rule of a type.
func (c *Config) Rule(typ string) Rule {
	if r, ok := c.Rules[typ]; ok {
		return r
	}
	return c.External
}

// anonymous reports whether an identifier of a type says nothing of a person but
// which browser it was.
func anonymous(typ string) bool { return typ == "anonymous_id" || typ == "ga_client_id" }

// Follows reports whether what happened to an identifier alone is also what
// happened to the person whom the leader of its cluster stands for.
func (c *Config) Follows(id, leader Identifier) bool {
	return !c.AnonymousNever || !anonymous(id.Type) || anonymous(leader.Type)
}

// less is the order of identifiers by rank: priority, then type, then value. The
// first of an event's identifiers is its home.
func (c *Config) less(a, b Identifier) bool {
	if pa, pb := c.Rule(a.Type).Priority, c.Rule(b.Type).Priority; pa != pb {
		return pa < pb
	}
	if a.Type != b.Type {
		return a.Type < b.Type
	}
	return a.Value < b.Value
}

// Sort orders identifiers by rank.
func (c *Config) Sort(ids []Identifier) {
	sort.Slice(ids, func(i, j int) bool { return c.less(ids[i], ids[j]) })
}
