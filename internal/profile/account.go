package profile

import (
	"context"

	"kith/event"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
)

// AccountType is the identifier type of an account's node. The colon keeps it
// apart from every type that a call can name.
const AccountType = "account:group_id"

// Account returns the account that a group call names, normalised. ok is false
// when the call is no group call or its id identifies nothing.
func Account(cfg *identity.Config, e *event.Event) (id identity.Identifier, ok bool) {
	if e.Type != event.Group {
		return id, false
	}
	id, reason := cfg.Normalize(AccountType, e.GroupID, "")
	return id, reason == identity.Usable
}

// AccountsAhead returns a reader of the same moment that has read together what
// Accounts asks of some nodes. r is a snapshot.
func AccountsAhead(ctx context.Context, r state.Reader, nodes []identity.NodeID) (state.Reader, error) {
	calls := state.NewAhead(r, len(identity.NodeID{})+3)
	groups := make([][]byte, len(nodes))
	for i, n := range nodes {
		groups[i] = append(nodeKey(state.FamilyHistory, n), 0, byte(event.Group))
	}
	return calls, calls.Load(ctx, groups, 2)
}

// Accounts returns the ids of the accounts that a node's group calls named.
func Accounts(ctx context.Context, r state.Reader, index history.Index, node identity.NodeID) ([]string, error) {
	var out []string
	for c, err := range index.Calls(ctx, r, node, 0, event.Group) {
		if err != nil {
			return nil, err
		}
		if c.Name != "" {
			out = append(out, c.Name)
		}
	}
	return out, nil
}
