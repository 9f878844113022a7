package law_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"kith/internal/oracle/workload"
	"kith/internal/record"
	"kith/internal/statehash"
	"kith/test/law"
)

// One set can be run again by its seed, and more can be tried than by default.
var (
	oneSeed = flag.Uint64("seed", 0, "run this set of records alone")
	seeds   = flag.Int("seeds", 0, "how many random sets to try; 0: as many as fit into a quick test")
)

var (
	batchSizes = []int{1, 7, 1000}
	partitions = []int{1, 3}
)

// shapesPerSet is how many combinations one set is run in.
const shapesPerSet = 6

// shapes returns combinations of engines, batch sizes and partitions for a set:
// always the plainest one, and others by the seed, so that many sets see all of
// them. Costly engines take part in some of the sets.
func shapes(seed uint64) []shape {
	var out []shape
	for _, l := range logEngines() {
		for _, s := range stateEngines() {
			if seed%uint64(l.cost*s.cost) != 0 {
				continue
			}
			for _, b := range batchSizes {
				for _, p := range partitions {
					out = append(out, shape{l, s, b, p, true})
				}
			}
		}
	}
	out[0].shuffled = false
	rng := rand.New(rand.NewPCG(seed, 0x73686170))
	rest := out[1:]
	rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return out[:min(len(out), shapesPerSet)]
}

// TestStateIsAFunctionOfTheSetOnEveryEngine: random sets of records, in any
// order, with repeats, in batches of any size, over any number of partitions, on
// any engines, come to one and the same state, which is the oracle's; and so does
// a replay of the log into the empty state of another engine.
func TestStateIsAFunctionOfTheSetOnEveryEngine(t *testing.T) {
	first, n := uint64(0), 60
	switch {
	case *oneSeed != 0:
		first, n = *oneSeed, 1
	case *seeds > 0:
		n = *seeds
	case testing.Short():
		n = 8
	}
	var folds, records atomic.Int64
	t.Run("sets", func(t *testing.T) {
		for seed := first; seed < first+uint64(n); seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				set := workload.Records(seed, size(seed))
				for _, s := range shapes(seed) {
					if _, err := try(t, seed, set, s); err != nil {
						explain(t, seed, set, s, err)
					}
					folds.Add(2)
					records.Add(int64(len(set)))
				}
				sameHash(t, seed, set)
			})
		}
	})
	t.Logf("%d sets, %d folds and replays of %d records, all equal to the oracle", n, folds.Load(), records.Load())
}

// size is how many records the set of a seed has: mostly few, for then a
// difference is easy to read, sometimes many.
func size(seed uint64) int {
	rng := rand.New(rand.NewPCG(seed, 0x73697a65))
	if rng.IntN(10) == 0 {
		return 400 + rng.IntN(800)
	}
	return 5 + rng.IntN(150)
}

// sameHash folds the set in two orders into one engine each and compares the
// hashes with one another, beside the oracle.
func sameHash(t *testing.T, seed uint64, set [][]byte) {
	t.Helper()
	var hashes []statehash.Sum
	for _, s := range shapes(seed)[:2] {
		tally, err := try(t, seed, set, s)
		if err != nil {
			return // reported before
		}
		hashes = append(hashes, tally.Hash)
	}
	if hashes[0] != hashes[1] {
		t.Errorf("seed %d: two orders give two hashes", seed)
	}
}

// try folds the set in one shape and replays the log into the other state
// engines.
func try(t *testing.T, seed uint64, set [][]byte, s shape) (law.Tally, error) {
	t.Helper()
	sent := set
	if s.shuffled {
		sent = workload.Shuffled(seed, set)
	}
	log, store := s.log.open(t, s.partitions), s.state.open(t)
	defer log.Close()
	defer store.Close()
	w := newWorld(t, log, store, s.batch)
	if err := w.append(sent); err != nil {
		return law.Tally{}, err
	}
	tally, err := w.fold()
	if err != nil {
		return tally, err
	}
	other := stateEngines()[(indexOf(s.state.name)+1)%len(stateEngines())]
	fresh := other.open(t)
	defer fresh.Close()
	again, err := newWorld(t, log, fresh, s.batch%7+2).fold()
	if err != nil {
		return again, fmt.Errorf("replayed into %s: %w", other.name, err)
	}
	if again.Hash != tally.Hash {
		return again, errors.New("the replay gives another hash")
	}
	return tally, nil
}

func indexOf(name string) int {
	for i, e := range stateEngines() {
		if e.name == name {
			return i
		}
	}
	return 0
}

// explain reports a failure with as few records as show it.
func explain(t *testing.T, seed uint64, set [][]byte, s shape, err error) {
	t.Helper()
	few := law.Minimize(set, 300, func(some [][]byte) bool {
		_, err := try(t, seed, some, s)
		return err != nil
	})
	if _, again := try(t, seed, few, s); again != nil {
		err = again
	}
	text := ""
	for _, data := range few {
		r, bad := record.Decode(data)
		if bad != nil {
			text += "  (no record)\n"
			continue
		}
		text += fmt.Sprintf("  %s %q %v received %d, timestamp %d: %s %s\n", r.Stamp.Source, r.Stamp.MessageID,
			r.Stamp.Type, r.Stamp.ReceivedAt-workload.Start, r.Stamp.Timestamp-workload.Start, r.Envelope, r.Body)
	}
	t.Errorf("%s: %v\n%d of %d records show it:\n%sgo test ./test/law -run TestStateIsAFunction -seed=%d", s, err, len(few), len(set), text, seed)
}
