package app

import (
	"context"
	"encoding/json"
	"time"

	"kith/internal/decision"
	"kith/internal/errs"
	"kith/internal/job"
	"kith/internal/pipeline"
	"kith/internal/state"
)

// kindRetract is the kind of the jobs that take back what a run brought.
const kindRetract = "identity.retract"

// retractedRun is what such a job is about.
type retractedRun struct {
	Decision string `json:"decision_id"`
	Source   string `json:"source"`
	Run      string `json:"run"`
}

// Retract implements api.Identity.
func (k kinship) Retract(ctx context.Context, d decision.Decision) (string, job.Job, error) {
	id, err := k.Decide(ctx, d)
	if err != nil {
		return "", job.Job{}, err
	}
	params, err := json.Marshal(retractedRun{id, d.Source, d.Run})
	if err != nil {
		return "", job.Job{}, errs.Wrap(err, errs.Internal, "decision.encode", "a retraction could not be written down")
	}
	j, err := k.app.jobs.Start(ctx, kindRetract, params, k.app.retracted(params))
	return id, j, err
}

// retracted is the work of a job that ends when a retraction has gone through
// everything that its run brought. What goes through it is the pipeline; the job
// only looks on, so it goes on after a restart.
func (a *App) retracted(params json.RawMessage) job.Work {
	return func(ctx context.Context, report func(job.Progress)) (json.RawMessage, error) {
		var run retractedRun
		if err := json.Unmarshal(params, &run); err != nil {
			return nil, errs.Wrap(err, errs.Corrupt, "job.format", "a stored job cannot be read")
		}
		var p job.Progress
		for {
			told, left, err := a.retracting(ctx, run, &p)
			if err != nil {
				return nil, err
			}
			report(p)
			if told && !left {
				return json.Marshal(map[string]any{"decision_id": run.Decision, "messages": p.Total})
			}
			select {
			case <-ctx.Done():
				return nil, errs.Wrap(ctx.Err(), errs.Unavailable, "job.stopped", "kith is stopping")
			case <-a.cfg.Clock.After(50 * time.Millisecond):
			}
		}
	}
}

// retracting looks how far a retraction is. told is false while it is not folded.
func (a *App) retracting(ctx context.Context, run retractedRun, p *job.Progress) (told, left bool, err error) {
	err = kinship{a}.view(ctx, func(r state.Reader) error {
		row, err := decision.Get(ctx, r, run.Decision)
		if errs.Is(err, errs.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		told = row.Told
		if p.Total == 0 {
			if p.Total, err = pipeline.LoadSize(ctx, r, run.Source, run.Run); err != nil {
				return err
			}
		}
		done, under, err := pipeline.Sweeping(ctx, r, run.Source, run.Run)
		if left = under; left {
			p.Accepted = done
		} else {
			p.Accepted = p.Total
		}
		return err
	})
	return told, left, err
}
