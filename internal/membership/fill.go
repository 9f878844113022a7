package membership

import (
	"encoding/hex"

	"kith/internal/identity"
	"kith/internal/state"
)

// fill carries on the pass over everybody for the definitions that do not serve
// yet. Whoever is touched meanwhile is asked for them too, so when the pass has
// been everywhere they are complete; then they are exchanged for what served.
func (s *step) fill() error {
	p := s.e.plan
	switch {
	case p.live.equal(&p.next):
		return nil
	case s.cursor.Filling != nil && !s.cursor.Filling.Done:
		return s.fillSome()
	case len(s.cursor.Settling) > 0:
		return nil // what an earlier exchange means for its members is told first
	}
	return s.exchange()
}

func (s *step) fillSome() error {
	s.moved = true
	f := s.cursor.Filling
	rng := state.Prefix([]byte{byte(state.FamilyIdentifier)})
	rng.Limit = s.e.limits.fill
	if f.After != "" {
		after, err := hex.DecodeString(f.After)
		if err != nil {
			return errFormat()
		}
		rng.Low = append(append([]byte{byte(state.FamilyIdentifier)}, after...), 0)
	}
	var ids []identity.NodeID
	for kv, err := range s.snap.Scan(s.ctx, rng) {
		if err != nil {
			return err
		}
		ids = append(ids, identity.NodeID(kv.Key[1:17]))
	}
	if err := s.clusters.Load(s.ctx, ids); err != nil {
		return err
	}
	if err := s.prefetch(ids); err != nil {
		return err
	}
	if err := s.readAhead(ids); err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.fillOne(id); err != nil {
			return err
		}
	}
	f.Looked += int64(len(ids))
	if len(ids) > 0 {
		f.After = hex.EncodeToString(ids[len(ids)-1][:])
	}
	f.Done = len(ids) < s.e.limits.fill
	return nil
}

// fillOne asks one person or account for what does not serve yet.
func (s *step) fillOne(id identity.NodeID) error {
	leader, err := s.clusters.Leader(s.ctx, id)
	if err != nil || leader != id {
		return err
	}
	scope, nodes, err := s.scope(id, false)
	if err != nil || len(nodes) == 0 {
		return err
	}
	known := s.people[id] != nil
	p, err := s.person(id)
	if err != nil {
		return err
	}
	var targets []int
	for _, i := range s.all(scope) {
		if s.e.plan.targets[i].filling || !p.had { // whoever was never asked is asked for everything
			targets = append(targets, i)
		}
	}
	if len(targets) == 0 {
		if !known {
			delete(s.people, id)
		}
		return nil
	}
	if !known {
		s.order = append(s.order, id)
	}
	return s.ask(p, scope, nodes, targets, s.now, func() (int64, error) { return s.now, nil }, ByDefinition)
}
