package app

import (
	"context"

	"kith/internal/api"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/upload"
)

// uploader takes uploads of lists.
func (a *App) uploader() *upload.Uploader {
	return upload.New(upload.Config{
		State: a.store, Jobs: a.jobs, Keys: a.ws.Keyring(), Source: apiSource, ShowJob: api.ShowJob,
		Rules: func() *identity.Config { return a.live.Load().rules },
		Segment: func(_ context.Context, key string) (*segment.Definition, error) {
			if d := a.definitions.Today().Segment(key); d != nil {
				return d, nil
			}
			return nil, errs.New(errs.NotFound, "segment.not_found", "there is no segment of that key")
		},
		Append: a.append, ReceivedAt: a.collector.ReceivedAt, Partition: a.partitionOf,
	})
}

// lists answers what uploads of members have said.
type lists struct{ app *App }

var _ api.Lists = lists{}

// Namings implements api.Lists.
func (l lists) Namings(ctx context.Context, segment string, ref profile.Ref) (out []entity.Naming, err error) {
	err = kinship(l).view(ctx, func(r state.Reader) error {
		nodes, err := l.nodes(ctx, r, ref)
		if err != nil {
			return err
		}
		out, err = entity.Namings(ctx, r, segment, nodes)
		return err
	})
	return out, err
}

// nodes are those of the person or account that a reference names.
func (l lists) nodes(ctx context.Context, r state.Reader, ref profile.Ref) ([]identity.NodeID, error) {
	if ref.Type == profile.AccountType {
		node, err := l.app.definitions.Engine().Reader(segment.NewSet()).AccountNode(ref.Value)
		return []identity.NodeID{node}, err
	}
	node, err := l.app.live.Load().reader.Node(ref)
	if err != nil {
		return nil, err
	}
	c, err := identity.NewClusters(r).Of(ctx, node)
	if err != nil {
		return nil, err
	}
	return c.Nodes, nil
}
