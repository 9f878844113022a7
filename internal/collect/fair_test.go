package collect

import (
	"io"
	"net/http"
	"net/http/httptest"
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
			who := principal{source: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "source"), net: addressOf(rapid.IntRange(0, 2).Draw(t, "net"))}
			if rapid.Bool().Draw(t, "give") {
				b.give(who, held[who])
				held[who] = 0
				continue
			}
			if n := rapid.Int64Range(1, 300).Draw(t, "n"); b.take(who, n) {
				held[who] += n
			}
			total, rows := int64(0), map[principal]bool{}
			for who, n := range held {
				if total += n; n > 0 {
					rows[who], rows[who.account()] = true, true
				}
			}
			if len(b.held) != len(rows) {
				t.Fatalf("accounts %v for %v", b.held, held)
			}
			if total != b.inUse() || total > b.limit {
				t.Fatalf("%d are held, %d in use, of %d", total, b.inUse(), b.limit)
			}
		}
	})
}

func addressOf(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}) }

// Whoever knows a write key, as everybody does who has seen the page, cannot take
// all that is the source's.
func TestBudgetKeepsSomeOfASource(t *testing.T) {
	for _, crowd := range []int{1, 3, 8} {
		b := newBudget(100_000)
		for i := range crowd {
			for b.take(principal{source: "web", net: addressOf(i)}, 10) {
			}
		}
		if !b.take(principal{source: "web", net: addressOf(200)}, 10) {
			t.Errorf("%d networks leave nothing of the source's part to others", crowd)
		}
		if !b.take(principal{source: "app", net: addressOf(0)}, 1000) {
			t.Errorf("%d networks on one source leave nothing to another source", crowd)
		}
	}
}

func TestGateServesTheNetworksOfASourceInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		first := g.enter(principal{})
		order := make(chan string, 100)
		wait := func(name, source string, net int) {
			go func() {
				w := g.enter(principal{source: source, net: addressOf(net)})
				order <- name
				g.leave(w)
			}()
			synctest.Wait()
		}
		for range 4 {
			wait("L", "web", 0)
		}
		wait("q", "web", 1)
		wait("q", "web", 1)
		wait("a", "app", 0)
		wait("n", "", 0)
		g.leave(first)
		synctest.Wait()
		got := ""
		for range 8 {
			got += <-order
		}
		if got != "LanqLqLL" {
			t.Errorf("served in the order %s", got)
		}
		if len(g.idle) != 1 || len(g.lines) != 0 || len(g.turn) != 0 {
			t.Errorf("%d idle, %d lines, %d turns", len(g.idle), len(g.lines), len(g.turn))
		}
	})
}

// hanging is a body that says one byte and then nothing until it is let go.
type hanging struct {
	said bool
	free chan struct{}
}

func (h *hanging) Read(b []byte) (int, error) {
	if !h.said {
		h.said = true
		return copy(b, "{"), nil
	}
	<-h.free
	return 0, io.ErrUnexpectedEOF
}

// Bodies that never come, sent with a source's own write key from one network,
// do not keep that source's other callers out.
func TestHangingBodiesHinderOnlyTheirNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) {
			c.Limits.InFlightBytes, c.Limits.InFlightRequests = 1<<20, 200
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		})
		free := make(chan struct{})
		refused := make(chan int, 1000)
		for range 1000 {
			go func() {
				r := httptest.NewRequest(http.MethodPost, "/v1/track", &hanging{free: free})
				r.ContentLength = 600_000
				r.Header.Set("X-Write-Key", testKey)
				r.Header.Set("X-Forwarded-For", "198.51.100.1")
				refused <- f.do(r).status
			}()
		}
		synctest.Wait()
		if _, requests := f.InFlight(); requests < 20 {
			t.Errorf("only %d requests hang", requests)
		}
		for i := range 20 {
			r := newRequest(http.MethodPost, "/v1/track", trackBody)
			r.Header.Set("X-Forwarded-For", addressOf(i).String())
			if a := f.do(r); a.status != http.StatusOK {
				t.Errorf("caller %d of the source: %d %s", i, a.status, a.body)
			}
		}
		close(free)
		synctest.Wait()
		if len(refused) != 1000 {
			t.Errorf("%d answers", len(refused))
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
