package chaos

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

var (
	duration = flag.Duration("duration", 75*time.Second, "how long things break, one after the other; at least each once")
	seed     = flag.Uint64("seed", 1, "of the load and of what breaks")
	only     = flag.String("only", "", "the one fault that is wanted, by its name")
)

// settled is how long a fault has to be over before the next.
const settled = 2 * time.Second

// TestChaos breaks everything that can break while three nodes work.
func TestChaos(t *testing.T) {
	w := newWorld(t, "?keep=all", roles())
	w.nodes[2].must(t, http.MethodPut, "/v1/segments/buyers", `{"name":"Buyers","where":`+buyers+`}`, nil)
	rng := rand.New(rand.NewPCG(*seed, 9))
	l := startLoad(t, w.with("collect"), 4, *seed)
	w.watched = startWatch(w.openLog(t), w.openState(t))
	w.watched.moves(t, time.Minute)
	<-time.After(settled)
	t.Logf("undisturbed: the folding stood still for %v at most, acknowledgements for %v", ms(w.watched.still()), ms(l.quiet()))
	all := faults(w)
	doing := ""
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		t.Logf("the last fault: %s; no acknowledgement for %v; free on the disk of PostgreSQL: %s", doing, ms(l.quiet()), w.db.free())
		for _, n := range w.nodes {
			t.Logf("the end of the log of %s:\n%s", n.name, n.log())
		}
	})
	for i, began := 0, time.Now(); i < len(all) || time.Since(began) < *duration; i++ {
		f := all[i%len(all)]
		if i >= len(all) {
			f = all[rng.IntN(len(all))]
		}
		if *only != "" && f.name != *only {
			continue
		}
		_, _ = w.watched.still(), l.quiet()
		doing = f.name
		started := time.Now()
		f.does(t, w, rng)
		took := time.Since(started)
		w.watched.moves(t, 2*time.Minute)
		<-time.After(settled)
		t.Logf("%-38s took %6v; the folding stood still for %6v, acknowledgements for %6v; disk %s", f.name+":", ms(took), ms(w.watched.still()), ms(l.quiet()), w.db.free())
	}
	l.end()
	w.watched.end()
	w.check(t, l, l.old(slack)/2)
}

func ms(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
