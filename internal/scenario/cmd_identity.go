package scenario

import "context"

func identityCommand() *command {
	return &command{
		name: "identity", usage: "[default_country=FR]",
		about:   "settles how calls are read for identifiers; a change folds the log again under the new settings.",
		options: []string{"default_country"},
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			s.settings.country = st.text("default_country", "")
			return "", s.wire(ctx)
		},
	}
}
