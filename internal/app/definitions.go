package app

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kith/internal/api"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/membership"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/sys"
	"kith/internal/view"
)

// definitions are the computed traits and segments of the workspace, and who is
// in them.
type definitions struct {
	app      *App
	docs     *resource.Documents
	traits   *resource.Collection[json.RawMessage]
	segments *resource.Collection[json.RawMessage]
	engine   *membership.Engine
	fields   atomic.Pointer[expr.Projection]
	kick     chan struct{} // something new was folded or saved

	mu         sync.Mutex
	generation int64 // of the resources that cached was read at; -1 at first
	cached     membership.Documents
	set        *segment.Set
}

var _ api.Definitions = (*definitions)(nil)

// openDefinitions opens the definitions. The engine that keeps members is opened
// with the pipeline, whose rules it needs.
func (a *App) openDefinitions(ctx context.Context) error {
	d := &definitions{app: a, docs: resource.NewDocuments(a.store), kick: make(chan struct{}, 1), generation: -1}
	d.traits = resource.OpenDefinitions(a.store, a.cfg.Clock, resource.KindTrait, func(o *form.Object, key string) {
		d.today().ReadTrait(o, key, expr.Options{CostMax: d.CostMax()})
	})
	d.segments = resource.OpenDefinitions(a.store, a.cfg.Clock, resource.KindSegment, func(o *form.Object, key string) {
		d.today().ReadSegment(o, key, expr.Options{CostMax: d.CostMax()})
	})
	a.definitions = d
	if err := d.readFields(ctx); err != nil {
		return err
	}
	_, err := d.Documents(ctx)
	return err
}

// openMemberships opens what keeps the members of segments.
func (a *App) openMemberships(ctx context.Context) (err error) {
	d := a.definitions
	a.makeScores()
	d.engine, err = membership.Open(ctx, membership.Config{
		State: a.store, History: a.live.Load().runner.Stages.History, Log: a.log, Keys: a.ws.Keyring(),
		Partitions: a.log.Partitions(), Clock: a.cfg.Clock, Distant: a.shared(),
		Identity:    func() *identity.Config { return a.live.Load().rules },
		Definitions: d.Documents, Fields: d.keep, Projection: func() expr.Projection { return *d.fields.Load() },
		Rows: entity.OwnedJSON,
	})
	return err
}

// runMemberships keeps the members until ctx ends. What stops it is logged and
// tried again: nothing else waits for it.
func (a *App) runMemberships(ctx context.Context) {
	d := a.definitions
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		if err := d.engine.Run(ctx, func() <-chan struct{} { return d.kick }); err != nil && ctx.Err() == nil {
			a.logger.Error("keeping the members of segments has stopped and will be tried again", "code", errs.CodeOf(err), "error", err)
		}
		select {
		case <-ctx.Done():
		case <-a.cfg.Clock.After(wait):
		}
	}
}

// changed wakes what keeps members.
func (d *definitions) changed() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// today is the set of definitions; empty when they cannot be read, which the
// reading that comes next tells.
func (d *definitions) today() *segment.Set {
	if _, err := d.Documents(context.Background()); err != nil {
		return segment.NewSet()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.set
}

// Documents returns the definitions of today. They are read when any resource has
// changed since.
func (d *definitions) Documents(ctx context.Context) (membership.Documents, error) {
	generation, err := d.docs.Generation(ctx)
	if err != nil {
		return membership.Documents{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.generation == generation {
		return d.cached, nil
	}
	docs := membership.Documents{Traits: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}}
	for into, from := range map[*map[string]json.RawMessage]*resource.Collection[json.RawMessage]{&docs.Traits: d.traits, &docs.Segments: d.segments} {
		items, err := from.All(ctx)
		if err != nil {
			return docs, err
		}
		for _, item := range items {
			(*into)[item.Key] = item.Doc
		}
	}
	set, err := docs.Set()
	if err != nil {
		return docs, err
	}
	if err := d.readFields(ctx); err != nil { // another process may have added some
		return docs, err
	}
	d.cached, d.set, d.generation = docs, set, generation
	return docs, nil
}

// fieldsKey is the key of the one document that lists the fields.
const fieldsKey = "events"

func (d *definitions) readFields(ctx context.Context) error {
	doc, err := d.docs.Get(ctx, resource.KindFields, fieldsKey)
	if errs.Is(err, errs.NotFound) {
		doc, err = resource.Document{}, nil
	}
	if err != nil {
		return err
	}
	p, err := fieldsOf(doc)
	if err == nil {
		d.know(p)
	}
	return err
}

// know puts a list of fields in force unless a longer one is.
func (d *definitions) know(p expr.Projection) {
	for {
		have := d.fields.Load()
		if have != nil && len(*have) >= len(p) || d.fields.CompareAndSwap(have, &p) {
			return
		}
	}
}

// fieldsOf reads the list of fields.
func fieldsOf(doc resource.Document) (expr.Projection, error) {
	var p expr.Projection
	if len(doc.JSON) > 0 && json.Unmarshal(doc.JSON, &p) != nil {
		return nil, errs.New(errs.Corrupt, "definition.fields", "the list of fields that the history keeps cannot be read")
	}
	return p, nil
}

// keep makes the history keep the fields from now on. The list only grows, and the
// same for all processes: what the history holds is told by the place in it.
func (d *definitions) keep(ctx context.Context, fields []expr.Field) (expr.Projection, error) {
	p := *d.fields.Load()
	if !slices.ContainsFunc(fields, func(f expr.Field) bool { return !slices.Contains(p, f) }) {
		return p, nil
	}
	err := d.docs.Change(ctx, func(c *resource.Change) error {
		doc, _, err := c.Get(resource.KindFields, fieldsKey)
		if err != nil {
			return err
		}
		if p, err = fieldsOf(doc); err != nil {
			return err
		}
		for _, f := range fields {
			if !slices.Contains(p, f) {
				p = append(p, f)
			}
		}
		text, err := json.Marshal(p)
		if err != nil {
			return errs.Wrap(err, errs.Internal, "definition.fields", "the list of fields cannot be written down")
		}
		c.Put(resource.Document{Kind: resource.KindFields, Key: fieldsKey, Version: doc.Version + 1, JSON: text})
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.know(p)
	return p, nil
}

// Traits implements api.Definitions.
func (d *definitions) Traits() *resource.Collection[json.RawMessage] { return d.traits }

// Segments implements api.Definitions.
func (d *definitions) Segments() *resource.Collection[json.RawMessage] { return d.segments }

// Changed implements api.Definitions.
func (d *definitions) Changed() { d.changed() }

// NeededBy implements api.Definitions.
func (d *definitions) NeededBy(key string) []string { return d.today().NeededBy(key) }

// Standing implements api.Definitions.
func (d *definitions) Standing(ctx context.Context, key string) (api.SegmentStanding, error) {
	size, err := d.engine.Size(ctx, key)
	if err != nil {
		return api.SegmentStanding{}, err
	}
	docs, err := d.Documents(ctx)
	if err != nil {
		return api.SegmentStanding{}, err
	}
	live, err := d.engine.Serves(ctx, &docs, d.today(), key)
	return api.SegmentStanding{
		Size: size, AsOf: sys.Millis(d.app.cfg.Clock.Now()), Live: live, Looked: d.engine.Status().Looked,
	}, err
}

// Members implements api.Definitions.
func (d *definitions) Members(ctx context.Context, key string, after identity.NodeID, limit int) ([]membership.Member, bool, error) {
	return d.engine.Members(ctx, key, after, limit)
}

// AccountID implements api.Definitions.
func (d *definitions) AccountID(ctx context.Context, node identity.NodeID) (string, error) {
	snap, err := d.app.store.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	defer snap.Close()
	values, err := snap.Get(ctx, [][]byte{identity.IdentifierRow(node)})
	if err != nil || values[0] == nil {
		return "", err
	}
	id, err := identity.DecodeIdentifier(values[0])
	return id.Value, err
}

// Answers implements api.Definitions.
func (d *definitions) Answers(ctx context.Context, ref profile.Ref, asOf *int64, f func(api.Answers) error) error {
	snap, err := d.app.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	now, upTo := sys.Millis(d.app.cfg.Clock.Now()), int64(math.MaxInt64)
	if asOf != nil {
		now, upTo = *asOf, *asOf
	}
	set := d.today()
	reader := d.engine.Reader(set)
	scope, v, id, err := d.view(ctx, snap, reader, ref, upTo)
	if err != nil {
		return err
	}
	since, err := d.engine.Since(ctx, id)
	if err != nil {
		return err
	}
	a := api.Answers{Set: set, Scope: scope, Now: now, Since: since, Answers: set.Ask(scope, v, now, time.UTC)}
	if err := f(a); err != nil {
		return err
	}
	return v.Err()
}

func (d *definitions) view(ctx context.Context, snap state.Reader, reader *view.Reader, ref profile.Ref, upTo int64) (expr.Scope, *view.View, identity.NodeID, error) {
	if ref.Type == profile.AccountType {
		node, err := reader.AccountNode(ref.Value)
		return expr.Account, reader.Account(ctx, snap, node, upTo), node, err
	}
	people := d.app.live.Load().reader
	node, err := people.Node(ref)
	if err != nil {
		return expr.Profile, nil, node, err
	}
	c, err := identity.NewClusters(snap).Of(ctx, node)
	if err != nil {
		return expr.Profile, nil, node, err
	}
	return expr.Profile, reader.Person(ctx, snap, c.Nodes, upTo), c.Leader, nil
}

// CostMax implements api.Definitions.
func (d *definitions) CostMax() int64 { return d.app.cfg.DefinitionCostMax }

// previewTime bounds what a preview costs.
const previewTime = 800 * time.Millisecond

// Today implements api.Definitions.
func (d *definitions) Today() *segment.Set { return d.today() }

// lookForOthers is how often a flush looks what another process has done.
const lookForOthers = 50 * time.Millisecond

// flush returns once everything that is folded and saved is answered for.
func (d *definitions) flush(ctx context.Context) error {
	if !d.app.runs.Load() || !d.app.folded() {
		return nil
	}
	d.changed()
	for {
		stepped := d.engine.Stepped()
		ready, err := d.engine.UpToDate(ctx)
		if err != nil || ready {
			return err
		}
		select {
		case <-ctx.Done():
			return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "the members of segments were not up to date in time")
		case <-stepped:
		case <-d.app.cfg.Clock.After(lookForOthers):
		}
	}
}
