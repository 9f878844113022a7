// Package engines opens the engines that scenarios run on, each place shared
// with nobody and gone when it is closed.
package engines

import (
	"context"

	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/scenario"
	"kith/internal/state"
	statemem "kith/internal/state/mem"
)

// Memory is an event log and a state that live in memory.
func Memory() scenario.Engine { return memory{} }

type memory struct{}

func (memory) Name() string { return "memory" }

func (memory) Open(_ context.Context, partitions int) (scenario.Place, error) {
	return &memoryPlace{log: logmem.New(partitions), state: statemem.New()}, nil
}

type memoryPlace struct {
	log   *logmem.Log
	state *statemem.Store
}

func (p *memoryPlace) Log() eventlog.Log      { return p.log }
func (p *memoryPlace) State() state.Store     { return p.state }
func (p *memoryPlace) History() history.Index { return keyed.Index{} }

// Crash keeps the log, which stands for the durable one, and loses the state.
func (p *memoryPlace) Crash(context.Context) error {
	err := p.state.Close()
	p.state = statemem.New()
	return err
}

func (p *memoryPlace) Fresh(context.Context) (state.Store, error) { return statemem.New(), nil }

func (p *memoryPlace) Close() error {
	if err := p.state.Close(); err != nil {
		return err
	}
	return p.log.Close()
}
