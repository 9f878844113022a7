package app

import (
	"context"
	"encoding/json"
	"time"

	"kith/internal/errs"
	idsettings "kith/internal/identity/settings"
	"kith/internal/job"
	"kith/internal/resource"
)

// Where the identity settings lie among the resources.
const (
	kindSettings = "settings"
	keyIdentity  = "identity"
)

// kindResolve is the kind of the jobs that resolve everybody anew.
const kindResolve = "identity.resolve"

// identitySettings returns the identity settings of today.
func (a *App) identitySettings(ctx context.Context) (idsettings.Document, error) {
	doc, err := resource.NewDocuments(a.store).Get(ctx, kindSettings, keyIdentity)
	if errs.Is(err, errs.NotFound) {
		return idsettings.Default(), nil
	}
	if err != nil {
		return idsettings.Document{}, err
	}
	return idsettings.Decode(doc.JSON)
}

// Settings implements api.Identity.
func (k kinship) Settings(ctx context.Context) (idsettings.Document, error) {
	return k.app.identitySettings(ctx)
}

// applyIdentity puts the identity settings of the file into place, as PUT would.
func (a *App) applyIdentity(ctx context.Context) error {
	if a.file.Identity == nil {
		return nil
	}
	body, err := json.Marshal(a.file.Identity)
	if err != nil {
		return errs.Wrap(err, errs.Invalid, "config.file", "%s: identity cannot be a document", a.cfg.ConfigFile)
	}
	doc, err := idsettings.Read(body)
	if err != nil {
		return errs.Wrap(err, errs.Invalid, errs.CodeOf(err), "%s: identity: %s", a.cfg.ConfigFile, errs.DetailOf(err))
	}
	return a.storeSettings(ctx, &doc)
}

// PutSettings implements api.Identity.
func (k kinship) PutSettings(ctx context.Context, doc idsettings.Document) (job.Job, error) {
	if err := k.app.storeSettings(ctx, &doc); err != nil {
		return job.Job{}, err
	}
	return k.app.jobs.Start(ctx, kindResolve, nil, k.app.resolved)
}

// storeSettings replaces the identity settings, unless they are the same.
func (a *App) storeSettings(ctx context.Context, doc *idsettings.Document) error {
	data, err := doc.JSON()
	if err != nil {
		return err
	}
	return a.putSettings(ctx, keyIdentity, data)
}

// putSettings replaces the settings of a key, unless they are the same.
func (a *App) putSettings(ctx context.Context, key string, data []byte) error {
	return resource.NewDocuments(a.store).Change(ctx, func(c *resource.Change) error {
		have, ok, err := c.Get(kindSettings, key)
		if err != nil || ok && string(have.JSON) == string(data) {
			return err
		}
		c.Put(resource.Document{Kind: kindSettings, Key: key, Version: have.Version + 1, JSON: data})
		return nil
	})
}

// resolved is the work of a job that ends when everything that is in the log is
// folded under the settings of today.
func (a *App) resolved(ctx context.Context, report func(job.Progress)) (json.RawMessage, error) {
	if a.url == "" {
		return nil, a.refold(ctx)
	}
	if err := a.settle(ctx); err != nil {
		return nil, err
	}
	ends, err := a.log.Ends(ctx)
	if err != nil {
		return nil, err
	}
	for {
		status, err := a.live.Load().runner.Status(ctx)
		if err != nil {
			return nil, err
		}
		p, left := job.Progress{}, false
		for i, end := range ends {
			next := status.Cursors[i].Next
			p.Total, p.Accepted = p.Total+end, p.Accepted+min(next, end)
			left = left || next < end
		}
		if report(p); !left {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, errs.Wrap(ctx.Err(), errs.Unavailable, "job.stopped", "kith is stopping")
		case <-a.cfg.Clock.After(50 * time.Millisecond):
		}
	}
}

// refold folds under the settings of today where nobody else does.
func (a *App) refold(ctx context.Context) error {
	l, err := a.makeLive(ctx)
	if err != nil {
		return err
	}
	a.live.Store(l)
	if _, err := l.runner.Prepare(ctx); err != nil {
		return err
	}
	return l.runner.Drain(ctx)
}

// makeJobs makes what runs and lists jobs.
func (a *App) makeJobs() {
	a.jobs = job.New(job.Config{
		Store: a.store, Clock: a.cfg.Clock, Rand: a.cfg.Rand, Alone: a.cfg.StateURL == "",
		Resume: func(j job.Job) job.Work {
			switch j.Kind {
			case kindResolve:
				return a.resolved
			case kindRetract:
				return a.retracted(j.Params)
			}
			return nil
		},
	})
}
