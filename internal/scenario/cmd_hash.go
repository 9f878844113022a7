package scenario

import "context"

func hashCommand() *command {
	return &command{
		name:    "hash",
		about:   "shows the name of the state's hash; one name always stands for one state.",
		options: noOptions,
		run: func(ctx context.Context, s *session, _ *step) (string, error) {
			if err := s.fold(ctx); err != nil {
				return "", err
			}
			contents, err := s.contents(ctx, s.place.State())
			if err != nil {
				return "", err
			}
			return s.mask.name("hash", contents.Hash(s.identity).Total.String()) + "\n", nil
		},
	}
}
