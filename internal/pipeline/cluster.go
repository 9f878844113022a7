package pipeline

import (
	"cmp"
	"context"
	"slices"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/identity"
	"kith/internal/journal"
	"kith/internal/state"
)

// clusterView is what a batch makes of the stored clusters.
type clusterView struct {
	old   *identity.Clusters
	fresh map[identity.NodeID]bool // nodes of the batch that the state has never heard of
	rev   *identity.Revision       // nil: no cluster can have changed, or evidence waits
	// waiting: the stored clusters are those of evidence of some time ago, and what
	// the batch brings waits like what came before it.
	waiting bool
}

// update is an observation of the batch as the clusters see it.
type update struct {
	identity.Update
	key     string
	cause   eventlog.Position // of the first record that bears on it
	strange bool              // it names nobody who is known, nor seen with one who is
}

// recluster brings the clusters up to what the batch has seen and taken back, so
// that after every batch they are those that deriving everything would give.
func (b *batchView) recluster(ctx context.Context, events []*Contribution) error {
	updates := b.updates()
	if err := b.readClusters(ctx, updates); err != nil {
		return err
	}
	p := plan{ids: map[identity.NodeID]identity.Identifier{}}
	for _, c := range events {
		for i, n := range c.Nodes {
			p.ids[n] = c.Identifiers[i]
		}
	}
	if len(b.rulings) == 0 {
		p.strangers = b.strangers(updates)
	}
	if err := b.changes(ctx, updates, &p); err != nil {
		return err
	}
	var err error
	switch {
	case b.clusters.waiting:
		err = b.later(updates, &p)
	case len(p.changes) > 0 || len(p.strangers) > 0:
		err = b.revise(ctx, updates, &p)
	}
	if err != nil {
		return err
	}
	if !b.clusters.waiting {
		b.guardFresh(p.ids)
	}
	*b.falls = b.clusters.waiting
	return b.tell(ctx, updates, p.causes)
}

// plan is what of a batch may change clusters.
type plan struct {
	ids       map[identity.NodeID]identity.Identifier // of the nodes of events
	strangers [][]*update                             // updates that name nobody known, by who may belong together
	changes   []identity.Change
	causes    []eventlog.Position // that changes are filed by
}

// updates lists what the batch does to observations, in the order of their causes.
func (b *batchView) updates() []update {
	out := make([]update, 0, len(b.observed))
	for k, row := range b.observed {
		u := update{key: k, cause: row.cause}
		if row.stored {
			u.Was = row.was
		}
		if row.o.Count > 0 {
			u.Is = row.o
		}
		if u.Was != nil || u.Is != nil {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b update) int {
		return cmp.Or(cmp.Compare(a.cause.Partition, b.cause.Partition), cmp.Compare(a.cause.Offset, b.cause.Offset), cmp.Compare(a.key, b.key))
	})
	return out
}

// readClusters reads the rows of the homes in one bulk read, and in another one
// which nodes of new observations the state has never heard of.
func (b *batchView) readClusters(ctx context.Context, updates []update) error {
	b.clusters = clusterView{old: identity.NewClusters(b.tx), fresh: map[identity.NodeID]bool{}}
	homes := make([]identity.NodeID, 0, len(updates))
	for i := range updates {
		homes = append(homes, updates[i].observation().Home)
	}
	lag, err := identity.ReadLag(ctx, b.tx)
	if err != nil {
		return err
	}
	b.clusters.waiting = lag.Waiting
	if err := b.clusters.old.Load(ctx, homes); err != nil {
		return err
	}
	var asked []identity.NodeID
	var keys [][]byte
	seen := map[identity.NodeID]bool{}
	for i := range updates {
		if updates[i].Was != nil {
			continue
		}
		for _, n := range updates[i].Is.Nodes {
			if !seen[n] && !b.clusters.old.Known(n) {
				seen[n] = true
				keys, asked = append(keys, identity.IdentifierRow(n)), append(asked, n)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := b.tx.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v == nil {
			b.clusters.fresh[asked[i]] = true
		}
	}
	return nil
}

// observation is what an update is of, as it is or, when it has gone, as it was.
func (u *update) observation() *identity.Observation {
	if u.Is != nil {
		return u.Is
	}
	return u.Was
}

// strangers groups the updates that name nobody who is known, nor anybody seen
// with one who is, by who may belong together. One that is seen alone stands alone
// and is left out.
func (b *batchView) strangers(updates []update) [][]*update {
	all := make([]*identity.Observation, len(updates))
	for i := range updates {
		all[i] = updates[i].observation()
	}
	var out [][]*update
	for _, group := range identity.Strangers(all, b.clusters.fresh) {
		together := false
		us := make([]*update, len(group))
		for i, at := range group {
			us[i] = &updates[at]
			us[i].strange = true
			together = together || len(all[at].Nodes) > 1
		}
		if together {
			out = append(out, us)
		}
	}
	return out
}

// changes picks the updates that may change the clusters of nodes that are known.
func (b *batchView) changes(ctx context.Context, updates []update, p *plan) error {
	for i := range updates {
		u := &updates[i]
		if u.strange {
			continue
		}
		nodes, err := u.Touches(ctx, b.clusters.old, b.rules, p.ids, b.clusters.fresh, !b.clusters.waiting)
		if err != nil {
			return err
		}
		if len(nodes) > 0 {
			p.add(identity.Change{Nodes: nodes, Less: u.Is == nil}, u.cause)
		}
	}
	for _, r := range b.ruled() {
		nodes, err := b.ruledNodes(ctx, r)
		if err != nil {
			return err
		}
		p.add(identity.Change{Nodes: nodes}, r.cause)
	}
	return nil
}

func (p *plan) add(c identity.Change, cause eventlog.Position) {
	c.Cause = len(p.causes)
	p.changes, p.causes = append(p.changes, c), append(p.causes, cause)
}

// revise derives the clusters anew that the batch can alter, and buffers the rows
// that are others.
func (b *batchView) revise(ctx context.Context, updates []update, p *plan) error {
	if len(b.ruled()) > 0 {
		if err := b.held.NeedWhole(); err != nil {
			return err
		}
	}
	rev, rests := identity.NewRevision(), b.held.Footprint()
	rev.Rely = func(n identity.NodeID) error {
		if b.clusters.fresh[n] {
			return nil
		}
		return rests.Add(state.LockOf(n))
	}
	for _, group := range p.strangers {
		observations := make([]*identity.Observation, len(group))
		for i, u := range group {
			observations[i] = u.Is
		}
		rev.Fresh(observations, p.ids, b.rules, len(p.causes))
		p.causes = append(p.causes, group[0].cause)
	}
	if len(p.changes) > 0 {
		budget := identity.Budget{Change: b.reviseMax, All: batchFactor * b.reviseMax}
		err := rev.Revise(ctx, b.evidence(updates), b.clusters.old, b.rules, p.changes, budget)
		if err != nil && !errs.Is(err, errs.Corrupt) {
			return err
		}
		// Rows that no lock held still may not fit together, which says nothing.
		if err := cmp.Or(rests.Err(), err); err != nil {
			return err
		}
	}
	if rev.TooLarge {
		if err := b.held.NeedWhole(); err != nil {
			return err
		}
		b.park(updates, p)
		return nil
	}
	b.clusters.rev = rev
	putClusters(b.tx, rev)
	return nil
}

// evidence is what the state will hold after the batch, of everybody whom the
// state knows and who is seen with these.
func (b *batchView) evidence(updates []update) state.Reader {
	over := identity.NewOverlay(b.tx)
	for n := range b.clusters.fresh {
		over.Fresh(n)
	}
	for i := range b.batch {
		c := &b.batch[i]
		for j, n := range c.Nodes {
			if b.clusters.fresh[n] {
				over.Put(identity.IdentifierRow(n), identity.EncodeIdentifier(c.Identifiers[j]))
			}
		}
	}
	for i := range updates {
		u := &updates[i]
		switch {
		case u.strange:
		case u.Is == nil:
			over.Put([]byte(u.key), nil)
			eachAdjacent(u.Was, func(row []byte) { over.Put(row, nil) })
		default:
			over.Put([]byte(u.key), u.Is.Encode())
			if u.Was == nil {
				eachAdjacent(u.Is, func(row []byte) { over.Put(row, []byte{}) })
			}
		}
	}
	b.layRulings(over)
	return over
}

// eachAdjacent hands over the keys of the references to an observation.
func eachAdjacent(o *identity.Observation, f func(row []byte)) {
	key := o.Key()
	for _, n := range o.Nodes {
		if n != o.Home {
			f(identity.AdjacentRow(n, o.Home, key))
		}
	}
}

// leaderAfter tells whose profile a node's is after the batch.
func (b *batchView) leaderAfter(ctx context.Context, n identity.NodeID) (identity.NodeID, error) {
	if rev := b.clusters.rev; rev != nil && rev.After[n] != nil {
		return rev.After[n].Leader, nil
	}
	return b.clusters.old.Leader(ctx, n)
}

// tell records which nodes have another profile than before, and puts into the
// facts of the batch the profiles that are believed now.
func (b *batchView) tell(ctx context.Context, updates []update, causes []eventlog.Position) error {
	var err error
	for i := range b.facts {
		f := &b.facts[i]
		switch {
		case f.Node.IsZero():
		case f.Kind == fact.EventWithdrawn:
			f.Profile, err = b.clusters.old.Leader(ctx, f.Node)
		default:
			f.Profile, err = b.leaderAfter(ctx, f.Node)
		}
		if err != nil {
			return err
		}
	}
	moved, err := b.moved(ctx, updates, causes)
	b.facts = append(moved, b.facts...)
	b.journal = journalOf(b.clusters.rev, b.cur.FactsNext, moved)
	return err
}

// journalOf makes the entries of the journal of facts that begin at a sequence
// number.
func journalOf(rev *identity.Revision, first uint64, moved []fact.Fact) []journal.Entry {
	if rev == nil {
		return nil
	}
	moves := make([]journal.Move, 0, len(moved))
	for i, f := range moved {
		if !f.From.IsZero() {
			moves = append(moves, journal.Move{Node: f.Node, From: f.From, To: f.Profile, Cause: f.Record, Sequence: first + uint64(i)})
		}
	}
	return journal.Of(rev, moves)
}

// moved lists the nodes whose profile is another than before: first those that
// nothing was known of and that stand alone, or wait, then by the change that moved
// them.
func (b *batchView) moved(ctx context.Context, updates []update, causes []eventlog.Position) ([]fact.Fact, error) {
	var out []fact.Fact
	rev := b.clusters.rev
	for i := range updates {
		u := &updates[i]
		if u.Was != nil || u.Is == nil {
			continue
		}
		for _, n := range u.Is.Nodes {
			if b.clusters.fresh[n] && (rev == nil || rev.After[n] == nil) {
				out = append(out, fact.Fact{Kind: fact.NodeMoved, Record: u.cause, Node: n, Profile: n})
				delete(b.clusters.fresh, n) // another observation of it says no more
			}
		}
	}
	if rev == nil {
		return out, nil
	}
	for _, n := range rev.Nodes {
		f := fact.Fact{Kind: fact.NodeMoved, Record: causes[rev.Cause[n]], Node: n}
		known, err := b.wasSeen(ctx, n, rev.Before[n])
		if err != nil {
			return nil, err
		}
		if known {
			f.From = rev.Before[n].Leader
		}
		rev.News[n] = !known
		if rev.Seen[n] {
			f.Profile = rev.After[n].Leader
		}
		if f.From != f.Profile {
			out = append(out, f)
		}
	}
	return out, nil
}

// wasSeen reports whether an observation named a node before the batch.
func (b *batchView) wasSeen(ctx context.Context, n identity.NodeID, before *identity.Cluster) (bool, error) {
	if b.clusters.fresh[n] {
		return false, nil
	}
	if len(before.Nodes) > 1 && !b.clusters.rev.Ruled && len(b.rulings) == 0 || before.Shared[n] {
		return true, nil
	}
	return identity.Seen(ctx, b.tx, n)
}
