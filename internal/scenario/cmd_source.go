package scenario

import (
	"context"
	"crypto/sha256"
	"strings"

	"kith/internal/collect"
	"kith/internal/identity"
)

func sourceCommand() *command {
	return &command{
		name:    "source",
		usage:   "NAME [enabled=BOOL] [country=FR] [identifies=TYPE,…] [ignore_server_fields=BOOL] [origins=URL,…] [secret=TEXT]",
		about:   "settles how a source is; sources that calls name need not be declared.",
		options: []string{"enabled", "country", "identifies", "ignore_server_fields", "origins", "secret"}, least: 1, most: 1,
		check: func(s *step) error {
			return checkSource(&step{args: []arg{{key: "source", value: s.positional()[0]}}})
		},
		run: runSource,
	}
}

func runSource(_ context.Context, s *session, st *step) (string, error) {
	name := st.positional()[0].text()
	source := collect.Source{Key: name, Enabled: st.text("enabled", "true") == "true"}
	source.ServerFieldsIgnored = st.text("ignore_server_fields", "false") == "true"
	if origins := st.text("origins", ""); origins != "" {
		source.AllowOrigins = strings.Split(origins, ",")
	}
	if secret := st.text("secret", ""); secret != "" {
		source.SecretHash = sha256.Sum256([]byte(secret))
	}
	s.sources[name] = source
	_, country := st.option("country")
	types, identifies := st.option("identifies")
	if !country && !identifies {
		return "", nil
	}
	if err := s.untouched(); err != nil {
		return "", err
	}
	rule := identity.SourceRule{Country: st.text("country", "")}
	if identifies {
		rule.Identifies = map[string]bool{}
		for _, typ := range strings.Split(types.text(), ",") {
			rule.Identifies[typ] = true
		}
	}
	s.identity.Sources[name] = rule
	return "", nil
}
