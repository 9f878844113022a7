package app

import (
	"context"
	"fmt"

	"kith/event"
	"kith/internal/api"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/state"
)

// rows takes the rows of entities and answers them.
type rows struct{ app *App }

var _ api.Rows = rows{}

// declaredEntities are the entities of today.
func (a *App) declaredEntities(ctx context.Context) (*entity.Config, error) {
	items, err := a.entities.All(ctx)
	if err != nil {
		return nil, err
	}
	cfg := &entity.Config{}
	for i := range items {
		cfg.Definitions = append(cfg.Definitions, definitionOf(&items[i]))
	}
	return cfg, nil
}

func definitionOf(item *resource.Item[resource.Entity]) entity.Definition {
	d := entity.Definition{Entity: item.Key, Key: item.Doc.Key}
	if rel := item.Doc.Relation; rel != nil {
		d.Attribute, d.Type = rel.Attribute, rel.IdentifierType
	}
	return d
}

// aheadMax is how far ahead the time of a write may lie, in milliseconds; one
// further ahead is a mistake and becomes the moment of receipt.
const aheadMax = 24 * 60 * 60 * 1000

// Write implements api.Rows.
func (r rows) Write(ctx context.Context, entityKey string, b *entity.Batch) (int, error) {
	if len(b.Rows) == 0 {
		return 0, nil
	}
	source, id := b.Source, b.ID
	if source == "" {
		source = apiSource
	}
	if err := resource.CheckKey(source); err != nil {
		return 0, form.Refuse(errs.Invalid, form.CodeInvalid, "/source", "must be the key of a source")
	}
	if id == "" {
		var err error
		if id, err = newUUID(r.app.cfg.Rand); err != nil {
			return 0, err
		}
	}
	now := r.app.collector.ReceivedAt()
	var entries []eventlog.Entry
	for i := range b.Rows {
		row := &b.Rows[i]
		stamp := event.Stamp{Source: source, MessageID: row.ID, ReceivedAt: now, Timestamp: row.Timestamp}
		if stamp.MessageID == "" {
			stamp.MessageID = fmt.Sprintf("%s-%d", id, row.Index)
		}
		if stamp.Timestamp == event.NoTime {
			stamp.Timestamp = b.Timestamp
		}
		if stamp.Timestamp == event.NoTime || stamp.Timestamp > now+aheadMax {
			stamp.Timestamp = now
		}
		body := entity.Body{Entity: entityKey, Run: b.Run, Attributes: row.Attributes}
		entries = append(entries, r.entry(row.Key, stamp, &body))
	}
	return len(entries), r.app.append(ctx, entries...)
}

// entry is a write in the partition of its row.
func (r rows) entry(key string, stamp event.Stamp, body *entity.Body) eventlog.Entry {
	rec := record.Record{Kind: record.Row, Stamp: stamp, Body: body.AppendTo(nil)}
	return eventlog.Entry{Partition: r.app.partitionOf(entity.Identifier(body.Entity, key)), Data: rec.AppendTo(nil)}
}

// Remove implements api.Rows.
func (r rows) Remove(ctx context.Context, entityKey, key string) error {
	if _, err := r.app.entities.Get(ctx, entityKey); err != nil {
		return err
	}
	if !entity.ValidKey(key) {
		return errNoRow()
	}
	id, err := newUUID(r.app.cfg.Rand)
	if err != nil {
		return err
	}
	now := r.app.collector.ReceivedAt()
	stamp := event.Stamp{Source: apiSource, MessageID: id, ReceivedAt: now, Timestamp: now}
	return r.app.append(ctx, r.entry(key, stamp, &entity.Body{Entity: entityKey, Delete: true, Key: key}))
}

func errNoRow() error {
	return errs.New(errs.NotFound, "entity.no_row", "the entity has no row of that key")
}

// read hands the definition of an entity and the state to a question.
func (r rows) read(ctx context.Context, entityKey string, ask func(*entity.Definition, state.Reader) error) error {
	item, err := r.app.entities.Get(ctx, entityKey)
	if err != nil {
		return err
	}
	snap, err := r.app.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	d := definitionOf(&item)
	return ask(&d, snap)
}

func (r rows) owned(d *entity.Definition, named entity.Named) api.OwnedRow {
	out := api.OwnedRow{Named: named}
	if id, ok := d.Owner(named.Row, r.app.live.Load().rules); ok {
		out.Owner = &id
	}
	return out
}

// Row implements api.Rows.
func (r rows) Row(ctx context.Context, entityKey, key string) (out api.OwnedRow, err error) {
	err = r.read(ctx, entityKey, func(d *entity.Definition, s state.Reader) error {
		row, err := entity.Get(ctx, s, entityKey, key)
		if err != nil {
			return err
		}
		if row == nil {
			return errNoRow()
		}
		out = r.owned(d, entity.Named{Key: key, Row: row})
		return nil
	})
	return out, err
}

// Rows implements api.Rows.
func (r rows) Rows(ctx context.Context, entityKey, after string, limit int) (out []api.OwnedRow, more bool, err error) {
	err = r.read(ctx, entityKey, func(d *entity.Definition, s state.Reader) error {
		var list []entity.Named
		if list, more, err = entity.List(ctx, s, entityKey, after, limit); err != nil {
			return err
		}
		for _, named := range list {
			out = append(out, r.owned(d, named))
		}
		return nil
	})
	return out, more, err
}

// Owned implements api.Rows.
func (r rows) Owned(ctx context.Context, ref profile.Ref, entityKey string) (out []api.OwnedRow, err error) {
	err = r.read(ctx, entityKey, func(d *entity.Definition, s state.Reader) error {
		nodes, err := r.nodes(ctx, s, ref)
		if err != nil {
			return err
		}
		list, err := entity.Owned(ctx, s, entityKey, nodes)
		for _, named := range list {
			out = append(out, r.owned(d, named))
		}
		return err
	})
	return out, err
}

// nodes are those of the person that a reference names.
func (r rows) nodes(ctx context.Context, s state.Reader, ref profile.Ref) ([]identity.NodeID, error) {
	reader := r.app.live.Load().reader
	node, err := reader.Node(ref)
	if err != nil {
		return nil, err
	}
	person, err := reader.Person(ctx, s, node)
	if err != nil {
		return nil, err
	}
	return person.Nodes, nil
}
