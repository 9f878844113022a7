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
			_, err := collectSource(s)
			return err
		},
		run: runSource,
	}
}

// collectSource is the source that a source command describes, as the collector
// knows it.
func collectSource(st *step) (collect.Source, error) {
	name := st.positional()[0]
	source := collect.Source{Key: name.text()}
	err := checkSource(&step{args: []arg{{key: "source", value: name}}})
	if err != nil {
		return source, err
	}
	if source.Enabled, err = yes(st, "enabled", true); err != nil {
		return source, err
	}
	if origins := st.text("origins", ""); origins != "" {
		source.AllowOrigins = strings.Split(origins, ",")
	}
	if secret := st.text("secret", ""); secret != "" {
		source.SecretHash = sha256.Sum256([]byte(secret))
	}
	source.ServerFieldsIgnored, err = yes(st, "ignore_server_fields", false)
	return source, err
}

func runSource(_ context.Context, s *session, st *step) (string, error) {
	source, err := collectSource(st)
	if err != nil {
		return "", err
	}
	s.sources[source.Key] = source
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
	s.identity.Sources[source.Key] = rule
	return "", nil
}
