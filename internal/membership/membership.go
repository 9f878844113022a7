// Package membership keeps who is in which segment, as things happen and as time
// passes. It follows the facts: of every batch it asks the segments that the batch
// can concern, for the people whom it concerns, and records what changed. Between
// events one timer for each person rings at the earliest moment at which an answer
// can change by itself.
//
// What is stored here is a cache and a record. Whether somebody is in a segment is
// a function of the events, the definitions and the moment, which reading a
// profile computes anew; who is listed as a member, since when, and every
// transition is what this package did and when.
package membership

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/sys"
	"kith/internal/view"
)

// Config is what an Engine works with.
type Config struct {
	State      state.Store
	History    history.Index
	Log        eventlog.Reader
	Keys       *identity.Keyring
	Partitions int
	Clock      sys.Clock
	Zone       *time.Location // of dates without a time; UTC if nil

	// Identity returns the rules of identity of today.
	Identity func() *identity.Config

	// Definitions returns the definitions of today.
	Definitions func(ctx context.Context) (Documents, error)

	// Fields returns the projection that the history keeps, after making it hold the
	// fields. It only grows.
	Fields func(ctx context.Context, fields []expr.Field) (expr.Projection, error)

	// Projection returns the projection of today, without making it longer.
	Projection func() expr.Projection

	// Rows is that of view.Reader.
	Rows func(ctx context.Context, r state.Reader, entity string, nodes []identity.NodeID) ([][]byte, error)

	// Distant says that the state lies on a server: each call is a way to it and back,
	// so that what is read of many people is better read together, and others may fold
	// into it too.
	Distant bool

	// Bounds of what is kept of people in memory; the usual ones if left out.
	Bounds view.Bounds

	Observer Observer
}

// Observer is told what the engine does. Any function may be nil; all must be
// quick.
type Observer struct {
	Asked       func(people, answers int, took time.Duration) // of one step
	Transitions func(entered, exited int)
	Failed      func(code string) // a step will be tried again
}

// Engine keeps the memberships of one workspace. Step and Run are for one
// goroutine; everything else is safe for concurrent use.
type Engine struct {
	cfg       Config
	limits    limits
	plan      *plan
	dirty     bool // the cursor has changed beside any step
	reader    *view.Reader
	recall    *view.Recall
	recalling *view.Reader // the same as reader, with the recall; for steps alone
	cursor    cursor
	stored    []byte // the cursor as it lies in the state
	live      served // what serves; a row of its own

	// doubted is, by partition, up to which fact events may have been taken back by
	// facts that are followed already; nil while nothing is known of it.
	doubted []uint64

	mu      sync.Mutex
	status  Status
	served  []byte            // the row of the names that serve, as it was read last
	serves  map[string]string // what it says
	stepped chan struct{}     // closed and replaced after every step
}

// cursor is how far the engine is. It commits with everything that a step writes.
type cursor struct {
	Facts          []uint64    `json:"facts"` // by partition, the next one to follow
	Transition     uint64      `json:"transition"`
	Now            int64       `json:"now"`            // the last moment of evaluation
	Interpretation string      `json:"interpretation"` // under which the state was made that is followed
	Anew           *anew       `json:"anew,omitempty"`
	Generation     int64       `json:"generation"` // of the last pass that began
	Filling        *filling    `json:"filling,omitempty"`
	Settling       []settling  `json:"settling,omitempty"`
	Lists          []relisting `json:"lists,omitempty"`
}

// served is the definitions that serve, and under which names their members are
// stored.
type served struct {
	Documents Documents
	Names     map[string]string // by key
}

// filling is a pass over everybody for the segments that do not serve yet.
type filling struct {
	Names   map[string]string `json:"names"` // by key, under which members are stored
	After   string            `json:"after"` // node, hexadecimal; empty at the beginning
	Looked  int64             `json:"looked"`
	Started int64             `json:"started"`
	Done    bool              `json:"done"` // everybody was asked; what serves is to be exchanged
}

// Status is how far an engine is.
type Status struct {
	Facts    []uint64 // by partition, the next one to follow
	Filling  []string // keys of the segments that do not serve yet
	Looked   int64    // people that the pass has asked, or the last one did
	Due      int64    // people whose timer has rung and who are not asked yet, at most 100,000
	Rung     int64    // people who were asked because of a timer, since the start
	Steps    int64
	Failures int64

	Transitions uint64 // sequence number of the next one
}

// Open reads how far the engine is.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	if cfg.Bounds == (view.Bounds{}) {
		cfg.Bounds = view.UsualBounds()
		if cfg.Distant {
			cfg.Bounds.Few = 1 // reading even a few events again is a way to the server
		}
	}
	e := &Engine{cfg: cfg, limits: limits{facts: 2000, timers: 1000, fill: 1000}, stepped: make(chan struct{})}
	e.recall = view.NewRecall(cfg.Partitions, cfg.Bounds)
	if err := e.load(ctx); err != nil {
		return nil, err
	}
	return e, e.refresh(ctx)
}

func cursorKey() []byte { return append(table(tableCursor), 0) }
func liveKey() []byte   { return append(table(tableCursor), 1) }
func namesKey() []byte  { return append(table(tableCursor), 2) }

func (e *Engine) load(ctx context.Context) error {
	snap, err := e.cfg.State.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	values, err := snap.Get(ctx, [][]byte{cursorKey(), liveKey(), namesKey()})
	if err != nil {
		return err
	}
	if e.stored != nil && bytes.Equal(values[0], e.stored) {
		return nil // nobody else has kept them meanwhile
	}
	e.recall.Clear()
	e.stored, e.cursor, e.live, e.plan = values[0], cursor{Facts: make([]uint64, e.cfg.Partitions)}, served{}, nil
	if e.stored == nil {
		return nil
	}
	for i, into := range []any{&e.live.Documents, &e.live.Names} {
		if values[i+1] != nil && json.Unmarshal(values[i+1], into) != nil {
			return errFormat()
		}
	}
	if err := json.Unmarshal(e.stored, &e.cursor); err != nil || len(e.cursor.Facts) > e.cfg.Partitions {
		return errFormat()
	}
	e.cursor.widen(e.cfg.Partitions)
	return nil
}

// widen takes in partitions that were added when the log was moved.
func (c *cursor) widen(partitions int) {
	for len(c.Facts) < partitions {
		c.Facts = append(c.Facts, 0)
	}
}

// refresh makes the plan fit the definitions of today. A pass under way goes on
// when it fills what they need, and begins anew otherwise.
func (e *Engine) refresh(ctx context.Context) error {
	next, err := e.cfg.Definitions(ctx)
	if err != nil {
		return err
	}
	if e.plan != nil && e.plan.next.equal(&next) && e.plan.live.equal(&e.live.Documents) && e.reader.Config == e.cfg.Identity() {
		return nil
	}
	p, err := newPlan(&e.live, next)
	if err != nil {
		return err
	}
	projection, err := e.cfg.Fields(ctx, p.fields)
	if err != nil {
		return err
	}
	e.begins(p)
	e.plan = p
	e.reader = e.newReader(projection)
	e.reader.Picks = p.picks()
	e.recall.Clear()
	recalling := *e.reader
	recalling.Recall = e.recall
	e.recalling = &recalling
	return nil
}

func (e *Engine) newReader(fields expr.Projection) *view.Reader {
	return &view.Reader{
		History: e.cfg.History, Log: e.cfg.Log, Config: e.cfg.Identity(), Keys: e.cfg.Keys, Fields: fields,
		Rows: e.cfg.Rows, Listed: entity.Listed, Zone: e.cfg.Zone, Bounds: e.cfg.Bounds,
	}
}

// Reader returns a reader for what the set asks, and for more fields beside,
// whether or not the history keeps them.
func (e *Engine) Reader(set *segment.Set, more ...expr.Field) *view.Reader {
	p := e.cfg.Projection()
	for _, f := range append(set.Fields(), more...) {
		if !slices.Contains(p, f) {
			p = append(p[:len(p):len(p)], f)
		}
	}
	r := e.newReader(p)
	r.Picks = set.Picks()
	return r
}

// begins gives what is to be filled the names under which its members are stored:
// those of the pass under way when it fills the same, else new ones. No name is
// used twice, so what an abandoned pass has left can be taken out at leisure.
func (e *Engine) begins(p *plan) {
	f := e.cursor.Filling
	if f != nil && !p.sameFilling(f.Names) {
		e.cursor.Settling = append([]settling(nil), e.cursor.Settling...)
		for _, key := range slices.Sorted(maps.Keys(f.Names)) {
			e.cursor.Settling = append(e.cursor.Settling, settling{Old: f.Names[key], Gone: true})
		}
		e.cursor.Filling, f, e.dirty = nil, nil, true
	}
	if f == nil && len(p.filling()) > 0 {
		e.cursor.Generation++
		f = &filling{Names: map[string]string{}, Started: e.now()}
		for _, t := range p.targets {
			if t.filling {
				f.Names[t.key] = t.name + "#" + strconv.FormatInt(e.cursor.Generation, 10)
			}
		}
		e.cursor.Filling, e.dirty = f, true
	}
	p.byName = map[string]int{}
	for i := range p.targets {
		t := &p.targets[i]
		if t.filling {
			t.name = f.Names[t.key]
		}
		p.byName[t.name] = i
	}
}

// now is the moment of evaluation: the clock, but never before the last one.
func (e *Engine) now() int64 { return max(e.cursor.Now, sys.Millis(e.cfg.Clock.Now())) }

// Run keeps the memberships until ctx ends, from where the state says they are:
// another process may have kept them meanwhile. changed is signalled when the state
// has new facts or the definitions have changed.
func (e *Engine) Run(ctx context.Context, changed func() <-chan struct{}) error {
	if err := e.load(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	for ctx.Err() == nil {
		wake := changed()
		worked, due, err := e.Step(ctx)
		switch {
		case err == nil && worked:
			continue
		case err != nil && ctx.Err() == nil:
			if k := errs.KindOf(err); k != errs.Conflict && k != errs.Unavailable && k != errs.Exhausted {
				return err
			}
			e.failed(err)
			due, wake = e.now()+retryAfter, nil
			if err := e.load(ctx); err != nil {
				e.failed(err)
			}
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-e.timer(min(due, e.now()+e.lookAfter())):
		}
	}
	return nil
}

// Milliseconds after which a step is tried again that failed, and after which an
// engine that nobody wakes looks whether another process has folded something: often
// where others do.
const (
	retryAfter      = 200
	lookAfterAlone  = 1000
	lookAfterOthers = 40
)

func (e *Engine) lookAfter() int64 {
	if e.cfg.Distant {
		return lookAfterOthers
	}
	return lookAfterAlone
}

func (e *Engine) failed(err error) {
	e.mu.Lock()
	e.status.Failures++
	e.mu.Unlock()
	if e.cfg.Observer.Failed != nil {
		e.cfg.Observer.Failed(errs.CodeOf(err))
	}
}

func (e *Engine) timer(due int64) <-chan time.Time {
	if due == math.MaxInt64 {
		return nil
	}
	return e.cfg.Clock.After(time.Duration(max(due-e.now(), 0)+1) * time.Millisecond)
}

// Status returns how far the engine was after its last step.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status
}

// Stepped returns a channel that is closed after the next step.
func (e *Engine) Stepped() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stepped
}
