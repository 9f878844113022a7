package lake

import (
	"context"
	"time"
)

// tidyEvery is how often files are merged and swept.
const tidyEvery = 10 * time.Second

// tidy merges files and deletes what nobody lists any more.
func (w *Writer) tidy(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-w.cfg.Clock.After(tidyEvery):
		}
		if err := w.Tidy(ctx); err != nil && ctx.Err() == nil {
			w.failed(err)
		}
	}
}

// Tidy does, in the calling goroutine, all merging and sweeping that is due.
func (w *Writer) Tidy(ctx context.Context) error {
	w.mu.Lock()
	tables := w.tables
	w.mu.Unlock()
	for _, f := range tables {
		if err := f.sweep(ctx, w.now()); err != nil {
			return err
		}
	}
	return nil
}
