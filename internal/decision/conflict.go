package decision

import (
	"context"
	"slices"
	"strings"

	"kith/internal/identity"
	"kith/internal/state"
)

// Conflict returns the decisions that stand against a new one: of a merge the
// splits between those whom it would join, of a split the merges that join the
// two sides. Only what operators have decided counts here: evidence gives way.
// There is none when it is empty. r shows the decisions so far.
func Conflict(ctx context.Context, r state.Reader, rulings []identity.Ruling) ([]string, error) {
	var against []string
	for _, next := range rulings {
		left, err := merged(ctx, r, next.A)
		if err != nil {
			return nil, err
		}
		if next.Apart {
			against = append(against, left.path(next.B)...)
			continue
		}
		right, err := merged(ctx, r, next.B)
		if err != nil {
			return nil, err
		}
		for _, ruling := range left.splits {
			if right.reached(ruling.A) || right.reached(ruling.B) {
				against = append(against, ruling.Decision)
			}
		}
	}
	slices.Sort(against)
	return slices.Compact(against), nil
}

// island is the nodes that operators have joined with one, step by step.
type island struct {
	via    map[identity.NodeID]identity.Ruling // by node the merge that reached it
	start  identity.NodeID
	splits []identity.Ruling // on any of the nodes
}

func (w *island) reached(n identity.NodeID) bool {
	_, ok := w.via[n]
	return ok || n == w.start
}

// path lists the merges that lead to a node, none when it was not reached.
func (w *island) path(n identity.NodeID) []string {
	if !w.reached(n) {
		return nil
	}
	var out []string
	for n != w.start {
		r := w.via[n]
		out, n = append(out, r.Decision), r.Other(n)
	}
	return out
}

// islandMax bounds the nodes that are followed.
const islandMax = 10_000

func merged(ctx context.Context, r state.Reader, start identity.NodeID) (*island, error) {
	w := &island{via: map[identity.NodeID]identity.Ruling{}, start: start}
	todo := []identity.NodeID{start}
	for len(todo) > 0 && len(w.via) < islandMax {
		n := todo[0]
		todo = todo[1:]
		rulings, err := identity.Rulings(ctx, r, n)
		if err != nil {
			return nil, err
		}
		for _, next := range rulings {
			other := next.Other(n)
			switch {
			case strings.HasPrefix(next.Decision, identity.AliasPrefix):
			case next.Apart:
				w.splits = append(w.splits, next)
			case !w.reached(other):
				w.via[other] = next
				todo = append(todo, other)
			}
		}
	}
	return w, nil
}
