package scenario

import "context"

func crashCommand() *command {
	return &command{
		name:    "crash",
		about:   "cuts the power: what is not durable is lost, and everything is opened again.",
		options: noOptions,
		run: func(ctx context.Context, s *session, _ *step) (string, error) {
			if err := s.place.Crash(ctx); err != nil {
				return "", err
			}
			return "", s.wire(ctx)
		},
	}
}
