package pipeline

import (
	"context"
	"math"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/errs"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
)

// withdraw takes events out of the state, which becomes the one in which they
// never were. What an event alone decided is made anew from the history, which
// the transaction still sees as it was before the batch.
func (b *batchView) withdraw(ctx context.Context, withdrawn []withdrawal) error {
	if len(withdrawn) == 0 {
		return nil
	}
	gone, unsaid := map[history.Place]bool{}, map[consent.Place]bool{}
	var filed []*withdrawal
	for i := range withdrawn {
		w := &withdrawn[i]
		if w.typ == callOf(record.Row) {
			continue // takeRows takes it out
		}
		if w.typ < callOf(0) {
			b.facts = append(b.facts, fact.Fact{Kind: fact.EventWithdrawn, Record: w.position, Node: w.home, Profile: w.home})
		}
		if w.home.IsZero() {
			b.cur.Homeless--
			continue
		}
		filed = append(filed, w)
	}
	entries, err := b.withdrawnEntries(ctx, filed)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Account.IsZero() {
			if err := b.needNodes(e.Account); err != nil {
				return err
			}
		}
		gone[e.Place()] = true
		unsaid[placeOf(e)] = true
	}
	for _, e := range entries {
		if err := b.unalias(ctx, e); err != nil {
			return err
		}
		b.unfile(e)
		if err := b.unobserve(ctx, e, gone, unsaid); err != nil {
			return err
		}
		if err := b.unsay(ctx, e, unsaid); err != nil {
			return err
		}
		if err := b.unwrite(ctx, e, gone); err != nil {
			return err
		}
		if err := b.unfindNumbers(ctx, e, gone); err != nil {
			return err
		}
	}
	return nil
}

// withdrawnEntries are the entries of what is to leave the state, as their marks name
// them. What somebody said through the API has none in the history.
func (b *batchView) withdrawnEntries(ctx context.Context, filed []*withdrawal) ([]*history.Entry, error) {
	entries := make([]*history.Entry, len(filed))
	var names []*history.Entry
	var at []int
	for i, w := range filed {
		entries[i] = w.entry(w.source, w.messageID)
		if w.typ == callOf(record.Consent) {
			o := seenInConsent(w.source, w.home)
			entries[i].Observation = o.Key()
			continue
		}
		names, at = append(names, entries[i]), append(at, i)
	}
	found, err := b.stages.History.GetAll(ctx, b.tx, names)
	if err != nil {
		return nil, err
	}
	for j, e := range found {
		if e == nil {
			return nil, errs.New(errs.Corrupt, "pipeline.history_lost", "the history lacks an event that its mark names")
		}
		entries[at[j]] = e
	}
	return entries, nil
}

func (b *batchView) unfile(e *history.Entry) {
	b.stages.History.Remove(b.tx, e)
	if !e.Account.IsZero() {
		a := accountEntry(e)
		b.stages.History.Remove(b.tx, &a)
	}
}

// unobserve takes an event out of its observation.
func (b *batchView) unobserve(ctx context.Context, e *history.Entry, gone map[history.Place]bool, unsaid map[consent.Place]bool) error {
	k := identity.ObservationRow(e.Node, e.Observation)
	row, loaded := b.observed[string(k)]
	if !loaded {
		values, err := b.tx.Get(ctx, [][]byte{k})
		if err != nil {
			return err
		}
		if values[0] == nil {
			return errs.New(errs.Corrupt, "pipeline.observation_lost", "the state lacks an observation that the history names")
		}
		o, err := identity.DecodeObservation(e.Node, values[0])
		if err != nil {
			return err
		}
		row = &observationRow{o: o}
		row.load()
		b.observed[string(k)] = row
	}
	row.touch(e.Position)
	if row.rebuilt {
		return nil
	}
	if row.o.Count > 1 && !row.o.Decides(e.Sighting()) {
		row.o.Count--
		return nil
	}
	if row.o.Kind == identity.SeenInConsent {
		fresh := emptyLike(row.o)
		row.o, row.rebuilt = fresh, true
		return b.resight(ctx, fresh, unsaid)
	}
	return b.reobserve(ctx, row, e, gone)
}

// reobserve makes an observation anew from the events that are left.
func (b *batchView) reobserve(ctx context.Context, row *observationRow, e *history.Entry, gone map[history.Place]bool) error {
	fresh := emptyLike(row.o)
	q := history.Query{Node: e.Node, Strand: e.Strand, From: math.MinInt64, To: math.MaxInt64}
	for have, err := range b.stages.History.Range(ctx, b.tx, q) {
		if err != nil {
			return err
		}
		if have.Observation == e.Observation && !gone[have.Place()] {
			fresh.Add(have.Timestamp, have.MessageID)
		}
	}
	row.o, row.rebuilt = fresh, true
	return nil
}

// unwrite takes out the traits that an event wrote and puts in the writes that
// now count.
func (b *batchView) unwrite(ctx context.Context, e *history.Entry, gone map[history.Place]bool) error {
	if len(e.Traits) == 0 {
		return nil
	}
	node, q := e.Node, history.Query{Node: e.Node, Type: event.Identify, AnyName: true, From: math.MinInt64, To: math.MaxInt64}
	if !e.Account.IsZero() {
		node, q.Node, q.Type = e.Account, e.Account, event.Group
	}
	writes, err := profile.EntryWrites(e)
	if err != nil {
		return err
	}
	rows := map[string]*traitRow{}
	for i := range writes {
		k := string(profile.TraitRow(node, writes[i].Key))
		rows[writes[i].Key] = &traitRow{rebuilt: true, account: !e.Account.IsZero()}
		b.traits[k] = rows[writes[i].Key]
	}
	for have, err := range b.stages.History.Range(ctx, b.tx, q) {
		if err != nil {
			return err
		}
		if gone[have.Place()] {
			continue
		}
		if err := rewrite(rows, have); err != nil {
			return err
		}
	}
	return nil
}

// rewrite folds the writes of an entry into the rows that are being made anew.
func rewrite(rows map[string]*traitRow, e *history.Entry) error {
	writes, err := profile.EntryWrites(e)
	if err != nil {
		return err
	}
	for i := range writes {
		w := &writes[i]
		if row, ok := rows[w.Key]; ok && (row.last == nil || w.Compare(row.last) > 0) {
			row.last = w
		}
	}
	return nil
}
