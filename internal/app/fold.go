package app

import (
	"context"

	"kith/internal/api"
	"kith/internal/eventlog"
	"kith/internal/eventlog/local"
	"kith/internal/held"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state/pebble"
	"kith/internal/statehash"
)

// fold answers the API from the pipeline and its state.
type fold struct{ app *App }

var _ api.Pipeline = fold{}

func (f fold) runner() *pipeline.Runner { return f.app.live.Load().runner }

// Status implements api.Pipeline.
func (f fold) Status(ctx context.Context) (api.Status, error) {
	s, err := f.runner().Status(ctx)
	if err != nil {
		return api.Status{}, err
	}
	out := api.Status{
		Accepted: s.Accepted, Processed: s.Processed, Repeats: s.Repeats, Quarantined: s.Held + s.Rejected, Pending: s.Waiting,
		Engines: f.engines(),
	}
	if out.AnalyticsLagMs, err = f.app.lakeLag(ctx); err != nil {
		return api.Status{}, err
	}
	if out.WaveDue, out.WaveDone, err = f.app.definitions.Engine().Wave(ctx); err != nil {
		return api.Status{}, err
	}
	for _, c := range s.Cursors {
		out.Position = append(out.Position, c.Next)
	}
	return out, nil
}

func (f fold) engines() api.Engines {
	e := api.Engines{Log: "kafka", State: "postgres"}
	if _, ok := f.runner().Log.(*local.Log); ok {
		e.Log = "embedded"
	}
	if _, ok := f.app.store.(*pebble.Store); ok {
		e.State = "embedded"
	}
	return e
}

// Hash implements api.Pipeline. Only computed traits and segments depend on the
// moment: identity, custom traits and accounts take an event at once.
func (f fold) Hash(ctx context.Context, at int64) (api.Hash, error) {
	snap, err := f.app.store.Snapshot(ctx)
	if err != nil {
		return api.Hash{}, err
	}
	defer snap.Close()
	h, err := statehash.Of(ctx, snap, f.runner().Stages.History, f.runner().Interpreter.Identity)
	if err != nil {
		return api.Hash{}, err
	}
	d := f.app.definitions
	if err := d.Engine().HashRows(ctx, snap, d.Today(), at, h.Add); err != nil {
		return api.Hash{}, err
	}
	out := api.Hash{State: h.Total.String(), At: at, Families: map[string]string{}}
	for family, sum := range h.Families {
		out.Families[family] = sum.String()
	}
	out.Position, err = f.runner().Positions(ctx, snap)
	return out, err
}

// Flush implements api.Pipeline.
func (f fold) Flush(ctx context.Context) error {
	if err := f.app.settle(ctx); err != nil {
		return err
	}
	if err := f.runner().Flush(ctx); err != nil {
		return err
	}
	if err := f.app.flushScores(ctx); err != nil {
		return err
	}
	if err := f.runner().Flush(ctx); err != nil {
		return err
	}
	if err := f.app.definitions.Flush(ctx); err != nil {
		return err
	}
	return f.app.flushLake(ctx)
}

// Quarantine implements api.Pipeline.
func (f fold) Quarantine(ctx context.Context, after string, limit int) ([]api.Held, bool, error) {
	var from *eventlog.Position
	if after != "" {
		at, err := held.ParseID(after)
		if err != nil {
			return nil, false, err
		}
		from = &at
	}
	snap, err := f.app.store.Snapshot(ctx)
	if err != nil {
		return nil, false, err
	}
	defer snap.Close()
	list, err := held.List(ctx, snap, from, limit+1)
	if err != nil {
		return nil, false, err
	}
	var out []api.Held
	for _, h := range list[:min(limit, len(list))] {
		out = append(out, heldView(&h))
	}
	return out, len(list) > limit, nil
}

// Quarantined implements api.Pipeline.
func (f fold) Quarantined(ctx context.Context, id string) (api.Held, error) {
	at, err := held.ParseID(id)
	if err != nil {
		return api.Held{}, err
	}
	snap, err := f.app.store.Snapshot(ctx)
	if err != nil {
		return api.Held{}, err
	}
	defer snap.Close()
	h, err := held.Get(ctx, snap, at)
	if err != nil {
		return api.Held{}, err
	}
	return heldView(&h), nil
}

// Retry implements api.Pipeline.
func (f fold) Retry(ctx context.Context, id string) error { return f.runner().Retry(ctx, id) }

// heldView shows a held record.
func heldView(h *held.Entry) api.Held {
	return api.Held{ID: h.ID(), Code: h.Code, Detail: h.Detail, Data: h.Data}
}

// people answers the API from profiles.
type people struct{ app *App }

// Read implements api.Profiles.
func (p people) Read(ctx context.Context, ref profile.Ref) (profile.Profile, error) {
	return p.app.live.Load().reader.Read(ctx, ref)
}

// ReadAsOf implements api.Profiles.
func (p people) ReadAsOf(ctx context.Context, ref profile.Ref, at int64) (profile.Profile, error) {
	return p.app.live.Load().reader.ReadAsOf(ctx, ref, at)
}

// Events implements api.Profiles.
func (p people) Events(ctx context.Context, ref profile.Ref, page profile.Page) (profile.EventPage, error) {
	return p.app.live.Load().reader.Events(ctx, ref, page)
}

// Select implements api.Profiles.
func (p people) Select(ctx context.Context, ref profile.Ref, sel profile.Selection, page profile.Page) (profile.SelectedPage, error) {
	return p.app.live.Load().reader.Select(ctx, ref, sel, page)
}

// Account implements api.Profiles.
func (p people) Account(ctx context.Context, id string) (profile.Profile, error) {
	return p.app.live.Load().reader.Account(ctx, id)
}

// Members implements api.Profiles.
func (p people) Members(ctx context.Context, account string, limit int) ([]identity.NodeID, error) {
	return p.app.live.Load().reader.Members(ctx, account, limit)
}
