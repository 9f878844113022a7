// Package state is the port to the ordered key-value state in which everything
// derived from the event log lies. The engines are state/mem, state/pebble and
// state/postgres; state/statetest is the suite all three pass. FORMAT.md lists
// the families of keys.
//
// The port is shaped for batches: a transaction names its locks first, reads in
// bulk, buffers its writes, and commits them together with the cursor of the log
// in one atomic, durable step.
package state

import (
	"context"
	"iter"
)

// Lock is a number that at most one open transaction holds. Which number stands
// for what is the caller's affair; see LockOf.
type Lock uint32

// Store holds the state of one workspace.
type Store interface {
	// Begin opens a transaction that holds the given locks. They are sorted and
	// deduplicated first, so that no two transactions can wait for each other in
	// a circle. Begin blocks until all are free or ctx ends.
	Begin(ctx context.Context, locks []Lock) (Tx, error)

	// Snapshot opens a read view of one moment: nothing committed later shows in
	// it. The caller must Close it.
	Snapshot(ctx context.Context) (Snapshot, error)

	// Close releases the engine; open transactions must have ended. Safe twice.
	Close() error
}

// Reader reads keys. Returned slices belong to the caller unless said otherwise.
type Reader interface {
	// Get returns the values of the keys in their order, nil for a key that has
	// none. An empty value is never nil.
	Get(ctx context.Context, keys [][]byte) ([][]byte, error)

	// Scan yields the pairs of a range in key order. Key and value are valid
	// until the next step of the iteration only. After an error it stops.
	Scan(ctx context.Context, r Range) iter.Seq2[KV, error]
}

// Snapshot is a Reader at one moment.
type Snapshot interface {
	Reader
	Close() error
}

// Tx is one transaction. It is not safe for concurrent use. Reads see the
// committed state and not the transaction's own buffered writes. A row may be
// written only under the lock that guards it, by PutIf, or by Merge; isolation
// comes from that rule, not from the engine.
type Tx interface {
	Reader

	// Put buffers a write; Delete a removal. The slices must not change before
	// the transaction ends. Of several writes to one key the last one counts.
	Put(key, value []byte)
	Delete(key []byte)

	// PutIf buffers a write that is guarded: Commit fails with an error of kind
	// Conflict, and changes nothing, unless the key's value is still old (nil: it
	// has none). A nil value deletes. At most one guarded write per key.
	PutIf(key, old, value []byte)

	// Merge buffers an operation that commutes with others of its kind on that
	// key, so it needs no lock. Merges and Puts of one key must not be mixed in
	// one transaction.
	Merge(key []byte, op Op, operand []byte)

	// Commit makes all writes durable at once and moves the cursor from old to
	// new. It fails with kind Conflict when the cursor is no longer at old: then
	// another worker has taken over, or this commit had already succeeded. The
	// transaction has ended afterwards, whatever the outcome.
	Commit(ctx context.Context, c Cursor) error

	// Rollback ends the transaction without effect; after Commit it does nothing.
	Rollback()
}

// Cursor is a compare-and-set: the key's value must be Old (nil: none) and
// becomes New. The zero Cursor compares nothing.
type Cursor struct {
	Key, Old, New []byte
}

// Range is the keys from Low (inclusive) to High (exclusive; nil: no end).
type Range struct {
	Low, High []byte
	Reverse   bool
	Limit     int // 0: no limit
}

// KV is one pair.
type KV struct {
	Key, Value []byte
}

// Prefix is the range of all keys that begin with p.
func Prefix(p []byte) Range {
	return Range{Low: p, High: PrefixEnd(p)}
}

// PrefixEnd is the least key after all that begin with p, or nil if there is
// none.
func PrefixEnd(p []byte) []byte {
	end := append([]byte(nil), p...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] != 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
