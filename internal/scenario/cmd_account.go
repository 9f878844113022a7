package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/statehash"
)

func accountCommand() *command {
	return &command{
		name: "account", usage: "GROUPID",
		about:   "shows an account: its traits, and the people whose group calls named it.",
		options: noOptions, least: 1, most: 1,
		run: runAccount,
	}
}

func runAccount(ctx context.Context, s *session, st *step) (string, error) {
	if err := s.fold(ctx); err != nil {
		return "", err
	}
	id, reason := s.identity.Normalize(profile.AccountType, st.positional()[0].text(), "")
	if reason != identity.Usable {
		return "no account can have that id\n", nil
	}
	contents, err := s.contents(ctx, s.place.State())
	if err != nil {
		return "", err
	}
	writes := profile.Combine(contents.Writes[s.keys.Node(id)])
	members := s.members(contents, id.Value)
	if len(writes) == 0 && len(members) == 0 {
		return "no account has that id\n", nil
	}
	var out strings.Builder
	fmt.Fprintf(&out, "account %s\n", plain(quote(id.Value)))
	for _, key := range slices.Sorted(maps.Keys(writes)) {
		if w := writes[key]; !w.Removes() {
			fmt.Fprintf(&out, "trait %s %s\n", plain(quote(key)), w.Value)
		}
	}
	for _, m := range members {
		fmt.Fprintf(&out, "member %s\n", showIdentifier(m))
	}
	return out.String(), nil
}

// members are the leaders of the people whose group calls named an account.
func (s *session) members(contents *statehash.Contents, account string) []identity.Identifier {
	leaders := contents.Derive(s.identity).Leader
	var out []identity.Identifier
	for person, accounts := range contents.Accounts {
		if leader := contents.IDs[leaders[person]]; slices.Contains(accounts, account) && !slices.Contains(out, leader) {
			out = append(out, leader)
		}
	}
	s.identity.Sort(out)
	return out
}
