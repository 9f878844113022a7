package scenario

import "context"

func advanceCommand() *command {
	return &command{
		name: "advance", usage: "DURATION",
		about:   "moves the clock forward; nothing else does.",
		options: noOptions, least: 1, most: 1,
		check: func(s *step) error { _, err := parseDuration(s.positional()[0].text()); return err },
		run: func(_ context.Context, s *session, st *step) (string, error) {
			d, err := parseDuration(st.positional()[0].text())
			if err != nil {
				return "", err
			}
			s.clock.Advance(d)
			return "", nil
		},
	}
}
