package identity

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rule adds a ruling of its own decision.
func (g *graph) rule(apart bool, a, b NodeID, at int64) {
	g.rulings = append(g.rulings, NewRuling(fmt.Sprint("d", len(g.rulings)), apart, a, b, at))
}

func (g *graph) derive() Partition { return Derive(g.obs, g.ids, g.cfg, g.rulings...) }

func (g *graph) apart(a, b NodeID) bool {
	p := g.derive()
	return p.Leader[a] != p.Leader[b]
}

func TestMergedAccountsAreOnePerson(t *testing.T) {
	g := newGraph()
	g.see(1, Identifier{"user_id", "old"}, Identifier{"email", "a@shop.fr"})
	g.see(2, Identifier{"user_id", "new"}, Identifier{"phone", "+33612345678"})
	old, now := g.node("user_id", "old"), g.node("user_id", "new")
	g.rule(false, old, now, 10)
	p := g.derive()
	if len(members(p)) != 1 || p.Leader[now] != old {
		t.Errorf("the leaders are %v", p.Leader)
	}
	third := g.node("user_id", "third")
	g.see(3, Identifier{"user_id", "third"}, Identifier{"email", "a@shop.fr"})
	if !g.apart(third, old) {
		t.Error("a third account came along without anybody's word")
	}
}

func TestSplitSurvivesLaterEvidence(t *testing.T) {
	g := newGraph()
	g.see(1, Identifier{"user_id", "ana"}, Identifier{"email", "family@shop.fr"})
	ana, email := g.node("user_id", "ana"), g.node("email", "family@shop.fr")
	g.rule(true, ana, email, 5)
	for i := range 20 {
		g.see(int64(10+i), Identifier{"user_id", "ana"}, Identifier{"email", "family@shop.fr"})
		g.see(int64(10+i), Identifier{"user_id", "ana"}, Identifier{"device_id", "d"})
		g.see(int64(10+i), Identifier{"email", "family@shop.fr"}, Identifier{"device_id", "d"})
	}
	if !g.apart(ana, email) {
		t.Error("evidence has put together what an operator split")
	}
	g.rulings = nil
	if g.apart(ana, email) {
		t.Error("without the split they are not together")
	}
}

// TestRulingsWaitForWhatWasNeverSeen: an identifier that only rulings name has no
// cluster, binds others through it, and joins when it is seen.
func TestRulingsWaitForWhatWasNeverSeen(t *testing.T) {
	g := newGraph()
	a, ghost, b := g.node("user_id", "a"), g.node("user_id", "ghost"), g.node("user_id", "b")
	g.rule(false, a, ghost, 1)
	if p := g.derive(); len(p.Leader) != 0 {
		t.Errorf("clusters of what was never seen: %v", p.Leader)
	}
	g.see(5, Identifier{"user_id", "a"})
	g.see(6, Identifier{"user_id", "b"})
	if !g.apart(a, b) {
		t.Error("together without anybody's word")
	}
	g.rule(false, ghost, b, 2)
	if g.apart(a, b) {
		t.Error("what is one with the same third is not one")
	}
	g.see(7, Identifier{"user_id", "ghost"})
	if p := g.derive(); p.Leader[ghost] != a || p.Leader[b] != a {
		t.Errorf("leaders %v", p.Leader)
	}
}

// TestQuarantineDoesNotUndoAMerge: what an operator has merged stays together,
// however many others share it later.
func TestQuarantineDoesNotUndoAMerge(t *testing.T) {
	g := newGraph()
	g.see(100, Identifier{"user_id", "owner"}, Identifier{"email", "desk@shop.fr"})
	owner, desk := g.node("user_id", "owner"), g.node("email", "desk@shop.fr")
	g.rule(false, owner, desk, 1000)
	for i := range 10 {
		g.see(int64(i), Identifier{"user_id", fmt.Sprint("other", i)}, Identifier{"email", "desk@shop.fr"})
	}
	if g.apart(owner, desk) {
		t.Error("later evidence has undone a merge")
	}
	if !g.apart(g.node("user_id", "other0"), desk) {
		t.Error("a quarantined address joined somebody")
	}
}

// ruled makes a random graph with random rulings, some on what was never seen.
func ruled(rng *rand.Rand) *graph {
	g := random(rng, 10+rng.IntN(80))
	for i := range 4 {
		g.node("user_id", fmt.Sprint("ghost", i))
	}
	var all []NodeID
	for n := range g.ids {
		all = append(all, n)
	}
	SortNodes(all)
	for range 1 + rng.IntN(12) {
		a, b := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
		if a != b {
			g.rule(rng.IntN(3) == 0, a, b, rng.Int64N(400*day))
		}
	}
	return g
}

func TestDerivationWithRulingsIgnoresOrder(t *testing.T) {
	for seed := range uint64(80) {
		rng := rand.New(rand.NewPCG(seed, 5))
		g := ruled(rng)
		want := g.derive()
		for range 10 {
			rng.Shuffle(len(g.obs), func(i, j int) { g.obs[i], g.obs[j] = g.obs[j], g.obs[i] })
			rng.Shuffle(len(g.rulings), func(i, j int) { g.rulings[i], g.rulings[j] = g.rulings[j], g.rulings[i] })
			if d := cmp.Diff(want, g.derive()); d != "" {
				t.Fatalf("seed %d:\n%s", seed, d)
			}
		}
		g.checkRulings(t, seed, want)
	}
}

// checkRulings: no cluster holds what was split, or more than one group of user
// ids; groups are those that merges make.
func (g *graph) checkRulings(t *testing.T, seed uint64, p Partition) {
	t.Helper()
	var book rulebook
	for _, r := range g.rulings {
		book.add(r, g.ids[r.A].Type == g.ids[r.B].Type)
		if r.Apart && !p.Leader[r.A].IsZero() && p.Leader[r.A] == p.Leader[r.B] {
			t.Fatalf("seed %d: a cluster holds what was split", seed)
		}
	}
	groups := map[NodeID]NodeID{}
	for n, leader := range p.Leader {
		if g.ids[n].Type != "user_id" {
			continue
		}
		have, ok := groups[leader]
		if ok && have != book.groupOf(n) {
			t.Fatalf("seed %d: a cluster holds two groups of user ids", seed)
		}
		groups[leader] = book.groupOf(n)
	}
}

func TestExploringWithRulingsEqualsTheWhole(t *testing.T) {
	for seed := range uint64(80) {
		rng := rand.New(rand.NewPCG(seed, 6))
		g := ruled(rng)
		if seed%3 == 1 {
			g.tighten()
		}
		sameAsWhole(t, g, exploreMax)
	}
}

// TestLimitsWithGroupsAreHereditary: what crowds some values crowds any more of
// them.
func TestLimitsWithGroupsAreHereditary(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 3000 {
		limit := Limit{Count: 1 + rng.IntN(3), Window: rng.Int64N(3) * 20}
		var all []held
		for range 2 + rng.IntN(8) {
			all = append(all, held{rng.Int64N(100), NodeID{byte(rng.IntN(5))}})
		}
		part := slices.Clone(all[:1+rng.IntN(len(all))])
		if crowded(part, limit, true) && !crowded(slices.Clone(all), limit, true) {
			t.Fatalf("%+v: %v crowds and %v does not", limit, part, all)
		}
	}
}

func TestRulingRows(t *testing.T) {
	g := newGraph()
	r := NewRuling("dec_1", true, g.node("user_id", "z"), g.node("email", "a@b.fr"), -5)
	keys, value := r.Rows()
	for _, k := range keys {
		got, err := DecodeRuling(k, value)
		if err != nil || got != r {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func FuzzDecodeRuling(f *testing.F) {
	r := NewRuling("d", true, NodeID{1}, NodeID{2}, 77)
	keys, value := r.Rows()
	f.Add(keys[0], value)
	f.Fuzz(func(t *testing.T, key, value []byte) {
		r, err := DecodeRuling(key, value)
		if err != nil {
			return
		}
		keys, again := r.Rows()
		for _, k := range keys {
			if back, err := DecodeRuling(k, again); err != nil || back != r {
				t.Fatalf("%+v, %v", back, err)
			}
		}
	})
}
