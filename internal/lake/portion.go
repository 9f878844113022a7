package lake

import (
	"context"
	"fmt"
	"slices"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

// portion is a round while it is written.
type portion struct {
	w      *Writer
	r      *round
	snap   state.Snapshot
	parts  Parts
	bodies *bodies

	net     map[eventlog.Position]int   // of records that were withdrawn in the round: folded less withdrawn
	touched map[identity.NodeID]bool    // nodes of which something may have changed
	gone    map[string][]target         // by table: rows that have to leave
	added   map[string][]ManifestFile   // by table: files that have been written
	pairs   map[[2]identity.NodeID]bool // identifiers that an event of the round shows together
}

// target is the rows of one record that have to leave the tables.
type target struct {
	at     eventlog.Position
	node   identity.NodeID // of the rows: home or account
	month  string
	bucket int
}

// plan finds the records that were withdrawn. An event may be folded, withdrawn
// and folded again within a round, in different partitions: what counts is what
// comes out in the end.
func (p *portion) plan(ctx context.Context) error {
	p.net = map[eventlog.Position]int{}
	p.touched = map[identity.NodeID]bool{}
	p.pairs = map[[2]identity.NodeID]bool{}
	p.gone, p.added = map[string][]target{}, map[string][]ManifestFile{}
	err := p.eachFact(ctx, func(f *fact.Fact) error {
		if f.Kind == fact.EventWithdrawn {
			p.net[f.Record]--
		}
		return nil
	})
	if err != nil || len(p.net) == 0 {
		return err
	}
	return p.eachFact(ctx, func(f *fact.Fact) error {
		if _, ok := p.net[f.Record]; ok && f.Kind == fact.EventFolded {
			p.net[f.Record]++
		}
		return nil
	})
}

// chunkFacts bounds the facts whose rows one file holds, and with them the memory
// of a round.
const chunkFacts = 16384

// appendTables writes the rows of the round's events, and takes those of withdrawn
// ones out, in one replacement of each table's list.
func (p *portion) appendTables(ctx context.Context) error {
	c := &chunk{p: p}
	err := p.eachFact(ctx, func(f *fact.Fact) error {
		if err := p.take(ctx, f, c); err != nil {
			return err
		}
		if c.facts++; c.facts >= chunkFacts {
			return c.flush(ctx)
		}
		return nil
	})
	if err == nil {
		err = c.flush(ctx)
	}
	if err != nil {
		return err
	}
	for _, table := range [...]string{TableEvents, TableTraits} {
		if err := p.exchange(ctx, p.w.tables[table]); err != nil {
			return err
		}
	}
	return nil
}

// chunk is rows on their way into one file of each table.
type chunk struct {
	p      *portion
	facts  int
	number int
	events []row
	traits []row
	docs   record.Docs
}

// take takes in one fact.
func (p *portion) take(ctx context.Context, f *fact.Fact, c *chunk) error {
	switch f.Kind {
	case fact.EventFolded, fact.EventWithdrawn:
	default: // it says nothing of events, but of a node perhaps
		p.touch(f.Node)
		return nil
	}
	data, err := p.bodies.get(ctx, f.Record)
	if err != nil {
		return err
	}
	rec, err := record.Decode(data)
	if err != nil || rec.Kind != record.Event {
		p.touch(f.Node)
		return err
	}
	ev, err := rec.Event(&c.docs)
	if err != nil {
		return err
	}
	account := p.read(f, &ev)
	switch p.outcome(f) {
	case stays:
		return nil
	case leaves:
		p.leave(f, &ev, account)
		return nil
	}
	c.events = append(c.events, eventRow(f, &ev, account))
	switch {
	case f.Node.IsZero():
	case ev.Type == event.Identify:
		c.traits = append(c.traits, traitRows(f.Record, f.Node, "profile", &ev)...)
	case !account.IsZero():
		c.traits = append(c.traits, traitRows(f.Record, account, "account", &ev)...)
	}
	return nil
}

// fate is what a fact does to the rows of its record.
type fate int

const (
	enters fate = iota
	leaves
	stays
)

// outcome tells what a fact does. Of the facts of a record that was withdrawn in
// the round at most one does something.
func (p *portion) outcome(f *fact.Fact) fate {
	net, withdrawn := p.net[f.Record]
	switch {
	case !withdrawn:
		return enters
	case net > 0 && f.Kind == fact.EventFolded:
		p.net[f.Record] = 0
		return enters
	case net < 0 && f.Kind == fact.EventWithdrawn:
		p.net[f.Record] = 0
		return leaves
	}
	return stays
}

func (p *portion) touch(n identity.NodeID) {
	if !n.IsZero() {
		p.touched[n] = true
	}
}

// read notes which nodes an event concerns, and returns the account of a group
// call.
func (p *portion) read(f *fact.Fact, ev *event.Event) (account identity.NodeID) {
	if f.Node.IsZero() {
		return account
	}
	p.touch(f.Node)
	in := p.parts.Interpreter
	ids, _ := in.Identity.Extract(ev)
	for _, id := range ids {
		n := in.Keys.Node(id)
		p.touch(n)
		if n != f.Node {
			p.pairs[pair(f.Node, n)] = true
		}
	}
	if id, ok := profile.Account(in.Identity, ev); ok {
		account = in.Keys.Node(id)
	}
	return account
}

func pair(a, b identity.NodeID) [2]identity.NodeID {
	if slices.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return [2]identity.NodeID{a, b}
}

// leave notes that the rows of a record have to leave.
func (p *portion) leave(f *fact.Fact, ev *event.Event, account identity.NodeID) {
	t := target{at: f.Record, node: f.Node, month: monthOf(ev.Timestamp), bucket: bucketOf(nodeText(f.Node))}
	p.gone[TableEvents] = append(p.gone[TableEvents], t)
	if ev.Type == event.Identify || !account.IsZero() {
		if !account.IsZero() {
			t.node, t.bucket = account, bucketOf(nodeText(account))
		}
		p.gone[TableTraits] = append(p.gone[TableTraits], t)
	}
}

// flush writes the rows of a chunk.
func (c *chunk) flush(ctx context.Context) error {
	if c.facts == 0 {
		return nil
	}
	for _, t := range [...]struct {
		table string
		rows  []row
	}{{TableEvents, c.events}, {TableTraits, c.traits}} {
		if len(t.rows) == 0 {
			continue
		}
		if err := c.p.put(ctx, c.p.w.tables[t.table], c.number, t.rows); err != nil {
			return err
		}
	}
	c.facts, c.events, c.traits = 0, c.events[:0], c.traits[:0]
	c.number++
	return nil
}

// put writes one file of the round. Its name is the round's, so an attempt after a
// crash writes the same one; where several processes write, each has names of its
// own.
func (p *portion) put(ctx context.Context, f *files, number int, rows []row) error {
	if f.table.Kind == Append && f.now().holds(p.r) {
		return nil
	}
	f.table.sortRows(rows)
	counts := map[string]int64{}
	for i := range rows {
		for _, c := range rows[i].typed {
			counts[c.column]++
		}
	}
	attempt := p.r.First
	if f.table.Kind == Mutable {
		attempt = p.r.Number
	}
	cut := fmt.Sprintf("cut-%d-%d-%d", p.r.Generation, attempt, number)
	if err := p.mirrorRows(ctx, &f.table, cut, rows); err != nil {
		return err
	}
	path := cut + p.w.mark + ".parquet"
	typed, whole := f.choose(counts, int64(len(rows)))
	f.take(path)
	m, err := newLayout(&f.table, typed).put(ctx, p.w.cfg.Store, path, rows, whole)
	if err != nil {
		f.drop(path)
		return err
	}
	m.Apart = without(counts, typed)
	for i := range rows {
		m.Apart = apartOf(m.Apart, rows[i].apart)
	}
	m.Level, m.Cuts, m.At = LevelCut, p.r.cuts(), p.r.At
	m.MinVersion, m.MaxVersion = attempt, attempt
	if f.table.ofRecords() {
		m.Records = spans(&f.table, rows)
	}
	p.added[f.table.Name] = append(p.added[f.table.Name], m)
	return nil
}

// spans are the records of the log that rows come from.
func spans(t *Table, rows []row) []Span {
	partition, offset := t.index("record_partition"), t.index("record_offset")
	var out []Span
	for i := range rows {
		out = widen(out, Span{
			Partition: int32(rows[i].values[partition].Int64()),
			First:     rows[i].values[offset].Int64(), Last: rows[i].values[offset].Int64(),
		})
	}
	return out
}

// widen takes a span into others, of which there is one for each partition.
func widen(spans []Span, s Span) []Span {
	for i := range spans {
		if have := &spans[i]; have.Partition == s.Partition {
			have.First, have.Last = min(have.First, s.First), max(have.Last, s.Last)
			return spans
		}
	}
	return append(spans, s)
}

// exchange lists the files that were written and takes out the rows that have to
// leave, in one replacement. A list that holds the round already, from an attempt
// that was cut short later, stays.
func (p *portion) exchange(ctx context.Context, f *files) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.manifest.holds(p.r) {
		return nil
	}
	if err := p.mirrorLeaving(ctx, &f.table); err != nil {
		return err
	}
	swapped, err := p.without(ctx, f)
	if err != nil {
		return err
	}
	return f.replaceLocked(ctx, p.w.now(), func(m *Manifest) error {
		m.enter(p.r)
		m.swap(swapped)
		m.Files = append(m.Files, p.added[f.table.Name]...)
		return nil
	})
}

// swap puts files in the place of others; one without rows takes its place away.
func (m *Manifest) swap(by map[string]ManifestFile) {
	if len(by) == 0 {
		return
	}
	var out []ManifestFile
	for _, f := range m.Files {
		other, ok := by[f.Path]
		switch {
		case !ok:
			out = append(out, f)
		case other.Rows > 0:
			out = append(out, other)
		}
	}
	m.Files = out
	if out == nil {
		m.Files = []ManifestFile{}
	}
}
