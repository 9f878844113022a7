package app

import (
	"context"

	"kith/internal/api"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/state"
)

// Why implements api.Explainer.
func (k kinship) Why(ctx context.Context, a, b profile.Ref) (out api.Explained, err error) {
	l := k.app.live.Load()
	err = k.view(ctx, func(r state.Reader) error {
		var nodes [2]identity.NodeID
		for i, end := range [...]*api.ExplainedEnd{&out.A, &out.B} {
			ref := [...]profile.Ref{a, b}[i]
			if *end, err = k.end(ctx, r, l, ref); err != nil {
				return err
			}
			nodes[i] = k.app.ws.Keyring().Node(end.Identifier)
		}
		if out.A.Reason != identity.Usable || out.B.Reason != identity.Usable {
			return nil
		}
		out.Explanation, err = identity.Why(ctx, r, l.rules, nodes[0], nodes[1])
		return err
	})
	return out, err
}

// end is an identifier that was asked for, or what a profile id stands for.
func (k kinship) end(ctx context.Context, r state.Reader, l *live, ref profile.Ref) (api.ExplainedEnd, error) {
	if ref.Type == profile.ProfileIDType {
		id, err := identifierOf(ctx, r, ref.Value, "")
		if errs.Is(err, errs.Invalid) {
			err = errs.New(errs.NotFound, "profile.unknown", "no profile has that identifier")
		}
		return api.ExplainedEnd{Identifier: id}, err
	}
	id, reason := l.rules.Normalize(ref.Type, ref.Value, "")
	if reason != identity.Usable {
		id = identity.Identifier{Type: ref.Type, Value: ref.Value}
	}
	return api.ExplainedEnd{Identifier: id, Reason: reason}, nil
}
