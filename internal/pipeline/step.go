// Package pipeline turns accepted records into state. Step is the product on one
// screen: what happens to a batch, in order. The runner around it owns the
// goroutines, the transactions and the cursor.
package pipeline

import (
	"context"

	"kith/internal/entity"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

// Step folds a batch of records into the state. Everything it writes commits in
// one transaction together with the cursor, or not at all.
//
// What a batch leaves in the state does not depend on the order of its records,
// on how records are cut into batches, or on how often one is sent: copies of a
// message are ranked by receipt and content, and every fold takes least,
// greatest, last by event time, sum or union. now is the moment of the commit in
// UTC milliseconds and goes into facts only.
func (s *Stages) Step(ctx context.Context, tx state.Tx, batch *Batch, now int64) error {
	b, err := s.view(ctx, tx, batch) // one bulk read: marks
	if err != nil {
		return err
	}
	withdrawn, events := b.dedupe() // one event for each source and messageId
	if err := b.mustHold(withdrawn); err != nil {
		return err // the events to withdraw lie under locks that the batch lacks
	}
	return s.foldEvents(ctx, b, withdrawn, events, now)
}

// foldEvents takes events out of the state and others in.
func (s *Stages) foldEvents(ctx context.Context, b *batchView, withdrawn []withdrawal, events []*Contribution, now int64) (err error) {
	if err := b.observations(ctx, events); err != nil { // one bulk read: what was seen together
		return err
	}
	if err := b.readConsents(ctx, events); err != nil { // one bulk read: what was said of purposes
		return err
	}
	if err := b.withdraw(ctx, withdrawn); err != nil { // as if never seen
		return err
	}
	events, err = b.takeRows(ctx, withdrawn, events) // entities: rows, which are no events of anybody
	if err != nil {
		return err
	}
	for _, c := range events {
		if c.Home.IsZero() {
			b.cur.Homeless++
			b.fact(fact.EventFolded, c)
			continue
		}
		b.observe(c)                // identity: identifiers seen together
		b.alias(c)                  // and user ids that an alias makes one person
		b.write(c)                  // profile: custom traits, with their provenance
		b.file(c)                   // history: of the person
		b.findByNumbers(&c.Entry)   // search: by the numbers of orders and the like
		b.account(c)                // and of the account that a group call names
		b.consent(c)                // consent: what was said of purposes
		b.fact(fact.EventFolded, c) // what happened, in order, for everything downstream
	}
	if err := b.indexTraits(ctx); err != nil { // search: by the traits that count
		return err
	}
	if err := b.decide(ctx); err != nil { // identity: what operators have decided
		return err
	}
	if err := b.recluster(ctx, events); err != nil { // identity: who is one person now
		return err
	}
	return b.commitRows(now)
}

// Batch is consecutive records of one partition, from the cursor on. Step moves
// the cursor behind them.
type Batch struct {
	Records  []Contribution
	Cursor   Cursor
	Locks    []state.Lock     // held by the transaction
	Identity *identity.Config // that the contributions were made under
	Keys     *identity.Keyring
	Entities *entity.Config

	ReviseMax int  // observations that may be read for one change of clusters
	Waiting   bool // set by Step: evidence waits to be brought into the clusters
}

// Stages are what the flow is made of.
type Stages struct {
	History history.Index
}

// file puts an event into the history of its home node.
func (b *batchView) file(c *Contribution) {
	if c.Kind == record.Event {
		b.stages.History.Append(b.tx, &c.Entry)
	}
}

// account files a group call with the account that it names.
func (b *batchView) account(c *Contribution) {
	if c.Account == nil {
		return
	}
	e := accountEntry(&c.Entry)
	b.stages.History.Append(b.tx, &e)
	b.identifier(c.Entry.Account, *c.Account)
}

// write folds the custom traits that a call writes.
func (b *batchView) write(c *Contribution) {
	for i := range c.Traits {
		b.trait(c.traitNode(), &c.Traits[i], c.Account != nil)
	}
}

// trait keeps the last write of a trait by the order of events.
func (b *batchView) trait(node [16]byte, w *profile.Write, account bool) {
	k := string(profile.TraitRow(node, w.Key))
	have, ok := b.traits[k]
	if !ok {
		b.traits[k] = &traitRow{last: w, account: account}
		return
	}
	if have.last == nil || w.Compare(have.last) > 0 {
		have.last = w
	}
}
