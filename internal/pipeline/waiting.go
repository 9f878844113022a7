package pipeline

import (
	"context"
	"slices"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/identity"
	"kith/internal/journal"
	"kith/internal/lockset"
	"kith/internal/state"
	"kith/internal/sys"
)

// reviseMax is the default bound of the observations that are read for one change while the batch
// that brings it waits. A change that needs more waits itself: it is parked, and
// so is everything that comes after it, until a job beside the pipeline has brought
// the clusters up.
const reviseMax = 20_000

// batchFactor is how many times that many may be read for all changes of a batch.
const batchFactor = 10

// atOnceMax is how many waiting nodes are looked at while every batch waits; with
// more of them the job works on a snapshot first.
const atOnceMax = 2_000

// park leaves the changes of a batch to the job. All locks of nodes are held if no
// others wait, so that nobody relies on clusters that stay behind; else one of them,
// so that the job commits before or after.
func (b *batchView) park(updates []update, p *plan) {
	batch := b.number()
	if !b.clusters.waiting {
		lag := identity.Lag{Since: string(identity.EncodeWaiting(p.causes[0], batch))}
		b.tx.Put(identity.WaitingMark(), lag.Encode())
	}
	for i := range p.changes {
		for _, n := range p.changes[i].Nodes {
			b.tx.Put(identity.WaitingRow(n), identity.EncodeWaiting(p.causes[p.changes[i].Cause], batch))
		}
	}
	for _, group := range p.strangers {
		for _, u := range group {
			for _, n := range u.Is.Nodes {
				b.tx.Put(identity.WaitingRow(n), identity.EncodeWaiting(u.cause, batch))
			}
		}
	}
	b.clusters.waiting = true
}

// number is one that no other batch of the partition has in which something waits:
// each of them moves the cursor or has facts, if only of events that leave.
func (b *batchView) number() eventlog.Position {
	return eventlog.Position{Partition: b.cur.Partition, Offset: b.cur.Next + int64(b.cur.FactsNext)}
}

// later parks the changes of a batch that comes while others wait. It needs one lock
// of a node, since whoever brings the clusters up holds them all.
func (b *batchView) later(updates []update, p *plan) error {
	nodes := p.nodes()
	if len(nodes) == 0 {
		return nil
	}
	if !b.held.Any() {
		return b.needNodes(nodes[0])
	}
	b.park(updates, p)
	return nil
}

// nodes lists what the plan bears on.
func (p *plan) nodes() []identity.NodeID {
	var out []identity.NodeID
	for i := range p.changes {
		out = append(out, p.changes[i].Nodes...)
	}
	for _, group := range p.strangers {
		for _, u := range group {
			out = append(out, u.Is.Nodes...)
		}
	}
	return out
}

// Settle brings the stored clusters up to the evidence that waits, in passes, until
// none waits. It returns at once when none does. Several processes may do it at the
// same time; one of them wins each pass.
func (r *Runner) Settle(ctx context.Context) error {
	const attempts = 8
	for lost := 0; ; {
		more, err := r.settleOnce(ctx)
		switch {
		case errs.Is(err, errs.Conflict) && lost < attempts:
			lost++ // against a batch of the first partition, or another process
		case err != nil || !more:
			return err
		default:
			lost = 0
		}
	}
}

// settleOnce makes one pass. With few nodes it tries to do it while no batch runs,
// which leaves nothing waiting; else, or when that needs to read too much, it
// derives on a snapshot what was waiting at its moment, and leaves what has come
// since.
func (r *Runner) settleOnce(ctx context.Context) (more bool, err error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer snap.Close()
	lag, err := identity.ReadLag(ctx, snap)
	if err != nil || !lag.Waiting {
		return false, err
	}
	nodes, err := identity.ReadWaiting(ctx, snap, 0)
	if err != nil {
		return false, err
	}
	if len(nodes) <= atOnceMax {
		done, err := r.settleAtOnce(ctx)
		if done || err != nil {
			return false, err
		}
	}
	rev, causes, err := r.rederive(ctx, snap, nodes, identity.Unbounded())
	if err != nil {
		return false, err
	}
	return true, r.underAllLocks(ctx, func(tx state.Tx, cur *Cursor) error {
		next := lag
		next.Passes++
		tx.PutIf(identity.WaitingMark(), lag.Encode(), next.Encode())
		if err := forgetWaiting(ctx, tx, nodes); err != nil {
			return err
		}
		return r.applyRevision(ctx, tx, cur, rev, causes)
	})
}

// settleAtOnce brings the clusters up while no batch runs. done is false when that
// would read too much.
func (r *Runner) settleAtOnce(ctx context.Context) (done bool, err error) {
	err = r.underAllLocks(ctx, func(tx state.Tx, cur *Cursor) error {
		lag, err := identity.ReadLag(ctx, tx)
		if err != nil || !lag.Waiting {
			done = err == nil
			return err
		}
		nodes, err := identity.ReadWaiting(ctx, tx, 2*atOnceMax)
		if err != nil || len(nodes) == 2*atOnceMax {
			return err
		}
		most := r.reviseMax()
		rev, causes, err := r.rederive(ctx, tx, nodes, identity.Budget{Change: most, All: most + most/4})
		if err != nil || rev.TooLarge {
			return err
		}
		for i := range nodes {
			tx.Delete(identity.WaitingRow(nodes[i].Node))
		}
		tx.PutIf(identity.WaitingMark(), lag.Encode(), nil)
		done = true
		return r.applyRevision(ctx, tx, cur, rev, causes)
	})
	return done && err == nil, err
}

// reviseMax is the bound of what is read for one change.
func (r *Runner) reviseMax() int {
	if r.Config.ReviseMax > 0 {
		return r.Config.ReviseMax
	}
	return reviseMax
}

// forgetWaiting takes out the marks of nodes on which nothing has come since they
// were read.
func forgetWaiting(ctx context.Context, tx state.Tx, nodes []identity.Waiting) error {
	for some := range slices.Chunk(nodes, 1000) {
		keys := make([][]byte, len(some))
		for i := range some {
			keys[i] = identity.WaitingRow(some[i].Node)
		}
		values, err := tx.Get(ctx, keys)
		if err != nil {
			return err
		}
		for i, v := range values {
			if some[i].Is(v) {
				tx.Delete(keys[i])
			}
		}
	}
	return nil
}

// rederive derives anew what waiting nodes may change.
func (r *Runner) rederive(ctx context.Context, s state.Reader, nodes []identity.Waiting, budget identity.Budget) (*identity.Revision, []eventlog.Position, error) {
	changes, causes := make([]identity.Change, len(nodes)), make([]eventlog.Position, len(nodes))
	for i := range nodes {
		changes[i] = identity.Change{Nodes: []identity.NodeID{nodes[i].Node}, Less: true, Cause: i}
		causes[i] = nodes[i].Cause
	}
	rev := identity.NewRevision()
	return rev, causes, rev.Revise(ctx, s, identity.NewClusters(s), r.Interpreter.Identity, changes, budget)
}

// underAllLocks commits what f does while no batch runs on any node, with the
// facts that it adds to the first partition's.
func (r *Runner) underAllLocks(ctx context.Context, f func(tx state.Tx, cur *Cursor) error) error {
	tx, err := r.State.Begin(ctx, append(lockset.Nodes(), state.PartitionLock(0)))
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := r.mayFold(ctx); err != nil {
		return err
	}
	cur, err := readCursor(ctx, tx, 0)
	if err != nil {
		return err
	}
	before := cur.FactsNext
	if err := f(tx, &cur); err != nil {
		return err
	}
	if cur.FactsNext != before {
		tx.PutIf(cursorKey(0), cur.stored, cur.encode())
	}
	if err := tx.Commit(ctx, state.Cursor{}); err != nil {
		return err
	}
	r.wake()
	return nil
}

// applyRevision writes the rows of clusters that are others than before, and the
// facts of the nodes that have moved.
func (r *Runner) applyRevision(ctx context.Context, tx state.Tx, cur *Cursor, rev *identity.Revision, causes []eventlog.Position) error {
	putClusters(tx, rev)
	var moved []fact.Fact
	for _, n := range rev.Nodes {
		f := fact.Fact{Kind: fact.NodeMoved, Record: causes[rev.Cause[n]], Node: n, From: rev.Before[n].Leader}
		switch {
		case rev.Seen[n]:
			f.Profile = rev.After[n].Leader
		case rev.Ruled:
			continue // only operators have named it
		}
		if f.From != f.Profile {
			moved = append(moved, f)
		}
	}
	now := sys.Millis(r.Clock.Now())
	journal.Put(tx, 0, now, journalOf(rev, cur.FactsNext, moved))
	fact.Put(tx, fact.Block{Partition: 0, First: cur.FactsNext, At: now, Facts: moved})
	cur.FactsNext += uint64(len(moved))
	return nil
}

// putClusters buffers the rows of clusters that are others than before.
func putClusters(tx state.Tx, rev *identity.Revision) {
	for _, n := range rev.Nodes {
		was, is := rev.Before[n].Row(n), rev.After[n].Row(n)
		switch {
		case string(was) == string(is):
		case is == nil:
			tx.Delete(identity.ClusterRow(n))
		default:
			tx.Put(identity.ClusterRow(n), is)
		}
	}
}
