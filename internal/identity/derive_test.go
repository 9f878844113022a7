package identity

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/state"
	"kith/internal/state/mem"
)

// graph makes observations out of names such as "user_id:u1".
type graph struct {
	keys *Keyring
	ids  map[NodeID]Identifier
	obs  []*Observation
	cfg  *Config

	rulings []Ruling
}

func newGraph() *graph {
	return &graph{keys: NewKeyring([]byte("g")), ids: map[NodeID]Identifier{}, cfg: DefaultConfig()}
}

func (g *graph) node(typ, value string) NodeID {
	id := Identifier{typ, value}
	n := g.keys.Node(id)
	g.ids[n] = id
	return n
}

// see adds an observation at a time.
func (g *graph) see(at int64, ids ...Identifier) {
	g.cfg.Sort(ids)
	o := &Observation{Kind: SeenInEvent, Source: "web"}
	for i, id := range ids {
		n := g.node(id.Type, id.Value)
		if i == 0 {
			o.Home = n
		}
		o.Nodes = append(o.Nodes, n)
	}
	SortNodes(o.Nodes)
	for _, have := range g.obs {
		if have.Key() == o.Key() {
			have.Add(at, fmt.Sprint(at))
			return
		}
	}
	o.Add(at, fmt.Sprint(at))
	g.obs = append(g.obs, o)
}

func (g *graph) together(typA, a, typB, b string) bool {
	p := Derive(g.obs, g.ids, g.cfg)
	return p.Leader[g.node(typA, a)] == p.Leader[g.node(typB, b)]
}

func TestSharedBrowserGoesToTheLastLogin(t *testing.T) {
	g := newGraph()
	g.see(1, Identifier{"user_id", "ana"}, Identifier{"anonymous_id", "browser"})
	g.see(2, Identifier{"user_id", "bob"}, Identifier{"anonymous_id", "browser"})
	if !g.together("user_id", "bob", "anonymous_id", "browser") {
		t.Error("the browser is not the last login's")
	}
	if g.together("user_id", "ana", "user_id", "bob") {
		t.Error("two accounts became one person")
	}
}

func TestFamilyEmailStaysWithItsFirstOwner(t *testing.T) {
	g := newGraph()
	g.see(5, Identifier{"user_id", "child"}, Identifier{"email", "family@shop.fr"})
	g.see(3, Identifier{"user_id", "mother"}, Identifier{"email", "family@shop.fr"})
	if !g.together("user_id", "mother", "email", "family@shop.fr") || g.together("user_id", "child", "email", "family@shop.fr") {
		t.Error("the address is not its first owner's")
	}
}

func TestKioskIsQuarantined(t *testing.T) {
	g := newGraph()
	for i := range 4 {
		g.see(int64(i), Identifier{"user_id", fmt.Sprint("shopper", i)}, Identifier{"anonymous_id", "kiosk"})
	}
	p := Derive(g.obs, g.ids, g.cfg)
	kiosk := g.node("anonymous_id", "kiosk")
	if p.Leader[kiosk] != kiosk {
		t.Error("the kiosk belongs to somebody")
	}
	for _, l := range p.Links {
		if l.Verdict != "quarantine:user_id" {
			t.Errorf("a link of the kiosk is %s", l.Verdict)
		}
	}
}

func TestBrowsersOfMonthsApartDoNotCountTogether(t *testing.T) {
	g := newGraph()
	for i := range 60 {
		at := int64(i) * 2 * day // at most 16 within 30 days
		g.see(at, Identifier{"user_id", "ana"}, Identifier{"anonymous_id", fmt.Sprint("b", i)})
	}
	for i := range 60 {
		if !g.together("user_id", "ana", "anonymous_id", fmt.Sprint("b", i)) {
			t.Fatalf("browser %d is left out", i)
		}
	}
	for i := range 40 {
		g.see(200*day+int64(i), Identifier{"user_id", "ana"}, Identifier{"anonymous_id", fmt.Sprint("rush", i)})
	}
	in := 0
	for i := range 40 {
		if g.together("user_id", "ana", "anonymous_id", fmt.Sprint("rush", i)) {
			in++
		}
	}
	if in > 30 {
		t.Errorf("%d browsers within 30 days", in)
	}
}

// random makes a graph with shared devices and addresses.
func random(rng *rand.Rand, events int) *graph {
	g := newGraph()
	pick := func(typ string, n int) Identifier { return Identifier{typ, fmt.Sprint(typ, rng.IntN(n))} }
	for range events {
		ids := []Identifier{pick("anonymous_id", events/2)}
		if rng.IntN(2) == 0 {
			ids = append(ids, pick("user_id", events/4+1))
		}
		if rng.IntN(4) == 0 {
			ids = append(ids, pick("email", events/4+1))
		}
		if rng.IntN(8) == 0 {
			ids = append(ids, pick("device_id", 3))
		}
		g.see(rng.Int64N(400*day), ids...)
	}
	return g
}

func TestDerivationIgnoresOrder(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		g := random(rng, 5+rng.IntN(30))
		want := Derive(g.obs, g.ids, g.cfg)
		for range 20 {
			rng.Shuffle(len(g.obs), func(i, j int) { g.obs[i], g.obs[j] = g.obs[j], g.obs[i] })
			if got := Derive(g.obs, g.ids, g.cfg); !reflect.DeepEqual(want, got) {
				t.Fatalf("seed %d:\n%s", seed, cmp.Diff(want, got))
			}
		}
		checkLimits(t, seed, g, want)
	}
}

// checkLimits: no cluster holds more than one user id, or more than the cap.
func checkLimits(t *testing.T, seed uint64, g *graph, p Partition) {
	t.Helper()
	users, size := map[NodeID]int{}, map[NodeID]int{}
	for n, leader := range p.Leader {
		size[leader]++
		if g.ids[n].Type == "user_id" {
			users[leader]++
		}
	}
	for leader, n := range users {
		if n > 1 {
			t.Fatalf("seed %d: a cluster holds %d user ids", seed, n)
		}
		if size[leader] > g.cfg.ClusterMax {
			t.Fatalf("seed %d: a cluster of %d", seed, size[leader])
		}
	}
}

// TestExploringEqualsTheWhole: the cluster of a node, found from its own side, is
// the one that deriving everything gives.
func TestExploringEqualsTheWhole(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 2))
		g := random(rng, 10+rng.IntN(120))
		if seed%3 == 1 {
			g.tighten()
		}
		sameAsWhole(t, g, exploreMax)
	}
}

// tighten makes every limit and the cap so low that they matter.
func (g *graph) tighten() {
	g.cfg.ClusterMax = 6
	for typ, r := range g.cfg.Rules {
		if typ != "user_id" {
			r.Limit.Count = 2
			g.cfg.Rules[typ] = r
		}
	}
}

func sameAsWhole(t *testing.T, g *graph, budget int) {
	t.Helper()
	ctx := context.Background()
	snap := g.snapshot(t)
	defer snap.Close()
	part := g.derive()
	whole := members(part)
	for n := range g.ids {
		found, err := explore(ctx, snap, g.cfg, n, budget)
		if err != nil {
			t.Fatal(err)
		}
		if found.Leader != part.Leader[n] || found.Truncated {
			t.Fatalf("%v is led by %v and not by %v", g.ids[n], g.ids[found.Leader], g.ids[part.Leader[n]])
		}
		got := map[NodeID]bool{}
		for _, m := range found.Nodes {
			got[m] = true
		}
		if part.Leader[n].IsZero() { // only rulings name it
			if len(got) > 0 {
				t.Fatalf("%v was never seen and is in a cluster", g.ids[n])
			}
			continue
		}
		if d := cmp.Diff(whole[part.Leader[n]], got); d != "" {
			t.Fatalf("node %v:\n%s", g.ids[n], d)
		}
		if d := cmp.Diff(g.naming(got), byKey(found.Observations)); d != "" {
			t.Fatalf("observations of %v:\n%s", g.ids[n], d)
		}
	}
}

// naming returns the observations that name one of the nodes.
func (g *graph) naming(nodes map[NodeID]bool) map[ObservationKey]*Observation {
	out := map[ObservationKey]*Observation{}
	for _, o := range g.obs {
		if slices.ContainsFunc(o.Nodes, func(n NodeID) bool { return nodes[n] }) {
			out[o.Key()] = o
		}
	}
	return out
}

func byKey(obs []*Observation) map[ObservationKey]*Observation {
	out := map[ObservationKey]*Observation{}
	for _, o := range obs {
		out[o.Key()] = o
	}
	return out
}

// TestSharedBrowsersDoNotMakeReadingACity: where one browser in eight is shared,
// most people are within reach of each other, and still the cluster of one is
// found from few observations.
func TestSharedBrowsersDoNotMakeReadingACity(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	g := newGraph()
	const people, browsers = 150, 8
	for p := range people {
		for b := range browsers {
			owner := p
			if rng.IntN(8) == 0 {
				owner = rng.IntN(people)
			}
			g.see(rng.Int64N(200*day), Identifier{"user_id", fmt.Sprint(p)}, Identifier{"anonymous_id", fmt.Sprint(owner, "-", b)})
		}
	}
	sameAsWhole(t, g, len(g.obs)/4)
}

// TestWhatCannotBeExploredStandsAlone: a node that others were seen with more
// often than may be read is still found.
func TestWhatCannotBeExploredStandsAlone(t *testing.T) {
	g := newGraph()
	for i := range 30 {
		g.see(int64(i), Identifier{"email", "list@shop.fr"}, Identifier{"anonymous_id", fmt.Sprint("b", i)})
	}
	snap := g.snapshot(t)
	defer snap.Close()
	for _, id := range []Identifier{{"email", "list@shop.fr"}, {"anonymous_id", "b7"}} {
		n := g.node(id.Type, id.Value)
		found, err := explore(context.Background(), snap, g.cfg, n, 20)
		if err != nil {
			t.Fatal(err)
		}
		if !found.Truncated || found.Leader != n || len(found.Observations) == 0 || found.IDs[n] != id {
			t.Errorf("%v: %+v", id, found)
		}
	}
}

func members(p Partition) map[NodeID]map[NodeID]bool {
	out := map[NodeID]map[NodeID]bool{}
	for n, leader := range p.Leader {
		if out[leader] == nil {
			out[leader] = map[NodeID]bool{}
		}
		out[leader][n] = true
	}
	return out
}

// snapshot stores the graph and returns a snapshot of it.
func (g *graph) snapshot(t testing.TB) state.Snapshot {
	t.Helper()
	s := mem.New()
	g.store(t, s)
	snap, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func (g *graph) store(t testing.TB, s state.Store) {
	t.Helper()
	tx, err := s.Begin(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for n, id := range g.ids {
		tx.Put(IdentifierRow(n), EncodeIdentifier(id))
	}
	for _, r := range g.rulings {
		keys, value := r.Rows()
		tx.Put(keys[0], value)
		tx.Put(keys[1], value)
	}
	for _, o := range g.obs {
		tx.Put(ObservationRow(o.Home, o.Key()), o.Encode())
		for _, n := range o.Nodes {
			if n != o.Home {
				tx.Put(AdjacentRow(n, o.Home, o.Key()), []byte{})
			}
		}
	}
	if err := tx.Commit(context.Background(), state.Cursor{}); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecodeObservation(f *testing.F) {
	g := newGraph()
	g.see(1, Identifier{"user_id", "ana"}, Identifier{"anonymous_id", "b"})
	f.Add(g.obs[0].Encode())
	f.Add([]byte{1, 1, 0, 0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, value []byte) {
		o, err := DecodeObservation(NodeID{}, value)
		if err != nil {
			return
		}
		again, err := DecodeObservation(NodeID{}, o.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(o, again); d != "" {
			t.Fatal(d)
		}
	})
}
