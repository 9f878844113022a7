package app

import (
	"context"

	"kith/internal/search"
)

// Find implements api.Profiles.
func (p people) Find(ctx context.Context, q string, offset, limit int) (search.Answer, error) {
	s := search.Searcher{State: p.app.store, Profiles: p.app.live.Load().reader}
	return s.Find(ctx, q, offset, limit)
}
