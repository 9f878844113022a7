package collect

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

func TestBudgetKeepsSomeForTheNext(t *testing.T) {
	b := newBudget(1000)
	loud, quiet := principal{source: "loud"}, principal{net: netip.MustParseAddr("192.0.2.1")}
	n := int64(0)
	for b.take(loud, 1) {
		n++
	}
	if n != 800 {
		t.Errorf("one alone has %d of 1000", n)
	}
	if !b.take(quiet, 100) {
		t.Error("the next one gets nothing")
	}
	b.give(quiet, 100)
	b.give(loud, n)
	if b.inUse() != 0 || len(b.held) != 0 {
		t.Errorf("%d held by %d", b.inUse(), len(b.held))
	}
}

func TestBudgetNeverGivesMoreThanItHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBudget(rapid.Int64Range(1, 500).Draw(t, "limit"))
		held := map[principal]int64{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			who := principal{source: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "who")}
			if rapid.Bool().Draw(t, "give") {
				b.give(who, held[who])
				held[who] = 0
				continue
			}
			if n := rapid.Int64Range(1, 300).Draw(t, "n"); b.take(who, n) {
				held[who] += n
			}
			total := int64(0)
			for _, n := range held {
				total += n
			}
			if total != b.inUse() || total > b.limit {
				t.Fatalf("%d are held, %d in use, of %d", total, b.inUse(), b.limit)
			}
		}
	})
}

func TestGateServesPrincipalsInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		first := g.enter(principal{source: "loud"})
		order := make(chan string, 100)
		wait := func(source string) {
			go func() {
				w := g.enter(principal{source: source})
				order <- source
				g.leave(w)
			}()
			synctest.Wait()
		}
		for range 5 {
			wait("loud")
		}
		wait("quiet")
		wait("other")
		wait("quiet")
		g.leave(first)
		synctest.Wait()
		got := ""
		for range 8 {
			got += (<-order)[:1]
		}
		if got != "lqolqlll" {
			t.Errorf("served in the order %s", got)
		}
		if len(g.idle) != 1 || len(g.lines) != 0 || len(g.turn) != 0 {
			t.Errorf("%d idle, %d lines, %d turns", len(g.idle), len(g.lines), len(g.turn))
		}
	})
}

func TestGateHandsOutEverySlot(t *testing.T) {
	g := newGate(3)
	seen := map[*work]bool{}
	for range 3 {
		seen[g.enter(principal{})] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d different slots", len(seen))
	}
	for w := range seen {
		g.leave(w)
	}
	if len(g.idle) != 3 {
		t.Errorf("%d idle", len(g.idle))
	}
}

func TestNetworkOfAnAddress(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::"} {
		if got := network(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if network(netip.Addr{}).IsValid() {
		t.Error("no address became one")
	}
}
