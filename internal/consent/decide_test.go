package consent_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"kith/internal/consent"
)

func fold(all []consent.Statement) consent.Node {
	n := consent.Node{}
	for i := range all {
		n.Add(&all[i])
	}
	return n
}

// scope is what was said of one purpose and channel, apart by what it is.
type scope struct{ strongNo, weakNo, strongYes, weakYes []consent.Statement }

func scopeOf(all []consent.Statement, purpose, channel string) (out scope) {
	for _, s := range all {
		if s.Purpose != purpose || s.Channel != channel {
			continue
		}
		to := map[[2]bool]*[]consent.Statement{
			{true, true}: &out.strongYes, {true, false}: &out.weakYes, {false, true}: &out.strongNo, {false, false}: &out.weakNo,
		}[[2]bool{s.State == consent.Granted, s.Via != consent.ViaEvent}]
		*to = append(*to, s)
	}
	return out
}

// lifts: the grant that claims to be the newest came after every refusal and is not
// older than any.
func lifts(grants, refusals []consent.Statement) bool {
	if len(grants) == 0 {
		return false
	}
	newest := slices.MaxFunc(grants, func(a, b consent.Statement) int {
		if a.At != b.At {
			return int(a.At - b.At)
		}
		return int(a.ReceivedAt - b.ReceivedAt)
	})
	return !slices.ContainsFunc(refusals, func(r consent.Statement) bool {
		return newest.At < r.At || newest.ReceivedAt < r.ReceivedAt || newest.ReceivedAt == r.ReceivedAt && newest.At == r.At
	})
}

// stands reports whether a no of the scope stands against the grants of scopes.
func (s scope) stands(against ...scope) bool {
	strong, weak := len(s.strongNo) > 0, len(s.weakNo) > 0
	for _, g := range against {
		strong = strong && !lifts(g.strongYes, s.strongNo)
		weak = weak && !lifts(g.strongYes, s.weakNo) && !lifts(g.weakYes, s.weakNo)
	}
	return strong || weak
}

func (s scope) grants() bool { return len(s.strongYes)+len(s.weakYes) > 0 }

// verdict is what statements at nodes come to, rule by rule.
func verdict(nodes [][]consent.Statement, channel string) consent.Reason {
	refused, granted, objected := false, false, false
	for _, all := range nodes {
		if refuses(all, consent.Every, channel) {
			objected = true
			continue
		}
		refused = refused || refuses(all, "marketing", channel)
		granted = granted || scopeOf(all, "marketing", channel).grants() || scopeOf(all, "marketing", "").grants()
	}
	switch {
	case objected && !refused:
		return consent.ReasonObjection
	case objected || refused:
		return consent.ReasonDenied // or an objection or a withdrawal, whichever was received last
	case granted:
		return consent.ReasonGranted
	}
	return consent.ReasonSilence
}

// refuses: a no to the channel is lifted by a yes to the channel, a no to all
// channels by either.
func refuses(all []consent.Statement, purpose, channel string) bool {
	own, wide := scopeOf(all, purpose, channel), scopeOf(all, purpose, "")
	return own.stands(own) || channel != "" && wide.stands(own, wide)
}

// TestDecisionsFollowTheRules holds decisions against the rules one by one, on
// random statements at several nodes.
func TestDecisionsFollowTheRules(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	required := &consent.Purpose{Key: "marketing", Required: true}
	counts := map[consent.Reason]int{}
	for range 30_000 {
		var nodes [][]consent.Statement
		var person consent.Person
		for range 1 + rng.IntN(3) {
			all := statements(rng, rng.IntN(6))
			nodes = append(nodes, all)
			person = append(person, fold(all))
		}
		channel := []string{"", "email", "push"}[rng.IntN(3)]
		got := consent.Decide(person, "marketing", required, channel)
		want := verdict(nodes, channel)
		counts[got.Reason]++
		denies := !got.Allow && got.Basis.State.Refuses()
		if got.Reason != want && (want != consent.ReasonDenied || !denies) {
			t.Fatalf("%+v over %q: %+v, want %v", nodes, channel, got, want)
		}
		if got.Allow != (want == consent.ReasonGranted) {
			t.Fatalf("%+v over %q: allow %v for %v", nodes, channel, got.Allow, want)
		}
	}
	for _, r := range []consent.Reason{consent.ReasonObjection, consent.ReasonWithdrawn, consent.ReasonDenied, consent.ReasonGranted, consent.ReasonSilence} {
		if counts[r] < 100 {
			t.Errorf("only %d decisions for %q", counts[r], r)
		}
	}
}

// TestMergingNeverWidens: what any of two people had refused, the merged person
// has refused; apart again, each is as before. The order of nodes does not show.
func TestMergingNeverWidens(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	required := &consent.Purpose{Required: true}
	kept := 0
	for range 20_000 {
		a, b := consent.Person{fold(statements(rng, rng.IntN(6)))}, consent.Person{fold(statements(rng, rng.IntN(6)))}
		channel := []string{"", "email", "push"}[rng.IntN(3)]
		merged, other := append(slices.Clone(a), b...), append(slices.Clone(b), a...)
		got, mirrored := consent.Decide(merged, "marketing", required, channel), consent.Decide(other, "marketing", required, channel)
		if got.Allow != mirrored.Allow || got.Basis.State != mirrored.Basis.State {
			t.Fatalf("%+v and %+v", got, mirrored)
		}
		for _, p := range []consent.Person{a, b} {
			before := consent.Decide(p, "marketing", required, channel)
			if before.Basis.State.Refuses() {
				kept++
				if got.Allow {
					t.Fatalf("%+v refused, the merged person is allowed by %+v", before, got)
				}
			}
		}
		if again := consent.Decide(merged[:1], "marketing", required, channel); again != consent.Decide(a, "marketing", required, channel) {
			t.Fatal("the split person is another one")
		}
	}
	if kept < 1000 {
		t.Errorf("only %d refusals were merged", kept)
	}
}

func TestSilence(t *testing.T) {
	for _, c := range []struct {
		purpose *consent.Purpose
		allow   bool
		reason  consent.Reason
	}{
		{nil, false, consent.ReasonUndeclared},
		{&consent.Purpose{Required: true}, false, consent.ReasonSilence},
		{&consent.Purpose{}, true, consent.ReasonNotAsked},
	} {
		for _, p := range []consent.Person{nil, {}, {consent.Node{}}} {
			if d := consent.Decide(p, "p", c.purpose, "email"); d.Allow != c.allow || d.Reason != c.reason || d.Basis.State != consent.Silent {
				t.Errorf("%+v: %+v", c.purpose, d)
			}
		}
	}
}

// TestStandingsAreDecisions: what a profile shows is what is decided.
func TestStandingsAreDecisions(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for range 5_000 {
		p := consent.Person{fold(statements(rng, rng.IntN(8))), fold(statements(rng, rng.IntN(8)))}
		for _, s := range p.Standings() {
			d := consent.Decide(p, s.Purpose, &consent.Purpose{Required: true}, s.Channel)
			if d.Basis != s.Slot || s.Purpose == consent.Every && !s.State.Refuses() {
				t.Fatalf("%+v shows %+v and decides by %+v", p, s, d)
			}
		}
	}
}
