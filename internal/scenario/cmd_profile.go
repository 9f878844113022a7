package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kith/internal/profile"
)

func profileCommand() *command {
	return query("profile", "", "shows a person: identifiers by rank, traits by name, accounts, and how many events there are.", noOptions,
		func(ctx context.Context, s *session, _ *step, ref profile.Ref) (string, error) {
			p, err := s.reader.Read(ctx, ref)
			if err != nil {
				return "", err
			}
			var out strings.Builder
			fmt.Fprintf(&out, "profile %s\n", s.id(p.ID))
			fmt.Fprintf(&out, "identifiers %s\n", showIdentifiers(p.Identifiers))
			for _, key := range slices.Sorted(maps.Keys(p.Traits)) {
				fmt.Fprintf(&out, "trait %s %s\n", plain(quote(key)), p.Traits[key].Value)
			}
			for _, a := range p.Accounts {
				fmt.Fprintf(&out, "account %s\n", plain(quote(a)))
			}
			fmt.Fprintf(&out, "events %d, %s\n", p.Events, span(p.FirstSeen, p.LastSeen))
			return out.String(), nil
		})
}
