package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kith/internal/profile"
)

func traitsCommand() *command {
	return query("traits", "", "shows a person's traits, each with the time, message and source of the write that counts.", noOptions,
		func(ctx context.Context, s *session, _ *step, ref profile.Ref) (string, error) {
			p, err := s.reader.Read(ctx, ref)
			if err != nil {
				return "", err
			}
			var out strings.Builder
			for _, key := range slices.Sorted(maps.Keys(p.Traits)) {
				t := p.Traits[key]
				fmt.Fprintf(&out, "%s %s at %s by %s from %s\n",
					plain(quote(key)), t.Value, showTime(t.Timestamp), s.messageID(t.MessageID), t.Source)
			}
			if out.Len() == 0 {
				return "none\n", nil
			}
			return out.String(), nil
		})
}
