package view

import (
	"math"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/expr"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/segment"
)

// Accounts implements segment.View: the accounts that a group call of the person
// names.
func (v *View) Accounts() []segment.View {
	if v.around == nil {
		v.around = v.accounts()
	}
	return v.around
}

func (v *View) accounts() []segment.View {
	out := []segment.View{}
	seen := map[identity.NodeID]bool{}
	for _, n := range v.ownNodes() {
		for e, err := range v.r.History.Range(v.ctx, v.s, v.groupCalls(n)) {
			if err != nil {
				v.fail(err)
				return out
			}
			if !e.Account.IsZero() && !seen[e.Account] {
				seen[e.Account] = true
				out = append(out, v.r.view(v.ctx, v.s, expr.Account, []identity.NodeID{e.Account}, v.upTo, v.err))
			}
		}
	}
	return out
}

// Members implements segment.View: the persons whose group calls name the account.
func (v *View) Members() []segment.View {
	if v.around == nil {
		v.around = v.members()
	}
	return v.around
}

func (v *View) members() []segment.View {
	out := []segment.View{}
	clusters := identity.NewClusters(v.s)
	seen := map[identity.NodeID]bool{}
	for _, n := range v.Nodes {
		for e, err := range v.r.History.Range(v.ctx, v.s, v.groupCalls(n)) {
			if err != nil {
				v.fail(err)
				return out
			}
			c, err := clusters.Of(v.ctx, e.Member)
			if err != nil {
				v.fail(err)
				return out
			}
			if !seen[c.Leader] {
				seen[c.Leader] = true
				out = append(out, v.r.view(v.ctx, v.s, expr.Profile, c.Nodes, v.upTo, v.err))
			}
		}
	}
	return out
}

func (v *View) groupCalls(n identity.NodeID) history.Query {
	return history.Query{Node: n, Type: event.Group, AnyName: true, From: math.MinInt64, To: v.upTo}
}

// AccountNode returns the node of the account with an id; the error is of kind
// NotFound when the id can be none.
func (r *Reader) AccountNode(id string) (identity.NodeID, error) {
	account, reason := r.Config.Normalize(profile.AccountType, id, "")
	if reason != identity.Usable {
		return identity.NodeID{}, errs.New(errs.NotFound, "profile.unknown", "no account has that id")
	}
	return r.Keys.Node(account), nil
}
