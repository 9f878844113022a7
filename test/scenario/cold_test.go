package scenario_test

import (
	"context"
	"sync/atomic"
	"testing"

	"kith/internal/cold"
	"kith/internal/cold/coldtest"
	"kith/internal/scenario"
	"kith/internal/scenario/engines"
	"kith/internal/state"
)

// coldEngine is the embedded engines with a state of whose history some is moved
// elsewhere after every commit. What lies there outlasts a crash, which takes the last
// commits of the state. In the end something has to have been moved.
func coldEngine(t *testing.T) func(*testing.T) scenario.Engine {
	e := onCold{engines.Embedded(), new(atomic.Int64)}
	t.Cleanup(func() {
		if e.moved.Load() == 0 {
			t.Error("nothing was moved")
		}
	})
	return func(*testing.T) scenario.Engine { return e }
}

type onCold struct {
	scenario.Engine
	moved *atomic.Int64 // rows
}

// counted is a backend that counts what it is given.
type counted struct {
	cold.Backend
	rows *atomic.Int64
}

// Insert implements cold.Backend.
func (c counted) Insert(ctx context.Context, g cold.Generation, versions []cold.Version) error {
	c.rows.Add(int64(len(versions)))
	return c.Backend.Insert(ctx, g, versions)
}

func (onCold) Name() string { return "cold" }

func (e onCold) Open(ctx context.Context, partitions int) (scenario.Place, error) {
	below, err := e.Engine.Open(ctx, partitions)
	if err != nil {
		return nil, err
	}
	p := &coldPlace{Place: below, backend: counted{&coldtest.Memory{}, e.moved}}
	p.restless = p.over(below.State())
	return p, nil
}

type coldPlace struct {
	scenario.Place
	backend  cold.Backend
	restless *coldtest.Restless
	opened   uint64
}

func (p *coldPlace) over(s state.Store) *coldtest.Restless {
	p.opened++
	r := coldtest.NewRestless(s, p.backend, p.opened)
	r.Bind = coldtest.Whole
	return r
}

func (p *coldPlace) State() state.Store { return p.restless }

func (p *coldPlace) Crash(ctx context.Context) error {
	err := p.Place.Crash(ctx)
	p.restless = p.over(p.Place.State())
	return err
}

func (p *coldPlace) Fresh(ctx context.Context) (state.Store, error) {
	s, err := p.Place.Fresh(ctx)
	if err != nil {
		return nil, err
	}
	return p.over(s), nil
}
