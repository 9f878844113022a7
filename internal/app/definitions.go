package app

import (
	"context"

	"kith/internal/definition"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/membership"
	"kith/internal/profile"
)

// openDefinitions opens the computed traits and segments. The engine that keeps
// members is opened with the pipeline, whose rules it needs.
func (a *App) openDefinitions(ctx context.Context) (err error) {
	a.definitions, err = definition.Open(ctx, definition.Config{
		State: a.store, Clock: a.cfg.Clock, CostMax: a.cfg.DefinitionCostMax,
		People:  func() *profile.Reader { return a.live.Load().reader },
		Folded:  func() bool { return a.runs.Load() && a.folded() },
		Refresh: func(ctx context.Context, key string) (job.Job, error) { return a.scores.Refresh(ctx, key) },
	})
	return err
}

// openMemberships opens what keeps the members of segments.
func (a *App) openMemberships(ctx context.Context) error {
	a.makeScores()
	return a.definitions.OpenMembers(ctx, membership.Config{
		History: a.live.Load().runner.Stages.History, Log: a.log, Keys: a.ws.Keyring(),
		Partitions: a.log.Partitions(), Distant: a.shared(),
		Identity: func() *identity.Config { return a.live.Load().rules },
		Rows:     entity.OwnedJSON,
	})
}

// runMemberships keeps the members until ctx ends.
func (a *App) runMemberships(ctx context.Context) {
	a.definitions.Run(ctx, func(err error) {
		a.logger.Error("keeping the members of segments has stopped and will be tried again", "code", errs.CodeOf(err), "error", err)
	})
}

// tabled is where questions about everybody are asked first.
func (a *App) tabled() definition.Tables {
	t := definition.Tables{
		Lake: a.lake, Files: a.lakePlace.Store(), Copy: a.copied, Copied: a.sql, Readable: definition.AtOnce(),
		Unanswered: func(err error) {
			a.logger.Debug("the tables cannot answer, so others are asked", "code", errs.CodeOf(err))
		},
	}
	if len(a.cfg.SQLWorker) > 0 {
		t.Engine = a.tables
	}
	return t
}
