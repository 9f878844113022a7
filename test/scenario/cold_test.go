package scenario_test

import (
	"context"

	"kith/internal/cold"
	"kith/internal/cold/coldtest"
	"kith/internal/pipeline"
	"kith/internal/scenario"
	"kith/internal/scenario/engines"
	"kith/internal/state"
)

// coldEngine is the embedded engines with a state of whose history some is moved
// elsewhere after every commit. What lies there outlasts a crash, which takes the last
// commits of the state.
func coldEngine() scenario.Engine { return onCold{engines.Embedded()} }

type onCold struct{ scenario.Engine }

func (onCold) Name() string { return "cold" }

func (e onCold) Open(ctx context.Context, partitions int) (scenario.Place, error) {
	below, err := e.Engine.Open(ctx, partitions)
	if err != nil {
		return nil, err
	}
	p := &coldPlace{Place: below, backend: &coldtest.Memory{}}
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
	r.Bind = whole
	return r
}

// whole binds movers to a state that is not being emptied.
func whole(ctx context.Context, r state.Reader) (key, value []byte, ok bool, err error) {
	key, value, err = pipeline.Interpretation(ctx, r)
	return key, value, value == nil || len(value) == 32, err
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
