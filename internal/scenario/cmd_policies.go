package scenario

import (
	"context"

	"kith/internal/identity/settings"
)

func policiesCommand() *command {
	return &command{
		name: "trait-settings", usage: "{DOCUMENT}",
		about:   "replaces the policies by which custom traits count; a change folds the log again under the new ones.",
		options: noOptions, least: 1, most: 1,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			doc, err := settings.ReadTraits([]byte(st.positional()[0].json))
			if err != nil {
				return refused(err)
			}
			s.settings.policies = doc.Survivorship()
			return "", s.wire(ctx)
		},
	}
}
