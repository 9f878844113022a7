package profile

import (
	"context"
	"encoding/json"
	"slices"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
)

// Selection is what of a timeline is wanted. A name is that of a track, page or
// screen; any other call goes by its type.
type Selection struct {
	From, To  int64    // UTC milliseconds, inclusive
	Only      []string // names; empty: all
	Except    []string // names
	Ascending bool     // earliest first
}

// Selected is one event of a selection.
type Selected struct {
	Source    string
	MessageID string
	Timestamp int64           // UTC milliseconds
	Body      json.RawMessage // the wire event plus received_at and node_id
}

// SelectedPage is a part of a selection, in its order.
type SelectedPage struct {
	Profile identity.NodeID // whose events they are
	Events  []Selected
	Next    string // empty at the end
}

// Select returns a page of what is selected of a person's timeline, or of an
// account's when the reference is of AccountType.
func (r *Reader) Select(ctx context.Context, ref Ref, sel Selection, page Page) (SelectedPage, error) {
	last, err := parseCursor(page.Cursor)
	if err != nil {
		return SelectedPage{}, err
	}
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return SelectedPage{}, err
	}
	defer snap.Close()
	c, err := r.whose(ctx, snap, ref)
	if err != nil {
		return SelectedPage{}, err
	}
	entries, err := r.selected(ctx, snap, c.nodes, &sel, last, page.Limit+1)
	if err != nil {
		return SelectedPage{}, err
	}
	out := SelectedPage{Profile: c.leader}
	if len(entries) > page.Limit {
		entries = entries[:page.Limit]
		out.Next = formatCursor(entries[page.Limit-1].Place())
	}
	for _, e := range entries {
		body, err := r.render(ctx, e)
		if err != nil {
			return SelectedPage{}, err
		}
		out.Events = append(out.Events, Selected{Source: e.Source, MessageID: e.MessageID, Timestamp: e.Timestamp, Body: body})
	}
	return out, nil
}

// whose returns the nodes of a person, or the one of an account. What no event
// names gives kind NotFound.
func (r *Reader) whose(ctx context.Context, s state.Reader, ref Ref) (*cluster, error) {
	if ref.Type != AccountType {
		return r.cluster(ctx, s, ref)
	}
	node, err := r.Node(ref)
	if err != nil {
		return nil, err
	}
	c := &cluster{leader: node, nodes: []identity.NodeID{node}}
	first, err := r.selected(ctx, s, c.nodes, &Selection{From: timeLeast, To: timeGreatest}, nil, 1)
	if err == nil && len(first) == 0 {
		err = errUnknown()
	}
	return c, err
}

// selected returns up to limit entries behind a place, in the selection's order:
// of every (node, call) the first ones, merged.
func (r *Reader) selected(ctx context.Context, s state.Reader, nodes []identity.NodeID, sel *Selection, last *history.Place, limit int) ([]*history.Entry, error) {
	var all []*history.Entry
	for _, n := range nodes {
		for call, err := range r.History.Calls(ctx, s, n, 0, event.Unknown) {
			if err != nil {
				return nil, err
			}
			if !sel.wants(call) {
				continue
			}
			some, err := r.selectedOf(ctx, s, sel.query(n, call, last), sel, last, limit)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	slices.SortFunc(all, func(a, b *history.Entry) int { return sel.compare(a.Place(), b.Place()) })
	return all[:min(len(all), limit)], nil
}

func (r *Reader) selectedOf(ctx context.Context, s state.Reader, q history.Query, sel *Selection, last *history.Place, limit int) ([]*history.Entry, error) {
	var out []*history.Entry
	for e, err := range r.History.Range(ctx, s, q) {
		if err != nil {
			return nil, err
		}
		if last != nil && sel.compare(e.Place(), *last) <= 0 {
			continue
		}
		if out = append(out, e); len(out) == limit {
			break
		}
	}
	return out, nil
}

// compare is the selection's order.
func (sel *Selection) compare(a, b history.Place) int {
	if sel.Ascending {
		return a.Compare(b)
	}
	return b.Compare(a)
}

func (sel *Selection) query(n identity.NodeID, call history.Call, last *history.Place) history.Query {
	q := history.Query{Node: n, Type: call.Type, Name: call.Name, From: sel.From, To: sel.To, Reverse: !sel.Ascending}
	switch {
	case last != nil && sel.Ascending:
		q.From = max(q.From, last.Timestamp)
	case last != nil:
		q.To = min(q.To, last.Timestamp)
	}
	return q
}

func (sel *Selection) wants(call history.Call) bool {
	name := call.Type.String()
	if call.Type == event.Track || (call.Type == event.Page || call.Type == event.Screen) && call.Name != "" {
		name = call.Name
	}
	is := func(s string) bool { return state.BoundName(s) == name }
	return (len(sel.Only) == 0 || slices.ContainsFunc(sel.Only, is)) && !slices.ContainsFunc(sel.Except, is)
}

// Account returns what is known of the account with an id, in the form of a
// profile: its id as the only identifier, with the source of the first group call
// that named it, and its traits. Unknown ones give kind NotFound.
func (r *Reader) Account(ctx context.Context, id string) (Profile, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return Profile{}, err
	}
	defer snap.Close()
	c, err := r.whose(ctx, snap, Ref{Type: AccountType, Value: id})
	if err != nil {
		return Profile{}, err
	}
	var ends [2]*history.Entry // its first and last group call
	for i := range ends {
		sel := Selection{From: timeLeast, To: timeGreatest, Ascending: i == 0}
		entries, err := r.selected(ctx, snap, c.nodes, &sel, nil, 1)
		if err != nil {
			return Profile{}, err
		}
		ends[i] = entries[0] // there is one, in the same snapshot
	}
	known, _ := r.Config.Normalize(AccountType, id, "") // usable, since it has calls
	p := Profile{ID: c.leader, FirstSeen: ends[0].Timestamp, LastSeen: ends[1].Timestamp}
	p.Identifiers = []Identifier{{
		Identifier: identity.Identifier{Type: "group_id", Value: known.Value}, Node: c.leader,
		FirstSeen: p.FirstSeen, LastSeen: p.LastSeen, Sources: []string{ends[0].Source},
	}}
	for _, err := range r.History.Range(ctx, snap, history.Query{Node: c.leader, From: timeLeast, To: timeGreatest}) {
		if err != nil {
			return Profile{}, err
		}
		p.Events++
	}
	writes, err := ReadTraits(ctx, snap, c.nodes)
	p.Traits = shown(&identity.Config{}, writes) // policies are of people's traits
	return p, err
}

// Moments before and after every event.
const (
	timeLeast    = -1 << 63
	timeGreatest = 1<<63 - 1
)

// membersLooked bounds how many of an account's group calls are read for its
// members.
const membersLooked = 1000

// Members returns up to limit ids of profiles whose group calls named an account,
// those with the newest calls first. It looks at the account's newest calls up to
// a bound, so of an account with very many it returns the most recent.
func (r *Reader) Members(ctx context.Context, account string, limit int) ([]identity.NodeID, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	c, err := r.whose(ctx, snap, Ref{Type: AccountType, Value: account})
	if err != nil {
		return nil, err
	}
	entries, err := r.selected(ctx, snap, c.nodes, &Selection{From: timeLeast, To: timeGreatest}, nil, membersLooked)
	if err != nil {
		return nil, err
	}
	leaders := map[identity.NodeID]identity.NodeID{}
	var out []identity.NodeID
	for _, e := range entries {
		home, err := r.homeOf(ctx, e)
		if err != nil {
			return nil, err
		}
		if _, known := leaders[home]; known {
			continue
		}
		leader, err := r.Leader(ctx, snap, home)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return nil, err
		}
		leaders[home] = leader
		if err == nil && !slices.Contains(out, leader) {
			out = append(out, leader)
		}
		if len(out) == limit {
			break
		}
	}
	return out, nil
}

// homeOf computes an event's home anew from its record.
func (r *Reader) homeOf(ctx context.Context, e *history.Entry) (identity.NodeID, error) {
	rec, err := ReadRecord(ctx, r.Log, e.Position)
	if err != nil {
		return identity.NodeID{}, err
	}
	ev, err := rec.Event(&record.Docs{})
	if err != nil {
		return identity.NodeID{}, err
	}
	ids, _ := r.Config.Extract(&ev)
	if len(ids) == 0 {
		return identity.NodeID{}, nil
	}
	return r.Keys.Node(ids[0]), nil
}
