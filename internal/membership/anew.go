package membership

import (
	"encoding/hex"

	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/state"
)

// anew is what follows when the state was made anew under other rules: who is in
// what is asked of everybody again once the log is folded to where it ended when
// that was noticed. Meanwhile memberships stay as they are, so that nobody exits
// and enters again only because the state was empty for a while.
type anew struct {
	Ends    []int64 `json:"ends"`    // by partition, where the log ended
	Asking  bool    `json:"asking"`  // it is folded; everybody is asked
	Unknown bool    `json:"unknown"` // who had an answer before was asked; who never had one is next
	After   string  `json:"after"`   // node, hexadecimal
}

// renew notices that the state was made anew, waits until it is whole, and asks
// everybody. held tells that nothing else may be done.
func (s *step) renew() (held bool, err error) {
	_, fingerprint, err := pipeline.Interpretation(s.ctx, s.snap)
	if err != nil {
		return false, err
	}
	now := hex.EncodeToString(fingerprint)
	switch {
	case s.e.stored == nil || s.cursor.Interpretation == "" && s.cursor.Anew == nil:
		s.cursor.Interpretation = now
		return false, nil
	case s.cursor.Interpretation != now:
		s.e.recall.Clear()
		ends, err := s.e.cfg.Log.Ends(s.ctx)
		if err != nil {
			return false, err
		}
		s.cursor.Interpretation, s.cursor.Anew, s.moved = now, &anew{Ends: ends}, true
		return true, nil
	case s.cursor.Anew == nil:
		return false, nil
	}
	a := *s.cursor.Anew
	s.cursor.Anew = &a
	if !a.Asking {
		return s.awaitFold(&a)
	}
	return false, s.askAgain(&a)
}

// awaitFold lets the asking begin once the log is folded.
func (s *step) awaitFold(a *anew) (held bool, err error) {
	at, err := pipeline.Folded(s.ctx, s.snap, s.e.cfg.Partitions)
	if err != nil {
		return false, err
	}
	for p, end := range a.Ends {
		if at[p] < end {
			return true, nil
		}
	}
	if s.cursor.Facts, err = pipeline.FactEnds(s.ctx, s.snap, s.e.cfg.Partitions); err != nil {
		return false, err
	}
	s.e.recall.Clear()
	a.Asking, s.moved = true, true
	return false, nil
}

// askAgain asks a bounded number of people everything: first those who had an
// answer before, of whom some may be nobody any more, then those who never had one.
func (s *step) askAgain(a *anew) error {
	s.moved = true
	prefix := table(tableOf)
	if a.Unknown {
		prefix = []byte{byte(state.FamilyIdentifier)}
	}
	rng := state.Prefix(prefix)
	rng.Limit = s.e.limits.fill
	if a.After != "" {
		after, err := hex.DecodeString(a.After)
		if err != nil {
			return errFormat()
		}
		rng.Low = append(append(prefix, after...), 0)
	}
	var ids []identity.NodeID
	for kv, err := range s.snap.Scan(s.ctx, rng) {
		if err != nil {
			return err
		}
		if len(kv.Key) < len(prefix)+16 {
			return errFormat()
		}
		ids = append(ids, identity.NodeID(kv.Key[len(prefix):]))
	}
	for _, id := range ids {
		leader, err := s.clusters.Leader(s.ctx, id)
		if err != nil {
			return err
		}
		if leader == id || !a.Unknown {
			s.touch(id, ByIdentity).all = true
		}
	}
	switch {
	case len(ids) == s.e.limits.fill:
		a.After = hex.EncodeToString(ids[len(ids)-1][:])
	case !a.Unknown:
		a.Unknown, a.After = true, ""
	default:
		s.cursor.Anew = nil
	}
	return nil
}
