package identity

// The policies by which one of several writes of a trait counts.
const (
	KeepLatest       = "latest"          // the last one in the order of events
	KeepFirst        = "first"           // the first one that has a value
	KeepSource       = "source_priority" // the last one of the source that ranks highest, of those whose last one has a value
	KeepGreatest     = "max"             // the greatest number, else the greatest string
	KeepLeast        = "min"             // the least
	KeepMostFrequent = "most_frequent"   // the value written most often; of equals the one written last
	KeepUnion        = "union"           // all different values, as a list
)

// SurvivorshipPolicies returns the policies, the default first.
func SurvivorshipPolicies() []string {
	return []string{KeepLatest, KeepFirst, KeepSource, KeepGreatest, KeepLeast, KeepMostFrequent, KeepUnion}
}

// Survivorship says which of several writes of one custom trait of a person counts.
type Survivorship struct {
	Policy  string
	Sources []string `json:",omitempty"` // of KeepSource, the highest first; all others come last together
}
