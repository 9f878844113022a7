package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kith/internal/errs"
)

func whoCommand() *command {
	return &command{
		name: "who", usage: "TYPE:VALUE…",
		about:   "shows which of these are one person: a line for each profile.",
		options: noOptions, least: 1, most: manyArgs,
		check: func(s *step) error {
			for _, v := range s.positional() {
				if _, err := parseRef(v.text()); err != nil {
					return err
				}
			}
			return nil
		},
		run: runWho,
	}
}

// nobody stands in the output of who for identifiers that were never seen.
const nobody = "nobody"

func runWho(ctx context.Context, s *session, st *step) (string, error) {
	if err := s.fold(ctx); err != nil {
		return "", err
	}
	var order []string
	groups := map[string][]string{}
	for _, v := range st.positional() {
		ref, err := s.ref(v)
		if err != nil {
			return "", err
		}
		who := nobody
		p, err := s.reader.Read(ctx, ref)
		switch {
		case err == nil:
			who = s.id(p.ID)
		case !errs.Is(err, errs.NotFound):
			return refused(err)
		}
		if !slices.Contains(order, who) {
			order = append(order, who)
		}
		groups[who] = append(groups[who], plain(quote(v.text())))
	}
	var out strings.Builder
	for _, who := range order {
		fmt.Fprintf(&out, "%s %s\n", who, strings.Join(groups[who], " "))
	}
	return out.String(), nil
}
