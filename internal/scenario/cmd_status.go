package scenario

import (
	"context"
	"fmt"
)

func statusCommand() *command {
	return &command{
		name:    "status",
		about:   "shows how many records were accepted and folded, how many of them are repeats, held, or without a usable identifier, and how many messages were rejected.",
		options: noOptions,
		run: func(ctx context.Context, s *session, _ *step) (string, error) {
			if err := s.fold(ctx); err != nil {
				return "", err
			}
			st, err := s.runner.Status(ctx)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("accepted %d, processed %d, repeats %d, held %d, rejected %d, homeless %d\n",
				st.Accepted, st.Processed, st.Repeats, st.Held, st.Rejected, st.Homeless), nil
		},
	}
}
