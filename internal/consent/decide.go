package consent

import (
	"maps"
	"slices"
	"strings"
)

// Key names a register of a node.
type Key struct{ Purpose, Channel string }

// Node is what was said at one node.
type Node map[Key]*Register

// register returns what was said of a purpose and channel, never nil.
func (n Node) register(purpose, channel string) *Register {
	if r := n[Key{purpose, channel}]; r != nil {
		return r
	}
	return &Register{}
}

// Add folds a statement into the node.
func (n Node) Add(s *Statement) {
	k := Key{s.Purpose, s.Channel}
	if n[k] == nil {
		n[k] = &Register{}
	}
	n[k].Add(s)
}

// of returns what counts at the node for a purpose and channel.
func (n Node) of(purpose, channel string) (Slot, bool) {
	all := n.register(Every, "")
	objection := all.stands()
	if channel != "" {
		objection = refusal(over(n.register(Every, channel), all))
	}
	if objection.State != Silent {
		return objection, true
	}
	all = n.register(purpose, "")
	if channel == "" {
		return all.Outcome(), false
	}
	return over(n.register(purpose, channel), all), false
}

// refusal leaves out a grant.
func refusal(s Slot) Slot {
	if s.State.Refuses() {
		return s
	}
	return Slot{}
}

// Person is what was said at each node of one person. A person of other nodes is
// another one, so a merge or a split rewrites nothing: a refusal at any node
// counts for the merged person, and each node keeps its own.
type Person []Node

// State returns the statement that counts for a purpose and channel (empty: what
// was said of all channels). A refusal at any node stands against a grant at
// another one. objection tells that it is a refusal of everything.
func (p Person) State(purpose, channel string) (counts Slot, objection bool) {
	for _, n := range p {
		s, every := n.of(purpose, channel)
		switch {
		case s.State == Silent:
		case counts.State == Silent, s.State.Refuses() && !counts.State.Refuses():
			counts, objection = s, every
		case s.State.Refuses() != counts.State.Refuses():
		case s.State.Refuses() && s.byReceipt(&counts) > 0, !s.State.Refuses() && s.byClaim(&counts) > 0:
			counts, objection = s, every
		}
	}
	return counts, objection
}

// Standing is one line of what a person has agreed to.
type Standing struct {
	Key
	Slot
}

// Standings returns what counts for every purpose and channel that anything was
// said of, by purpose and channel. An objection to everything stands as purpose
// Every, and is what counts for the others.
func (p Person) Standings() []Standing {
	keys := map[Key]bool{}
	for _, n := range p {
		for k := range n {
			keys[k] = true
		}
	}
	order := slices.SortedFunc(maps.Keys(keys), func(a, b Key) int {
		if c := strings.Compare(a.Purpose, b.Purpose); c != 0 {
			return c
		}
		return strings.Compare(a.Channel, b.Channel)
	})
	out := []Standing{}
	for _, k := range order {
		s, _ := p.State(k.Purpose, k.Channel)
		if s.State.Refuses() || s.State == Granted && k.Purpose != Every {
			out = append(out, Standing{k, s})
		}
	}
	return out
}

// Reason says why a decision is what it is. The texts are stable.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	ReasonObjection  Reason = "objection"    // the person objects to everything
	ReasonWithdrawn  Reason = "withdrawn"    // consent was taken back
	ReasonDenied     Reason = "denied"       // consent was refused
	ReasonGranted    Reason = "granted"      // consent was given
	ReasonNotAsked   Reason = "not_required" // nothing was said, and the purpose's legal basis needs no consent
	ReasonSilence    Reason = "silence"      // nothing was said, which is a no
	ReasonUndeclared Reason = "undeclared"   // nothing was said, and nobody has declared the purpose
)

// Decision is the answer of Decide with what it rests on.
type Decision struct {
	Allow  bool
	Reason Reason
	Basis  Slot // the statement that decided; Silent when none did
}

// Decide tells whether a person's data may be used for a purpose over a channel
// (empty: over none in particular). purpose is nil when nobody has declared it.
// It is a pure function; what it returns holds as of the states it was given.
func Decide(p Person, key string, purpose *Purpose, channel string) Decision {
	s, objection := p.State(key, channel)
	d := Decision{Basis: s}
	switch {
	case objection:
		d.Reason = ReasonObjection
	case s.State == Withdrawn:
		d.Reason = ReasonWithdrawn
	case s.State == Denied:
		d.Reason = ReasonDenied
	case s.State == Granted && key != Every:
		d.Allow, d.Reason = true, ReasonGranted
	case purpose == nil:
		d.Reason = ReasonUndeclared
	case !purpose.Required:
		d.Allow, d.Reason = true, ReasonNotAsked
	default:
		d.Reason = ReasonSilence
	}
	return d
}
