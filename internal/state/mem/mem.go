// Package mem is the engine of the state that lives in memory and is gone with
// the process: for tests, simulations, previews and rebuilds beside a live
// state. It means exactly what the durable engines mean.
//
// The pairs lie in a B-tree that is copied on write. A reader gets a clone of
// the tree, made in constant time and shared by all readers until the next
// commit, so that a snapshot costs next to nothing and never blocks.
package mem

import (
	"bytes"
	"context"
	"iter"
	"sync"

	"github.com/RaduBerinde/btreemap"

	"kith/internal/state"
	"kith/internal/state/internal/txn"
)

// degree is the B-tree's: nodes of 31 to 63 pairs.
const degree = 32

// scanCheck is the number of pairs between two looks at a scan's context.
const scanCheck = 256

type tree = btreemap.BTreeMap[[]byte, []byte]

// Store is a state in memory. It is safe for concurrent use.
type Store struct {
	locks txn.Locks

	mu     sync.Mutex
	tree   *tree
	view   *tree // a clone of tree as it is now, or nil: none was asked for since the last commit
	closed bool
}

var _ state.Store = (*Store)(nil)

// New returns an empty state.
func New() *Store {
	return &Store{tree: btreemap.New[[]byte, []byte](degree, bytes.Compare)}
}

// Begin implements state.Store.
func (s *Store) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	sorted := txn.Sorted(locks)
	if err := s.locks.Acquire(ctx, sorted); err != nil {
		return nil, err
	}
	if _, err := s.now(); err != nil {
		s.locks.Release(sorted)
		return nil, err
	}
	return &tx{store: s, locks: sorted}, nil
}

// Snapshot implements state.Store.
func (s *Store) Snapshot(ctx context.Context) (state.Snapshot, error) {
	if err := txn.Canceled(ctx); err != nil {
		return nil, err
	}
	view, err := s.now()
	if err != nil {
		return nil, err
	}
	return &snapshot{view: view}, nil
}

// Close implements state.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// now returns the tree as it is, which nobody changes any more.
func (s *Store) now() (*tree, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, txn.ErrClosed()
	}
	if s.view == nil {
		s.view = s.tree.Clone()
	}
	return s.view, nil
}

// apply carries out the rows, all or none.
func (s *Store) apply(rows []txn.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return txn.ErrClosed()
	}
	merged := make([][]byte, len(rows))
	for i := range rows {
		r := &rows[i]
		if r.Action != txn.Merge && !r.Guarded {
			continue
		}
		_, now, _ := s.tree.Get(r.Key)
		if err := r.Check(now); err != nil {
			return err
		}
		if r.Action == txn.Merge {
			var err error
			if merged[i], err = state.Merged(now, r.Op, r.Value); err != nil {
				return err
			}
		}
	}
	s.view = nil
	for i := range rows {
		switch r := &rows[i]; r.Action {
		case txn.Put:
			s.put(r.Key, r.Value)
		case txn.Merge:
			s.put(r.Key, merged[i])
		case txn.Delete:
			s.tree.Delete(r.Key)
		}
	}
	return nil
}

// put stores a copy, key and value in one piece. The caller holds mu.
func (s *Store) put(key, value []byte) {
	pair := make([]byte, len(key)+len(value))
	n := copy(pair, key)
	copy(pair[n:], value)
	s.tree.ReplaceOrInsert(pair[:n:n], pair[n:])
}

func get(ctx context.Context, view *tree, keys [][]byte) ([][]byte, error) {
	if err := txn.Canceled(ctx); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	for i, k := range keys {
		if _, v, ok := view.Get(k); ok {
			values[i] = append(make([]byte, 0, len(v)), v...)
		}
	}
	return values, nil
}

func scan(ctx context.Context, view *tree, r state.Range, yield func(state.KV, error) bool) {
	if txn.Empty(r) {
		return
	}
	n := 0
	for k, v := range pairs(view, r) {
		if n%scanCheck == 0 {
			if err := txn.Canceled(ctx); err != nil {
				yield(state.KV{}, err)
				return
			}
		}
		n++
		if !yield(state.KV{Key: k, Value: v[:len(v):len(v)]}, nil) || n == r.Limit {
			return
		}
	}
}

func pairs(view *tree, r state.Range) iter.Seq2[[]byte, []byte] {
	end := btreemap.Max[[]byte]()
	if r.High != nil {
		end = btreemap.LT(r.High)
	}
	if r.Reverse {
		return view.Descend(end, btreemap.GE(r.Low))
	}
	return view.Ascend(btreemap.GE(r.Low), end)
}

// tx is a transaction. Its buffered writes are the embedded Writes.
type tx struct {
	txn.Writes
	store *Store
	locks []state.Lock
	ended bool
}

// Get implements state.Reader.
func (t *tx) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	view, err := t.now()
	if err != nil {
		return nil, err
	}
	return get(ctx, view, keys)
}

// Scan implements state.Reader.
func (t *tx) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		view, err := t.now()
		if err != nil {
			yield(state.KV{}, err)
			return
		}
		scan(ctx, view, r, yield)
	}
}

func (t *tx) now() (*tree, error) {
	if t.ended {
		return nil, txn.ErrEnded()
	}
	return t.store.now()
}

// Commit implements state.Tx.
func (t *tx) Commit(ctx context.Context, c state.Cursor) error {
	if t.ended {
		return txn.ErrEnded()
	}
	defer t.Rollback()
	if err := txn.Canceled(ctx); err != nil {
		return err
	}
	rows, err := t.Rows(c)
	if err != nil {
		return err
	}
	return t.store.apply(rows)
}

// Rollback implements state.Tx.
func (t *tx) Rollback() {
	if t.ended {
		return
	}
	t.ended = true
	t.store.locks.Release(t.locks)
}

// snapshot is a clone of the tree; closing it only lets go of it.
type snapshot struct {
	mu   sync.Mutex
	view *tree
}

// Get implements state.Reader.
func (s *snapshot) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	view, err := s.open()
	if err != nil {
		return nil, err
	}
	return get(ctx, view, keys)
}

// Scan implements state.Reader.
func (s *snapshot) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		view, err := s.open()
		if err != nil {
			yield(state.KV{}, err)
			return
		}
		scan(ctx, view, r, yield)
	}
}

func (s *snapshot) open() (*tree, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view == nil {
		return nil, txn.ErrClosed()
	}
	return s.view, nil
}

// Close implements state.Snapshot.
func (s *snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view = nil
	return nil
}
