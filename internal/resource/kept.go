package resource

import (
	"context"

	"kith/internal/state"
)

// Keep writes a document that nobody holds in memory, such as how far a job is:
// the generation stays, so nobody reads their resources again because of it.
func (d *Documents) Keep(ctx context.Context, doc Document) error {
	return d.quietly(ctx, func(tx state.Tx) { tx.Put(AppendKey(nil, doc.Kind, doc.Key), doc.value()) })
}

// Forget removes such a document.
func (d *Documents) Forget(ctx context.Context, kind, key string) error {
	return d.quietly(ctx, func(tx state.Tx) { tx.Delete(AppendKey(nil, kind, key)) })
}

// Replace is Keep for a document that is still as it was read; otherwise the error
// is of kind Conflict.
func (d *Documents) Replace(ctx context.Context, old, doc Document) error {
	return d.quietly(ctx, func(tx state.Tx) { tx.PutIf(AppendKey(nil, doc.Kind, doc.Key), old.value(), doc.value()) })
}

// ChangeKept is Change for such documents.
func (d *Documents) ChangeKept(ctx context.Context, f func(*Change) error) error {
	return d.change(ctx, f, func(state.Tx) {})
}

func (d *Documents) quietly(ctx context.Context, write func(state.Tx)) error {
	tx, err := d.store.Begin(ctx, []state.Lock{state.ResourceLock})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	write(tx)
	return tx.Commit(ctx, state.Cursor{})
}
