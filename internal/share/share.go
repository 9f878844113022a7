// Package share says which partitions of the log this process works on, and runs
// work for exactly as long as it holds them.
//
// Who holds what is decided elsewhere: by a group of consumers where several
// processes fold one log, by nobody where there is one. Nothing is ever right
// because of it. A process that works on a partition that it no longer holds, since
// it was paused and does not know, fails at its commit; sharing only spares the
// work that would fail.
//
// What exists once for a workspace, such as the writer of the lake, is work on one
// partition too: whoever holds that one does it.
package share

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Shares are the partitions that this process holds. It is safe for concurrent use.
type Shares struct {
	mu      sync.Mutex
	held    map[int32]*holding
	changed chan struct{} // closed and replaced at every change
}

// holding is one partition, from when it is gained until it is lost.
type holding struct {
	ctx  context.Context
	end  context.CancelFunc
	work sync.WaitGroup
}

// New returns shares that hold nothing.
func New() *Shares { return &Shares{held: map[int32]*holding{}, changed: make(chan struct{})} }

// All returns shares that hold each of so many partitions, for a process that is
// alone.
func All(partitions int) *Shares {
	s := New()
	for p := range partitions {
		s.Gain(int32(p))
	}
	return s
}

// Gain notes that this process holds the partitions from now on.
func (s *Shares) Gain(partitions ...int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range partitions {
		if s.held[p] == nil {
			h := &holding{}
			h.ctx, h.end = context.WithCancel(context.Background())
			s.held[p] = h
		}
	}
	s.tell()
}

// Lose notes that this process no longer holds the partitions. It returns when all
// work on them has ended, so that whoever gets them next finds them untouched.
func (s *Shares) Lose(partitions ...int32) {
	s.mu.Lock()
	var lost []*holding
	for _, p := range partitions {
		if h := s.held[p]; h != nil {
			delete(s.held, p)
			h.end()
			lost = append(lost, h)
		}
	}
	s.tell()
	s.mu.Unlock()
	for _, h := range lost {
		h.work.Wait()
	}
}

func (s *Shares) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Held returns the partitions that this process holds, ascending, and a channel
// that is closed when they have changed.
func (s *Shares) Held() ([]int32, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []int32
	for p := range s.held {
		out = append(out, p)
	}
	slices.Sort(out)
	return out, s.changed
}

// Holds reports whether this process holds a partition.
func (s *Shares) Holds(partition int32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[partition] != nil
}

// Each runs work for every partition while this process holds it, with a context
// that ends when it does. Work that returns nil before that is not begun again; an
// error of it, while the partition is held, ends the others and is returned. Each
// returns nil when ctx ends, once all work has.
func (s *Shares) Each(ctx context.Context, work func(ctx context.Context, partition int32) error) error {
	g, ctx := errgroup.WithContext(ctx)
	begun := map[int32]*holding{}
	for ctx.Err() == nil {
		changed := s.begin(begun, func(p int32, h *holding) {
			g.Go(func() error {
				defer h.work.Done()
				return during(ctx, h, func(ctx context.Context) error { return work(ctx, p) })
			})
		})
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return g.Wait()
}

// begin starts what is held and not begun.
func (s *Shares) begin(begun map[int32]*holding, start func(int32, *holding)) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, h := range s.held {
		if begun[p] != h {
			begun[p] = h
			h.work.Add(1) // under the lock that Lose takes before it waits
			start(p, h)
		}
	}
	return s.changed
}

// during runs work until ctx ends or the partition is lost; what fails because of
// either is no error.
func during(ctx context.Context, h *holding, work func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(h.ctx, stop)()
	err := work(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// While runs work whenever this process holds one partition, again each time that
// it gets it, until ctx ends.
func (s *Shares) While(ctx context.Context, partition int32, work func(context.Context)) {
	_ = s.Each(ctx, func(ctx context.Context, p int32) error { // the work returns no error
		if p == partition {
			work(ctx)
		}
		return nil
	})
}
