package sim

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kith/test/law"
)

var (
	oneSeed = flag.Uint64("seed", 0, "simulate this seed alone")
	seeds   = flag.Int("seeds", 500, "how many seeds to simulate, from 1 on")
	ops     = flag.Int("ops", 60, "how many operations a seed has")
	only    = flag.String("only", "", "with -seed: the numbers of the operations to run, with commas")
)

// TestSim simulates seeds.
func TestSim(t *testing.T) {
	if *oneSeed != 0 {
		list := numbered(plan(*oneSeed, *ops))
		if *only != "" {
			list = chosen(t, list, *only)
		}
		simulateAll(t, []job{{*oneSeed, *ops, list}})
		return
	}
	n := *seeds
	if testing.Short() {
		n = min(n, 60)
	}
	var jobs []job
	for seed := range uint64(n) {
		jobs = append(jobs, job{seed + 1, *ops, numbered(plan(seed+1, *ops))})
	}
	simulateAll(t, jobs)
}

// TestSeedsThatFailed simulates the seeds that once showed a defect.
func TestSeedsThatFailed(t *testing.T) {
	f, err := os.Open("testdata/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var jobs []job
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		var j job
		if _, err := fmt.Sscan(line, &j.seed, &j.n); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		j.ops = numbered(plan(j.seed, j.n))
		jobs = append(jobs, j)
	}
	simulateAll(t, jobs)
}

// job is one simulation to run.
type job struct {
	seed uint64
	n    int
	ops  []numberedOp
}

// numberedOp is an operation with its number in the seed's list.
type numberedOp struct {
	number int
	op
}

func numbered(all []op) []numberedOp {
	out := make([]numberedOp, len(all))
	for i, o := range all {
		out[i] = numberedOp{i, o}
	}
	return out
}

func plain(all []numberedOp) []op {
	out := make([]op, len(all))
	for i, o := range all {
		out[i] = o.op
	}
	return out
}

func chosen(t *testing.T, all []numberedOp, numbers string) []numberedOp {
	var out []numberedOp
	for text := range strings.SplitSeq(numbers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n >= len(all) {
			t.Fatalf("-only: %q is no number of an operation", text)
		}
		out = append(out, all[n])
	}
	return out
}

// simulateAll runs the simulations, as many at a time as there are processors,
// and reports what happened.
func simulateAll(t *testing.T, jobs []job) {
	var (
		total   tally
		mu      sync.Mutex
		workers sync.WaitGroup
		next    = make(chan job)
	)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for j := range next {
				got, err := simulate(j.seed, plain(j.ops))
				if err != nil {
					explain(t, j, err)
					continue
				}
				mu.Lock()
				total.add(got)
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		if t.Failed() {
			break
		}
		next <- j
	}
	close(next)
	workers.Wait()
	t.Log(total)
}

// explain reports a failure with the operations that it needs.
func explain(t *testing.T, j job, err error) {
	const tries = 400
	few := law.Minimize(j.ops, tries, func(some []numberedOp) bool {
		_, err := simulate(j.seed, plain(some))
		return err != nil
	})
	if _, again := simulate(j.seed, plain(few)); again != nil {
		err = again
	}
	var numbers, lines []string
	for _, o := range few {
		numbers = append(numbers, strconv.Itoa(o.number))
		lines = append(lines, fmt.Sprintf("  %3d %v", o.number, o.op))
	}
	t.Errorf("seed %d: %v\n%+v\n%d of %d operations show it:\n%s\ngo test ./test/sim -run TestSim -seed=%d -ops=%d -only=%s",
		j.seed, err, newWorld(j.seed).shape, len(few), len(j.ops), strings.Join(lines, "\n"), j.seed, j.n, strings.Join(numbers, ","))
}

// TestSameSeedSamePlan: a seed must show the same thing twice.
func TestSameSeedSamePlan(t *testing.T) {
	for seed := range uint64(20) {
		a, b := fmt.Sprint(plan(seed, 100)), fmt.Sprint(plan(seed, 100))
		if a != b {
			t.Fatalf("seed %d: two plans", seed)
		}
		if !slices.Equal(items(rand.New(rand.NewPCG(seed, 1)), 50), items(rand.New(rand.NewPCG(seed, 1)), 50)) {
			t.Fatalf("seed %d: two workloads", seed)
		}
	}
}
