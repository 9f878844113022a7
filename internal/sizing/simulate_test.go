package sizing

import (
	"testing"
	"time"
)

// ordinary is a load that one workspace carries easily.
func ordinary() Setup {
	return Setup{Rate: 2000, People: 100_000, PerCall: 50, Nodes: 3, NodeCores: 4, Segments: 2, Links: 0.27, Length: time.Minute, Seed: 1}
}

// TestOneBatch holds the time of a single transaction against the sum by hand.
func TestOneBatch(t *testing.T) {
	c := measuredCosts()
	for _, n := range []int{1, 700, batchMax} {
		got := Simulate(Setup{Backlog: n, People: 1, Nodes: 1, NodeCores: 1, Length: time.Hour})
		want := c.transaction + time.Duration(n)*(c.interpret+c.fold)
		if got.Folded != int64(n) || got.Took != want || got.Batch != float64(n) {
			t.Errorf("%d events of one person: %d folded in %v by transactions of %.0f, want %v", n, got.Folded, got.Took, got.Batch, want)
		}
	}
	got := Simulate(Setup{Backlog: batchMax + 1, People: 1, Nodes: 1, NodeCores: 1, Length: time.Hour})
	if want := 2*c.transaction + (batchMax+1)*(c.interpret+c.fold); got.Took != want {
		t.Errorf("two transactions of one person take %v, want one after the other %v", got.Took, want)
	}
}

// TestLocksBoundAWorkspace: large transactions that link people follow each other, so
// nodes add nothing beyond that; those that link nobody do not meet those of other
// partitions.
func TestLocksBoundAWorkspace(t *testing.T) {
	c := measuredCosts()
	const events = 100_000
	least := events*c.fold + events/batchMax*c.transaction
	for _, nodes := range []int{1, 3, 12} {
		got := Simulate(Setup{Backlog: events, People: 1_000_000, Links: 0.5, Nodes: nodes, NodeCores: 8, Length: time.Hour, Seed: 3})
		if got.Folded != events || got.Took < least || got.Took > least*11/10 {
			t.Errorf("%d nodes fold %d events in %v, want %v and little more", nodes, got.Folded, got.Took, least)
		}
	}
	for _, c := range []struct {
		links float64
		part  time.Duration // of the time of one after the other
	}{{0, 6}, {0.002, 2}} {
		got := Simulate(Setup{Backlog: events, People: 1_000_000, Links: c.links, Nodes: 12, NodeCores: 8, Length: time.Hour, Seed: 3})
		if got.Folded != events || got.Took > least/c.part {
			t.Errorf("where %v of the events link people %d are folded in %v, want less than %v", c.links, got.Folded, got.Took, least/c.part)
		}
	}
}

// TestSameSeedSameOutcome: nothing but the setup decides.
func TestSameSeedSameOutcome(t *testing.T) {
	a, b := Simulate(ordinary()), Simulate(ordinary())
	if a != b {
		t.Errorf("%+v and %+v", a, b)
	}
	other := ordinary()
	other.Seed = 2
	if c := Simulate(other); c == a {
		t.Errorf("another seed has the same outcome %+v", c)
	}
}

// TestEverythingIsFolded: below what the locks allow the rate comes out that went in,
// and little waits; above it what waits grows until the end.
func TestEverythingIsFolded(t *testing.T) {
	s := ordinary()
	got := Simulate(s)
	if want := s.Rate * s.Length.Seconds(); float64(got.Folded) < 0.92*want || float64(got.Folded) > 1.08*want {
		t.Errorf("%d events folded of about %.0f", got.Folded, want)
	}
	if b := got.Before; b.FoldedP50 > b.FoldedP99 || b.FoldedP99 > b.FoldedMax || b.FoldedP99 > time.Second || b.ShownP99 < b.FoldedP50 || got.Busy >= 1 {
		t.Errorf("%+v", got)
	}
	s.Rate = 2e6 / float64(measuredCosts().fold.Microseconds()) // twice what can be
	if got := Simulate(s); got.Busy < 0.95 || got.Before.FoldedMax < s.Length/4 {
		t.Errorf("at twice of what can be folded %+v", got)
	}
}

// TestLossOfANode: what the node had waits until others have it, and is caught up;
// with a single node there is no other.
func TestLossOfANode(t *testing.T) {
	s := ordinary()
	s.Length, s.Lost = 3*time.Minute, time.Minute
	takeover := measuredCosts().takeover
	calm := Simulate(ordinary())
	got := Simulate(s)
	if got.After.FoldedMax < takeover*9/10 || got.Caught < takeover || got.Caught > takeover+30*time.Second || got.Before.FoldedP99 > 2*calm.Before.FoldedP99 {
		t.Errorf("with a loss %+v", got)
	}
	if want := s.Rate * s.Length.Seconds(); float64(got.Folded) < 0.92*want {
		t.Errorf("with a loss %d events of about %.0f are folded", got.Folded, want)
	}
	s.Nodes = 1
	if got := Simulate(s); got.Caught != 0 || got.After.FoldedMax > takeover {
		t.Errorf("the only node cannot be lost: %+v", got)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	if h.at(0.5) != 0 {
		t.Errorf("of nothing %v", h.at(0.5))
	}
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	for share, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond, 1: time.Second} {
		if got := h.at(share); got < want*98/100 || got > want*102/100 {
			t.Errorf("%v of all within %v, want %v", share, got, want)
		}
	}
}
