package scenario

import (
	"context"
	"fmt"
	"strings"
)

func replayCommand() *command {
	return &command{
		name:    "replay",
		about:   "folds the whole log again into an empty state and fails unless that is the state there is.",
		options: noOptions,
		run:     func(ctx context.Context, s *session, _ *step) (string, error) { return "", s.replay(ctx) },
	}
}

// replay holds the state against one that is made anew from the log.
func (s *session) replay(ctx context.Context) error {
	if err := s.fold(ctx); err != nil {
		return err
	}
	fresh, err := s.place.Fresh(ctx)
	if err != nil {
		return err
	}
	defer fresh.Close()
	if err := s.runnerOn(fresh, replayBatch).Drain(ctx); err != nil {
		return err
	}
	live, err := s.contents(ctx, s.place.State())
	if err != nil {
		return err
	}
	rebuilt, err := s.contents(ctx, fresh)
	if err != nil || live.Hash(s.identity).Total == rebuilt.Hash(s.identity).Total {
		return err
	}
	return fmt.Errorf("the state made anew from the log differs (- as it is, + made anew):\n%s",
		difference(strings.Join(live.Explain(s.identity).Lines, "\n"), strings.Join(rebuilt.Explain(s.identity).Lines, "\n")))
}
