package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"kith/internal/eventlog"
	"kith/internal/eventlog/kafka"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/scenario"
	"kith/internal/state"
	statemem "kith/internal/state/mem"
)

// kafkaEngine is a log on a broker in this process, each place with a topic of its
// own, and a state in memory.
func kafkaEngine(t *testing.T) func(*testing.T) scenario.Engine {
	e := &onKafka{url: kafkatest.Start(t)}
	return func(*testing.T) scenario.Engine { return e }
}

type onKafka struct {
	url  string
	made atomic.Int64
}

func (e *onKafka) Name() string { return "kafka" }

func (e *onKafka) Open(ctx context.Context, partitions int) (scenario.Place, error) {
	p := &kafkaPlace{url: e.url, topic: fmt.Sprintf("scenario-%d", e.made.Add(1)), partitions: partitions}
	return p, p.open(ctx)
}

type kafkaPlace struct {
	url, topic string
	partitions int
	log        *kafka.Log
	state      *statemem.Store
}

func (p *kafkaPlace) open(ctx context.Context) (err error) {
	p.log, err = kafka.Open(ctx, p.url, p.topic, kafka.Options{Partitions: p.partitions})
	p.state = statemem.New()
	return err
}

func (p *kafkaPlace) Log() eventlog.Log      { return p.log }
func (p *kafkaPlace) State() state.Store     { return p.state }
func (p *kafkaPlace) History() history.Index { return keyed.Index{} }

// Crash loses the state; the broker goes on.
func (p *kafkaPlace) Crash(ctx context.Context) error {
	if err := p.Close(); err != nil {
		return err
	}
	return p.open(ctx)
}

func (p *kafkaPlace) Fresh(context.Context) (state.Store, error) { return statemem.New(), nil }

func (p *kafkaPlace) Close() error { return errors.Join(p.state.Close(), p.log.Close()) }
