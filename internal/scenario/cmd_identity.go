package scenario

import "context"

func identityCommand() *command {
	return &command{
		name: "identity", usage: "[default_country=FR]",
		about:   "settles the interpreting configuration; it stands before the first call, for a change would fold everything again.",
		options: []string{"default_country"},
		run: func(_ context.Context, s *session, st *step) (string, error) {
			if err := s.untouched(); err != nil {
				return "", err
			}
			s.identity.Country = st.text("default_country", s.identity.Country)
			return "", nil
		},
	}
}

// untouched refuses a change of what is already in use.
func (s *session) untouched() error {
	if s.asked {
		return wrong("put it above the first call", "the interpreting configuration is already in use")
	}
	return nil
}
