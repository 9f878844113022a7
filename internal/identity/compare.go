package identity

import (
	"maps"
	"slices"
)

// Change kinds of a comparison are told with at most so many samples each.
const compareSamples = 10

// Difference is what one partition makes otherwise than another.
type Difference struct {
	Before, After int // profiles
	Merged        []Regrouping
	Split         []Regrouping
	Renamed       []Regrouping
	Quarantined   []NodeID // shared after and not before
	Released      []NodeID // shared before and not after
	Gone, New     []NodeID // identifiers of one of the two alone
	// How many there are of each; the lists hold the first ones only.
	Counts Counts
}

// Counts are how many of each kind a difference has: of the first two, profiles of
// before.
type Counts struct {
	Merged, Split, Renamed, Quarantined, Released, Gone, New int
}

// Regrouping is profiles that become others: several one, one several, or one
// another of the same identifiers. They are named by their leaders.
type Regrouping struct {
	Before, After []NodeID
}

// Compare says what would become of profiles. The lists are in the order of type
// and value of the leaders; ids names every node of both.
func Compare(before, after Partition, ids map[NodeID]Identifier) Difference {
	c := comparison{ids: ids, before: before.Leader, after: after.Leader, into: map[NodeID]map[NodeID]bool{}, from: map[NodeID]map[NodeID]bool{}}
	c.out.Before, c.out.After = leaders(before.Leader), leaders(after.Leader)
	c.trace()
	c.regroup()
	c.nodes(&c.out.Quarantined, &c.out.Counts.Quarantined, only(after.Shared, before.Shared))
	c.nodes(&c.out.Released, &c.out.Counts.Released, only(before.Shared, after.Shared))
	c.nodes(&c.out.Gone, &c.out.Counts.Gone, only(before.Leader, after.Leader))
	c.nodes(&c.out.New, &c.out.Counts.New, only(after.Leader, before.Leader))
	return c.out
}

type comparison struct {
	ids           map[NodeID]Identifier
	before, after map[NodeID]NodeID
	into, from    map[NodeID]map[NodeID]bool // by old leader the new ones, and the other way
	out           Difference
}

func leaders(all map[NodeID]NodeID) int {
	n := 0
	for node, leader := range all {
		if node == leader {
			n++
		}
	}
	return n
}

// only lists the keys of a that b lacks.
func only[V any](a, b map[NodeID]V) []NodeID {
	var out []NodeID
	for n := range a {
		if _, ok := b[n]; !ok {
			out = append(out, n)
		}
	}
	return out
}

// trace notes which profiles have identifiers in common.
func (c *comparison) trace() {
	for n, old := range c.before {
		now, ok := c.after[n]
		if !ok {
			continue
		}
		if c.into[old] == nil {
			c.into[old] = map[NodeID]bool{}
		}
		if c.from[now] == nil {
			c.from[now] = map[NodeID]bool{}
		}
		c.into[old][now], c.from[now][old] = true, true
	}
}

func (c *comparison) regroup() {
	for _, now := range c.sorted(slices.Collect(maps.Keys(c.from))) {
		if olds := c.from[now]; len(olds) > 1 {
			c.out.Counts.Merged += len(olds)
			c.add(&c.out.Merged, olds, map[NodeID]bool{now: true})
		}
	}
	for _, old := range c.sorted(slices.Collect(maps.Keys(c.into))) {
		switch news := c.into[old]; {
		case len(news) > 1:
			c.out.Counts.Split++
			c.add(&c.out.Split, map[NodeID]bool{old: true}, news)
		case !news[old]:
			for now := range news {
				if len(c.from[now]) == 1 {
					c.out.Counts.Renamed++
					c.add(&c.out.Renamed, map[NodeID]bool{old: true}, news)
				}
			}
		}
	}
}

func (c *comparison) add(list *[]Regrouping, before, after map[NodeID]bool) {
	if len(*list) < compareSamples {
		some := func(set map[NodeID]bool) []NodeID {
			all := c.sorted(slices.Collect(maps.Keys(set)))
			return all[:min(len(all), compareSamples)]
		}
		*list = append(*list, Regrouping{some(before), some(after)})
	}
}

func (c *comparison) nodes(list *[]NodeID, count *int, all []NodeID) {
	*count = len(all)
	c.sorted(all)
	*list = all[:min(len(all), compareSamples)]
}

// sorted brings nodes into the order of type and value.
func (c *comparison) sorted(nodes []NodeID) []NodeID {
	slices.SortFunc(nodes, func(a, b NodeID) int {
		x, y := c.ids[a], c.ids[b]
		switch {
		case x.Type != y.Type && x.Type < y.Type, x.Type == y.Type && x.Value < y.Value:
			return -1
		case x == y:
			return 0
		}
		return 1
	})
	return nodes
}
