package scenario

import (
	"context"
	"fmt"
	"strings"

	"kith/internal/search"
)

func searchCommand() *command {
	return &command{
		name: "search", usage: "WORD… [limit=N]",
		about:   "finds people by anything: a line for each, best first, with what was found of them.",
		options: []string{"limit"}, least: 1, most: manyArgs,
		run: runSearch,
	}
}

func runSearch(ctx context.Context, s *session, st *step) (string, error) {
	if err := s.fold(ctx); err != nil {
		return "", err
	}
	limit, err := wholeNumber(st, "limit", 10, 1, search.HitsMax)
	if err != nil {
		return "", err
	}
	var q []string
	for _, v := range st.positional() {
		q = append(q, v.text())
	}
	finder := search.Searcher{State: s.place.State(), Profiles: s.reader}
	found, err := finder.Find(ctx, strings.Join(q, " "), 0, int(limit))
	if err != nil {
		return refused(err)
	}
	var out strings.Builder
	for _, h := range found.Hits {
		var why []string
		for _, m := range h.Matched {
			why = append(why, plain(quote(m.Field))+" "+plain(quote(m.Value)))
		}
		fmt.Fprintf(&out, "%s %s\n", s.id(h.Profile.ID), strings.Join(why, ", "))
	}
	switch {
	case found.More || !found.Exact:
		out.WriteString("more\n")
	case len(found.Hits) == 0:
		out.WriteString(nobody + "\n")
	}
	return out.String(), nil
}
