package membership

import (
	"encoding/hex"

	"kith/internal/identity"
	"kith/internal/state"
)

// settling is what is left to do for one key after an exchange: telling who came
// in and who went, and taking out the members of what served before.
type settling struct {
	Old   string `json:"old,omitempty"` // stored name; empty for a new segment
	New   string `json:"new,omitempty"` // likewise; empty for one that was deleted
	At    int64  `json:"at"`            // when the new one began to serve
	Gone  bool   `json:"gone"`          // who is in the new one was told; those of the old one are next
	After string `json:"after"`         // profile, hexadecimal
}

// exchange lets the definitions of today serve. Their members are complete, so
// this is one row; what follows from it for each member is settled in later steps.
func (s *step) exchange() error {
	p := s.e.plan
	old := s.e.live.Names
	names := map[string]string{}
	for _, d := range p.nextSet.Segments() {
		names[d.Key] = old[d.Key]
		if s.cursor.Filling != nil && s.cursor.Filling.Names[d.Key] != "" {
			names[d.Key] = s.cursor.Filling.Names[d.Key]
		}
	}
	s.cursor.Settling = append([]settling(nil), s.cursor.Settling...)
	for _, d := range p.nextSet.Segments() {
		if names[d.Key] != old[d.Key] {
			s.cursor.Settling = append(s.cursor.Settling, settling{Old: old[d.Key], New: names[d.Key], At: s.now})
		}
	}
	for _, d := range p.liveSet.Segments() {
		if names[d.Key] == "" {
			s.cursor.Settling = append(s.cursor.Settling, settling{Old: old[d.Key], At: s.now, Gone: true})
		}
	}
	s.live, s.cursor.Filling = &served{Documents: p.next, Names: names}, nil
	return nil
}

// settle does a bounded part of the first thing that is left to settle.
func (s *step) settle() error {
	if len(s.cursor.Settling) == 0 || s.live != nil {
		return nil
	}
	s.moved = true
	s.cursor.Settling = append([]settling(nil), s.cursor.Settling...)
	one := &s.cursor.Settling[0]
	name := one.New
	if one.Gone {
		name = one.Old
	}
	ids, err := s.membersAfter(name, one.After)
	if err != nil {
		return err
	}
	if err := s.prefetch(ids); err != nil {
		return err
	}
	for _, id := range ids {
		known := s.people[id] != nil
		p, err := s.person(id)
		if err != nil {
			return err
		}
		if !known {
			s.order = append(s.order, id)
		}
		one.settle(s, p)
	}
	switch {
	case len(ids) == s.e.limits.fill:
		one.After = hex.EncodeToString(ids[len(ids)-1][:])
	case !one.Gone && one.Old != "":
		one.Gone, one.After = true, ""
	default:
		s.removed = append(s.removed, one.Old)
		s.cursor.Settling = s.cursor.Settling[1:]
	}
	return nil
}

// settle tells what the exchange means for one member. Whoever was in before stays
// in since then; whoever is new is in since the definition began to serve, or
// since something later.
func (one *settling) settle(s *step, p *person) {
	before, now := p.now.Find(one.Old), p.now.Find(one.New)
	t := Transition{Profile: p.id, At: one.At, Cause: ByDefinition}
	switch {
	case !one.Gone && now != nil && !now.Told:
		now.Told = true
		p.since[one.New] = true
		if before != nil {
			now.Since = before.Since
			s.drop(p, one.Old)
			return
		}
		now.Since = max(now.Since, one.At)
		t.Segment, t.Entered = keyOf(one.New), true
		s.transitions = append(s.transitions, t)
	case one.Gone && before != nil:
		if before.Told {
			t.Segment = keyOf(one.Old)
			s.transitions = append(s.transitions, t)
		}
		s.drop(p, one.Old)
	}
}

// membersAfter returns some of the members under a stored name, in ascending order
// of ids.
func (s *step) membersAfter(name, after string) ([]identity.NodeID, error) {
	rng := state.Prefix(memberPrefix(name))
	rng.Limit = s.e.limits.fill
	if after != "" {
		b, err := hex.DecodeString(after)
		if err != nil {
			return nil, errFormat()
		}
		rng.Low = append(append(memberPrefix(name), b...), 0)
	}
	var ids []identity.NodeID
	for kv, err := range s.snap.Scan(s.ctx, rng) {
		if err != nil {
			return nil, err
		}
		if len(kv.Key) < 16 {
			return nil, errFormat()
		}
		ids = append(ids, identity.NodeID(kv.Key[len(kv.Key)-16:]))
	}
	return ids, nil
}
