package membership

import (
	"bytes"
	"math"
	"slices"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/fact"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

// touch is why a profile or account is asked, and for which targets.
type touch struct {
	all     bool
	targets []int
	cause   Cause
	rang    bool              // a timer did
	at      int64             // the moment at which it rang
	record  eventlog.Position // of the last event
	event   bool
	seen    bool // an event of theirs was folded, and is there
}

func (t *touch) add(targets []int) {
	for _, i := range targets {
		if !slices.Contains(t.targets, i) {
			t.targets = append(t.targets, i)
		}
	}
}

func (s *step) touch(id identity.NodeID, cause Cause) *touch {
	t := s.touched[id]
	if t == nil {
		t = &touch{cause: cause}
		s.touched[id] = t
		s.order = append(s.order, id)
	}
	// Of several causes that which is strongest is told: what happened to the person
	// before what was found out about who it is, and both before time.
	if rank(cause) < rank(t.cause) {
		t.cause = cause
	}
	return t
}

func rank(c Cause) int {
	return slices.Index([]Cause{ByEvent, ByIdentity, ByTime, ByDefinition}, c)
}

// follow reads new facts and touches whom they concern.
func (s *step) follow() error {
	ends, err := pipeline.FactEnds(s.ctx, s.snap, s.e.cfg.Partitions)
	if err != nil {
		return err
	}
	s.e.recall.Begin(ends)
	left := uint64(s.e.limits.facts)
	var facts []fact.Fact
	for p := range ends {
		next := &s.cursor.Facts[p]
		for b, err := range fact.Read(s.ctx, s.snap, int32(p), *next) {
			if err != nil {
				return err
			}
			if left == 0 {
				break
			}
			fresh := b.Facts[*next-b.First:]
			fresh = fresh[:min(uint64(len(fresh)), left)]
			if err := s.e.recall.Ahead(s.ctx, s.e.recalling, s.snap, p, *next, fresh); err != nil {
				return err
			}
			for i := range fresh {
				if err := s.e.recall.Follow(s.ctx, s.e.recalling, s.snap, p, *next+uint64(i), &fresh[i]); err != nil {
					return err
				}
			}
			facts = append(facts, fresh...)
			*next += uint64(len(fresh))
			left -= uint64(len(fresh))
		}
	}
	s.e.doubt(facts, ends)
	s.believed = s.e.believed()
	if len(s.e.plan.targets) == 0 || len(facts) == 0 {
		return nil
	}
	if err := s.clusters.Load(s.ctx, nodesOf(facts)); err != nil {
		return err
	}
	others := otherCalls()
	for i := range facts {
		if err := s.concern(&facts[i], others); err != nil {
			return err
		}
	}
	return nil
}

// doubt notes how far events have to be looked for before their fact is believed.
// Facts are in order within a partition only: one that takes an event back may be
// followed before the one that tells of it.
func (e *Engine) doubt(facts []fact.Fact, ends []uint64) {
	anew := len(e.doubted) != len(ends)
	for p := range ends {
		anew = anew || e.doubted[p] > ends[p] // the state was made anew
	}
	if anew || slices.ContainsFunc(facts, func(f fact.Fact) bool { return f.Kind == fact.EventWithdrawn }) {
		e.doubted = slices.Clone(ends)
	}
}

// believed reports whether an event of which a fact of the next step tells is surely
// there still.
func (e *Engine) believed() bool {
	for p, next := range e.cursor.Facts {
		if next < e.doubted[p] {
			return false
		}
	}
	return true
}

func nodesOf(facts []fact.Fact) []identity.NodeID {
	var nodes []identity.NodeID
	for i := range facts {
		for _, n := range []identity.NodeID{facts[i].Node, facts[i].From, facts[i].Profile} {
			if !n.IsZero() {
				nodes = append(nodes, n)
			}
		}
	}
	slices.SortFunc(nodes, func(a, b identity.NodeID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(nodes)
}

// concern touches whom one fact concerns.
func (s *step) concern(f *fact.Fact, others map[uint32]event.Type) error {
	if f.Kind == fact.RowChanged && f.Call&1 == 1 {
		return s.concernList(f)
	}
	if f.Node.IsZero() {
		return nil
	}
	leader, err := s.clusters.Leader(s.ctx, f.Node)
	if err != nil {
		return err
	}
	p := s.e.plan
	switch f.Kind {
	case fact.EventFolded:
		t := s.touch(leader, ByEvent)
		t.record, t.event, t.seen = f.Record, true, s.believed
		t.add(p.byCall[f.Call])
		kind, other := others[f.Call]
		if !other {
			t.add(p.anyTrack)
		}
		if kind == event.Identify {
			t.add(p.traits)
		}
		return s.concernAccounts(leader, t, kind == event.Group)
	case fact.EventWithdrawn:
		t := s.touch(leader, ByEvent)
		t.all = true
		if err := s.concernLeft(f, t); err != nil {
			return err
		}
		return s.concernAccounts(leader, t, true)
	case fact.NodeMoved:
		return s.concernMoved(f, leader)
	case fact.ConsentSaid, fact.ConsentUnsaid:
		t := s.touch(leader, ByEvent)
		t.record, t.event = f.Record, f.Kind == fact.ConsentSaid
		t.add(p.consents)
	case fact.RowChanged:
		t := s.touch(leader, ByEvent)
		t.record, t.event = f.Record, true
		t.add(p.rows)
	}
	return nil
}

// concernMoved touches those whom a node has left and joined, and the accounts of
// both: they have lost and won what the node did.
func (s *step) concernMoved(f *fact.Fact, leader identity.NodeID) error {
	var done []identity.NodeID
	for _, id := range []identity.NodeID{leader, f.From, f.Profile} {
		if id.IsZero() {
			continue
		}
		s.touch(id, ByIdentity).all = true
		now, err := s.clusters.Leader(s.ctx, id)
		if err != nil {
			return err
		}
		if slices.Contains(done, now) {
			continue
		}
		done = append(done, now)
		if err := s.concernAccounts(now, s.touch(now, ByIdentity), true); err != nil {
			return err
		}
	}
	return nil
}

// concernLeft touches the account that a withdrawn group call named, and those who
// are still in it: the person may be in it no more, and its traits are others.
func (s *step) concernLeft(f *fact.Fact, t *touch) error {
	p := s.e.plan
	if len(p.ofAccounts) == 0 && len(p.accounts) == 0 {
		return nil
	}
	rec, err := profile.ReadRecord(s.ctx, s.e.cfg.Log, f.Record)
	if err != nil || rec.Kind != record.Event || rec.Stamp.Type != event.Group {
		return err
	}
	var docs record.Docs
	ev, err := rec.Event(&docs)
	if err != nil {
		return err
	}
	id, ok := profile.Account(s.e.cfg.Identity(), &ev)
	if !ok {
		return nil
	}
	node := s.e.cfg.Keys.Node(id)
	own := s.touch(node, t.cause)
	own.add(p.ofAccounts)
	account := s.e.reader.Account(s.ctx, s.snap, node, math.MaxInt64)
	for _, m := range account.Members() {
		member, err := s.clusters.Leader(s.ctx, viewNodes(m)[0])
		if err != nil {
			return err
		}
		s.touch(member, t.cause).add(p.accounts)
	}
	return account.Err()
}

// concernAccounts touches the accounts of a person, and their members where what
// happened to the account can concern them.
func (s *step) concernAccounts(leader identity.NodeID, t *touch, group bool) error {
	p := s.e.plan
	if group {
		t.add(p.accounts)
	}
	around := len(p.accounts) > 0 && (group || p.accountTraits)
	if len(p.ofAccounts) == 0 && !around {
		return nil
	}
	c, err := s.clusters.Of(s.ctx, leader)
	if err != nil {
		return err
	}
	person := s.e.reader.Person(s.ctx, s.snap, c.Nodes, math.MaxInt64)
	for _, a := range person.Accounts() {
		node := viewNodes(a)[0]
		own := s.touch(node, t.cause)
		own.add(p.ofAccounts)
		own.record, own.event = t.record, t.event
		if !around {
			continue
		}
		for _, m := range a.Members() {
			id, err := s.clusters.Leader(s.ctx, viewNodes(m)[0])
			if err != nil {
				return err
			}
			of := s.touch(id, t.cause)
			of.add(p.accounts)
			of.record, of.event = t.record, t.event
		}
	}
	return person.Err()
}

// ring touches those whose timers have rung, in the order of their moments.
func (s *step) ring() error {
	rng := state.Range{Low: table(tableDue), High: state.AppendTime(table(tableDue), s.now+1), Limit: s.e.limits.timers}
	for kv, err := range s.snap.Scan(s.ctx, rng) {
		if err != nil {
			return err
		}
		at, rest, ok := state.CutTime(kv.Key[2:])
		if !ok || len(rest) != 16 {
			return errFormat()
		}
		t := s.touch(identity.NodeID(rest), ByTime)
		t.rang, t.at = true, at
		s.waiting++
	}
	return nil
}

// receivedAt is the receipt of the event that touched somebody, or now.
func (s *step) receivedAt(t *touch) (int64, error) {
	if !t.event {
		return s.now, nil
	}
	data, err := s.e.cfg.Log.Read(s.ctx, t.record, 1, 1)
	if err != nil || len(data) == 0 {
		return s.now, err
	}
	rec, err := record.Decode(data[0])
	return rec.Stamp.ReceivedAt, err
}

// seen reports whether any of the nodes was ever seen: those that only operators
// have named, or whose events were all taken back, are nobody.
func (s *step) seen(nodes []identity.NodeID) (bool, error) {
	for _, n := range nodes {
		for _, prefix := range [][]byte{identity.ObservationPrefix(n), identity.AdjacentPrefix(n)} {
			rng := state.Prefix(prefix)
			rng.Limit = 1
			for _, err := range s.snap.Scan(s.ctx, rng) {
				return err == nil, err
			}
		}
	}
	return false, nil
}

// scope tells whether an id is that of a person or of an account, and which nodes
// it has; none when it is nobody's any more. seen tells that an event of theirs was
// folded just now.
func (s *step) scope(id identity.NodeID, seen bool) (expr.Scope, []identity.NodeID, error) {
	row, err := s.get(identity.IdentifierRow(id))
	if err != nil || row == nil {
		return expr.Profile, nil, err
	}
	who, err := identity.DecodeIdentifier(row)
	if err != nil {
		return expr.Profile, nil, err
	}
	if isAccount(who) {
		q := history.Query{Node: id, Type: event.Group, AnyName: true, From: math.MinInt64, To: math.MaxInt64, Limit: 1}
		for _, err := range s.e.cfg.History.Range(s.ctx, s.snap, q) {
			return expr.Account, []identity.NodeID{id}, err
		}
		return expr.Account, nil, nil
	}
	c, err := s.clusters.Of(s.ctx, id)
	if err != nil || c.Leader != id {
		return expr.Profile, nil, err
	}
	if seen {
		return expr.Profile, c.Nodes, nil
	}
	if seen, err := s.seen(c.Nodes); err != nil || !seen {
		return expr.Profile, nil, err
	}
	return expr.Profile, c.Nodes, nil
}
