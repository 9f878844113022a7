package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"kith/internal/eventlog/kafka"
	"kith/internal/state"
)

// fault is something that breaks and is mended again.
type fault struct {
	name string
	does func(t *testing.T, w *world, rng *rand.Rand)
}

// faults are all that can happen here, in the order of the first round.
func faults(w *world) []fault {
	all := []fault{
		{"a node is killed", func(t *testing.T, w *world, rng *rand.Rand) {
			n := w.nodes[rng.IntN(len(w.nodes))]
			n.kill()
			<-time.After(time.Second)
			n.launch(t)
		}},
		{"a broker is killed", func(t *testing.T, w *world, rng *rand.Rand) {
			b := w.brokers[rng.IntN(len(w.brokers))]
			b.kill()
			<-time.After(5 * time.Second)
			b.launch(t)
			b.await(t)
		}},
		{"PostgreSQL is restarted", func(t *testing.T, w *world, _ *rand.Rand) { w.db.restart(t) }},
		{"a node is paused", func(_ *testing.T, w *world, rng *rand.Rand) {
			pause(&w.nodes[rng.IntN(len(w.nodes))].process, 9*time.Second)
		}},
		{"PostgreSQL fails over to its standby", func(t *testing.T, w *world, _ *rand.Rand) {
			w.db.failOver(t)
			w.db.follow(t) // so that it can again
		}},
		{"a broker is paused", func(_ *testing.T, w *world, rng *rand.Rand) {
			pause(&w.brokers[rng.IntN(len(w.brokers))].process, 6*time.Second)
		}},
		{"PostgreSQL is paused", func(_ *testing.T, w *world, _ *rand.Rand) {
			pause(&w.db.servers[0].process, 5*time.Second)
		}},
		{"a node is stopped in good order", func(t *testing.T, w *world, rng *rand.Rand) {
			n := w.nodes[rng.IntN(len(w.nodes))]
			n.terminate(t)
			n.launch(t)
		}},
	}
	if w.net.cable != "" {
		all = append(all, fault{"a node is cut off the network", func(t *testing.T, w *world, _ *rand.Rand) {
			w.net.pull(t, true)
			<-time.After(10 * time.Second)
			w.net.pull(t, false)
		}})
	}
	if w.db.disk != "" {
		all = append(all, fault{"the disk of PostgreSQL is full", fillDisk})
	}
	return append(all, historyFaults(w)...)
}

// pause stops a program as a machine that hangs does, and lets it go on.
func pause(p *process, d time.Duration) {
	p.signal(syscall.SIGSTOP)
	<-time.After(d)
	p.signal(syscall.SIGCONT)
}

// fillDisk leaves the database no room for a while. A server that gave up is
// started again, as whoever runs it would.
func fillDisk(t *testing.T, w *world, _ *rand.Rand) {
	filler := filepath.Join(w.db.disk, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(chunk)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	<-time.After(5 * time.Second)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if first := w.db.servers[0]; !first.runs() {
		w.db.launch(t, first)
	}
	if !w.db.servers[1].runs() {
		w.db.follow(t)
	}
}

// watch measures how long the folding of a partition stands still, of those that
// have something to fold.
type watch struct {
	log   *kafka.Log
	state state.Store

	mu      sync.Mutex
	at      []int64     // by partition, how far it is
	since   []time.Time // by partition, when it moved last, or had nothing to do
	longest time.Duration
	total   int64
	failed  error // why the state could not be asked last; nil if it could
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// startWatch looks 20 times a second how far the state is.
func startWatch(log *kafka.Log, s state.Store) *watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{log: log, state: s, at: make([]int64, log.Partitions()), since: make([]time.Time, log.Partitions()), stop: stop}
	_ = w.still() // begins now
	w.ended.Go(func() {
		for ctx.Err() == nil {
			w.look(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	return w
}

// look notes how far each partition is. After a failover it may be less than before.
// What cannot be asked has not moved.
func (w *watch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	now, err := folded(ctx, w.state, len(w.at))
	ends, endsErr := w.log.Ends(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed = err; err != nil {
		return
	}
	w.total = 0
	for p, n := range now {
		w.total += n
		if n != w.at[p] || endsErr == nil && n >= ends[p] {
			w.longest, w.since[p], w.at[p] = max(w.longest, time.Since(w.since[p])), time.Now(), n
		}
	}
}

// still returns the longest time that a partition stood still since it was asked
// last.
func (w *watch) still() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	longest := w.longest
	for p := range w.since {
		longest = max(longest, time.Since(w.since[p]))
		w.since[p] = time.Now()
	}
	w.longest = 0
	return longest
}

func (w *watch) end() {
	w.stop()
	w.ended.Wait()
}

// moves waits until the folding goes on after a fault.
func (w *watch) moves(t *testing.T, within time.Duration) {
	t.Helper()
	w.mu.Lock()
	before := w.total
	w.mu.Unlock()
	waitFor(t, within, "the folding", func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.total == before {
			return fmt.Errorf("it stands at %d records; asking the state: %v", before, w.failed)
		}
		return nil
	})
}
