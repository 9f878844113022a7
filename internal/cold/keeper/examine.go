package keeper

import (
	"context"
	"time"

	"kith/internal/cold"
	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/sys"
)

// Examined is what an operator should know of old history.
type Examined struct {
	Place   string        // where it lies; empty: all of it is in the state
	Due     time.Duration // older rows of the state should have moved
	Looked  int           // rows of the state that were looked at
	Overdue int           // of them, those that are older
	Oldest  int64         // when that of the oldest of them happened, in UTC milliseconds
}

// Examine opens where the settings say that old history lies, holds its rows against
// what the state says was moved, and looks at some rows of the state for how far
// behind what moves them is. hot is the state alone. Of what it returns with an error,
// the place counts.
func Examine(ctx context.Context, s Settings, hot state.Store, rand sys.Rand) (out Examined, err error) {
	if s.Address == "" {
		_, err := open(ctx, &s, hot)
		return out, err
	}
	p, err := parse(s.Address)
	if err != nil {
		return out, err
	}
	out.Place, out.Due = p.loc.Endpoint+", database "+p.loc.Database, p.after+2*pauseOf(p.after)
	s.Later = false
	if _, err := open(ctx, &s, hot); err != nil {
		return out, err
	}
	return out, out.look(ctx, hot, rand, sys.Millis(s.Clock.Now().Add(-out.Due)))
}

// A sample is rows that follow one another from random places on: nodes are keyed
// hashes, so that no place is like another.
const (
	samplePlaces = 100
	sampleRows   = 20 // from each
)

// look counts rows in a sample that are older than due.
func (e *Examined) look(ctx context.Context, hot state.Store, rand sys.Rand, due int64) error {
	snap, err := hot.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	family := []byte{byte(state.FamilyHistory)}
	seen := map[string]bool{}
	for i := range samplePlaces {
		rng := state.Range{Low: family, High: state.PrefixEnd(family), Limit: sampleRows}
		if i > 0 { // the first place is the beginning
			var node [16]byte
			if _, err := rand.Read(node[:]); err != nil {
				return errs.Wrap(err, errs.Internal, "history.random", "no random number can be drawn")
			}
			rng.Low = append([]byte{family[0]}, node[:]...)
		}
		for kv, err := range snap.Scan(ctx, rng) {
			if err != nil {
				return err
			}
			at, ok := cold.TimeOf(kv.Key)
			if !ok || seen[string(kv.Key)] {
				continue
			}
			seen[string(kv.Key)] = true
			if e.Looked++; e.Looked == 1 || at < e.Oldest {
				e.Oldest = at
			}
			if at < due {
				e.Overdue++
			}
		}
	}
	return nil
}
