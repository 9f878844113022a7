package pipeline

import (
	"context"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/held"
	"kith/internal/identity"
	"kith/internal/journal"
	"kith/internal/lockset"
	"kith/internal/markday"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

// batchView is what a batch sees of the state, filled by bulk reads, and what it
// is going to write.
type batchView struct {
	stages *Stages
	tx     state.Tx
	cur    *Cursor
	batch  []Contribution
	rules  *identity.Config

	reviseMax int
	falls     *bool // the batch's Waiting
	held      *lockset.Set

	marks     map[mark]*markRow
	observed  map[string]*observationRow // by key
	traits    map[string]*traitRow       // by key
	consents  map[string]*consentRow     // by key
	rows      map[string]*entityRow      // by key
	rowOrder  []string                   // keys of rows, in the order in which they were met
	entities  *entity.Config
	clusters  clusterView
	journal   []journal.Entry
	keys      *identity.Keyring
	decisions map[string]*decisionRow // by id
	rulings   map[string]*rulingRow   // by key
	loads     loads
	facts     []fact.Fact
}

// observationRow is an observation that the batch adds to.
type observationRow struct {
	o       *identity.Observation
	was     *identity.Observation // as the state has it; its samples do not count
	cause   eventlog.Position     // of the first record that bears on it
	touched bool                  // cause is set
	stored  bool                  // whether the state has the row
	rebuilt bool                  // made anew from the history, without anything that is withdrawn
}

// traitRow is a trait that the batch writes. A rebuilt row replaces what is
// stored; any other is merged with it.
type traitRow struct {
	last    *profile.Write // nil: no write is left
	rebuilt bool
	account bool // of an account, which no search finds
}

// view reads the marks of a batch.
func (s *Stages) view(ctx context.Context, tx state.Tx, batch *Batch) (*batchView, error) {
	b := s.emptyView(tx, batch)
	return b, b.read(ctx)
}

// emptyView is a view that has read nothing.
func (s *Stages) emptyView(tx state.Tx, batch *Batch) *batchView {
	b := &batchView{
		stages: s, tx: tx, cur: &batch.Cursor, batch: batch.Records, rules: batch.Identity, reviseMax: batch.ReviseMax, falls: &batch.Waiting, held: lockset.Of(batch.Locks),
		marks: make(map[mark]*markRow, len(batch.Records)), observed: map[string]*observationRow{}, traits: map[string]*traitRow{},
		consents: map[string]*consentRow{}, rows: map[string]*entityRow{}, entities: batch.Entities,
		keys: batch.Keys, decisions: map[string]*decisionRow{}, rulings: map[string]*rulingRow{},
	}
	return b
}

// read reads the marks of the batch.
func (b *batchView) read(ctx context.Context) error {
	var keys [][]byte
	var marks []mark
	for i := range b.batch {
		c := &b.batch[i]
		if _, known := b.marks[c.Mark]; c.Poison == nil && c.Decision == nil && !known {
			b.marks[c.Mark] = nil
			keys, marks = append(keys, markKey(c.Mark)), append(marks, c.Mark)
		}
	}
	values, err := b.tx.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		row, err := decodeMark(v)
		if err != nil {
			return err
		}
		b.marks[marks[i]] = row
	}
	return b.readLoads(ctx)
}

// withdrawal is an event of the state that is to leave it.
type withdrawal struct {
	run
	source, messageID string
}

// dedupe decides which records of the batch are events, and which events of the
// state are none any more because a lesser copy has turned up. Records that
// cannot be folded are put aside.
func (b *batchView) dedupe() (withdrawn []withdrawal, events []*Contribution) {
	for i := range b.batch {
		c := &b.batch[i]
		if c.Poison != nil {
			b.hold(c)
			continue
		}
		if c.Decision != nil {
			continue // decide takes it in
		}
		for _, r := range b.admit(c) {
			withdrawn = append(withdrawn, withdrawal{r, c.Sighting.Source, c.Sighting.MessageID})
		}
		b.cur.ReceivedAt = max(b.cur.ReceivedAt, c.Copy.Received)
	}
	copies := 0
	for i := range b.batch {
		c := &b.batch[i]
		if c.Poison != nil || c.Decision != nil {
			continue
		}
		copies++
		if b.marks[c.Mark].isEvent(c) {
			events = append(events, c)
		}
	}
	b.cur.Repeats += int64(copies - len(events) + len(withdrawn))
	return withdrawn, events
}

// isEvent reports whether the contribution is the event of one of the runs.
func (m *markRow) isEvent(c *Contribution) bool {
	for i := range m.runs {
		if m.runs[i].pending == c {
			return true
		}
	}
	return false
}

// mustHold asks for the locks of the homes of events that are to leave the state.
func (b *batchView) mustHold(withdrawn []withdrawal) error {
	var homes []identity.NodeID
	for i := range withdrawn {
		if home := withdrawn[i].home; !home.IsZero() {
			homes = append(homes, home)
		}
	}
	return b.needNodes(homes...)
}

// observations reads the rows that the events add to.
func (b *batchView) observations(ctx context.Context, events []*Contribution) error {
	var keys [][]byte
	for _, c := range events {
		if c.Home.IsZero() {
			continue
		}
		k := identity.ObservationRow(c.Home, c.Entry.Observation)
		if _, known := b.observed[string(k)]; !known {
			b.observed[string(k)] = &observationRow{o: emptyLike(&c.Observation)}
			keys = append(keys, k)
		}
	}
	values, err := b.tx.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		row := b.observed[string(keys[i])]
		if row.o, err = identity.DecodeObservation(row.o.Home, v); err != nil {
			return err
		}
		row.load()
	}
	return nil
}

// load keeps what an observation is that was read from the state.
func (row *observationRow) load() {
	was := *row.o
	row.was, row.stored = &was, true
}

// touch notes the record because of which a row may be another.
func (row *observationRow) touch(at eventlog.Position) {
	if !row.touched {
		row.cause, row.touched = at, true
	}
}

func emptyLike(o *identity.Observation) *identity.Observation {
	return &identity.Observation{Kind: o.Kind, Source: o.Source, Run: o.Run, Home: o.Home, Nodes: o.Nodes}
}

// observe adds an event to its observation; a new one brings its identifiers and
// the references from its other nodes.
func (b *batchView) observe(c *Contribution) {
	row := b.observed[string(identity.ObservationRow(c.Home, c.Entry.Observation))]
	if !row.stored && row.o.Count == 0 {
		for i, n := range c.Nodes {
			b.identifier(n, c.Identifiers[i])
			if n != c.Home {
				b.tx.Put(identity.AdjacentRow(n, c.Home, c.Entry.Observation), []byte{})
			}
		}
	}
	row.touch(c.Position)
	row.o.Add(c.Sighting.Timestamp, c.Sighting.MessageID)
}

// identifier says what a node stands for. The row is the same whoever writes it,
// so it needs no lock.
func (b *batchView) identifier(n identity.NodeID, id identity.Identifier) {
	b.tx.Put(identity.IdentifierRow(n), identity.EncodeIdentifier(id))
	b.findByIdentifier(n, id)
}

// fact records what happened to a contribution. Until profiles are kept in the
// state, the profile believed then is the home node's own.
func (b *batchView) fact(kind fact.Kind, c *Contribution) {
	if c.Kind != record.Event {
		return // what it changes has facts of its own
	}
	e := &c.Entry
	f := fact.Fact{
		Kind: kind, Record: c.Position, Node: c.Home, Profile: c.Home, Call: fact.CallOf(e.Type, ""),
		Type: e.Type, Name: state.BoundName(e.Name), Timestamp: e.Timestamp,
	}
	if e.Type == event.Track {
		f.Call = fact.CallOf(event.Track, e.Name)
	}
	b.facts = append(b.facts, f)
}

// commitRows buffers everything that the batch has gathered.
func (b *batchView) commitRows(now int64) error {
	days := markday.Days{}
	for m, row := range b.marks {
		if row.changed {
			b.tx.PutIf(markKey(m), row.stored, row.encode())
			days[row.lastDay()] = append(days[row.lastDay()], m)
		}
	}
	days.Put(b.tx)
	for k, row := range b.observed {
		if row.o.Count > 0 {
			b.tx.Put([]byte(k), row.o.Encode())
		} else if row.stored {
			b.forget(k, row.o)
		}
	}
	for k, row := range b.traits {
		switch {
		case row.last == nil:
			b.tx.Delete([]byte(k))
		case row.rebuilt:
			b.tx.Put([]byte(k), append([]byte{byte(state.OpLast)}, row.last.Operand()...))
		default:
			b.tx.Merge([]byte(k), state.OpLast, row.last.Operand())
		}
	}
	b.commitConsents()
	b.commitRowsOfEntities()
	if err := b.commitDecisions(); err != nil {
		return err
	}
	if err := b.commitLoads(); err != nil {
		return err
	}
	journal.Put(b.tx, b.cur.Partition, now, b.journal)
	fact.Put(b.tx, fact.Block{Partition: b.cur.Partition, First: b.cur.FactsNext, At: now, Facts: b.facts})
	b.cur.FactsNext += uint64(len(b.facts))
	b.cur.Next += int64(len(b.batch))
	return nil
}

// forget takes out an observation that no event supports any more.
func (b *batchView) forget(k string, o *identity.Observation) {
	b.tx.Delete([]byte(k))
	for _, n := range o.Nodes {
		if n != o.Home {
			b.tx.Delete(identity.AdjacentRow(n, o.Home, o.Key()))
		}
	}
}

// hold keeps a record apart that cannot be folded. It sets no mark: until it is
// put back, it is as if it had never come.
func (b *batchView) hold(c *Contribution) {
	if c.Refused {
		b.cur.Rejected++
	} else {
		b.cur.Held++
	}
	h := held.Entry{Position: c.Position, Code: errs.CodeOf(c.Poison), Detail: errs.DetailOf(c.Poison), Data: c.Data}
	b.tx.Put(held.Key(c.Position), h.Encode())
}
