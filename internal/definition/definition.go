// Package definition keeps the computed traits and segments that people define: what
// is defined today, which fields the history keeps for it, who is in which segment,
// and what conditions come to for everybody. It answers the API about them.
package definition

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"

	"kith/internal/api"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/job"
	"kith/internal/membership"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/sys"
)

// Config is what a catalog works with.
type Config struct {
	State   state.Store
	Clock   sys.Clock
	CostMax int64 // of a definition, see segment.Cost; 0 for no bound

	// People returns what reads people under the rules of today.
	People func() *profile.Reader

	// Folded reports whether somebody folds what is accepted, so that who waits for it
	// does not wait in vain.
	Folded func() bool

	// Refresh starts working out a trait that depends on everybody.
	Refresh func(ctx context.Context, key string) (job.Job, error)
}

// Catalog is the computed traits and segments of a workspace, and who is in them. It
// is safe for concurrent use once OpenMembers and Ask have been called.
type Catalog struct {
	cfg      Config
	docs     *resource.Documents
	traits   *resource.Collection[json.RawMessage]
	segments *resource.Collection[json.RawMessage]
	engine   *membership.Engine
	tables   Tables
	fields   atomic.Pointer[expr.Projection]
	kick     chan struct{} // something new was folded or saved

	mu         sync.Mutex
	generation int64 // of the resources that cached was read at; -1 at first
	cached     membership.Documents
	set        *segment.Set
}

var _ api.Definitions = (*Catalog)(nil)

// Open reads the definitions.
func Open(ctx context.Context, cfg Config) (*Catalog, error) {
	c := &Catalog{cfg: cfg, docs: resource.NewDocuments(cfg.State), kick: make(chan struct{}, 1), generation: -1}
	c.traits = resource.OpenDefinitions(cfg.State, cfg.Clock, resource.KindTrait, func(o *form.Object, key string) {
		c.Today().ReadTrait(o, key, expr.Options{CostMax: cfg.CostMax})
	})
	c.segments = resource.OpenDefinitions(cfg.State, cfg.Clock, resource.KindSegment, func(o *form.Object, key string) {
		c.Today().ReadSegment(o, key, expr.Options{CostMax: cfg.CostMax})
	})
	if err := c.readFields(ctx); err != nil {
		return nil, err
	}
	_, err := c.Documents(ctx)
	return c, err
}

// Today implements api.Definitions. It is empty when the definitions cannot be read,
// which the reading that comes next tells.
func (c *Catalog) Today() *segment.Set {
	if _, err := c.Documents(context.Background()); err != nil {
		return segment.NewSet()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set
}

// Documents returns the definitions of today. They are read when any resource has
// changed since.
func (c *Catalog) Documents(ctx context.Context) (membership.Documents, error) {
	generation, err := c.docs.Generation(ctx)
	if err != nil {
		return membership.Documents{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == generation {
		return c.cached, nil
	}
	docs := membership.Documents{Traits: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}}
	for into, from := range map[*map[string]json.RawMessage]*resource.Collection[json.RawMessage]{&docs.Traits: c.traits, &docs.Segments: c.segments} {
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
	if err := c.readFields(ctx); err != nil { // another process may have added some
		return docs, err
	}
	c.cached, c.set, c.generation = docs, set, generation
	return docs, nil
}

// fieldsKey is the key of the one document that lists the fields.
const fieldsKey = "events"

// Fields are those that the history keeps of events.
func (c *Catalog) Fields() expr.Projection { return *c.fields.Load() }

func (c *Catalog) readFields(ctx context.Context) error {
	doc, err := c.docs.Get(ctx, resource.KindFields, fieldsKey)
	if errs.Is(err, errs.NotFound) {
		doc, err = resource.Document{}, nil
	}
	if err != nil {
		return err
	}
	p, err := fieldsOf(doc)
	if err == nil {
		c.know(p)
	}
	return err
}

// know puts a list of fields in force unless a longer one is.
func (c *Catalog) know(p expr.Projection) {
	for {
		have := c.fields.Load()
		if have != nil && len(*have) >= len(p) || c.fields.CompareAndSwap(have, &p) {
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
func (c *Catalog) keep(ctx context.Context, fields []expr.Field) (expr.Projection, error) {
	p := c.Fields()
	if !slices.ContainsFunc(fields, func(f expr.Field) bool { return !slices.Contains(p, f) }) {
		return p, nil
	}
	err := c.docs.Change(ctx, func(change *resource.Change) error {
		doc, _, err := change.Get(resource.KindFields, fieldsKey)
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
		change.Put(resource.Document{Kind: resource.KindFields, Key: fieldsKey, Version: doc.Version + 1, JSON: text})
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.know(p)
	return p, nil
}

// Traits implements api.Definitions.
func (c *Catalog) Traits() *resource.Collection[json.RawMessage] { return c.traits }

// Segments implements api.Definitions.
func (c *Catalog) Segments() *resource.Collection[json.RawMessage] { return c.segments }

// NeededBy implements api.Definitions.
func (c *Catalog) NeededBy(key string) []string { return c.Today().NeededBy(key) }

// CostMax implements api.Definitions.
func (c *Catalog) CostMax() int64 { return c.cfg.CostMax }

// Refresh implements api.Definitions.
func (c *Catalog) Refresh(ctx context.Context, key string) (job.Job, error) {
	if _, err := c.traits.Get(ctx, key); err != nil {
		return job.Job{}, err
	}
	return c.cfg.Refresh(ctx, key)
}
