package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/decision"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/markday"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/search"
	"kith/internal/state"
)

// Contribution is what one record adds to the state. It is a pure function of
// the record and the interpreting configuration and reads no state, so
// contributions are made side by side and before the transaction.
type Contribution struct {
	Kind     record.Kind
	Position eventlog.Position
	Mark     mark
	Load     load // the run of its source that the event is of, or zero
	Alias    *aliasMerge
	Copy     copyRank
	Sighting identity.Sighting

	Home        identity.NodeID // zero: no identifier is usable, so no node and no profile
	Identifiers []identity.Identifier
	Nodes       []identity.NodeID    // of Identifiers, in their order
	Observation identity.Observation // empty; names what the event supports
	Entry       history.Entry        // at the home node
	Account     *identity.Identifier // of a group call
	Traits      []profile.Write      // of the home node, or of the account
	Said        said                 // of purposes
	Row         *rowWrite            // of an entity; then nothing else is set
	Decision    *decision.Decision   // of an operator; then nothing else is set

	Dropped []identity.Dropped // values that identify nobody
	Poison  error              // the record cannot be folded and is kept apart
	Refused bool               // with Poison: the collector had refused it already
	Data    []byte             // the record's bytes
}

// Interpreter makes contributions under one configuration. It is safe for
// concurrent use.
type Interpreter struct {
	Identity *identity.Config
	Keys     *identity.Keyring
	Consent  *consent.Config // what events say of purposes; nil: nothing
	Entities *entity.Config  // which there are; nil: none

	// Fields returns the fields of events that definitions name, which the history
	// then keeps; nil: none. It decides nothing that is derived: what is not kept is
	// read from the event's body.
	Fields func() expr.Projection
}

// Contribute reads a record. It never fails: a record that cannot be read, or on
// which reading panics, comes back with Poison set.
func (in *Interpreter) Contribute(docs *record.Docs, at eventlog.Position, data []byte) (c Contribution) {
	c = Contribution{Position: at, Data: data}
	defer func() {
		if p := recover(); p != nil {
			c.Poison = errs.New(errs.Internal, "pipeline.panic", "reading the record failed: %s", fmt.Sprintf("%T", p))
		}
	}()
	rec, err := record.Decode(data)
	if err == nil && rec.Kind == record.Rejected {
		why := rec.Reason()
		c.Poison, c.Refused = errs.New(errs.Invalid, why.Code, "%s", why.Detail), true
		return c
	}
	if err == nil && rec.Kind != record.Event && rec.Kind != record.Decision && rec.Kind != record.Consent && rec.Kind != record.Row {
		err = errs.New(errs.Corrupt, "pipeline.record_kind", "the record's kind %d is not known to this version", rec.Kind)
	}
	if err != nil {
		c.Poison = err
		return c
	}
	c.Kind = rec.Kind
	c.Mark = markOf(rec.Kind, rec.Stamp.Source, rec.Stamp.MessageID)
	c.Copy = copyRank{Received: rec.Stamp.ReceivedAt, Sum: sum16(&rec)}
	c.Sighting = identity.Sighting{Timestamp: rec.Stamp.Timestamp, MessageID: rec.Stamp.MessageID, Source: rec.Stamp.Source}
	switch rec.Kind {
	case record.Decision:
		in.decide(&c, &rec)
	case record.Consent:
		in.consentRecord(&c, &rec)
	case record.Row:
		in.rowRecord(&c, &rec)
	default:
		in.event(docs, &c, &rec)
	}
	return c
}

// event reads a call.
func (in *Interpreter) event(docs *record.Docs, c *Contribution, rec *record.Record) {
	ev, err := rec.Event(docs)
	if err != nil {
		c.Poison = err
		return
	}
	c.Sighting = identity.Sighting{Timestamp: ev.Timestamp, MessageID: ev.MessageID, Source: ev.Source}
	c.Entry = history.Entry{
		Type: ev.Type, Name: nameOf(&ev), Timestamp: ev.Timestamp, MessageID: ev.MessageID, Source: ev.Source,
		Position: c.Position, ReceivedAt: ev.ReceivedAt, Flags: ev.Flags,
	}
	c.Load = loadOf(ev.Source, ev.Run)
	in.identify(c, &ev)
	in.alias(c, &ev)
	in.traits(c, &ev)
	if !c.Home.IsZero() {
		c.Entry.Numbers = search.Numbers(ev.Properties)
		c.Entry.Fields = in.fields(&ev)
	}
	in.consents(c, &ev)
}

// fields projects what definitions name of an event.
func (in *Interpreter) fields(ev *event.Event) []byte {
	if in.Fields == nil {
		return nil
	}
	p := in.Fields()
	if len(p) == 0 {
		return nil
	}
	return p.Append(nil, ev.Properties, expr.ContextOf(ev, p))
}

func (in *Interpreter) identify(c *Contribution, ev *event.Event) {
	c.Identifiers, c.Dropped = in.Identity.Extract(ev)
	if len(c.Identifiers) == 0 {
		return
	}
	for _, id := range c.Identifiers {
		c.Nodes = append(c.Nodes, in.Keys.Node(id))
	}
	c.Home = c.Nodes[0]
	sorted := append([]identity.NodeID(nil), c.Nodes...)
	identity.SortNodes(sorted)
	c.Observation = identity.Observation{Kind: seen(ev.Type), Source: ev.Source, Run: ev.Run, Home: c.Home, Nodes: sorted}
	c.Entry.Node, c.Entry.Observation = c.Home, c.Observation.Key()
}

func seen(t event.Type) identity.Kind {
	switch t {
	case event.Identify:
		return identity.SeenInIdentify
	case event.Alias:
		return identity.SeenInAlias
	}
	return identity.SeenInEvent
}

// traits: of the calls only identify writes a person's traits and only group an
// account's. Without a node there is nobody to write them to.
func (in *Interpreter) traits(c *Contribution, ev *event.Event) {
	account, ok := profile.Account(in.Identity, ev)
	if ok && !c.Home.IsZero() {
		c.Account = &account
		c.Entry.Account = in.Keys.Node(account)
		c.Entry.Name = account.Value
	}
	if ev.Type != event.Identify && c.Account == nil || c.Home.IsZero() {
		return
	}
	c.Traits = profile.Writes(ev.Traits, c.Sighting)
	if len(c.Traits) > 0 {
		c.Entry.Traits = ev.Traits.AppendClean(nil)
	}
}

// nameOf is the name under which the history files a call.
func nameOf(ev *event.Event) string {
	switch ev.Type {
	case event.Track, event.Page, event.Screen:
		return ev.Name
	}
	return ""
}

// traitNode is the node whose traits the contribution writes.
func (c *Contribution) traitNode() identity.NodeID {
	if c.Account != nil {
		return c.Entry.Account
	}
	return c.Home
}

// accountEntry is the group call in the history of its account.
func accountEntry(e *history.Entry) history.Entry {
	a := *e
	a.Node, a.Name, a.Account, a.Observation = e.Account, "", identity.NodeID{}, identity.ObservationKey{}
	a.Member, a.Fields = e.Node, nil
	a.Numbers = nil
	return a
}

// locks are the locks under which the contribution may be folded.
func (c *Contribution) locks() []state.Lock {
	var out []state.Lock
	if !c.Home.IsZero() {
		out = append(out, state.LockOf(c.Home))
	}
	if c.Account != nil {
		out = append(out, state.LockOf(c.Entry.Account))
	}
	for _, n := range c.Said.Nodes {
		out = append(out, state.LockOf(n))
	}
	return append(out, c.decisionLocks()...)
}

// locksOf are the locks under which records may be folded.
func locksOf(records []Contribution) []state.Lock {
	var out []state.Lock
	for i := range records {
		out = append(out, records[i].locks()...)
	}
	return out
}

// mark names a message: the first 128 bits of SHA-256 over its source and
// messageId. Records that are no events are apart: no source has their mark's
// prefix.
type mark = markday.Mark

func markOf(kind record.Kind, source, messageID string) mark {
	if kind != record.Event && kind != record.Rejected {
		source = string([]byte{0, byte(kind)}) + source
	}
	b := binary.AppendUvarint(make([]byte, 0, 96), uint64(len(source)))
	b = append(append(b, source...), messageID...)
	sum := sha256.Sum256(b)
	return mark(sum[:16])
}

func sum16(rec *record.Record) [16]byte {
	sum := rec.Sum()
	return [16]byte(sum[:16])
}
