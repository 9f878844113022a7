package membership

import (
	"bytes"
	"math"
	"slices"

	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/view"
)

func isAccount(id identity.Identifier) bool { return id.Type == profile.AccountType }

func viewNodes(v segment.View) []identity.NodeID { return v.(*view.View).Nodes }

// person is one profile or account that a step asks.
type person struct {
	id     identity.NodeID
	stored Standing
	had    bool   // whether the row is there
	row    []byte // as it is there
	now    Standing
	since  map[string]bool // names whose member row changes
}

// write buffers what changed.
func (p *person) write(tx state.Tx) {
	for name := range p.since {
		if in := p.now.Find(name); in != nil {
			tx.Put(memberKey(name, p.id), sinceValue(in.Since))
		} else {
			tx.Delete(memberKey(name, p.id))
		}
	}
	if p.stored.Due != p.now.Due {
		if p.stored.Due != never {
			tx.Delete(dueKey(p.stored.Due, p.id))
		}
		if p.now.Due != never {
			tx.Put(dueKey(p.now.Due, p.id), []byte{})
		}
	}
	if p.now.gone {
		tx.Delete(standingKey(p.id))
		return
	}
	if row := p.now.encode(); !p.had || !bytes.Equal(row, p.row) {
		tx.Put(standingKey(p.id), row)
	}
}

// person returns what is stored of somebody.
func (s *step) person(id identity.NodeID) (*person, error) {
	if p := s.people[id]; p != nil {
		return p, nil
	}
	row, err := s.get(standingKey(id))
	if err != nil {
		return nil, err
	}
	p := &person{id: id, had: row != nil, row: row, since: map[string]bool{}}
	if p.stored, err = decodeStanding(row); err != nil {
		return nil, err
	}
	p.now = Standing{Due: p.stored.Due, In: slices.Clone(p.stored.In), Timers: slices.Clone(p.stored.Timers)}
	s.people[id] = p
	return p, nil
}

// prefetch reads the rows of many people at once.
func (s *step) prefetch(ids []identity.NodeID) error {
	keys := make([][]byte, 0, 2*len(ids))
	for _, id := range ids {
		keys = append(keys, standingKey(id), identity.IdentifierRow(id))
	}
	values, err := s.snap.Get(s.ctx, keys)
	if err != nil {
		return err
	}
	s.rows = make(map[string][]byte, len(keys))
	for i, k := range keys {
		s.rows[string(k)] = values[i]
	}
	return nil
}

// get reads one row, unless it was read before.
func (s *step) get(key []byte) ([]byte, error) {
	if row, ok := s.rows[string(key)]; ok {
		return row, nil
	}
	values, err := s.snap.Get(s.ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// askTouched asks everybody whom the step touches.
func (s *step) askTouched() error {
	if err := s.prefetch(s.order); err != nil {
		return err
	}
	if err := s.readAhead(s.order); err != nil {
		return err
	}
	for _, id := range s.order {
		if err := s.askOne(id, s.touched[id]); err != nil {
			return err
		}
	}
	return nil
}

func (s *step) askOne(id identity.NodeID, t *touch) error {
	scope, nodes, err := s.scope(id, t.seen)
	if err != nil {
		return err
	}
	p, err := s.person(id)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return s.dissolve(p, t)
	}
	targets := t.targets
	switch {
	case t.all || !p.had && scope == expr.Account:
		targets = s.all(scope)
	case !p.had:
		// Somebody new: everything of theirs is among the facts that are followed now or
		// later, so what these do not concern is answered as for nobody. Rows alone may
		// have been there before the person was.
		targets = slices.Concat(targets, s.e.plan.byDefault, s.e.plan.rows, s.e.plan.lists)
		slices.Sort(targets)
		targets = slices.Compact(targets)
	}
	if t.rang {
		targets = slices.Concat(targets, s.due(p, s.now))
		slices.Sort(targets)
		targets = slices.Compact(targets)
	}
	if len(targets) == 0 && p.had && !t.rang {
		delete(s.people, id)
		return nil
	}
	if t.cause != ByTime {
		at := int64(-1)
		return s.ask(p, scope, nodes, targets, s.now, func() (int64, error) {
			if at >= 0 {
				return at, nil
			}
			var err error
			at, err = s.receivedAt(t)
			return at, err
		}, t.cause)
	}
	// What time has changed is asked at the moments at which it did, so that each
	// change is recorded, and with its own.
	for at, rounds := t.at, 0; at <= s.now && rounds < roundsMax; rounds++ {
		moment := at
		if rounds == roundsMax-1 {
			moment = s.now
		}
		if err := s.ask(p, scope, nodes, s.due(p, moment), moment, func() (int64, error) { return moment, nil }, ByTime); err != nil {
			return err
		}
		at = p.now.Due
	}
	return nil
}

// due returns the targets whose answers can have changed by a moment.
func (s *step) due(p *person, now int64) []int {
	var out []int
	for _, t := range p.now.Timers {
		if i, ok := s.e.plan.byName[t.Segment]; ok && t.At <= now {
			out = append(out, i)
		}
	}
	return out
}

// roundsMax bounds how many moments of the past are made up for, one by one, for
// one person in one step.
const roundsMax = 100

// all returns every target of a scope.
func (s *step) all(scope expr.Scope) []int {
	var out []int
	for i := range s.e.plan.targets {
		if s.e.plan.targets[i].scope == scope {
			out = append(out, i)
		}
	}
	return out
}

// ask asks targets at a moment and notes what changed. at gives the moment that a
// change is recorded for.
func (s *step) ask(p *person, scope expr.Scope, nodes []identity.NodeID, targets []int, now int64, at func() (int64, error), cause Cause) error {
	v := s.view(scope, nodes, cause)
	answers := map[*segment.Set]*segment.Answers{}
	for _, i := range targets {
		t := &s.e.plan.targets[i]
		a := answers[t.set]
		if a == nil {
			a = t.set.Ask(scope, v, now, s.e.cfg.Zone)
			answers[t.set] = a
		}
		r := a.Member(t.key)
		s.asked++
		p.now.setTimer(t.name, r.Next, now)
		if r.Verdict == (p.now.Find(t.name) != nil) {
			continue
		}
		moment, err := at()
		if err != nil {
			return err
		}
		s.change(p, t, r.Verdict, moment, cause)
	}
	p.now.wind(s.e.plan.byName)
	return v.Err()
}

// view returns the view of somebody. What was read of whom an event has touched is
// kept for the next one; passes over everybody and waves of timers keep nothing.
func (s *step) view(scope expr.Scope, nodes []identity.NodeID, cause Cause) *view.View {
	r := s.e.reader
	if cause == ByEvent || s.e.recall.Knows(nodes[0]) {
		r = s.e.recalling
	}
	if scope == expr.Account {
		return r.Account(s.ctx, s.snap, nodes[0], math.MaxInt64)
	}
	return r.Person(s.ctx, s.snap, nodes, math.MaxInt64)
}

// change makes somebody a member, or no member any more, at a moment, and tells it
// when the definition serves. Where the definition has just taken over from an
// older one and this person is not settled yet, membership of the older one is what
// was told last.
func (s *step) change(p *person, t *target, in bool, at int64, cause Cause) {
	told := false
	older := s.older(t.name)
	if was := p.now.Find(older); was != nil && !t.filling {
		told = was.Told
		if in {
			at = was.Since
		}
		s.drop(p, older)
	}
	if was := p.now.Find(t.name); was != nil {
		told = told || was.Told
	}
	if in {
		p.now.put(In{t.name, at, !t.filling})
		s.sizes[t.name]++
		p.since[t.name] = true
	} else {
		s.drop(p, t.name)
	}
	if !t.filling && told != in {
		s.transitions = append(s.transitions, Transition{Segment: t.key, Profile: p.id, Entered: in, At: at, Cause: cause})
	}
}

// drop takes somebody out, without telling.
func (s *step) drop(p *person, name string) {
	p.now.drop(name)
	p.since[name] = true
	s.sizes[name]--
}

// older is the name that served before the given one, as long as that is not
// settled; else empty, which is nobody's name.
func (s *step) older(name string) string {
	for i := range s.cursor.Settling {
		if one := &s.cursor.Settling[i]; one.New == name {
			return one.Old
		}
	}
	return ""
}

// dissolve takes out an id that is nobody's any more: its nodes belong to another
// profile, or were all taken back.
func (s *step) dissolve(p *person, t *touch) error {
	if !p.had {
		delete(s.people, p.id)
		return nil
	}
	at, err := s.receivedAt(t)
	if err != nil {
		return err
	}
	for _, in := range append([]In(nil), p.now.In...) {
		s.drop(p, in.Segment)
		if in.Told {
			s.transitions = append(s.transitions, Transition{Segment: keyOf(in.Segment), Profile: p.id, At: at, Cause: ByIdentity})
		}
	}
	p.now.Due, p.now.gone = never, true
	return nil
}
