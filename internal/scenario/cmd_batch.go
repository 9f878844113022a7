package scenario

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

func batchCommand() *command {
	return &command{
		name: "batch", usage: "[source=NAME] [sentAt=MOMENT] [context={…}] [integrations={…}] [MEMBER=VALUE…]",
		about: "sends the calls up to end in one request.",
		shape: batchShape, block: true, check: checkSource,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			rec, err := s.ask(ctx, request{
				method: http.MethodPost, path: "/v1/batch", source: s.sourceOf(st), body: []byte(s.batchBody(st)),
			})
			if err != nil {
				return "", err
			}
			return tell(rec)
		},
	}
}

func (s *session) batchBody(st *step) string {
	var messages []string
	for _, inner := range st.body {
		messages = append(messages, s.message(inner, true))
	}
	members := []string{`"batch":[` + strings.Join(messages, ",") + "]"}
	for _, a := range st.args {
		switch {
		case a.key == "source":
		case slices.Contains(timeMembers, a.key):
			members = append(members, quote(a.key)+":"+s.relative(a.value))
		default:
			members = append(members, quote(a.key)+":"+a.value.json)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}
