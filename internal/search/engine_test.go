package search_test

import (
	"context"
	"testing"
	"time"

	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/search"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/sys"
)

const start = int64(1_750_000_000_000)

// place is a log, a state and what stands between and above them.
type place struct {
	t      testing.TB
	log    eventlog.Log
	store  state.Store
	runner *pipeline.Runner
	finder *search.Searcher
}

func open(t testing.TB, store state.Store) *place {
	if store == nil {
		store = mem.New()
	}
	cfg, keys, log := identity.DefaultConfig(), identity.NewKeyring([]byte("search")), logmem.New(1)
	cfg.Country = "FR"
	return &place{
		t: t, log: log, store: store,
		runner: &pipeline.Runner{
			Log: log, State: store, Stages: &pipeline.Stages{History: keyed.Index{}},
			Interpreter: &pipeline.Interpreter{Identity: cfg, Keys: keys}, Clock: sys.NewManual(time.UnixMilli(start)),
		},
		finder: &search.Searcher{State: store, Profiles: &profile.Reader{State: store, History: keyed.Index{}, Log: log, Config: cfg, Keys: keys}},
	}
}

// fold appends records and folds them.
func (p *place) fold(records ...[]byte) {
	p.t.Helper()
	entries := make([]eventlog.Entry, len(records))
	for i, r := range records {
		entries[i] = eventlog.Entry{Data: r}
	}
	if _, err := p.log.Append(context.Background(), entries); err != nil {
		p.t.Fatal(err)
	}
	if err := p.runner.Drain(context.Background()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) find(q string, limit int) search.Answer {
	p.t.Helper()
	a, err := p.finder.Find(context.Background(), q, 0, limit)
	if err != nil {
		p.t.Fatalf("%q: %v", q, err)
	}
	return a
}

// userOf is the user id of a hit.
func userOf(h *search.Hit) string {
	for _, id := range h.Profile.Identifiers {
		if id.Type == "user_id" {
			return id.Value
		}
	}
	return ""
}
