package scenario

import "context"

func flushCommand() *command {
	return &command{
		name:    "flush",
		about:   "folds everything that was sent; every command that shows something does so first.",
		options: noOptions,
		run:     func(ctx context.Context, s *session, _ *step) (string, error) { return "", s.fold(ctx) },
	}
}
