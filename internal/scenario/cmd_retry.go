package scenario

import "context"

func retryCommand() *command {
	return &command{
		name: "retry", usage: "<heldN>",
		about:   "puts a held record back, by the name that quarantine shows.",
		options: noOptions, least: 1, most: 1,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			id, err := s.mask.real(st.positional()[0].text())
			if err != nil {
				return "", err
			}
			return refused(s.runner.Retry(ctx, id))
		},
	}
}
