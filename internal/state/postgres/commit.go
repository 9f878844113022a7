package postgres

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/internal/txn"
)

// tx is a transaction of the server. Its buffered writes are the embedded
// Writes; the server sees them only in Commit.
type tx struct {
	txn.Writes
	reader
}

// Get implements state.Reader.
func (t *tx) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	return t.get(ctx, keys, txn.ErrEnded)
}

// Scan implements state.Reader.
func (t *tx) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return t.scan(ctx, r, txn.ErrEnded)
}

// Rollback implements state.Tx.
func (t *tx) Rollback() { t.end(t.ctx) }

// Commit implements state.Tx. When the connection breaks while the server
// commits, the outcome is unknown: the error then has the code
// state.commit_unknown, and the cursor says on the next try what happened.
func (t *tx) Commit(ctx context.Context, c state.Cursor) error {
	if t.conn == nil {
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
	ctx, stop := patient(ctx, 2*t.store.opts.StatementTimeout)
	defer stop()
	plan, err := t.settle(ctx, rows)
	if err != nil {
		return err
	}
	return t.write(ctx, plan)
}

// plan is what a commit writes in the end, by table and in key order.
type plan struct {
	where *layout
	of    [tables]writes
}

// writes are those to one table.
type writes struct {
	keys, values [][]byte // to put
	remove       [][]byte
}

func (p *plan) put(key, value []byte) {
	w := &p.of[p.where.of(key)]
	w.keys, w.values = append(w.keys, noNil(key)), append(w.values, noNil(value))
}

func (p *plan) delete(key []byte) {
	w := &p.of[p.where.of(key)]
	w.remove = append(w.remove, noNil(key))
}

// settle claims and locks the rows that no lock of Begin guards, compares the
// guards and combines the merges.
//
// No two commits can wait for each other in a circle. First a commit inserts, table
// by table and in key order, what it expects to be absent; it can then wait only for keys beyond
// those it has inserted. Then it locks, in the same order, the rows that are there; a
// commit that has got so far waits only for others that have, and only for keys
// beyond those it has locked, since it does not see rows that others have merely
// inserted.
func (t *tx) settle(ctx context.Context, rows []txn.Row) (*plan, error) {
	p := &plan{where: t.store.where}
	var open []*txn.Row // rows still to be claimed or locked
	for i := range rows {
		switch r := &rows[i]; {
		case r.Guarded || r.Action == txn.Merge:
			open = append(open, r)
		case r.Action == txn.Put:
			p.put(r.Key, r.Value)
		default:
			p.delete(r.Key)
		}
	}
	for len(open) > 0 {
		claimed, found, err := t.claim(ctx, open)
		if err != nil {
			return nil, err
		}
		rest := open[:0]
		for _, r := range open {
			again, err := p.settle(r, claimed[string(r.Key)], found[string(r.Key)])
			if err != nil {
				return nil, err
			}
			if again {
				rest = append(rest, r)
			}
		}
		open = rest
	}
	return p, nil
}

// settle decides one row. claimed says that this commit has inserted the row, now
// is what the row held before and is locked (nil: nothing). It returns true when
// another commit removed the row between the two: then it is to be inserted after
// all.
func (p *plan) settle(r *txn.Row, claimed bool, now []byte) (again bool, err error) {
	if claimed { // with its final value, unless it is to be absent
		if r.Action == txn.Delete {
			p.delete(r.Key)
		}
		return false, nil
	}
	if r.Guarded {
		if r.Old == nil && now == nil {
			now = []byte{} // it was there when this commit tried to insert it
		}
		if err := r.Check(now); err != nil {
			return false, err
		}
		if r.Action == txn.Delete {
			p.delete(r.Key)
		} else {
			p.put(r.Key, r.Value)
		}
		return false, nil
	}
	if now == nil {
		return true, nil
	}
	merged, err := state.Merged(now, r.Op, r.Value)
	if err == nil && !bytes.Equal(merged, now) {
		p.put(r.Key, merged)
	}
	return false, err
}

// claim inserts what may be absent and locks what is there. It returns the keys
// it has inserted and what the others hold. A row that is inserted holds its
// final value at once; where a guard wants nothing in the end, an empty one.
func (t *tx) claim(ctx context.Context, open []*txn.Row) (claimed map[string]bool, found map[string][]byte, err error) {
	insert := plan{where: t.store.where}
	var lock [][]byte
	for _, r := range open {
		switch {
		case r.Action == txn.Merge:
			insert.put(r.Key, append([]byte{byte(r.Op)}, r.Value...))
			lock = append(lock, noNil(r.Key))
		case r.Old == nil:
			insert.put(r.Key, r.Value)
		default:
			lock = append(lock, noNil(r.Key))
		}
	}
	claimed, found = map[string]bool{}, map[string][]byte{}
	batch := &pgx.Batch{}
	for i := range insert.of {
		if w := &insert.of[i]; len(w.keys) > 0 {
			batch.Queue(t.store.sql[i].claim, w.keys, w.values).Query(func(rows pgx.Rows) error {
				return eachRow(rows, func(row [][]byte) error {
					claimed[string(row[0])] = true
					return nil
				})
			})
		}
	}
	for i, keys := range t.store.where.sorted(lock) {
		if len(keys) > 0 {
			batch.Queue(t.store.sql[i].lock, keys).Query(func(rows pgx.Rows) error {
				return eachRow(rows, func(row [][]byte) error {
					found[string(row[0])] = append([]byte{}, row[1]...)
					return nil
				})
			})
		}
	}
	if err := t.conn.SendBatch(ctx, batch).Close(); err != nil {
		return nil, nil, mapError(ctx, err, "comparing guards")
	}
	return claimed, found, nil
}

// write sends the writes and the commit together.
func (t *tx) write(ctx context.Context, p *plan) error {
	batch := &pgx.Batch{}
	for i := range p.of {
		w := &p.of[i]
		if len(w.keys) > 0 {
			batch.Queue(t.store.sql[i].upsert, w.keys, w.values)
		}
		if len(w.remove) > 0 {
			batch.Queue(t.store.sql[i].remove, w.remove)
		}
	}
	committed := false
	batch.Queue("commit")
	results := t.conn.SendBatch(ctx, batch)
	var err error
	for i := 0; i < batch.Len() && err == nil; i++ {
		tag, execErr := results.Exec()
		err = execErr
		committed = err == nil && tag.String() == "COMMIT"
	}
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	var answer *pgconn.PgError // the server's: then it has not committed
	switch {
	case err != nil && !errors.As(err, &answer) && t.conn.Conn().IsClosed():
		return errs.Wrap(plain(err), errs.Unavailable, "state.commit_unknown", "the connection broke during a commit; whether it succeeded shows the cursor")
	case err != nil:
		return mapError(ctx, err, "writing to the state")
	case !committed:
		return errs.New(errs.Unavailable, "state.rolled_back", "the server rolled the transaction back")
	}
	return nil
}
