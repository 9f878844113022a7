package app

import (
	"context"
	"encoding/json"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/score"
)

// makeScores makes what works out the traits that depend on everybody.
func (a *App) makeScores() {
	a.scores = score.New(score.Config{
		State: a.store, Jobs: a.jobs, Clock: a.cfg.Clock, Keys: a.ws.Keyring(),
		Rules:  func() *identity.Config { return a.live.Load().rules },
		Engine: a.definitions.Engine,
		Today:  a.definitions.Today,
		Document: func(ctx context.Context, key string) (json.RawMessage, error) {
			item, err := a.definitions.Traits().Get(ctx, key)
			return item.Doc, err
		},
		Append: a.append, ReceivedAt: a.collector.ReceivedAt, Partition: a.partitionOf,
		Failed: func(err error) {
			a.logger.Warn("working out a trait for everybody has failed and will be tried again", "code", errs.CodeOf(err))
		},
	})
}

// flushScores makes the passes that new definitions need.
func (a *App) flushScores(ctx context.Context) error {
	if !a.runs.Load() || !a.cfg.plays(RolePipeline) {
		return nil
	}
	return a.scores.CatchUp(ctx, false)
}
