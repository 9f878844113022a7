package conditiontest

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/entity"
	"kith/internal/expr"
	"kith/internal/expr/exprtest"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// plain is what records say, in memory: no history, no rows of the state but who
// is who.
type plain struct {
	w        *World
	people   map[identity.NodeID]*plainPerson
	accounts map[identity.NodeID]*plainPerson
	of       map[identity.NodeID]*plainPerson // by node
}

// plainPerson implements segment.View for a person or an account.
type plainPerson struct {
	id      identity.NodeID
	account bool
	events  []*plainEvent
	around  []*plainPerson // accounts of a person, members of an account
	writes  map[string]*plainEvent
	values  map[string]strictjson.Value
	docs    []*record.Docs
	said    map[identity.NodeID]consent.Node
	rows    []expr.Fields
}

type plainEvent struct {
	*expr.Event
	properties, context strictjson.Value
}

// plain reads all records anew.
func (w *World) plain() *plain {
	p := &plain{w: w, people: map[identity.NodeID]*plainPerson{}, accounts: map[identity.NodeID]*plainPerson{}, of: map[identity.NodeID]*plainPerson{}}
	snap, err := w.store.Snapshot(context.Background())
	w.must(err)
	defer snap.Close()
	clusters := identity.NewClusters(snap)
	for kv, err := range snap.Scan(context.Background(), state.Prefix([]byte{byte(state.FamilyObservation)})) {
		w.must(err)
		o, err := identity.DecodeObservation(identity.NodeID(kv.Key[1:17]), kv.Value)
		w.must(err)
		for _, n := range o.Nodes {
			c, err := clusters.Of(context.Background(), n)
			w.must(err)
			if p.people[c.Leader] == nil {
				p.people[c.Leader] = newPlain(c.Leader, false)
			}
			p.of[n] = p.people[c.Leader]
		}
	}
	for _, r := range w.least() {
		switch r.Kind {
		case record.Event:
			p.event(r)
		case record.Consent:
			p.said(r)
		case record.Row:
			p.row(r)
		}
	}
	return p
}

// least returns of each message the copy that is the event, in the order of their
// acceptance.
func (w *World) least() []*record.Record {
	place := map[string]int{}
	var out []*record.Record
	for i := range w.records {
		r := &w.records[i]
		at, known := place[r.Stamp.MessageID]
		if !known {
			place[r.Stamp.MessageID] = len(out)
			out = append(out, r)
			continue
		}
		a, b := r.Sum(), out[at].Sum()
		if c := cmp.Compare(r.Stamp.ReceivedAt, out[at].Stamp.ReceivedAt); c < 0 || c == 0 && bytes.Compare(a[:], b[:]) < 0 {
			out[at] = r
		}
	}
	return out
}

func newPlain(id identity.NodeID, account bool) *plainPerson {
	return &plainPerson{id: id, account: account, writes: map[string]*plainEvent{}, values: map[string]strictjson.Value{}, said: map[identity.NodeID]consent.Node{}}
}

func (p *plain) node(typ, value string) identity.NodeID {
	id, reason := p.w.rules.Normalize(typ, value, "")
	if reason != identity.Usable {
		p.w.t.Fatal("an identifier is not usable")
	}
	return p.w.keys.Node(id)
}

// said reads a consent.
func (p *plain) said(r *record.Record) {
	b, err := consent.DecodeBody(&strictjson.Doc{}, r.Body)
	p.w.must(err)
	n := p.node(b.Type, b.Value)
	person := p.of[n]
	if person.said[n] == nil {
		person.said[n] = consent.Node{}
	}
	person.said[n].Add(&consent.Statement{Said: b.Said, At: r.Stamp.Timestamp, ReceivedAt: r.Stamp.ReceivedAt, MessageID: r.Stamp.MessageID, Source: r.Stamp.Source})
}

// row reads a row of an entity; none is ever written twice.
func (p *plain) row(r *record.Record) {
	b, err := entity.DecodeBody(&strictjson.Doc{}, r.Body)
	p.w.must(err)
	var doc strictjson.Doc
	p.w.must(doc.Parse(b.Attributes, strictjson.Limits{}))
	person := p.of[p.node("user_id", doc.Root().Get("user_id").Text())]
	if person == nil {
		return // nobody has that identifier
	}
	var fields expr.Fields
	for _, path := range exprtest.Paths() {
		if text := expr.Project(doc.Root(), path); text != nil {
			fields = append(fields, expr.FieldText{Field: expr.Field{Path: path}, Text: text})
		}
	}
	person.rows = append(person.rows, fields)
}

func (p *plain) event(r *record.Record) {
	docs := &record.Docs{}
	ev, err := r.Event(docs)
	p.w.must(err)
	ids, _ := p.w.rules.Extract(&ev)
	if len(ids) == 0 || p.w.retracted[ev.Run] {
		return
	}
	person := p.of[p.w.keys.Node(ids[0])]
	name := ev.Name
	if ev.Type != event.Track {
		name = ""
	}
	e := &plainEvent{
		Event:      &expr.Event{Timestamp: ev.Timestamp, MessageID: ev.MessageID, Source: ev.Source, ReceivedAt: ev.ReceivedAt, Call: expr.Call{Type: ev.Type, Name: name}},
		properties: ev.Properties, context: ev.Context,
	}
	if ev.BatchContext.Len() > 0 {
		var all strictjson.Doc
		if err := all.Parse(ev.AppendContext(nil), strictjson.Limits{}); err != nil {
			p.w.t.Fatal(err)
		}
		e.context = all.Root()
	}
	person.docs = append(person.docs, docs)
	person.events = append(person.events, e)
	writer := person
	if account, ok := profile.Account(p.w.rules, &ev); ok {
		n := p.w.keys.Node(account)
		if p.accounts[n] == nil {
			p.accounts[n] = newPlain(n, true)
		}
		writer = p.accounts[n]
		if !slices.Contains(person.around, writer) {
			person.around, writer.around = append(person.around, writer), append(writer.around, person)
		}
	} else if ev.Type != event.Identify {
		return
	}
	for k, v := range ev.Traits.Members() {
		if have := writer.writes[k.String()]; have == nil || e.Compare(have.Event) > 0 {
			writer.writes[k.String()], writer.values[k.String()] = e, v
		}
	}
}

// subjects returns who there is, and their views.
func (p *plain) subjects(scope expr.Scope) ([]identity.NodeID, func(identity.NodeID) segment.View) {
	all := p.people
	if scope == expr.Account {
		all = p.accounts
	}
	var ids []identity.NodeID
	for id := range all {
		ids = append(ids, id)
	}
	identity.SortNodes(ids)
	return ids, func(id identity.NodeID) segment.View { return all[id] }
}

// Events implements segment.View.
func (p *plainPerson) Events(call expr.Call, lo, hi int64) (out []*expr.Event) {
	all := [][]*plainEvent{p.events}
	if p.account {
		all = nil
		for _, m := range p.around {
			all = append(all, m.events)
		}
	}
	for _, events := range all {
		for _, e := range events {
			if e.Call.Type != call.Type || !call.AnyName && e.Call.Name != call.Name || e.Timestamp <= lo || e.Timestamp > hi {
				continue
			}
			if e.Fields == nil {
				e.Fields = expr.Fields{}
				for _, path := range exprtest.Paths() {
					for _, inContext := range []bool{false, true} {
						root := e.properties
						if inContext {
							root = e.context
						}
						if text := expr.Project(root, path); text != nil {
							e.Fields = append(e.Fields, expr.FieldText{Field: expr.Field{Context: inContext, Path: path}, Text: text})
						}
					}
				}
			}
			out = append(out, e.Event)
		}
	}
	slices.SortFunc(out, (*expr.Event).Compare)
	return out
}

// CustomTrait implements segment.View.
func (p *plainPerson) CustomTrait(path string) (out []expr.Value) {
	for k, v := range p.values {
		if k == path {
			return expr.Leaves(nil, v)
		}
		if len(path) > len(k) && path[:len(k)+1] == k+"." {
			for _, one := range expr.Collect(nil, v, path[len(k)+1:]) {
				out = expr.Leaves(out, one)
			}
		}
	}
	return out
}

// Listed implements segment.View.
func (p *plainPerson) Listed(string) bool { return false }

// Consent implements segment.View.
func (p *plainPerson) Consent(purpose, channel string) string {
	var all consent.Person
	for _, n := range p.said {
		all = append(all, n)
	}
	s, _ := all.State(purpose, channel)
	if s.State == consent.Silent {
		return ""
	}
	return s.State.String()
}

// Accounts implements segment.View.
func (p *plainPerson) Accounts() []segment.View { return p.others() }

// Members implements segment.View.
func (p *plainPerson) Members() []segment.View { return p.others() }

func (p *plainPerson) others() []segment.View {
	out := []segment.View{}
	for _, o := range p.around {
		out = append(out, o)
	}
	return out
}

// Rows implements segment.View.
func (p *plainPerson) Rows(string) []expr.Fields { return p.rows }
