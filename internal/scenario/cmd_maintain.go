package scenario

import "context"

func maintainCommand() *command {
	return &command{
		name:    "maintain",
		about:   "does the housekeeping that time has made due.",
		options: noOptions,
		run: func(ctx context.Context, s *session, _ *step) (string, error) {
			if err := s.fold(ctx); err != nil {
				return "", err
			}
			return "", s.runner.ForgetMarks(ctx)
		},
	}
}
