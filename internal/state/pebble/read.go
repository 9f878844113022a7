package pebble

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"kith/internal/state"
	"kith/internal/state/internal/txn"
)

// look is the number of keys between two looks at a reader's context.
const look = 256

// get reads keys in bulk, all at one moment. One iterator serves all of them in
// key order, which is twice to three times as fast as asking for each by itself.
// It seeks with the tables' filters, also those of the last level, because a
// large part of what the state is asked for is not there (marks of messages that
// were not seen before).
func get(ctx context.Context, r pebble.Reader, keys [][]byte) (_ [][]byte, err error) {
	if err := txn.Canceled(ctx); err != nil {
		return nil, err
	}
	values := make([][]byte, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	it, err := r.NewIterWithContext(ctx, &pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return nil, mapError(err, "reading the state")
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = mapError(closeErr, "reading the state")
		}
	}()
	for n, i := range ascending(keys) {
		if n%look == look-1 {
			if err := txn.Canceled(ctx); err != nil {
				return nil, err
			}
		}
		k := keys[i]
		if !seek(it, k) {
			if err := it.Error(); err != nil {
				return nil, mapError(err, "reading the state")
			}
			continue
		}
		if !bytes.Equal(it.Key(), k) {
			continue
		}
		if values[i], err = current(it, nil); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// seek moves the iterator to the key or, if there is none, to anywhere else. The
// empty key has no prefix to seek by; it is the first of all.
func seek(it *pebble.Iterator, key []byte) bool {
	if len(key) == 0 {
		return it.First()
	}
	return it.SeekPrefixGE(key)
}

// ascending returns the indices of the keys in key order.
func ascending(keys [][]byte) []int32 {
	order := make([]int32, len(keys))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(keys[a], keys[b]) })
	return order
}

// current appends the value at which the iterator stands to buf and never
// returns nil for one that is there.
func current(it *pebble.Iterator, buf []byte) ([]byte, error) {
	raw, err := it.ValueAndErr()
	if err != nil {
		return nil, mapError(err, "reading the state")
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	if buf == nil {
		buf = make([]byte, 0, len(v))
	}
	return append(buf, v...), nil
}

// scan yields the pairs of a range.
func scan(ctx context.Context, it *pebble.Iterator, r state.Range, yield func(state.KV, error) bool) {
	first, next := it.First, it.Next
	if r.Reverse {
		first, next = it.Last, it.Prev
	}
	n := 0
	var kv state.KV
	for ok := first(); ok; ok = next() {
		if n%look == look-1 {
			if err := txn.Canceled(ctx); err != nil {
				yield(state.KV{}, err)
				return
			}
		}
		n++
		var err error
		if kv.Value, err = current(it, kv.Value[:0]); err != nil {
			yield(state.KV{}, err)
			return
		}
		kv.Key = append(kv.Key[:0], it.Key()...)
		if !yield(kv, nil) || n == r.Limit {
			return
		}
	}
	if err := it.Error(); err != nil {
		yield(state.KV{}, mapError(err, "reading the state"))
	}
}

// scanner makes a Scan out of a way to open an iterator; open has entered the
// store when it succeeds.
func (s *Store) scanner(ctx context.Context, r state.Range, open func(o *pebble.IterOptions) (*pebble.Iterator, error)) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		if err := txn.Canceled(ctx); err != nil {
			yield(state.KV{}, err)
			return
		}
		if err := s.use.enter(); err != nil {
			yield(state.KV{}, err)
			return
		}
		defer s.use.leave()
		if txn.Empty(r) {
			return
		}
		o := &pebble.IterOptions{UpperBound: r.High}
		if len(r.Low) > 0 {
			o.LowerBound = r.Low
		}
		it, err := open(o)
		if err != nil {
			yield(state.KV{}, err)
			return
		}
		defer func() { _ = it.Close() }() // its error is the one that scan has yielded
		scan(ctx, it, r, yield)
	}
}

// snapshot is a view of one moment.
type snapshot struct {
	store *Store
	mu    sync.RWMutex // not held while a scan's caller runs: its iterator outlives the snapshot
	snap  *pebble.Snapshot
}

// Get implements state.Reader.
func (s *snapshot) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	if err := s.store.use.enter(); err != nil {
		return nil, err
	}
	defer s.store.use.leave()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.snap == nil {
		return nil, txn.ErrClosed()
	}
	return get(ctx, s.snap, keys)
}

// Scan implements state.Reader.
func (s *snapshot) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return s.store.scanner(ctx, r, func(o *pebble.IterOptions) (*pebble.Iterator, error) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		if s.snap == nil {
			return nil, txn.ErrClosed()
		}
		it, err := s.snap.NewIterWithContext(ctx, o)
		return it, mapError(err, "reading the state")
	})
}

// Close implements state.Snapshot.
func (s *snapshot) Close() error {
	if s.store.use.enter() != nil {
		return nil // the store has closed it
	}
	defer s.store.use.leave()
	s.store.use.forget(s)
	s.release()
	return nil
}

// release lets go of the database's snapshot.
func (s *snapshot) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snap != nil {
		_ = s.snap.Close() // never fails
		s.snap = nil
	}
}
