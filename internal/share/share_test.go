package share

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// crew notes what runs.
type crew struct {
	mu      sync.Mutex
	running []int32
}

func (c *crew) work(ctx context.Context, p int32) error {
	c.mu.Lock()
	c.running = append(c.running, p)
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = slices.DeleteFunc(c.running, func(q int32) bool { return q == p })
	return ctx.Err()
}

func (c *crew) now() []int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(c.running)
	slices.Sort(out)
	return out
}

func TestWorkRunsWhileAPartitionIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := New(), &crew{}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Each(ctx, c.work) }()
		f := func(want ...int32) {
			t.Helper()
			synctest.Wait()
			if got := c.now(); !slices.Equal(got, want) {
				t.Errorf("work runs on %v, want %v", got, want)
			}
		}
		f()
		s.Gain(1, 3, 5)
		f(1, 3, 5)
		s.Lose(3, 4)
		if slices.Contains(c.now(), 3) {
			t.Error("a partition is lost before the work on it has ended")
		}
		f(1, 5)
		s.Gain(3, 5)
		f(1, 3, 5)
		if held, _ := s.Held(); !slices.Equal(held, []int32{1, 3, 5}) || !s.Holds(3) || s.Holds(4) {
			t.Errorf("held are %v", held)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		f()
	})
}

func TestAFailureEndsAllWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		c := &crew{}
		err := All(4).Each(t.Context(), func(ctx context.Context, p int32) error {
			if p == 2 {
				return broken
			}
			return c.work(ctx, p)
		})
		if !errors.Is(err, broken) || len(c.now()) > 0 {
			t.Errorf("%v, and %v still run", err, c.now())
		}
	})
}

// TestWorkOfOnePartition: what exists once runs where its partition is, and again
// when that comes back.
func TestWorkOfOnePartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := All(3)
		times, running := 0, false
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.While(ctx, 1, func(ctx context.Context) {
				times, running = times+1, true
				<-ctx.Done()
				running = false
			})
		}()
		synctest.Wait()
		if !running || times != 1 {
			t.Errorf("runs: %v, %d times", running, times)
		}
		s.Lose(0, 1)
		if running {
			t.Error("it runs although its partition is lost")
		}
		s.Gain(1)
		synctest.Wait()
		if !running || times != 2 {
			t.Errorf("runs: %v, %d times", running, times)
		}
		stop()
		<-ended
	})
}
