package app

import (
	"context"
	"encoding/json"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/membership"
	"kith/internal/score"
)

// makeScores makes what works out the traits that depend on everybody.
func (a *App) makeScores() {
	a.scores = score.New(score.Config{
		State: a.store, Jobs: a.jobs, Clock: a.cfg.Clock, Keys: a.ws.Keyring(),
		Rules:  func() *identity.Config { return a.live.Load().rules },
		Engine: func() *membership.Engine { return a.definitions.engine },
		Today:  a.definitions.today,
		Document: func(ctx context.Context, key string) (json.RawMessage, error) {
			item, err := a.definitions.traits.Get(ctx, key)
			return item.Doc, err
		},
		Append: a.append, ReceivedAt: a.collector.ReceivedAt, Partition: a.partitionOf,
		Failed: func(err error) {
			a.logger.Warn("working out a trait for everybody has failed and will be tried again", "code", errs.CodeOf(err))
		},
	})
}

// Refresh implements api.Definitions.
func (d *definitions) Refresh(ctx context.Context, key string) (job.Job, error) {
	if _, err := d.traits.Get(ctx, key); err != nil {
		return job.Job{}, err
	}
	return d.app.scores.Refresh(ctx, key)
}

// flushScores makes the passes that new definitions need.
func (a *App) flushScores(ctx context.Context) error {
	if !a.runs.Load() || !a.cfg.plays(RolePipeline) {
		return nil
	}
	return a.scores.CatchUp(ctx, false)
}
