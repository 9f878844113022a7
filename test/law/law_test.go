package law_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
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
				if b == 1 && s.cost > 1 && size(seed) > 100 {
					continue // so many transactions take too long for a quick test
				}
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
	first, n := uint64(0), 25
	switch {
	case *oneSeed != 0:
		first, n = *oneSeed, 1
	case *seeds > 0:
		n = *seeds
	case testing.Short():
		n = 7
	}
	var records atomic.Int64
	var folds engineCounts
	t.Run("sets", func(t *testing.T) {
		for seed := first; seed < first+uint64(n); seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				set := workload.Records(seed, size(seed))
				for _, s := range shapes(seed) {
					if _, err := try(t, seed, set, s); err != nil {
						explain(t, seed, set, s, err)
					}
					folds.add(s.log.name, s.state.name, another(seed, s.state.name).name)
					records.Add(2 * int64(len(set)))
				}
				sameHash(t, seed, set)
			})
		}
	})
	t.Logf("%d sets, %d records folded or replayed (%v), all equal to the oracle", n, records.Load(), &folds)
}

// engineCounts counts how often each engine took part.
type engineCounts struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *engineCounts) add(log, state, replay string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count["log "+log]++
	c.count["state "+state]++
	c.count["state "+replay]++
}

func (c *engineCounts) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.count)) {
		parts = append(parts, fmt.Sprintf("%s %d times", name, c.count[name]))
	}
	return strings.Join(parts, ", ")
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
	other := another(seed, s.state.name)
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

// another picks a state engine that has not the name.
func another(seed uint64, name string) stateEngine {
	var all []stateEngine
	for _, e := range stateEngines() {
		if e.name != name && seed%uint64(e.cost) == 0 {
			all = append(all, e)
		}
	}
	return all[int(seed)%len(all)]
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
