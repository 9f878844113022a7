package cold

import (
	"context"
	"iter"

	"kith/internal/state"
)

// tx is a transaction of the state. A row of the history that it deletes leaves a
// tombstone where the backend may have the row.
type tx struct {
	state.Tx
	r      reader
	gone   map[string]bool
	leaves bool // the state leaves its generation, to be made anew
}

// Get implements state.Reader.
func (t *tx) Get(ctx context.Context, keys [][]byte) ([][]byte, error) { return t.r.Get(ctx, keys) }

// Scan implements state.Reader.
func (t *tx) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	return t.r.Scan(ctx, r)
}

// Put implements state.Tx.
func (t *tx) Put(key, value []byte) {
	if isHistory(key) {
		delete(t.gone, string(key))
	}
	t.Tx.Put(key, value)
}

// Delete implements state.Tx.
func (t *tx) Delete(key []byte) {
	if isHistory(key) {
		t.gone[string(key)] = true
	}
	t.leaves = t.leaves || string(key) == string(ledgerKey())
	t.Tx.Delete(key)
}

// Commit implements state.Tx.
func (t *tx) Commit(ctx context.Context, c state.Cursor) error {
	if err := t.bury(ctx); err != nil {
		t.Rollback()
		return err
	}
	if !t.leaves {
		return t.Tx.Commit(ctx, c)
	}
	l, _, err := t.r.standings(ctx)
	if err != nil {
		t.Rollback()
		return err
	}
	if err := t.Tx.Commit(ctx, c); err != nil || l == nil {
		return err
	}
	// Where this fails nothing is wrong but that the rows stay.
	_ = t.r.backend.Insert(ctx, l.generation, []Version{left()})
	return nil
}

// bury writes tombstones instead of what would be deleted, where rows of the node
// were moved that are not older. The node's lock keeps that as it is until the commit.
func (t *tx) bury(ctx context.Context) error {
	if len(t.gone) == 0 {
		return nil
	}
	var nodes []nodeID
	for k := range t.gone {
		if node, _, _, ok := placed([]byte(k)); ok {
			nodes = append(nodes, node)
		}
	}
	l, standings, err := t.r.standings(ctx, nodes...)
	if err != nil || l == nil {
		return err
	}
	for k := range t.gone {
		if node, at, _, ok := placed([]byte(k)); ok && standings[node].moved && at <= standings[node].last {
			t.Tx.Put([]byte(k), []byte(tombstone))
		}
	}
	return nil
}
