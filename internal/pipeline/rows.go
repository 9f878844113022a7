package pipeline

import (
	"context"
	"strings"

	"kith/internal/entity"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/strictjson"
)

// rowWrite is what a record of kind Row writes. A record of an entity that is not
// declared, or whose row has no key as it is declared today, writes nothing.
type rowWrite struct {
	Entity, Key string
	Write       entity.Write
}

// rowName names a row in the marks of records.
func rowName(entityKey, key string) string { return entityKey + "\x00" + key }

// rowRecord reads a record of kind Row. The row stands for its node: it has a lock
// and a home of its own, and is nobody.
func (in *Interpreter) rowRecord(c *Contribution, rec *record.Record) {
	var doc strictjson.Doc
	body, err := entity.DecodeBody(&doc, rec.Body)
	if err != nil {
		c.Poison = err
		return
	}
	c.Entry = history.Entry{Type: callOf(record.Row), Timestamp: rec.Stamp.Timestamp}
	c.Load = loadOf(rec.Stamp.Source, body.Run)
	def := in.Entities.Definition(body.Entity)
	if def == nil {
		return
	}
	key, ok := def.RowOf(&body, in.Identity)
	if !ok {
		return
	}
	c.Home = in.Keys.Node(entity.Identifier(body.Entity, key))
	c.Entry.Name = rowName(body.Entity, key)
	c.Row = &rowWrite{body.Entity, key, entity.Write{
		Sighting: c.Sighting, ReceivedAt: rec.Stamp.ReceivedAt, Run: body.Run, Position: c.Position,
		Delete: body.Delete, Attributes: body.Attributes,
	}}
}

// entityRow is a row that the batch changes.
type entityRow struct {
	entity, key string
	row         *entity.Row
	owner       identity.NodeID   // as the state has it; zero: nobody
	cause       eventlog.Position // of the first record that changes it
	stored      bool
}

// takeRows takes the writes of rows out of the events and folds them; withdrawn
// ones have left before.
func (b *batchView) takeRows(ctx context.Context, withdrawn []withdrawal, events []*Contribution) (rest []*Contribution, err error) {
	var rows []*Contribution
	var names [][2]string
	for _, c := range events {
		switch {
		case c.Kind != record.Row:
			rest = append(rest, c)
		case c.Row != nil:
			rows, names = append(rows, c), append(names, [2]string{c.Row.Entity, c.Row.Key})
		}
	}
	if err := b.unwriteRows(ctx, withdrawn); err != nil {
		return nil, err
	}
	if err := b.readRows(ctx, names); err != nil {
		return nil, err
	}
	for _, c := range rows {
		b.tx.Put(entity.WriteKey(c.Row.Entity, c.Row.Key, &c.Row.Write), c.Row.Write.Encode())
		if err := b.entityRow(c.Row.Entity, c.Row.Key).change(&c.Row.Write); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// entityRow returns a row that readRows has read.
func (b *batchView) entityRow(entityKey, key string) *entityRow {
	return b.rows[string(entity.RowKey(entityKey, key))]
}

func (r *entityRow) change(w *entity.Write) error {
	if r.cause == (eventlog.Position{}) {
		r.cause = w.Position
	}
	return r.row.Add(w)
}

// readRows reads the rows of these entities and keys, unless it has.
func (b *batchView) readRows(ctx context.Context, names [][2]string) error {
	var missing [][]byte
	for _, n := range names {
		k := entity.RowKey(n[0], n[1])
		if b.rows[string(k)] == nil {
			b.rows[string(k)] = &entityRow{entity: n[0], key: n[1], row: &entity.Row{}}
			b.rowOrder = append(b.rowOrder, string(k))
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	values, err := b.tx.Get(ctx, missing)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		r := b.rows[string(missing[i])]
		if r.row, err = entity.DecodeRow(v); err != nil {
			return err
		}
		r.stored = true
		r.owner, _ = b.ownerOf(r)
	}
	return nil
}

// ownerOf is whom a row belongs to as it is now; a zero node is nobody.
func (b *batchView) ownerOf(r *entityRow) (identity.NodeID, identity.Identifier) {
	def := b.entities.Definition(r.entity)
	if def == nil {
		return identity.NodeID{}, identity.Identifier{}
	}
	id, ok := def.Owner(r.row, b.rules)
	if !ok {
		return identity.NodeID{}, identity.Identifier{}
	}
	return b.keys.Node(id), id
}

// unwriteRows takes withdrawn writes out of their rows, which are folded anew from
// what is left.
func (b *batchView) unwriteRows(ctx context.Context, withdrawn []withdrawal) error {
	gone := map[string]bool{} // by key of the write
	var names [][2]string
	for i := range withdrawn {
		w := &withdrawn[i]
		if w.typ != callOf(record.Row) || w.home.IsZero() {
			continue
		}
		entityKey, key, _ := strings.Cut(w.name, "\x00")
		k := entity.WriteKey(entityKey, key, &entity.Write{
			Sighting:   identity.Sighting{Timestamp: w.timestamp, MessageID: w.messageID, Source: w.source},
			ReceivedAt: w.event.Received,
		})
		b.tx.Delete(k)
		gone[string(k)] = true
		names = append(names, [2]string{entityKey, key})
	}
	if err := b.readRows(ctx, names); err != nil {
		return err
	}
	done := map[[2]string]bool{}
	for _, n := range names {
		if done[n] {
			continue
		}
		done[n] = true
		if err := b.rewriteRow(ctx, n[0], n[1], gone); err != nil {
			return err
		}
	}
	return nil
}

func (b *batchView) rewriteRow(ctx context.Context, entityKey, key string, gone map[string]bool) error {
	r := b.entityRow(entityKey, key)
	r.row = &entity.Row{}
	for w, err := range entity.Writes(ctx, b.tx, entityKey, key) {
		if err != nil {
			return err
		}
		if gone[string(entity.WriteKey(entityKey, key, w))] {
			if r.cause == (eventlog.Position{}) {
				r.cause = w.Position
			}
			continue
		}
		if err := r.row.Add(w); err != nil {
			return err
		}
	}
	return nil
}

// commitRowsOfEntities buffers the rows that the batch has changed, and moves them
// to whom they belong now. Who had one and who has it are told by facts.
func (b *batchView) commitRowsOfEntities() {
	for _, k := range b.rowOrder {
		r := b.rows[k]
		switch {
		case !r.row.Empty():
			b.tx.Put([]byte(k), r.row.Encode())
		case r.stored:
			b.tx.Delete([]byte(k))
		}
		owner, id := b.ownerOf(r)
		if owner != r.owner {
			if !r.owner.IsZero() {
				b.tx.Delete(entity.OwnedKey(r.owner, r.entity, r.key))
				b.rowFact(r, r.owner)
			}
			if !owner.IsZero() {
				b.tx.Put(entity.OwnedKey(owner, r.entity, r.key), identity.EncodeIdentifier(id))
			}
		}
		b.rowFact(r, owner)
	}
}

// rowFact tells that a row has changed. Of built-in entities it is told of rows that
// somebody has, and of the one that concerns all.
func (b *batchView) rowFact(r *entityRow, owner identity.NodeID) {
	builtIn := entity.BuiltIn(r.entity)
	if builtIn && owner.IsZero() && r.key != entity.Replaced {
		return
	}
	b.facts = append(b.facts, fact.Fact{
		Kind: fact.RowChanged, Record: r.cause, Node: owner, Profile: owner, Call: fact.CallOfRows(r.entity, builtIn),
	})
}
