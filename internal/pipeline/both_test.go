package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kith/event"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/oracle/workload"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
)

// together is a state in which a transaction that is about to commit waits until so
// many are, so that who excludes the others never does.
type together struct {
	state.Store
	mu   sync.Mutex
	left int
	all  chan struct{}
}

func newTogether(store state.Store) *together { return &together{Store: store} }

func (s *together) expect(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.all = n, make(chan struct{})
}

type togetherTx struct {
	state.Tx
	of *together
}

func (s *together) Begin(ctx context.Context, locks []state.Lock) (state.Tx, error) {
	tx, err := s.Store.Begin(ctx, locks)
	return &togetherTx{tx, s}, err
}

func (t *togetherTx) Commit(ctx context.Context, c state.Cursor) error {
	t.of.mu.Lock()
	all := t.of.all
	if t.of.left--; t.of.left == 0 {
		close(all)
	}
	t.of.mu.Unlock()
	if all != nil {
		select {
		case <-all:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return t.Tx.Commit(ctx, c)
}

// TestPartitionsFoldSideBySide: the homes of a partition's events have 22 of the 256
// locks at most, however many events a batch has, so transactions of all partitions can
// be open at the same moment: of people who are known, of new ones, and of what one
// says that names them alone.
func TestPartitionsFoldSideBySide(t *testing.T) {
	const partitions, people = 12, 4000
	store := newTogether(mem.New())
	e := newEngine(logmem.New(partitions), store, people)
	number := 0
	said := func(from, to int, body func(i int) string) (out [][]byte) {
		for i := from; i < to; i++ {
			number++
			r := record.Record{Kind: record.Event, Body: []byte(body(i)), Stamp: event.Stamp{
				Source: "web", MessageID: fmt.Sprint("m", number), Type: event.Track, ReceivedAt: workload.Start + int64(number), Timestamp: workload.Start + int64(number),
			}}
			out = append(out, r.AppendTo(nil))
		}
		return out
	}
	comes := func(i int) string {
		return fmt.Sprintf(`{"userId":"u%d","anonymousId":"a%d","event":"E"}`, i, i)
	}
	for _, step := range []struct {
		name    string
		records [][]byte
	}{
		{"new people", said(0, people, comes)},
		{"people who are known", said(0, people, comes)},
		{"new people who name one identifier each", said(people, 2*people, func(i int) string { return fmt.Sprintf(`{"userId":"u%d","event":"E"}`, i) })},
		{"both", slices.Concat(said(0, people, comes), said(2*people, 3*people, comes))},
	} {
		e.append(t, step.records)
		store.expect(partitions)
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		var wg sync.WaitGroup
		for p := range int32(partitions) {
			wg.Go(func() {
				if n, err := e.runner.RunOnce(ctx, p); err != nil || n < len(step.records)/partitions/2 {
					t.Errorf("%s: a batch of partition %d has %d records: %v", step.name, p, n, err)
				}
			})
		}
		wg.Wait()
		stop()
		if t.Failed() {
			return
		}
	}
	e.sameClusters(t)
}
