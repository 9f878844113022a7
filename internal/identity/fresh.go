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
