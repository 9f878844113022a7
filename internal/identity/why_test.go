package identity

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kith/internal/state"
)

// explain explains two identifiers of a graph.
func (g *graph) explain(t *testing.T, a, b NodeID) *Explanation {
	t.Helper()
	snap := g.snapshot(t)
	defer snap.Close()
	return g.explainIn(t, snap, a, b)
}

func (g *graph) explainIn(t *testing.T, r state.Reader, a, b NodeID) *Explanation {
	t.Helper()
	e, err := Why(context.Background(), r, g.cfg, a, b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestThePathLeadsFromOneToTheOther(t *testing.T) {
	g := newGraph()
	g.see(1, Identifier{"user_id", "ana"}, Identifier{"email", "a@shop.fr"})
	g.see(2, Identifier{"email", "a@shop.fr"}, Identifier{"anonymous_id", "b"})
	g.see(3, Identifier{"email", "a@shop.fr"}, Identifier{"anonymous_id", "b"})
	e := g.explain(t, g.node("anonymous_id", "b"), g.node("user_id", "ana"))
	if !e.Together || len(e.Path) != 2 {
		t.Fatalf("%+v", e)
	}
	first := e.Path[0]
	if first.Count != 2 || first.First != 2 || first.Last != 3 || !slices.Equal(first.Sources, []string{"web"}) || len(first.Samples) != 2 || first.Samples[0].Source != "web" {
		t.Errorf("%+v", first)
	}
	if len(e.Held) != 3 || e.Held[0].Type != "user_id" || e.Held[0].Count != 1 {
		t.Errorf("%+v", e.Held)
	}
}

func TestWhyNot(t *testing.T) {
	g := newGraph()
	g.see(1, Identifier{"user_id", "mother"}, Identifier{"email", "family@shop.fr"})
	g.see(2, Identifier{"user_id", "child"}, Identifier{"email", "family@shop.fr"})
	for i := range 7 {
		g.see(3, Identifier{"user_id", fmt.Sprint("s", i)}, Identifier{"email", "desk@shop.fr"})
	}
	mother, child := g.node("user_id", "mother"), g.node("user_id", "child")
	e := g.explain(t, child, g.node("email", "family@shop.fr"))
	if e.Together || len(e.Rejected) != 1 || e.Rejected[0].Verdict != "limit:user_id" || e.Rejected[0].Exceeded != [2]int{2, 1} {
		t.Errorf("%+v", e.Rejected)
	}
	if e = g.explain(t, mother, child); len(e.Rejected) != 1 || e.Leaders != [2]NodeID{mother, child} {
		t.Errorf("%+v", e)
	}
	e = g.explain(t, g.node("user_id", "s1"), g.node("user_id", "s2"))
	if len(e.Rejected) != 0 || len(e.Through) != 1 || len(e.Through[0].Links) != 2 || e.Through[0].Links[0].Verdict != "quarantine:user_id" {
		t.Errorf("%+v", e.Through)
	}
	e = g.explain(t, g.node("user_id", "s1"), g.node("email", "desk@shop.fr"))
	if len(e.Rejected) != 1 || e.Rejected[0].Verdict != "quarantine:user_id" || e.Rejected[0].Exceeded != [2]int{7, 5} {
		t.Errorf("%+v", e.Rejected)
	}
	g.rule(true, mother, g.node("email", "family@shop.fr"), 9)
	e = g.explain(t, mother, g.node("email", "family@shop.fr"))
	if len(e.Rejected) != 1 || e.Rejected[0].Verdict != KeptApart || !slices.Equal(e.Rejected[0].Decisions, []string{"d0"}) {
		t.Errorf("%+v", e.Rejected)
	}
	e = g.explain(t, mother, g.node("user_id", "stranger"))
	if e.Together || !e.Leaders[1].IsZero() || len(e.Rejected)+len(e.Through) != 0 {
		t.Errorf("%+v", e)
	}
}

// TestExplanationsAgreeWithTheWhole: together is what Derive says, paths consist of
// accepted links, and rejected links have the verdicts that Derive gave them.
func TestExplanationsAgreeWithTheWhole(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 8))
		g := ruled(rng)
		if seed%3 == 1 {
			g.tighten()
		}
		part, snap := g.derive(), g.snapshot(t)
		verdicts := map[[2]NodeID]Verdict{}
		var all []NodeID
		for _, l := range part.Links {
			verdicts[[2]NodeID{l.A, l.B}] = l.Verdict
		}
		for n := range part.Leader {
			all = append(all, n)
		}
		SortNodes(all)
		for range 40 {
			a, b := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
			e := g.explainIn(t, snap, a, b)
			if e.Together != (part.Leader[a] == part.Leader[b]) || e.Leaders != [2]NodeID{part.Leader[a], part.Leader[b]} {
				t.Fatalf("seed %d: together %v, leaders %v", seed, e.Together, e.Leaders)
			}
			at := a
			for _, p := range e.Path {
				if verdicts[[2]NodeID{p.A, p.B}] != Accepted || p.A != at && p.B != at {
					t.Fatalf("seed %d: the path goes by %v", seed, p)
				}
				if at == p.A {
					at = p.B
				} else {
					at = p.A
				}
			}
			if e.Together && at != b {
				t.Fatalf("seed %d: the path ends at %v", seed, g.ids[at])
			}
			for _, p := range e.Rejected {
				if want := verdicts[[2]NodeID{p.A, p.B}]; p.Verdict != want {
					t.Fatalf("seed %d: %v - %v is %s, and not %s", seed, g.ids[p.A], g.ids[p.B], want, p.Verdict)
				}
			}
			for _, through := range e.Through {
				for _, p := range through.Links {
					if want := verdicts[[2]NodeID{p.A, p.B}]; p.Verdict != want {
						t.Fatalf("seed %d: %v - %v is %s, and not %s", seed, g.ids[p.A], g.ids[p.B], want, p.Verdict)
					}
				}
			}
		}
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkWhy explains the two ends of a cluster of 500.
func BenchmarkWhy(b *testing.B) {
	g := newGraph()
	for i := range 499 {
		at := int64(i) * 3 * day
		g.see(at, Identifier{"user_id", "ana"}, Identifier{"anonymous_id", fmt.Sprint("b", i)})
		g.see(at+1, Identifier{"anonymous_id", fmt.Sprint("b", i)})
	}
	snap := g.snapshot(b)
	defer snap.Close()
	b.ResetTimer()
	for range b.N {
		e, err := Why(context.Background(), snap, g.cfg, g.node("anonymous_id", "b0"), g.node("anonymous_id", "b498"))
		if err != nil || !e.Together || len(e.Path) != 2 {
			b.Fatal(err, e)
		}
	}
}
