package duckdb

import (
	"context"
	"slices"

	"kith/event"
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
	w        *trialWorld
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
}

type plainEvent struct {
	*expr.Event
	properties, context strictjson.Value
}

// plain reads all records anew.
func (w *trialWorld) plain() *plain {
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
	seen := map[string]bool{}
	for i := range w.records {
		r := &w.records[i]
		if r.Kind == record.Event && !seen[r.Stamp.MessageID] {
			seen[r.Stamp.MessageID] = true
			p.event(r)
		}
	}
	return p
}

func newPlain(id identity.NodeID, account bool) *plainPerson {
	return &plainPerson{id: id, account: account, writes: map[string]*plainEvent{}, values: map[string]strictjson.Value{}}
}

func (p *plain) event(r *record.Record) {
	docs := &record.Docs{}
	ev, err := r.Event(docs)
	p.w.must(err)
	ids, _ := p.w.rules.Extract(&ev)
	if len(ids) == 0 {
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
				for _, path := range append(exprtestPaths(), "") {
					for _, inContext := range []bool{false, true} {
						root := e.properties
						if inContext {
							root = e.context
						}
						if text := expr.Project(root, path); text != nil && path != "" {
							e.Fields[expr.Field{Context: inContext, Path: path}] = text
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
func (p *plainPerson) Consent(string, string) string { return "" }

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
func (p *plainPerson) Rows(string) []expr.Fields { return nil }

func exprtestPaths() []string { return exprtest.Paths() }
