package pipeline

import (
	"context"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/errs"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/strictjson"
)

// callOf stands where an event has its call, in the marks of records that are no
// events. The numbers are stored.
func callOf(k record.Kind) event.Type { return event.Type(128 + byte(k)) }

// said is what a record says of purposes, and at which nodes it is filed: the
// home first, then those that take Global Privacy Control alone.
type said struct {
	All   []consent.Said
	At    int64 // when it claims to have been said; never after its receipt
	Nodes []identity.NodeID
}

// consentRecord reads a record of kind Consent. It is a sighting of the identifier
// that it names, so whoever said anything is a person.
func (in *Interpreter) consentRecord(c *Contribution, rec *record.Record) {
	var doc strictjson.Doc
	body, err := consent.DecodeBody(&doc, rec.Body)
	if err != nil {
		c.Poison = err
		return
	}
	at := min(rec.Stamp.Timestamp, rec.Stamp.ReceivedAt)
	c.Sighting.Timestamp = at
	c.Entry = history.Entry{
		Type: callOf(record.Consent), Timestamp: at, MessageID: rec.Stamp.MessageID, Source: rec.Stamp.Source,
		Position: c.Position, ReceivedAt: rec.Stamp.ReceivedAt, Flags: rec.Stamp.Flags,
	}
	id, reason := in.Identity.Normalize(body.Type, body.Value, "")
	if reason != identity.Usable {
		c.Dropped = []identity.Dropped{{Type: body.Type, Reason: reason}}
		return
	}
	c.Home = in.Keys.Node(id)
	c.Identifiers, c.Nodes = []identity.Identifier{id}, []identity.NodeID{c.Home}
	c.Observation = seenInConsent(rec.Stamp.Source, c.Home)
	c.Entry.Node, c.Entry.Observation = c.Home, c.Observation.Key()
	c.Said = said{All: []consent.Said{body.Said}, At: at, Nodes: []identity.NodeID{c.Home}}
}

func seenInConsent(source string, home identity.NodeID) identity.Observation {
	return identity.Observation{Kind: identity.SeenInConsent, Source: source, Home: home, Nodes: []identity.NodeID{home}}
}

// consents reads what an event says of purposes. It counts at the event's home;
// Global Privacy Control is the browser's word and counts at the browser's node
// too.
func (in *Interpreter) consents(c *Contribution, ev *event.Event) {
	if in.Consent == nil || c.Home.IsZero() {
		return
	}
	all := in.Consent.Extract(ev)
	if len(all) == 0 {
		return
	}
	c.Said = said{All: all, At: min(ev.Timestamp, ev.ReceivedAt), Nodes: []identity.NodeID{c.Home}}
	if !consent.HasGPC(all) {
		return
	}
	for i, id := range c.Identifiers {
		if n := c.Nodes[i]; id.Type == "anonymous_id" && n != c.Home {
			c.Said.Nodes = append(c.Said.Nodes, n)
		}
	}
}

// ledgerEntries are the contribution's entries in the ledger, the home's first.
func (c *Contribution) ledgerEntries() []*consent.Entry {
	var out []*consent.Entry
	for i, n := range c.Said.Nodes {
		e := &consent.Entry{
			Node: n, Position: c.Position, At: c.Said.At,
			Place: consent.Place{
				ReceivedAt: c.Copy.Received, MessageID: c.Sighting.MessageID, Source: c.Sighting.Source, Event: c.Kind == record.Event,
			},
		}
		if i == 0 {
			e.Said, e.Elsewhere = c.Said.All, c.Said.Nodes[1:]
		} else {
			e.Said = onlyGPC(c.Said.All)
		}
		out = append(out, e)
	}
	return out
}

func onlyGPC(all []consent.Said) []consent.Said {
	var out []consent.Said
	for _, s := range all {
		if s.Via == consent.ViaGPC {
			out = append(out, s)
		}
	}
	return out
}

// consentRow is a register that the batch changes.
type consentRow struct {
	r       *consent.Register
	stored  bool
	changed bool
}

// readConsents reads the registers that the events add to.
func (b *batchView) readConsents(ctx context.Context, events []*Contribution) error {
	var keys []string
	for _, c := range events {
		for _, e := range c.ledgerEntries() {
			for _, s := range e.Said {
				keys = append(keys, string(consent.RegisterRow(e.Node, s.Purpose, s.Channel)))
			}
		}
	}
	return b.loadConsents(ctx, keys)
}

func (b *batchView) loadConsents(ctx context.Context, keys []string) error {
	var missing [][]byte
	for _, k := range keys {
		if b.consents[k] == nil {
			b.consents[k] = &consentRow{r: &consent.Register{}}
			missing = append(missing, []byte(k))
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
		row := b.consents[string(missing[i])]
		if row.r, err = consent.DecodeRegister(v); err != nil {
			return err
		}
		row.stored = true
	}
	return nil
}

// consent files what a record says of purposes and folds it.
func (b *batchView) consent(c *Contribution) {
	for _, e := range c.ledgerEntries() {
		b.tx.Put(consent.LedgerRow(e.Node, e.Place), e.Encode())
		for s := range e.Statements() {
			row := b.consents[string(consent.RegisterRow(e.Node, s.Purpose, s.Channel))]
			row.r.Add(s)
			row.changed = true
		}
		b.facts = append(b.facts, fact.Fact{Kind: fact.ConsentSaid, Record: c.Position, Node: e.Node, Profile: e.Node})
	}
}

// placeOf is the place in the ledger of what a history's entry stands for.
func placeOf(e *history.Entry) consent.Place {
	return consent.Place{ReceivedAt: e.ReceivedAt, MessageID: e.MessageID, Source: e.Source, Event: e.Type < callOf(0)}
}

// unsay takes what a withdrawn record said of purposes out of the ledger and of
// the registers.
func (b *batchView) unsay(ctx context.Context, e *history.Entry, gone map[consent.Place]bool) error {
	place := placeOf(e)
	home, err := consent.GetEntry(ctx, b.tx, e.Node, place)
	if err != nil || home == nil {
		return err
	}
	if err := b.needNodes(home.Elsewhere...); err != nil {
		return err
	}
	all := []*consent.Entry{home}
	for _, n := range home.Elsewhere {
		other, err := consent.GetEntry(ctx, b.tx, n, place)
		if err != nil {
			return err
		}
		if other == nil {
			return errs.New(errs.Corrupt, "pipeline.ledger_lost", "the ledger of consents lacks an entry that another one names")
		}
		all = append(all, other)
	}
	for _, entry := range all {
		b.tx.Delete(consent.LedgerRow(entry.Node, place))
		b.facts = append(b.facts, fact.Fact{Kind: fact.ConsentUnsaid, Record: entry.Position, Node: entry.Node, Profile: entry.Node})
		if err := b.resay(ctx, entry, gone); err != nil {
			return err
		}
	}
	return nil
}

// resay folds the registers that a withdrawn entry decides anew from what is left
// of the ledger.
func (b *batchView) resay(ctx context.Context, entry *consent.Entry, gone map[consent.Place]bool) error {
	fresh := map[consent.Key]*consent.Register{}
	for s := range entry.Statements() {
		key := string(consent.RegisterRow(entry.Node, s.Purpose, s.Channel))
		if err := b.loadConsents(ctx, []string{key}); err != nil {
			return err
		}
		if b.consents[key].r.Decides(s) {
			fresh[consent.Key{Purpose: s.Purpose, Channel: s.Channel}] = &consent.Register{}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	for left, err := range consent.Ledger(ctx, b.tx, entry.Node, consent.EndOfTime, false, 0) {
		if err != nil {
			return err
		}
		if gone[left.Place] {
			continue
		}
		for s := range left.Statements() {
			if r := fresh[consent.Key{Purpose: s.Purpose, Channel: s.Channel}]; r != nil {
				r.Add(s)
			}
		}
	}
	for k, r := range fresh {
		row := b.consents[string(consent.RegisterRow(entry.Node, k.Purpose, k.Channel))]
		row.r, row.changed = r, true
	}
	return nil
}

// commitConsents buffers the registers that the batch has changed.
func (b *batchView) commitConsents() {
	for k, row := range b.consents {
		switch {
		case !row.changed:
		case !row.r.Empty():
			b.tx.Put([]byte(k), row.r.Encode())
		case row.stored:
			b.tx.Delete([]byte(k))
		}
	}
}

// resight makes the observation of consents of one source anew from what is left
// of the ledger.
func (b *batchView) resight(ctx context.Context, fresh *identity.Observation, gone map[consent.Place]bool) error {
	for left, err := range consent.Ledger(ctx, b.tx, fresh.Home, consent.EndOfTime, false, 0) {
		if err != nil {
			return err
		}
		if left.Source == fresh.Source && left.Said[0].Via == consent.ViaAPI && !gone[left.Place] {
			fresh.Add(left.At, left.MessageID)
		}
	}
	return nil
}
