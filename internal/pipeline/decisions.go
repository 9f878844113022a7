package pipeline

import (
	"context"
	"maps"
	"slices"

	"kith/internal/decision"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
)

// decide reads what an operator decided.
func (in *Interpreter) decide(c *Contribution, rec *record.Record) {
	d, err := decision.Read(rec)
	if err != nil {
		c.Poison = err
		return
	}
	c.Decision = &d
}

// decisionRow is a decision that the batch adds to.
type decisionRow struct {
	decision.Row
	was   decision.Row      // as the state has it
	cause eventlog.Position // of the first record that bears on it
}

// rulingRow is a ruling that the batch may make or take back.
type rulingRow struct {
	identity.Ruling
	was, is bool
	wasAt   int64                                   // its moment in the state, if it was
	ids     map[identity.NodeID]identity.Identifier // what its nodes stand for
	cause   eventlog.Position
}

// changed reports whether the batch makes the ruling, takes it back or gives it
// another moment.
func (r *rulingRow) changed() bool { return r.was != r.is || r.was && r.wasAt != r.At }

// decide folds what operators have decided. Decisions are few, and one lock guards
// them all, so they are read one by one.
func (b *batchView) decide(ctx context.Context) error {
	for i := range b.batch {
		c := &b.batch[i]
		if c.Decision == nil || c.Poison != nil {
			continue
		}
		b.cur.ReceivedAt = max(b.cur.ReceivedAt, c.Copy.Received)
		if err := b.hear(ctx, c); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.decisions)) {
		b.rule(b.decisions[id])
		if err := b.retract(ctx, b.decisions[id]); err != nil {
			return err
		}
	}
	return nil
}

// decision returns the row of a decision, with what the batch has done to it.
func (b *batchView) decision(ctx context.Context, id string, cause eventlog.Position) (*decisionRow, error) {
	if row := b.decisions[id]; row != nil {
		return row, nil
	}
	key := decision.Key(id)
	values, err := b.tx.Get(ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	was, err := decision.DecodeRow(key, values[0])
	if err != nil {
		return nil, err
	}
	row := &decisionRow{Row: was, was: was, cause: cause}
	row.Revocations = slices.Clone(was.Revocations)
	b.decisions[id] = row
	return row, nil
}

// hear takes in one copy of a decision.
func (b *batchView) hear(ctx context.Context, c *Contribution) error {
	row, err := b.decision(ctx, c.Decision.ID, c.Position)
	if err != nil {
		return err
	}
	before := row.Row
	if before.Told {
		b.cur.Repeats++
	}
	if !row.Tell(*c.Decision, decision.Rank(c.Copy)) {
		return nil
	}
	if before.Told && before.Decision.Kind == decision.Revoke {
		target, err := b.decision(ctx, before.Decision.Target, c.Position)
		if err != nil {
			return err
		}
		target.Unrevoke(before.ID)
	}
	if d := c.Decision; d.Kind == decision.Revoke {
		target, err := b.decision(ctx, d.Target, c.Position)
		if err != nil {
			return err
		}
		target.Revoke(decision.Revocation{ID: d.ID, At: d.At, By: d.By, Reason: d.Reason})
	}
	return nil
}

// rule makes of a decision's change the change of its rulings.
func (b *batchView) rule(row *decisionRow) {
	each := func(d *decision.Row, mark func(*rulingRow)) {
		if !d.Stands() {
			return
		}
		rulings, ids := d.Decision.Rulings(b.rules, b.keys)
		for _, r := range rulings {
			have := b.rulingRow(r, row.cause)
			have.Ruling, have.ids = r, ids
			mark(have)
		}
	}
	each(&row.was, func(r *rulingRow) { r.was, r.wasAt = true, r.At })
	each(&row.Row, func(r *rulingRow) { r.is = true })
}

// rulingRow returns the row of a ruling, which may be one that is neither yet.
func (b *batchView) rulingRow(r identity.Ruling, cause eventlog.Position) *rulingRow {
	keys, _ := r.Rows()
	have := b.rulings[string(keys[0])]
	if have == nil {
		have = &rulingRow{Ruling: r, cause: cause}
		b.rulings[string(keys[0])] = have
	}
	return have
}

// commitDecisions buffers the rows of decisions and of what they rule.
func (b *batchView) commitDecisions() error {
	for id, row := range b.decisions {
		value, err := row.Encode()
		if err != nil {
			return err
		}
		if row.Empty() {
			b.tx.Delete(decision.Key(id))
		} else {
			b.tx.Put(decision.Key(id), value)
		}
	}
	for _, r := range b.rulings {
		keys, value := r.Rows()
		for i, n := range [...]identity.NodeID{r.A, r.B} {
			if !r.is {
				b.tx.Delete(keys[i])
				continue
			}
			b.tx.Put(keys[i], value)
			b.identifier(n, r.ids[n])
		}
	}
	return nil
}

// decisionLocks are the locks under which a decision is folded.
func (c *Contribution) decisionLocks() []state.Lock {
	if c.Decision == nil && c.Alias == nil {
		return nil
	}
	return []state.Lock{state.DecisionLock}
}

// ruled lists the rulings that the batch makes or takes back, by their keys.
func (b *batchView) ruled() []*rulingRow {
	var out []*rulingRow
	for _, k := range slices.Sorted(maps.Keys(b.rulings)) {
		if r := b.rulings[k]; r.changed() {
			out = append(out, r)
		}
	}
	return out
}

// ruledNodes are the nodes whose clusters a ruling may change: its own, and when
// it makes values of one type one, or ends that, all that are one with these before
// or after.
func (b *batchView) ruledNodes(ctx context.Context, r *rulingRow) ([]identity.NodeID, error) {
	nodes := []identity.NodeID{r.A, r.B}
	if r.Apart || r.ids[r.A].Type != r.ids[r.B].Type {
		return nodes, nil
	}
	for i := 0; i < len(nodes); i++ {
		rulings, err := identity.Rulings(ctx, b.tx, nodes[i])
		if err != nil {
			return nil, err
		}
		for _, made := range b.rulings {
			if made.A == nodes[i] || made.B == nodes[i] {
				rulings = append(rulings, made.Ruling)
			}
		}
		for _, next := range rulings {
			if n := next.Other(nodes[i]); !next.Apart && !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, nil
}

// layRulings lays what the batch rules over what is stored.
func (b *batchView) layRulings(over *identity.Overlay) {
	for _, r := range b.ruled() {
		keys, value := r.Rows()
		for i, n := range [...]identity.NodeID{r.A, r.B} {
			if !r.is {
				over.Put(keys[i], nil)
				continue
			}
			over.Put(keys[i], value)
			over.Put(identity.IdentifierRow(n), identity.EncodeIdentifier(r.ids[n]))
		}
	}
}
