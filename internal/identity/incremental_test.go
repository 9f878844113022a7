package identity

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kith/internal/state"
	"kith/internal/state/mem"
)

// kept is a graph whose clusters are kept in a store, step by step.
type kept struct {
	*graph
	store   *mem.Store
	rulings map[string]Ruling
	stored  map[ObservationKey]*Observation
}

func newKept(cfg *Config) *kept {
	k := &kept{graph: newGraph(), store: mem.New(), rulings: map[string]Ruling{}, stored: map[ObservationKey]*Observation{}}
	k.cfg = cfg
	return k
}

// sight is one event: who is seen together, and when.
type sight struct {
	at  int64
	ids []Identifier
}

// step changes observations (each is given as it is to be; without a count it
// goes) and rulings, and brings the clusters along.
func (k *kept) step(t fatal, is []*Observation, make, revoke []Ruling) {
	ctx := context.Background()
	tx, err := k.store.Begin(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	old, over := NewClusters(tx), NewOverlay(tx)
	put := func(key, value []byte) {
		over.Put(key, value)
		if value == nil {
			tx.Delete(key)
		} else {
			tx.Put(key, value)
		}
	}
	fresh := k.fresh(is)
	var changes []Change
	for _, o := range is {
		u := Update{Was: k.stored[o.Key()], Is: o}
		if o.Count == 0 {
			u.Is = nil
			put(ObservationRow(o.Home, o.Key()), nil)
			delete(k.stored, o.Key())
		} else {
			put(ObservationRow(o.Home, o.Key()), o.Encode())
			copied := *o
			k.stored[o.Key()] = &copied
		}
		for _, n := range o.Nodes {
			if n != o.Home {
				put(AdjacentRow(n, o.Home, o.Key()), map[bool][]byte{true: {}}[u.Is != nil])
			}
			put(IdentifierRow(n), EncodeIdentifier(k.ids[n]))
		}
		if u.Was == nil && u.Is == nil {
			continue
		}
		nodes, err := u.Touches(ctx, old, k.cfg, k.ids, fresh, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(nodes) > 0 {
			changes = append(changes, Change{Nodes: nodes, Less: u.Is == nil})
		}
	}
	for n := range fresh {
		over.Fresh(n)
	}
	changes = append(changes, k.rule(put, make, revoke)...)
	rev := NewRevision()
	if err := rev.Revise(ctx, over, old, k.cfg, changes, Unbounded()); err != nil {
		t.Fatal(err)
	}
	if rev.TooLarge {
		t.Fatal("too large")
	}
	for _, n := range rev.Nodes {
		if row := rev.After[n].Row(n); row == nil {
			tx.Delete(ClusterRow(n))
		} else {
			tx.Put(ClusterRow(n), row)
		}
	}
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		t.Fatal(err)
	}
}

// fatal is what a test and a property have in common.
type fatal interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

// fresh are the nodes of new observations that nothing has named yet.
func (k *kept) fresh(is []*Observation) map[NodeID]bool {
	named := map[NodeID]bool{}
	for _, o := range k.stored {
		for _, n := range o.Nodes {
			named[n] = true
		}
	}
	for _, r := range k.rulings {
		named[r.A], named[r.B] = true, true
	}
	out := map[NodeID]bool{}
	for _, o := range is {
		for _, n := range o.Nodes {
			if !named[n] {
				out[n] = true
			}
		}
	}
	return out
}

// rule makes and revokes rulings, and returns what they change: the nodes of all
// groups of values that are one before or after.
func (k *kept) rule(put func(k, v []byte), make, revoke []Ruling) []Change {
	all := slices.Collect(maps.Values(k.rulings))
	all = append(all, make...)
	lay := func(r Ruling, is bool) {
		keys, value := r.Rows()
		if !is {
			value = nil
			delete(k.rulings, r.Decision)
		} else {
			k.rulings[r.Decision] = r
		}
		put(keys[0], value)
		put(keys[1], value)
		put(IdentifierRow(r.A), EncodeIdentifier(k.ids[r.A]))
		put(IdentifierRow(r.B), EncodeIdentifier(k.ids[r.B]))
	}
	var out []Change
	for i, r := range append(slices.Clone(make), revoke...) {
		lay(r, i < len(make))
		nodes := []NodeID{r.A, r.B}
		for j := 0; j < len(nodes); j++ {
			for _, other := range all {
				if o := other.Other(nodes[j]); !other.Apart && (other.A == nodes[j] || other.B == nodes[j]) && !slices.Contains(nodes, o) {
					nodes = append(nodes, o)
				}
			}
		}
		out = append(out, Change{Nodes: nodes})
	}
	return out
}

// exact holds the stored clusters, members and quarantines, against a derivation.
func (k *kept) exact(t fatal) {
	ctx := context.Background()
	snap, err := k.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	obs := slices.Collect(maps.Values(k.stored))
	part := Derive(obs, k.ids, k.cfg, slices.Collect(maps.Values(k.rulings))...)
	wrong, err := CompareClusters(ctx, snap, part)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range wrong {
		t.Fatalf("the stored cluster of %v is not the derived one, led by %v", k.ids[n], k.ids[part.Leader[n]])
	}
	bulk, err := ReadBulk(ctx, snap, k.cfg)
	if err != nil {
		t.Fatal(err)
	}
	whole := bulk.Derive()
	if n, first, err := whole.Differences(ctx, snap, 3); err != nil || n > 0 {
		t.Fatalf("%d rows of clusters are not those of the bulk derivation, such as of %v: %v", n, k.ids[first[0]], err)
	}
	for n, leader := range part.Leader {
		if have, ok := whole.Leader(n); !ok || have != leader {
			t.Fatalf("in bulk %v is led by %v and not by %v", k.ids[n], k.ids[have], k.ids[leader])
		}
	}
	d := derivation{cfg: k.cfg, ids: k.ids, spans: map[NodeID]seen{}, links: map[[2]NodeID]*Link{}}
	for _, o := range obs {
		d.observe(o)
	}
	quarantined := d.quarantine()
	stored := NewClusters(snap)
	for n := range part.Leader {
		c, err := stored.Of(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		if c.Shared[n] != (quarantined[n] != "") {
			t.Fatalf("the quarantine of %v is stored as %v, and is %q", k.ids[n], c.Shared[n], quarantined[n])
		}
	}
}

// narrow is a configuration under which everything matters: low limits, windows,
// guards, a small cap, types of one priority.
func narrow(rng *rand.Rand) *Config {
	cfg := DefaultConfig()
	cfg.ClusterMax = 3 + rng.IntN(5)
	policies := map[int]Policy{}
	rule := func(priority int) Rule {
		if _, ok := policies[priority]; !ok {
			policies[priority] = Policy(rng.IntN(2))
		}
		r := Rule{Priority: priority, Policy: policies[priority], Limit: Limit{Count: rng.IntN(4)}, Guard: map[string]int{}}
		if rng.IntN(2) == 0 {
			r.Limit.Window = 1 + rng.Int64N(20)
		}
		for _, typ := range []string{"a", "b", "c", "d"} {
			if rng.IntN(3) == 0 {
				r.Guard[typ] = 1 + rng.IntN(3)
			}
		}
		return r
	}
	cfg.Rules = map[string]Rule{
		"a": {Priority: 1, Limit: Limit{Count: 1}}, "b": rule(2), "c": rule(3 + rng.IntN(2)), "d": rule(4),
	}
	return cfg
}

// encounter draws who is seen together.
func encounter(rng *rand.Rand, values int) sight {
	s := sight{at: rng.Int64N(40)}
	for _, typ := range []string{"a", "b", "c", "d"} {
		for range 2 {
			if rng.IntN(3) == 0 {
				id := Identifier{typ, fmt.Sprint(rng.IntN(values))}
				if !slices.Contains(s.ids, id) {
					s.ids = append(s.ids, id)
				}
			}
		}
	}
	if len(s.ids) == 0 {
		s.ids = []Identifier{{"d", fmt.Sprint(rng.IntN(values))}}
	}
	return s
}

// observed is what a set of events shows.
func (k *kept) observed(events map[int]sight, kinds int) map[ObservationKey]*Observation {
	out := map[ObservationKey]*Observation{}
	for i, e := range events {
		o := k.observation(e, Kind(1+i%kinds))
		if have := out[o.Key()]; have != nil {
			o = have
		}
		o.Add(e.at, fmt.Sprint(i))
		out[o.Key()] = o
	}
	return out
}

func (k *kept) observation(e sight, kind Kind) *Observation {
	ids := slices.Clone(e.ids)
	k.cfg.Sort(ids)
	o := &Observation{Kind: kind, Source: "web"}
	for i, id := range ids {
		n := k.node(id.Type, id.Value)
		if i == 0 {
			o.Home = n
		}
		o.Nodes = append(o.Nodes, n)
	}
	SortNodes(o.Nodes)
	return o
}

// become is the step from the stored observations to those of a set of events.
func (k *kept) become(t fatal, events map[int]sight, make, revoke []Ruling) {
	want := k.observed(events, 2)
	var is []*Observation
	for _, o := range want {
		if have := k.stored[o.Key()]; have == nil || have.First != o.First || have.Last != o.Last || have.Count != o.Count {
			is = append(is, o)
		}
	}
	for key, o := range k.stored {
		if want[key] == nil {
			gone := *o
			gone.Count = 0
			is = append(is, &gone)
		}
	}
	k.step(t, is, make, revoke)
}

// wander makes random steps (events come and go, one or several at a time, and
// operators rule) and compares after each.
func wander(t fatal, rng *rand.Rand, steps int) {
	k := newKept(narrow(rng))
	events := map[int]sight{}
	values := 2 + rng.IntN(5)
	rule, often := rng.IntN(3) == 0, rng.IntN(2) == 0
	var habits [][]Identifier // who is often seen together
	for i := range steps {
		for range 1 + rng.IntN(2)*rng.IntN(4) {
			if len(events) > 4 && rng.IntN(4) == 0 {
				delete(events, slices.Sorted(maps.Keys(events))[rng.IntN(len(events))])
			} else {
				e := encounter(rng, values)
				if len(habits) < 6 {
					habits = append(habits, e.ids)
				} else if often {
					e.ids = habits[rng.IntN(len(habits))]
				}
				events[100*i+len(events)] = e
			}
		}
		var make, revoke []Ruling
		if rule && rng.IntN(6) == 0 {
			a, b := encounter(rng, values).ids[0], encounter(rng, values).ids[0]
			if a != b {
				make = append(make, NewRuling(fmt.Sprint(i), rng.IntN(3) == 0, k.node(a.Type, a.Value), k.node(b.Type, b.Value), int64(i)))
			}
		}
		if rule && len(k.rulings) > 0 && rng.IntN(8) == 0 {
			revoke = append(revoke, k.rulings[slices.Sorted(maps.Keys(k.rulings))[0]])
		}
		k.become(t, events, make, revoke)
		k.exact(t)
	}
}

// TestKeptClustersAreDerivedOnes: after every step the stored clusters are those
// of deriving everything.
func TestKeptClustersAreDerivedOnes(t *testing.T) {
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		wander(named{t, seed}, rand.New(rand.NewPCG(seed, 4)), 25)
	}
}

// named puts the seed in front of a failure.
type named struct {
	t    *testing.T
	seed uint64
}

func (n named) Fatal(args ...any) {
	n.t.Helper()
	n.t.Fatal(append([]any{"seed ", n.seed, ": "}, args...)...)
}
func (n named) Fatalf(format string, args ...any) {
	n.t.Helper()
	n.t.Fatalf("seed %d: "+format, append([]any{n.seed}, args...)...)
}

// TestKeptClustersShrunk is the same under rapid, which makes a failure small.
func TestKeptClustersShrunk(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		wander(rt, rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 5)), rapid.IntRange(1, 25).Draw(rt, "steps"))
	})
}

// TestEveryOrderGivesTheSame folds up to six events in every order, one by one, and
// one of them twice, and holds clusters and reasons against each other.
func TestEveryOrderGivesTheSame(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 6))
		cfg := narrow(rng)
		n := 3 + rng.IntN(3)
		if seed == 0 {
			n = 6
		}
		all := make([]sight, n)
		for i := range all {
			all[i] = encounter(rng, 3)
		}
		var want Partition
		first := true
		permutations(n, func(order []int) {
			k := newKept(cfg)
			events := map[int]sight{}
			for _, i := range order {
				events[i] = all[i]
				k.become(named{t, seed}, events, nil, nil)
			}
			k.become(named{t, seed}, events, nil, nil) // what is there already changes nothing
			k.exact(named{t, seed})
			got := Derive(slices.Collect(maps.Values(k.stored)), k.ids, cfg)
			if first {
				want, first = got, false
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("seed %d, order %v:\n%s", seed, order, d)
			}
		})
	}
}

// permutations calls f with every order of the first n numbers.
func permutations(n int, f func([]int)) {
	order := make([]int, 0, n)
	var place func()
	place = func() {
		if len(order) == n {
			f(order)
			return
		}
		for i := range n {
			if !slices.Contains(order, i) {
				order = append(order, i)
				place()
				order = order[:len(order)-1]
			}
		}
	}
	place()
}
