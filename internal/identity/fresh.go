package identity

// Fresh derives clusters among nodes that no observation names but the given ones,
// and no ruling, and files them under a cause. It is Revise without anything to
// read: most new evidence is of people who were not known.
func (v *Revision) Fresh(observations []*Observation, ids map[NodeID]Identifier, cfg *Config, cause int) {
	d := derivation{cfg: cfg, ids: ids, spans: map[NodeID]seen{}, links: map[[2]NodeID]*Link{}}
	for _, o := range observations {
		d.observe(o)
	}
	d.makeClusters()
	quarantined := d.quarantine()
	for _, l := range d.sorted() {
		if quarantined[l.A] == "" && quarantined[l.B] == "" {
			d.join(l)
		}
	}
	for _, o := range observations {
		for _, n := range o.Nodes {
			if v.Before[n] != nil {
				continue
			}
			k := v.After[d.clusters[n].nodes[0]]
			if k == nil {
				k = d.finished(d.clusters[n])
			}
			if quarantined[n] != "" {
				k.Shared = map[NodeID]bool{n: true} // it stands alone
			}
			v.Nodes = append(v.Nodes, n)
			v.Before[n], v.After[n] = &Cluster{Leader: n, Nodes: []NodeID{n}}, k
			v.Cause[n], v.Seen[n], v.News[n] = cause, true, true
		}
	}
}

// finished is what a cluster is when all links have been judged.
func (d *derivation) finished(c *cluster) *Cluster {
	k := &Cluster{Nodes: append([]NodeID(nil), c.nodes...)}
	SortNodes(k.Nodes)
	led := false
	for _, n := range k.Nodes {
		_, seen := d.spans[n]
		if k.Leader.IsZero() || seen && (!led || d.leads(n, k.Leader)) {
			k.Leader, led = n, seen
		}
	}
	return k
}

// Strangers groups observations, by their indices, of which every node, and every
// node that another of them names together with one of these, is new to the state.
// Two are in one group when they have a node in common, directly or through others.
func Strangers(all []*Observation, fresh map[NodeID]bool) [][]int {
	up := map[NodeID]NodeID{}
	root := func(n NodeID) NodeID {
		for next := up[n]; !next.IsZero(); next = up[n] {
			if above := up[next]; !above.IsZero() {
				up[n] = above
			}
			n = next
		}
		return n
	}
	known := map[NodeID]bool{} // roots that somebody known was seen with
	for _, o := range all {
		for _, n := range o.Nodes {
			if x, y := root(n), root(o.Home); x != y {
				up[x] = y
				known[y] = known[y] || known[x]
			}
			if !fresh[n] {
				known[root(n)] = true
			}
		}
	}
	at := map[NodeID]int{}
	var out [][]int
	for i, o := range all {
		r := root(o.Home)
		if known[r] {
			continue
		}
		j, ok := at[r]
		if !ok {
			j, at[r] = len(out), len(out)
			out = append(out, nil)
		}
		out[j] = append(out[j], i)
	}
	return out
}
