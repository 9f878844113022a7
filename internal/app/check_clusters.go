package app

import (
	"context"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/resource"
	"kith/internal/state"
)

// What Checked.Clusters says.
const (
	clustersCompared = "compared"
	clustersUnread   = "not compared: the state was not read whole"
	clustersOther    = "not compared: the state was made under other settings or another KITH_ID_KEY, and will be made anew"
	clustersWaiting  = "not compared: evidence waits to be taken in"
)

// clusters holds the stored clusters against those that all evidence gives.
func (c *folderCheck) clusters(r state.Reader) (err error) {
	rules, current, err := c.rules(r)
	if err != nil {
		return err
	}
	if !current {
		c.out.Clusters = clustersOther
		return nil
	}
	lag, err := identity.ReadLag(c.ctx, r)
	if err != nil {
		return err
	}
	if lag.Waiting {
		c.out.Clusters = clustersWaiting
		return nil
	}
	all, err := identity.ReadBulk(c.ctx, r, rules)
	if err != nil {
		return err
	}
	n, first, err := all.Derive().Differences(c.ctx, r, 1)
	if err != nil {
		return err
	}
	c.out.Clusters = clustersCompared
	if n == 0 {
		return nil
	}
	return errs.New(errs.Corrupt, "check.clusters",
		"the stored clusters of %d identifiers, the first of them the node %s, are not what the evidence gives; back the folder up and restore that backup with --at of now, which derives them anew from the log", n, first[0])
}

// rules are the identity rules of the folder's settings; current is false when the
// state was made under others.
func (c *folderCheck) rules(r state.Reader) (rules *identity.Config, current bool, err error) {
	store := frozen{r}
	a := &App{cfg: c.cfg, ws: c.ws, store: store}
	if a.sources, err = resource.OpenSources(c.ctx, store, c.cfg.Clock, c.cfg.Rand); err != nil {
		return nil, false, err
	}
	a.purposes, a.entities = resource.OpenPurposes(store, c.cfg.Clock), resource.OpenEntities(store, c.cfg.Clock)
	in := &pipeline.Interpreter{Keys: c.ws.Keyring()}
	if in.Identity, err = a.interpretation(c.ctx); err != nil {
		return nil, false, err
	}
	if in.Consent, err = a.declaredPurposes(c.ctx); err != nil {
		return nil, false, err
	}
	if in.Entities, err = a.declaredEntities(c.ctx); err != nil {
		return nil, false, err
	}
	current, err = (&pipeline.Runner{State: store, Interpreter: in}).Prepared(c.ctx)
	return in.Identity, current, err
}

// frozen is a state that is only read, at one moment.
type frozen struct{ state.Reader }

// Begin implements state.Store; nothing can be written.
func (frozen) Begin(context.Context, []state.Lock) (state.Tx, error) {
	return nil, errs.New(errs.Unavailable, "check.read_only", "a state that is checked is not written")
}

// Snapshot implements state.Store.
func (f frozen) Snapshot(context.Context) (state.Snapshot, error) { return f, nil }

// Close implements state.Store and state.Snapshot; the reader stays its owner's.
func (frozen) Close() error { return nil }
