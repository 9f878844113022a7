// Package view is what is known of a person or an account before any definition:
// events, custom traits, consents, accounts, members and rows, read from the
// state when a condition asks for them.
package view

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// Reader makes views. It is safe for concurrent use.
type Reader struct {
	History history.Index
	Log     eventlog.Reader // for events of which the history does not keep what is asked
	Config  *identity.Config
	Keys    *identity.Keyring

	// Fields are those that definitions name. It must be the projection of the
	// definitions that are asked, or a longer one.
	Fields expr.Projection

	// Picks are what the definitions pick; of a person with very many events they are
	// made in one go. Others are made when they are asked for.
	Picks []segment.Pick

	// Zone is the one in which a date alone is its midnight; nil is UTC.
	Zone *time.Location

	// Bounds are the usual ones if left out.
	Bounds Bounds

	// Recall, if it is set, has what was read before. Views are then for the goroutine
	// that it belongs to.
	Recall *Recall

	// Listed tells whether an uploaded list names one of the nodes, by what was
	// uploaded up to a moment, see entity.Listed; nil: there are no lists.
	Listed func(ctx context.Context, r state.Reader, segment string, nodes []identity.NodeID, upTo int64) (bool, error)

	// Rows returns the rows of an entity that belong to the nodes, each as a JSON
	// object; nil: there are none.
	Rows func(ctx context.Context, r state.Reader, entity string, nodes []identity.NodeID) ([][]byte, error)
}

// View implements segment.View over one snapshot. What it cannot read it answers
// as if it were not there, and Err tells. It is not safe for concurrent use, and
// must not outlive the snapshot.
type View struct {
	Nodes []identity.NodeID // of the profile, ascending; one for an account

	own []identity.NodeID // those whose events are the person's, see identity.Config.Follows

	r     *Reader
	ctx   context.Context
	s     state.Reader
	upTo  int64 // events later than this are as if they had never come
	scope expr.Scope
	err   *error // shared with the views made from this one

	recalls  *Recall // of this view alone, when the reader has none
	events   map[expr.Call]*span
	small    []map[expr.Call][]*expr.Event // of each node by type and bounded name, everything there is, when that is little
	looked   bool                          // whether that is so was found out
	traits   map[string]profile.Write
	consents *consent.Person
	around   []segment.View // accounts of a person, members of an account
	rows     map[string][]expr.Fields
}

var _ segment.View = (*View)(nil)

// span is the events of a call after a moment.
type span struct {
	after  int64
	events []*expr.Event
}

// Person returns the view of the person whose profile has the nodes. Events later
// than upTo (UTC milliseconds) are left out; math.MaxInt64 leaves out none.
func (r *Reader) Person(ctx context.Context, s state.Reader, nodes []identity.NodeID, upTo int64) *View {
	return r.view(ctx, s, expr.Profile, nodes, upTo, new(error))
}

// Account returns the view of an account.
func (r *Reader) Account(ctx context.Context, s state.Reader, node identity.NodeID, upTo int64) *View {
	return r.view(ctx, s, expr.Account, []identity.NodeID{node}, upTo, new(error))
}

func (r *Reader) view(ctx context.Context, s state.Reader, scope expr.Scope, nodes []identity.NodeID, upTo int64, err *error) *View {
	return &View{
		Nodes: nodes, r: r, ctx: ctx, s: s, upTo: upTo, scope: scope, err: err,
		events: map[expr.Call]*span{}, rows: map[string][]expr.Fields{},
	}
}

// ownNodes returns the nodes whose events are the person's.
func (v *View) ownNodes() []identity.NodeID {
	if v.own == nil {
		v.own = v.Nodes
		if v.r.Config.AnonymousNever && v.scope == expr.Profile && len(v.Nodes) > 1 {
			own, err := v.following()
			if err != nil {
				v.fail(err)
			}
			v.own = own
		}
	}
	return v.own
}

// following are the nodes that follow the leader of their cluster.
func (v *View) following() ([]identity.NodeID, error) {
	leader, err := identity.NewClusters(v.s).Leader(v.ctx, v.Nodes[0])
	if err != nil {
		return nil, err
	}
	keys := [][]byte{identity.IdentifierRow(leader)}
	for _, n := range v.Nodes {
		keys = append(keys, identity.IdentifierRow(n))
	}
	values, err := v.s.Get(v.ctx, keys)
	if err != nil {
		return nil, err
	}
	var ids []identity.Identifier
	for _, value := range values {
		id, err := identity.DecodeIdentifier(value)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	own := []identity.NodeID{}
	for i, n := range v.Nodes {
		if v.r.Config.Follows(ids[i+1], ids[0]) {
			own = append(own, n)
		}
	}
	return own, nil
}

// Err returns the first thing that could not be read.
func (v *View) Err() error { return *v.err }

func (v *View) fail(err error) {
	if *v.err == nil {
		*v.err = err
	}
}

// Events implements segment.View. Those of an account are those of its members.
func (v *View) Events(call expr.Call, lo, hi int64) []*expr.Event {
	have := v.events[call]
	if have == nil || lo < have.after {
		have = &span{after: lo, events: v.load(call, lo)}
		if v.small != nil {
			have.after = math.MinInt64 // everything
		}
		v.events[call] = have
	}
	events := have.events
	from, _ := slices.BinarySearchFunc(events, lo, func(e *expr.Event, t int64) int {
		if e.Timestamp <= t {
			return -1
		}
		return 1
	})
	to, _ := slices.BinarySearchFunc(events, hi, func(e *expr.Event, t int64) int {
		if e.Timestamp <= t {
			return -1
		}
		return 1
	})
	return events[from:max(from, to)]
}

// load reads the events of a call after a moment.
func (v *View) load(call expr.Call, after int64) []*expr.Event {
	var out []*expr.Event
	if v.scope == expr.Account {
		for _, m := range v.Members() {
			out = append(out, m.Events(call, after, math.MaxInt64)...)
		}
	} else {
		if !v.looked {
			v.readSmall()
		}
		if v.small != nil {
			return v.ofSmall(call)
		}
		out = v.loadNodes(call, after)
	}
	slices.SortFunc(out, (*expr.Event).Compare)
	return out
}

func (v *View) loadNodes(call expr.Call, after int64) []*expr.Event {
	var out []*expr.Event
	q := history.Query{Type: call.Type, Name: call.Name, AnyName: call.AnyName, From: math.MinInt64, To: v.upTo}
	if after > -expr.Never {
		q.From = after + 1
	}
	for _, n := range v.ownNodes() {
		q.Node = n
		for e, err := range v.r.History.Range(v.ctx, v.s, q) {
			if err != nil {
				v.fail(err)
				return nil
			}
			one, err := v.r.event(v.ctx, e)
			if err != nil {
				v.fail(err)
				return nil
			}
			out = append(out, one)
		}
	}
	return out
}

// CustomTrait implements segment.View.
func (v *View) CustomTrait(path string) []expr.Value {
	if v.traits == nil {
		v.readTraits()
	}
	key, rest, deeper := strings.Cut(path, ".")
	w, ok := v.traits[key]
	if !ok || w.Removes() {
		return nil
	}
	if !deeper {
		return expr.Values(w.Value)
	}
	var doc strictjson.Doc
	if err := doc.Parse(w.Value, strictjson.Limits{}); err != nil {
		v.fail(err)
		return nil
	}
	return expr.Values(expr.Project(doc.Root(), rest))
}

func (v *View) readTraits() {
	var err error
	switch {
	case v.upTo == math.MaxInt64 && v.scope == expr.Profile:
		v.traits, err = profile.ReadPersonTraits(v.ctx, v.s, v.r.History, v.r.Config, v.ownNodes())
	case v.upTo == math.MaxInt64:
		v.traits, err = profile.ReadTraits(v.ctx, v.s, v.ownNodes())
	default:
		v.traits, err = v.traitsThen()
	}
	if err != nil {
		v.traits = map[string]profile.Write{}
		v.fail(err)
	}
}

// traitsThen folds the writes of the calls up to the moment.
func (v *View) traitsThen() (map[string]profile.Write, error) {
	kind := event.Identify
	if v.scope == expr.Account {
		kind = event.Group
	}
	var all [][]profile.Write
	for _, n := range v.ownNodes() {
		for e, err := range v.r.History.Range(v.ctx, v.s, history.Query{Node: n, Type: kind, AnyName: true, From: math.MinInt64, To: v.upTo}) {
			if err != nil {
				return nil, err
			}
			writes, err := profile.EntryWrites(e)
			if err != nil {
				return nil, err
			}
			all = append(all, writes)
		}
	}
	traits := profile.Combine(all...)
	if v.scope == expr.Profile {
		profile.Override(v.r.Config, traits, slices.Concat(all...))
	}
	return traits, nil
}

// Listed implements segment.View.
func (v *View) Listed(key string) bool {
	if v.r.Listed == nil {
		return false
	}
	in, err := v.r.Listed(v.ctx, v.s, key, v.Nodes, v.upTo)
	if err != nil {
		v.fail(err)
	}
	return in
}

// Consent implements segment.View.
func (v *View) Consent(purpose, channel string) string {
	if v.consents == nil {
		p, err := v.readConsents()
		if err != nil {
			v.fail(err)
		}
		v.consents = &p
	}
	said, _ := v.consents.State(purpose, channel)
	if said.State == consent.Silent {
		return ""
	}
	return said.State.String()
}

func (v *View) readConsents() (consent.Person, error) {
	if v.upTo == math.MaxInt64 {
		return consent.ReadPerson(v.ctx, v.s, v.Nodes)
	}
	return consent.PersonAsOf(v.ctx, v.s, v.Nodes, v.upTo)
}

// Rows implements segment.View. There is no past of rows: they are today's.
func (v *View) Rows(entity string) []expr.Fields {
	if rows, ok := v.rows[entity]; ok || v.r.Rows == nil {
		return rows
	}
	texts, err := v.r.Rows(v.ctx, v.s, entity, v.Nodes)
	if err != nil {
		v.fail(err)
	}
	var rows []expr.Fields
	for _, text := range texts {
		var doc strictjson.Doc
		if err := doc.Parse(text, strictjson.Limits{}); err != nil {
			v.fail(err)
			continue
		}
		rows = append(rows, expr.RowFields(doc.Root(), v.r.Fields))
	}
	v.rows[entity] = rows
	return rows
}
