package law_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"kith/internal/consent"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/fact"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/statehash"
	"kith/internal/sys"
)

// crowd is many processes that fold one log into one state, each a partition.
type crowd struct {
	log   eventlog.Log
	store state.Store
	in    *pipeline.Interpreter
	batch int
	most  int          // observations read for one change, 0: as in the product
	alone atomic.Int64 // batches that held all locks of nodes
	done  atomic.Int64 // batches
	// bell rings at commits; who works beside the folding waits for it. nil: they look
	// all the time.
	bell chan struct{}
}

func newCrowd(store state.Store, seed uint64, partitions, batch int) *crowd {
	cfg := identity.DefaultConfig()
	cfg.AliasMerges = seed%3 == 0
	return &crowd{
		log: logmem.New(partitions), store: store, batch: batch,
		in: &pipeline.Interpreter{Identity: cfg, Keys: identity.NewKeyring([]byte(fmt.Sprint("side", seed))), Consent: &consent.Config{}},
	}
}

func (c *crowd) runner() *pipeline.Runner {
	return &pipeline.Runner{
		Log: c.log, State: c.store, Stages: &pipeline.Stages{History: keyed.Index{}}, Interpreter: c.in,
		Clock: sys.NewManual(time.UnixMilli(workload.Start)), Config: pipeline.Config{BatchRecords: c.batch, ReviseMax: c.most},
	}
}

// send appends records to the partitions of their homes.
func (c *crowd) send(ctx context.Context, records [][]byte) error {
	entries := make([]eventlog.Entry, len(records))
	for i, data := range records {
		home := c.in.Contribute(&record.Docs{}, eventlog.Position{}, data).Home
		entries[i] = eventlog.Entry{Partition: int32(int(state.LockOf(home)) % c.log.Partitions()), Data: data}
	}
	_, err := c.log.Append(ctx, entries)
	return err
}

// works are what the processes do: one folds each partition, one brings clusters up,
// and one takes runs back.
func (c *crowd) works() []func(context.Context) error {
	var left atomic.Int64
	left.Store(int64(c.log.Partitions()))
	var out []func(context.Context) error
	for p := range c.log.Partitions() {
		r := c.runner()
		r.Observer.Alone = func() { c.alone.Add(1) }
		r.Observer.Committed = func(int32, int, int64, time.Duration) {
			c.done.Add(1)
			c.ring()
		}
		out = append(out, func(ctx context.Context) error {
			defer c.ring()
			defer left.Add(-1)
			for {
				n, err := r.RunOnce(ctx, int32(p))
				if err != nil && !passing(err) || err == nil && n == 0 {
					return err
				}
			}
		})
	}
	beside := c.runner()
	until := func(look func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			for left.Load() > 0 {
				if err := look(ctx); err != nil && !passing(err) {
					return err
				}
				if c.bell != nil && left.Load() > 0 {
					<-c.bell
				}
			}
			return nil
		}
	}
	return append(out, until(beside.Settle), until(func(ctx context.Context) error {
		_, err := beside.Sweep(ctx)
		return err
	}))
}

// ring lets those look who work beside the folding.
func (c *crowd) ring() {
	for range 2 {
		select {
		case c.bell <- struct{}{}:
		default:
		}
	}
}

// passing reports whether trying again mends an error.
func passing(err error) bool {
	return errs.Is(err, errs.Conflict) || errs.Is(err, errs.Unavailable)
}

// verify holds the state against the oracle's, the stored clusters row by row against
// those that deriving everything gives, and what the facts tell against these.
func (c *crowd) verify(ctx context.Context, set [][]byte) error {
	snap, err := c.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	got, err := statehash.Read(ctx, snap, keyed.Index{})
	if err != nil {
		return err
	}
	var wrong []error
	want := oracle.FoldUnder(set, oracle.Config{Identity: c.in.Identity, Keys: c.in.Keys, Consent: c.in.Consent})
	if w, g := want.Contents.Explain(c.in.Identity), got.Explain(c.in.Identity); w.Total != g.Total {
		wrong = append(wrong, fmt.Errorf("the state differs from the oracle's (-want +got):\n%s", cmp.Diff(strings.Join(w.Lines, "\n"), strings.Join(g.Lines, "\n"))))
	}
	all, err := identity.ReadBulk(ctx, snap, c.in.Identity)
	if err != nil {
		return err
	}
	n, first, err := all.Derive().Differences(ctx, snap, 5)
	if err != nil {
		return err
	}
	if n > 0 {
		wrong = append(wrong, fmt.Errorf("%d stored clusters are not the derived ones, such as those of %v", n, first))
	}
	if c.most == 0 { // what waits is told as it was believed
		wrong = append(wrong, c.verifyMoves(ctx, snap, got))
	}
	return errors.Join(wrong...)
}

// verifyMoves follows the facts that tell of profiles: whatever the order of those of
// several partitions, each node must have come to the profile that it has, and left
// every other one as often as it came to it.
func (c *crowd) verifyMoves(ctx context.Context, snap state.Reader, got *statehash.Contents) error {
	type place struct{ node, profile identity.NodeID }
	at := map[place]int{}
	for p := range c.log.Partitions() {
		for b, err := range fact.Read(ctx, snap, int32(p), 0) {
			if err != nil {
				return err
			}
			for _, f := range b.Facts {
				if f.Kind == fact.NodeMoved {
					at[place{f.Node, f.From}]--
					at[place{f.Node, f.Profile}]++
				}
			}
		}
	}
	var none identity.NodeID
	leaders := got.Derive(c.in.Identity).Leader
	for n, leader := range leaders {
		at[place{n, none}]++
		at[place{n, leader}]--
	}
	for where, times := range at {
		if times != 0 {
			return fmt.Errorf("by the facts %v came to %v %+d times more than it left, led by %v", got.IDs[where.node], got.IDs[where.profile], times, got.IDs[leaders[where.node]])
		}
	}
	return nil
}

// sideSet is the random records of a seed.
func sideSet(seed uint64, n int) [][]byte {
	set := workload.Links(seed, n)
	switch seed % 4 {
	case 1:
		set = append(set, workload.Decisions(seed, 1+n/20)...)
	case 2:
		set = append(set, workload.Consents(seed, n/4)...)
	case 3:
		set = append(append(workload.Records(seed, n/2), set[:n/2]...), workload.Decisions(seed, 1+n/40)...)
	}
	return workload.Shuffled(seed, set)
}

// TestFoldingSideBySide: whatever happens between any two calls of the transactions of
// several processes that fold partitions of one workspace, the state comes to what the
// oracle says.
func TestFoldingSideBySide(t *testing.T) {
	first, n := uint64(0), 80
	switch {
	case *oneSeed != 0:
		first, n = *oneSeed, 1
	case *seeds > 0:
		n = *seeds
	case testing.Short():
		n = 30
	}
	which := []uint64{89, 95, 145, 529} // which have found something
	if *oneSeed != 0 {
		which = nil
	}
	for seed := first; seed < first+uint64(n); seed++ {
		which = append(which, seed)
	}
	var alone, done, beside int64
	for _, seed := range which {
		store := newTurns(mem.New(), seed)
		c := newCrowd(store, seed, 2+int(seed%11), 1+int(seed%5))
		if seed%6 == 5 {
			c.most = 1 + int(seed%9)
		}
		set := sideSet(seed, 40+int(seed%7)*20)
		ctx := context.Background()
		err := c.send(ctx, set)
		if err == nil {
			err = store.play(ctx, c.works()...)
		}
		if err == nil {
			err = c.runner().Drain(ctx)
		}
		if err == nil {
			err = c.verify(ctx, set)
		}
		if err != nil {
			t.Errorf("seed %d, %d partitions, batches of %d, %d records: %v\ngo test ./test/law -run TestFoldingSideBySide -seed=%d", seed, c.log.Partitions(), c.batch, len(set), err, seed)
		}
		alone, done = alone+c.alone.Load(), done+c.done.Load()
		for others, times := range store.beside {
			if others > 0 {
				beside += int64(times)
			}
		}
	}
	t.Logf("%d sets: %d batches, %d of them under all locks, %d commits beside others", len(which), done, alone, beside)
	if beside*4 < done && n > 10 {
		t.Errorf("only %d of %d batches committed beside others, which proves too little", beside, done)
	}
}

// TestFoldingSideBySideOnEveryEngine: the same of the engines themselves, with
// transactions that run at the same time.
func TestFoldingSideBySideOnEveryEngine(t *testing.T) {
	for _, engine := range stateEngines() {
		t.Run(engine.name, func(t *testing.T) {
			first, n := uint64(1000), max(2, 12/engine.cost)
			switch {
			case *oneSeed != 0:
				first, n = *oneSeed, 1
			case *seeds > 0:
				n = max(1, *seeds/engine.cost)
			}
			for seed := first; seed < first+uint64(n); seed++ {
				if err := foldTogether(t, engine, seed); err != nil {
					t.Errorf("seed %d: %v\ngo test ./test/law -run TestFoldingSideBySideOnEveryEngine/%s -seed=%d", seed, err, engine.name, seed)
				}
			}
		})
	}
}

// foldTogether folds the set of a seed by as many processes as there are partitions.
func foldTogether(t *testing.T, engine stateEngine, seed uint64) error {
	store := engine.open(t)
	defer store.Close()
	c := newCrowd(store, seed, 8+int(seed%5), 1+int(seed%20))
	c.bell = make(chan struct{}, 2)
	if seed%5 == 4 {
		c.most = 1 + int(seed%9)
	}
	set := sideSet(seed, 300)
	ctx := context.Background()
	if err := c.send(ctx, set); err != nil {
		return err
	}
	g, together := errgroup.WithContext(ctx)
	for _, work := range c.works() {
		g.Go(func() error { return work(together) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := c.runner().Drain(ctx); err != nil {
		return err
	}
	return c.verify(ctx, set)
}
