package scenario

import (
	"context"
	"fmt"
	"strings"

	"kith/internal/profile"
)

func identifiersCommand() *command {
	return query("identifiers", "", "shows a person's identifiers by rank, each with when and by which sources it was seen.", noOptions,
		func(ctx context.Context, s *session, _ *step, ref profile.Ref) (string, error) {
			p, err := s.reader.Read(ctx, ref)
			if err != nil {
				return "", err
			}
			var out strings.Builder
			for _, id := range p.Identifiers {
				fmt.Fprintf(&out, "%s %s from %s\n", showIdentifier(id.Identifier), span(id.FirstSeen, id.LastSeen), strings.Join(id.Sources, ","))
			}
			return out.String(), nil
		})
}
