package definition

import (
	"context"
	"math"
	"time"

	"kith/internal/api"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/membership"
	"kith/internal/profile"
	"kith/internal/state"
	"kith/internal/sys"
	"kith/internal/view"
)

// OpenMembers opens what keeps the members of segments. Of the settings it fills in
// what the catalog knows.
func (c *Catalog) OpenMembers(ctx context.Context, cfg membership.Config) (err error) {
	cfg.State, cfg.Clock = c.cfg.State, c.cfg.Clock
	cfg.Definitions, cfg.Fields, cfg.Projection = c.Documents, c.keep, c.Fields
	c.engine, err = membership.Open(ctx, cfg)
	return err
}

// Engine is what keeps the members of segments.
func (c *Catalog) Engine() *membership.Engine { return c.engine }

// Run keeps the members until ctx ends. failed is told what has stopped it, which is
// tried again: nothing else waits for it.
func (c *Catalog) Run(ctx context.Context, failed func(error)) {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		if err := c.engine.Run(ctx, func() <-chan struct{} { return c.kick }); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
		case <-c.cfg.Clock.After(wait):
		}
	}
}

// Changed implements api.Definitions: it wakes what keeps members, as events that were
// folded do.
func (c *Catalog) Changed() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// lookForOthers is how often a flush looks what another process has done.
const lookForOthers = 50 * time.Millisecond

// Flush returns once everything that is folded and saved is answered for.
func (c *Catalog) Flush(ctx context.Context) error {
	if !c.cfg.Folded() {
		return nil
	}
	c.Changed()
	for {
		stepped := c.engine.Stepped()
		ready, err := c.engine.UpToDate(ctx)
		if err != nil || ready {
			return err
		}
		select {
		case <-ctx.Done():
			return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "the members of segments were not up to date in time")
		case <-stepped:
		case <-c.cfg.Clock.After(lookForOthers):
		}
	}
}

// Standing implements api.Definitions.
func (c *Catalog) Standing(ctx context.Context, key string) (api.SegmentStanding, error) {
	size, err := c.engine.Size(ctx, key)
	if err != nil {
		return api.SegmentStanding{}, err
	}
	docs, err := c.Documents(ctx)
	if err != nil {
		return api.SegmentStanding{}, err
	}
	live, err := c.engine.Serves(ctx, &docs, c.Today(), key)
	return api.SegmentStanding{
		Size: size, AsOf: sys.Millis(c.cfg.Clock.Now()), Live: live, Looked: c.engine.Status().Looked,
	}, err
}

// Members implements api.Definitions.
func (c *Catalog) Members(ctx context.Context, key string, after identity.NodeID, limit int) ([]membership.Member, bool, error) {
	return c.engine.Members(ctx, key, after, limit)
}

// AccountID implements api.Definitions.
func (c *Catalog) AccountID(ctx context.Context, node identity.NodeID) (string, error) {
	snap, err := c.cfg.State.Snapshot(ctx)
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
func (c *Catalog) Answers(ctx context.Context, ref profile.Ref, asOf *int64, f func(api.Answers) error) error {
	snap, err := c.cfg.State.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	now, upTo := sys.Millis(c.cfg.Clock.Now()), int64(math.MaxInt64)
	if asOf != nil {
		now, upTo = *asOf, *asOf
	}
	set := c.Today()
	reader := c.engine.Reader(set)
	scope, v, id, err := c.view(ctx, snap, reader, ref, upTo)
	if err != nil {
		return err
	}
	since, err := c.engine.Since(ctx, id)
	if err != nil {
		return err
	}
	a := api.Answers{Set: set, Scope: scope, Now: now, Since: since, Answers: set.Ask(scope, v, now, time.UTC)}
	if err := f(a); err != nil {
		return err
	}
	return v.Err()
}

func (c *Catalog) view(ctx context.Context, snap state.Reader, reader *view.Reader, ref profile.Ref, upTo int64) (expr.Scope, *view.View, identity.NodeID, error) {
	if ref.Type == profile.AccountType {
		node, err := reader.AccountNode(ref.Value)
		return expr.Account, reader.Account(ctx, snap, node, upTo), node, err
	}
	node, err := c.cfg.People().Node(ref)
	if err != nil {
		return expr.Profile, nil, node, err
	}
	cluster, err := identity.NewClusters(snap).Of(ctx, node)
	if err != nil {
		return expr.Profile, nil, node, err
	}
	return expr.Profile, reader.Person(ctx, snap, cluster.Nodes, upTo), cluster.Leader, nil
}
