package pipeline

import (
	"kith/internal/identity"
	"kith/internal/state"
)

// What of identity a batch writes and what it relies on lies under locks of nodes:
//
//   - An observation and the references to it are written under the lock of its home.
//     One that comes or goes bears as a change on every node that it names, so these are
//     relied on too (identity.Update.Touches), and their locks are held.
//   - A revision holds the locks of all nodes that it looks at, of all whose evidence it
//     reads, and of the homes of that evidence. So what it reads stands still, and it
//     writes rows of clusters of no others.
//   - A node that the state has never heard of needs no lock, since nothing is stored of
//     it: that it is new is guarded by its identifier's row, which one batch brings.
//   - What every derivation reads is written under all locks: rulings, and the mark that
//     evidence waits.
//
// So batches whose locks differ do not see each other, and others follow each other.

// needNodes asks for the locks of nodes, unless the batch has them.
func (b *batchView) needNodes(nodes ...identity.NodeID) error {
	locks := make([]state.Lock, len(nodes))
	for i, n := range nodes {
		locks[i] = state.LockOf(n)
	}
	return b.held.Need(locks...)
}

// guardFresh makes the commit fail if another batch brings a node meanwhile that is
// new for this one.
func (b *batchView) guardFresh(ids map[identity.NodeID]identity.Identifier) {
	if b.held.Whole() {
		return
	}
	for n := range b.clusters.fresh {
		b.tx.PutIf(identity.IdentifierRow(n), nil, identity.EncodeIdentifier(ids[n]))
	}
}
