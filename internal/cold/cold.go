// Package cold keeps most of the history index, and of the facts, outside of the
// server of the state: a Store looks like the state in which everything lies, and in
// truth the rows of families H and F that are older than a cut lie in a Backend made
// for much that never changes.
//
// The state alone says what counts. A Mover copies rows into the backend under a
// number that nobody else gives, and then, in one transaction of the state, deletes
// them there and notes the number in the ledger. A copy whose number no ledger names
// is not there for anybody. The backend is only ever added to, a removal being one
// more version of the row; so a snapshot, whose ledger is that of its moment, finds
// what it would have found then, and a state that has lost its last commits finds
// what it had before them.
//
// docs/adr/0025 has the argument, FORMAT.md of package state the bytes.
package cold

import (
	"context"
	"time"

	"kith/internal/state"
)

// Generation names one life of a state: one that is made anew from the log begins
// another, to which no row of the backend belongs.
type Generation [16]byte

// Attempt is the number under which rows were moved together. A mover draws its term
// by chance and counts from 1.
type Attempt struct {
	Term, Number uint64
}

// Version is what an attempt says of a key of the state.
type Version struct {
	Attempt
	Key   []byte
	Gone  bool // the row was removed
	Value []byte
}

// Held is a generation of which a backend has rows.
type Held struct {
	Generation Generation
	Idle       time.Duration // since something was inserted last
}

// Backend is the port to where cold rows lie; coldtest is the suite of all
// implementations. Errors that may pass are of kind Unavailable. It is safe for
// concurrent use.
type Backend interface {
	// Insert adds versions, and returns when they survive a power cut. A version may
	// be inserted again, as it was. After an error any of them may be there.
	Insert(ctx context.Context, g Generation, versions []Version) error

	// Scan returns, for each range, up to Limit versions of keys in it, in the order of
	// keys, against it where Reverse; those of one key in any order. Every range has a
	// Limit. What Insert has returned for is seen.
	Scan(ctx context.Context, g Generation, ranges []state.Range) ([][]Version, error)

	// Count returns how many versions of a generation there are at least.
	Count(ctx context.Context, g Generation) (int64, error)

	// Generations returns those that have rows.
	Generations(ctx context.Context) ([]Held, error)

	// Drop deletes all rows of a generation.
	Drop(ctx context.Context, g Generation) error
}

// Store is a state whose old history lies in a backend. It is used as the state
// itself; rows of family Z, which say where rows lie, are seen only by who asks for
// that family.
//
// A transaction that reads the history of a node, or the facts of a partition, holds
// their lock. Otherwise what is moved meanwhile could escape it.
type Store struct {
	hot     state.Store
	backend Backend
}

var _ state.Store = (*Store)(nil)

// New returns the state over both.
func New(hot state.Store, b Backend) *Store { return &Store{hot: hot, backend: b} }

// Begin implements state.Store.
func (s *Store) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	t, err := s.hot.Begin(ctx, locks)
	if err != nil {
		return nil, err
	}
	return &tx{Tx: t, r: reader{hot: t, backend: s.backend}, gone: map[string]bool{}}, nil
}

// Snapshot implements state.Store.
func (s *Store) Snapshot(ctx context.Context) (state.Snapshot, error) {
	snap, err := s.hot.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &snapshot{reader{hot: snap, backend: s.backend, keep: true}, snap}, nil
}

// Close implements state.Store.
func (s *Store) Close() error { return s.hot.Close() }

// snapshot is a view of one moment of both.
type snapshot struct {
	reader
	snap state.Snapshot
}

var _ state.BulkScanner = (*snapshot)(nil)

// Close implements state.Snapshot.
func (s *snapshot) Close() error { return s.snap.Close() }
