package pipeline_test

import (
	"context"
	"fmt"
	"testing"

	"kith/internal/entity"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/identity"
	"kith/internal/oracle/workload"
	"kith/internal/state/mem"
	"kith/internal/statehash"
)

func entities() *entity.Config {
	return &entity.Config{Definitions: []entity.Definition{
		{Entity: "products", Key: "id"},
		{Entity: "subscriptions", Key: "id", Attribute: "owner", Type: "user_id"},
	}}
}

func rowEngine(partitions, batch int) *engine {
	e := newEngine(logmem.New(partitions), mem.New(), batch)
	e.runner.Interpreter.Entities = entities()
	return e
}

// TestRowsAreAFunctionOfTheSet: order, repeats, batches and partitions do not show
// in the rows of entities and in whose they are.
func TestRowsAreAFunctionOfTheSet(t *testing.T) {
	seeds := 80
	if testing.Short() {
		seeds = 10
	}
	rows := 0
	for seed := range uint64(seeds) {
		set := workload.Rows(seed, 5+int(seed)/2)
		for round, shape := range []struct{ batch, partitions int }{{1, 1}, {3, 1}, {1000, 1}, {2, 3}, {1000, 3}} {
			t.Run(fmt.Sprintf("seed=%d/batch=%d/partitions=%d", seed, shape.batch, shape.partitions), func(t *testing.T) {
				e := rowEngine(shape.partitions, shape.batch)
				sent := set
				if round > 0 {
					sent = workload.Shuffled(seed+uint64(round)*1000, set)
				}
				e.append(t, sent)
				if err := e.runner.Drain(context.Background()); err != nil {
					t.Fatal(err)
				}
				e.holds(t, set)
				e.checkOwned(t)
				rows += e.explain(t).Rows[statehash.EntityRows]
			})
		}
	}
	if rows == 0 {
		t.Fatal("no workload left a row")
	}
}

// checkOwned: a row is listed with its owner and with nobody else.
func (e *engine) checkOwned(t *testing.T) {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	c, err := statehash.Read(context.Background(), snap, e.runner.Stages.History)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Owner == nil {
			continue
		}
		rows, err := entity.Owned(context.Background(), snap, r.Entity, []identity.NodeID{e.keys.Node(*r.Owner)})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, have := range rows {
			found = found || have.Key == r.Key
		}
		if !found {
			t.Errorf("the row %s of %s is not listed with its owner", r.Key, r.Entity)
		}
	}
}
