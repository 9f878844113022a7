package membership

import (
	"kith/internal/identity"
	"kith/internal/state"
)

// aheadRows is how many rows of each kind are read of a node together with those of
// others; who has more is read alone.
const aheadRows = 64

// nodePrefix is how many bytes begin the keys of one family and node.
const nodePrefix = 1 + 16

// readAhead reads what the answers of many people rest on, where that saves ways to
// the server. Whoever is nobody's leader is not asked.
func (s *step) readAhead(ids []identity.NodeID) error {
	if s.ahead == nil {
		return nil
	}
	var prefixes [][]byte
	for _, id := range ids {
		c, err := s.clusters.Of(s.ctx, id)
		if err != nil {
			return err
		}
		if c.Leader != id {
			continue
		}
		for _, n := range c.Nodes {
			for _, f := range [...]state.Family{state.FamilyObservation, state.FamilyAdjacent, state.FamilyHistory, state.FamilyTrait, state.FamilyConsent} {
				if f == state.FamilyHistory && s.e.recall.Knows(n) {
					continue // its events were read before
				}
				prefixes = append(prefixes, append([]byte{byte(f)}, n[:]...))
			}
		}
	}
	return s.ahead.Load(s.ctx, prefixes, aheadRows)
}
