package membership

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/state"
)

// limits bound one step.
type limits struct {
	facts  int // that are followed
	timers int // people whose timers ring
	fill   int // nodes or members that a pass looks at
}

// Step does a bounded piece of work and commits it: it follows new facts, rings
// timers that are due in the order of their moments, and carries on the pass over
// everybody for new definitions. worked tells whether there was anything to do;
// if not, due is when the next timer rings, or math.MaxInt64.
func (e *Engine) Step(ctx context.Context) (worked bool, due int64, err error) {
	if err := e.refresh(ctx); err != nil {
		return false, math.MaxInt64, err
	}
	began := e.cfg.Clock.Now()
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return false, math.MaxInt64, err
	}
	defer snap.Close()
	s := e.begin(ctx, snap)
	if err := s.run(); err != nil {
		return false, math.MaxInt64, err
	}
	if s.idle() {
		due, err := nextDue(ctx, snap)
		if s.held {
			due = s.now + retryAfter
		}
		e.note(s)
		return false, due, err
	}
	if err := s.commit(); err != nil {
		return false, math.MaxInt64, err
	}
	e.note(s)
	if o := e.cfg.Observer.Asked; o != nil {
		o(len(s.people), s.asked, e.cfg.Clock.Now().Sub(began))
	}
	return true, 0, nil
}

func (e *Engine) note(s *step) {
	e.mu.Lock()
	e.status.Facts = append([]uint64(nil), e.cursor.Facts...)
	e.status.Filling = e.plan.filling()
	e.status.Transitions = e.cursor.Transition
	if e.cursor.Filling != nil {
		e.status.Looked = e.cursor.Filling.Looked
	}
	e.status.Due, e.status.Rung = s.waiting, e.status.Rung+s.waiting+s.listed
	e.status.Steps++
	close(e.stepped)
	e.stepped = make(chan struct{})
	e.mu.Unlock()
	if o := e.cfg.Observer.Transitions; o != nil && len(s.transitions) > 0 {
		entered := 0
		for i := range s.transitions {
			if s.transitions[i].Entered {
				entered++
			}
		}
		o(entered, len(s.transitions)-entered)
	}
}

// step is one step under way.
type step struct {
	e        *Engine
	ctx      context.Context
	snap     state.Reader
	ahead    *state.Ahead // the same; nil where each thing is read when it is needed
	now      int64
	clusters *identity.Clusters

	cursor      cursor
	live        *served // what serves from now on, when it is exchanged
	moved       bool    // a pass has moved on
	held        bool    // the state is being made anew
	touched     map[identity.NodeID]*touch
	order       []identity.NodeID
	people      map[identity.NodeID]*person
	rows        map[string][]byte // read ahead
	transitions []Transition
	sizes       map[string]int64 // by stored name, the change of the number of members
	removed     []string         // stored names that nobody is a member under any more
	asked       int
	waiting     int64
	listed      int64 // touched because of a list
	believed    bool  // events are there of which facts tell
}

func (e *Engine) begin(ctx context.Context, snap state.Reader) *step {
	s := &step{
		e: e, ctx: ctx, snap: snap, now: e.now(), clusters: identity.NewClusters(snap),
		cursor: e.cursor, touched: map[identity.NodeID]*touch{}, people: map[identity.NodeID]*person{}, sizes: map[string]int64{},
	}
	s.cursor.Facts = append([]uint64(nil), e.cursor.Facts...)
	s.cursor.Now = s.now
	if e.cursor.Filling != nil {
		f := *e.cursor.Filling
		s.cursor.Filling = &f
	}
	if e.cfg.Distant {
		s.ahead = state.NewAhead(snap, nodePrefix)
		s.snap = s.ahead
	}
	return s
}

func (s *step) run() error {
	held, err := s.renew()
	if s.held = held; held || err != nil {
		return err
	}
	for _, part := range []func() error{s.follow, s.ring, s.relist, s.askTouched, s.fill, s.settle} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// idle reports whether there is nothing to commit.
func (s *step) idle() bool {
	if s.live != nil || s.moved || s.e.dirty || len(s.people) > 0 {
		return false
	}
	if s.cursor.Interpretation != s.e.cursor.Interpretation {
		return false
	}
	for p, next := range s.cursor.Facts {
		if next != s.e.cursor.Facts[p] {
			return false
		}
	}
	return true
}

// commit writes everything in one transaction, bound to the configuration under
// which the state was made, and moves the cursor.
func (s *step) commit() error {
	tx, err := s.e.cfg.State.Begin(s.ctx, []state.Lock{state.MembershipLock})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := s.bind(tx); err != nil {
		return err
	}
	for _, id := range s.order {
		if p := s.people[id]; p != nil {
			p.write(tx)
		}
	}
	for _, name := range s.removed {
		tx.Delete(sizeKey(name))
		delete(s.sizes, name)
	}
	if s.live != nil {
		if err := s.live.put(tx); err != nil {
			return err
		}
	}
	for i := range s.transitions {
		t := &s.transitions[i]
		t.Sequence, t.RecordedAt = s.cursor.Transition, s.now
		tx.Put(transitionKey(t.Sequence), t.encode())
		s.cursor.Transition++
	}
	for name, n := range s.sizes {
		if n != 0 {
			tx.Merge(sizeKey(name), state.OpAdd, binary.BigEndian.AppendUint64(nil, uint64(n)))
		}
	}
	text, err := json.Marshal(&s.cursor)
	if err != nil {
		return errs.Wrap(err, errs.Internal, "membership.encode", "the cursor of memberships cannot be written down")
	}
	if err := tx.Commit(s.ctx, state.Cursor{Key: cursorKey(), Old: s.e.stored, New: text}); err != nil {
		return err
	}
	s.e.cursor, s.e.stored = s.cursor, text
	s.e.dirty = false
	if s.live != nil {
		s.e.live = *s.live
	}
	return nil
}

// put writes what serves: the documents, and apart from them the few names that
// reading members takes.
func (l *served) put(tx state.Tx) error {
	documents, err := json.Marshal(&l.Documents)
	if err == nil {
		var names []byte
		names, err = json.Marshal(l.Names)
		tx.Put(liveKey(), documents)
		tx.Put(namesKey(), names)
	}
	return errs.Wrap(err, errs.Internal, "membership.encode", "the definitions that serve cannot be written down")
}

// bind refuses the commit when the state is made anew meanwhile.
func (s *step) bind(tx state.Tx) error {
	key, was, err := pipeline.Interpretation(s.ctx, s.snap)
	if err != nil {
		return err
	}
	if was != nil {
		tx.PutIf(key, was, was)
	}
	return nil
}

// nextDue returns the moment of the first timer.
func nextDue(ctx context.Context, r state.Reader) (int64, error) {
	rng := state.Prefix(table(tableDue))
	rng.Limit = 1
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return 0, err
		}
		at, _, ok := state.CutTime(kv.Key[2:])
		if !ok {
			return 0, errFormat()
		}
		return at, nil
	}
	return math.MaxInt64, nil
}
