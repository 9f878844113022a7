package profile

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kith/internal/identity"
)

func writeOf(at int64, source, value string) Write {
	return Write{Sighting: identity.Sighting{Timestamp: at, MessageID: fmt.Sprint("m", at), Source: source}, Key: "k", Value: []byte(value)}
}

func TestSurvive(t *testing.T) {
	writes := []Write{
		writeOf(1, "web", `null`), writeOf(2, "web", `"b"`), writeOf(3, "crm", `10`), writeOf(4, "web", `9`), writeOf(5, "shop", `"a"`),
		writeOf(6, "crm", `null`), writeOf(7, "shop", `9.0`), writeOf(8, "web", `["b",10,[1],null]`), writeOf(9, "app", `"b"`),
	}
	source := func(names ...string) identity.Survivorship {
		return identity.Survivorship{Policy: identity.KeepSource, Sources: names}
	}
	of := func(policy string) identity.Survivorship { return identity.Survivorship{Policy: policy} }
	for _, c := range []struct {
		policy identity.Survivorship
		n      int // of the writes, the first ones
		want   string
	}{
		{of(identity.KeepLatest), 9, `9 "b"`}, {of(identity.KeepLatest), 6, `none`},
		{of(identity.KeepFirst), 9, `2 "b"`}, {of(identity.KeepFirst), 1, `none`},
		{source("crm", "shop"), 5, `3 10`}, {source("crm", "shop"), 6, `5 "a"`}, {source("crm", "web"), 7, `4 9`},
		{source("none"), 9, `9 "b"`}, {source("crm"), 1, `none`},
		{of(identity.KeepGreatest), 9, `3 10`}, {of(identity.KeepGreatest), 2, `2 "b"`},
		{of(identity.KeepLeast), 9, `4 9`}, {of(identity.KeepLeast), 2, `2 "b"`}, {of(identity.KeepLeast), 1, `none`},
		{of(identity.KeepMostFrequent), 9, `9 "b"`}, {of(identity.KeepMostFrequent), 7, `7 9.0`}, {of(identity.KeepMostFrequent), 3, `3 10`},
		{of(identity.KeepUnion), 9, `9 [9,10,"a","b",[1]]`}, {of(identity.KeepUnion), 6, `5 [9,10,"a","b"]`}, {of(identity.KeepUnion), 1, `none`},
	} {
		got := "none"
		if w, ok := Survive(c.policy, writes[:c.n]); ok {
			got = fmt.Sprintf("%d %s", w.Timestamp, w.Value)
		}
		if got != c.want {
			t.Errorf("%+v of %d: %s, want %s", c.policy, c.n, got, c.want)
		}
	}
}

// TestSurviveIsOfASet: order and repeats do not show.
func TestSurviveIsOfASet(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	values := []string{`null`, `1`, `1.0`, `2`, `"a"`, `"b"`, `["a",1]`, `{"x":1}`, `true`}
	for range 5000 {
		writes := make([]Write, 1+rng.IntN(6))
		for i := range writes {
			writes[i] = writeOf(rng.Int64N(4), []string{"web", "crm", "shop"}[rng.IntN(3)], values[rng.IntN(len(values))])
		}
		again := append(append([]Write(nil), writes...), writes...)
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		for _, policy := range identity.SurvivorshipPolicies() {
			p := identity.Survivorship{Policy: policy, Sources: []string{"crm"}}
			a, ok := Survive(p, writes)
			b, also := Survive(p, again)
			// How often something was written is not changed by repeats of the same write.
			if ok != also || ok && a.Compare(&b) != 0 {
				t.Fatalf("%s of %v: %+v and %+v", policy, writes, a, b)
			}
		}
	}
}
