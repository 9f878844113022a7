package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kith/internal/identity"
)

func linksCommand() *command {
	return &command{
		name:    "links",
		about:   "shows all links between identifiers with their verdict: accepted, or what held them apart.",
		options: noOptions,
		run: func(ctx context.Context, s *session, _ *step) (string, error) {
			if err := s.fold(ctx); err != nil {
				return "", err
			}
			contents, err := s.contents(ctx, s.place.State())
			if err != nil {
				return "", err
			}
			var lines []string
			for _, l := range contents.Derive(s.identity).Links {
				ends := []identity.Identifier{contents.IDs[l.A], contents.IDs[l.B]}
				s.identity.Sort(ends)
				lines = append(lines, fmt.Sprintf("%s - %s %s\n", showIdentifier(ends[0]), showIdentifier(ends[1]), l.Verdict))
			}
			if len(lines) == 0 {
				return "none\n", nil
			}
			slices.Sort(lines)
			return strings.Join(lines, ""), nil
		},
	}
}
