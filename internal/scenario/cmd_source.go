package scenario

import (
	"context"
	"crypto/sha256"
	"slices"

	"kith/internal/collect"
	"kith/internal/identity"
)

func sourceCommand() *command {
	return &command{
		name:    "source",
		usage:   "NAME [enabled=BOOL] [default_country=FR] [identifies=TYPE,…] [server_fields=taken|ignored] [allow_origins=URL,…] [secret=TEXT]",
		about:   "settles how a source is, as its document does; sources that calls name need not be declared.",
		options: []string{"enabled", "default_country", "identifies", "server_fields", "allow_origins", "secret"}, least: 1, most: 1,
		check: func(s *step) error {
			_, err := collectSource(s)
			return err
		},
		run: runSource,
	}
}

// collectSource is the source that the command describes, as the collector knows
// it.
func collectSource(st *step) (collect.Source, error) {
	name := st.positional()[0]
	source := collect.Source{Key: name.text(), AllowOrigins: list(st, "allow_origins")}
	err := checkSource(&step{args: []arg{{key: "source", value: name}}})
	if err != nil {
		return source, err
	}
	fields := st.text("server_fields", "taken")
	if !slices.Contains([]string{"taken", "ignored"}, fields) {
		return source, wrong("write: "+st.command.form(), "server_fields must be taken or ignored")
	}
	source.ServerFieldsIgnored = fields == "ignored"
	if secret := st.text("secret", ""); secret != "" {
		source.SecretHash = sha256.Sum256([]byte(secret))
	}
	source.Enabled, err = yes(st, "enabled", true)
	return source, err
}

func runSource(ctx context.Context, s *session, st *step) (string, error) {
	source, err := collectSource(st)
	if err != nil {
		return "", err
	}
	s.sources[source.Key] = source
	rule := identity.SourceRule{Country: st.text("default_country", "")}
	for _, typ := range list(st, "identifies") {
		if rule.Identifies == nil {
			rule.Identifies = map[string]bool{}
		}
		rule.Identifies[typ] = true
	}
	delete(s.settings.sources, source.Key)
	if rule.Country != "" || rule.Identifies != nil {
		s.settings.sources[source.Key] = rule
	}
	return "", s.wire(ctx)
}
