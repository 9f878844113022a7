package pebble

import (
	"context"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"kith/internal/state"
	"kith/internal/state/internal/txn"
)

// tx is a transaction. Its buffered writes are the embedded Writes.
type tx struct {
	txn.Writes
	store *Store
	locks []state.Lock
	ended bool
}

// Get implements state.Reader.
func (t *tx) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	if t.ended {
		return nil, txn.ErrEnded()
	}
	if err := t.store.use.enter(); err != nil {
		return nil, err
	}
	defer t.store.use.leave()
	return get(ctx, t.store.db, keys)
}

// Scan implements state.Reader.
func (t *tx) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return t.store.scanner(ctx, r, func(o *pebble.IterOptions) (*pebble.Iterator, error) {
		if t.ended {
			return nil, txn.ErrEnded()
		}
		it, err := t.store.db.NewIterWithContext(ctx, o)
		return it, mapError(err, "reading the state")
	})
}

// Commit implements state.Tx. When a sync of the log fails, what was committed
// shows in reads although it may not be durable; the store then refuses every
// further commit until it is opened again.
func (t *tx) Commit(ctx context.Context, c state.Cursor) error {
	if t.ended {
		return txn.ErrEnded()
	}
	defer t.Rollback()
	if err := txn.Canceled(ctx); err != nil {
		return err
	}
	rows, err := t.Rows(c)
	if err != nil || len(rows) == 0 {
		return err
	}
	if err := t.store.use.enter(); err != nil {
		return err
	}
	defer t.store.use.leave()
	return t.store.commit(ctx, rows, !t.store.opts.NoSync || len(c.Key) == 0)
}

// Rollback implements state.Tx.
func (t *tx) Rollback() {
	if t.ended {
		return
	}
	t.ended = true
	t.store.locks.Release(t.locks)
}

// commit carries out the rows. A batch that is not applied in the end is left to
// the garbage collector.
func (s *Store) commit(ctx context.Context, rows []txn.Row, sync bool) error {
	if err := s.room(); err != nil {
		return err
	}
	if err := s.admit(ctx); err != nil {
		return err
	}
	batch := s.db.NewBatchWithSize(batchBytes(rows))
	guards, collapses, err := s.fill(batch, rows)
	if err != nil {
		return err
	}
	if err := s.apply(ctx, batch, guards, collapses, sync); err != nil {
		return err
	}
	if sync {
		err = batch.SyncWait()
	}
	if closeErr := batch.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		s.health.fail(err)
	}
	return s.health.fatal()
}

// admit waits until flushes and compactions have kept up with the writes. It
// looks only when a memory table has filled up since the last look, because
// looking is not cheap.
func (s *Store) admit(ctx context.Context) error {
	for {
		due, changed := s.health.look()
		if !due {
			return nil
		}
		m := s.db.Metrics()
		if m.MemTable.Size < waitingMemTables*uint64(s.opts.MemTableBytes) && m.Levels[0].Sublevels < waitingLevels {
			return nil
		}
		if err := s.health.crowded(); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return txn.Canceled(ctx)
		}
	}
}

// batchBytes is about the size of the batch that the rows make.
func batchBytes(rows []txn.Row) int {
	n := 0
	for i := range rows {
		n += len(rows[i].Key) + len(rows[i].Value) + 12
	}
	return n
}

// fill writes the rows into the batch, apart from merges that are due to be
// collapsed. It returns those and the rows with guards: both have to look at
// what is stored.
func (s *Store) fill(batch *pebble.Batch, rows []txn.Row) (guards, collapses []*txn.Row, err error) {
	for i := range rows {
		r := &rows[i]
		if r.Guarded {
			guards = append(guards, r)
		}
		switch r.Action {
		case txn.Put:
			err = putRow(batch, r)
		case txn.Delete:
			err = batch.Delete(r.Key, nil)
		case txn.Merge:
			if s.tally.count(r.Key) >= collapseAfter {
				collapses = append(collapses, r)
			} else {
				err = mergeRow(batch, r)
			}
		}
		if err != nil {
			return nil, nil, mapError(err, "writing to the state")
		}
	}
	return guards, collapses, nil
}

func putRow(batch *pebble.Batch, r *txn.Row) error {
	op := batch.SetDeferred(len(r.Key), len(r.Value)+1)
	copy(op.Key, r.Key)
	op.Value[0] = tagPut
	copy(op.Value[1:], r.Value)
	return op.Finish()
}

func mergeRow(batch *pebble.Batch, r *txn.Row) error {
	op := batch.MergeDeferred(len(r.Key), len(r.Value)+1)
	copy(op.Key, r.Key)
	op.Value[0] = byte(r.Op)
	copy(op.Value[1:], r.Value)
	return op.Finish()
}

// apply checks the guards and makes the batch visible, without waiting for its
// sync. Between the two no other commit can change what the guards saw, nor add
// an operand to a merge that is being collapsed.
func (s *Store) apply(ctx context.Context, batch *pebble.Batch, guards, collapses []*txn.Row, sync bool) error {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	if err := s.health.check(); err != nil {
		return err
	}
	now, err := s.stored(ctx, guards, collapses)
	if err != nil {
		return err
	}
	for i, r := range guards {
		if err := r.Check(now[i]); err != nil {
			return err
		}
	}
	for i, r := range collapses {
		v, err := state.Merged(now[len(guards)+i], r.Op, r.Value)
		if err != nil {
			return err
		}
		if err := batch.Set(r.Key, v, nil); err != nil {
			return mapError(err, "writing to the state")
		}
	}
	if err := s.write(batch, sync); err != nil {
		return err
	}
	for _, r := range collapses {
		s.tally.reset(r.Key)
	}
	return nil
}

// stored reads what the guards and collapses have to look at, in this order.
func (s *Store) stored(ctx context.Context, guards, collapses []*txn.Row) ([][]byte, error) {
	keys := make([][]byte, 0, len(guards)+len(collapses))
	for _, r := range guards {
		keys = append(keys, r.Key)
	}
	for _, r := range collapses {
		keys = append(keys, r.Key)
	}
	return get(ctx, s.db, keys)
}

// write hands the batch to the database. Whether the log took it, health knows
// once the sync is over.
func (s *Store) write(batch *pebble.Batch, sync bool) error {
	var err error
	if sync {
		err = s.db.ApplyNoSyncWait(batch, pebble.Sync)
	} else {
		err = s.db.Apply(batch, pebble.NoSync)
	}
	return mapError(err, "writing to the state")
}
