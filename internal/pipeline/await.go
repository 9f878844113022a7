package pipeline

import (
	"context"

	"kith/internal/errs"
	"kith/internal/eventlog"
)

// AwaitFolded returns when a record of the log is folded, or with an error of kind
// Unavailable when ctx ends before.
func (r *Runner) AwaitFolded(ctx context.Context, at eventlog.Position) error {
	for {
		progress := r.progress()
		cur, err := r.cursor(ctx, at.Partition)
		if err != nil {
			return err
		}
		if cur.Next > at.Offset {
			return nil
		}
		select {
		case <-ctx.Done():
			return errs.Wrap(ctx.Err(), errs.Unavailable, "pipeline.not_yet", "the record is accepted and not yet folded")
		case <-progress:
		case <-r.Clock.After(pollEvery):
		}
	}
}
