package kafka

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
)

// tailWaitMillis is how long a broker holds a request for news.
const tailWaitMillis = 500

// tail knows how far the partitions reach, for those who wait for more. While
// anybody waits, one request for news is open at each broker that leads a
// partition; nobody asks in intervals. What the log itself appends is known
// without asking.
type tail struct {
	log *Log

	mu       sync.Mutex
	ends     []int64
	news     chan struct{} // closed when ends have grown
	waiting  int
	watching bool
}

func (t *tail) init(l *Log) {
	t.log, t.news = l, make(chan struct{})
	t.ends = make([]int64, l.Partitions())
}

// advance notes ends that are at least these.
func (t *tail) advance(ends []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	grown := false
	for p, end := range ends {
		if end > t.ends[p] {
			t.ends[p], grown = end, true
		}
	}
	if grown {
		close(t.news)
		t.news = make(chan struct{})
	}
}

// beyond reports whether some partition reaches beyond its offset in from, and
// otherwise returns a channel that tells when to ask again.
func (t *tail) beyond(from []int64) (bool, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range min(len(from), len(t.ends)) {
		if t.ends[p] > from[p] {
			return true, nil
		}
	}
	return false, t.news
}

// Wait implements eventlog.Reader. A partition that from does not name is not
// waited for. While the brokers cannot be reached it goes on waiting.
func (l *Log) Wait(ctx context.Context, from []int64) error {
	ctx, done, err := l.call(ctx)
	if err != nil {
		return err
	}
	defer done()
	l.tail.enter()
	defer l.tail.leave()
	for {
		there, news := l.tail.beyond(from)
		if there {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return l.mapError(ctx, ctx.Err(), "the wait")
		}
	}
}

// enter notes somebody who waits and begins to watch if nobody does.
func (t *tail) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting++
	if !t.watching && t.log.ctx.Err() == nil {
		t.watching = true
		t.log.calls.Go(t.watch)
	}
}

func (t *tail) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting--
}

// wanted reports whether to go on watching; if not, watching has ended.
func (t *tail) wanted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watching = t.waiting > 0 && t.log.ctx.Err() == nil
	return t.watching
}

// watch follows all brokers until nobody waits. When one of them fails it learns
// anew who leads what.
func (t *tail) watch() {
	l := t.log
	for failures := 0; t.wanted(); {
		if failures > 0 {
			select {
			case <-l.opts.Clock.After(backoff(failures)):
			case <-l.ctx.Done():
			}
		}
		if t.learn() != nil {
			failures++
			continue
		}
		if failures = 0; !t.followAll() {
			failures = 1
		}
	}
}

// followAll follows every broker that leads a partition, until nobody waits or
// one of them fails, when it returns false.
func (t *tail) followAll() bool {
	ctx, cancel := context.WithCancel(t.log.ctx)
	defer cancel()
	var failed atomic.Bool
	var brokers sync.WaitGroup
	for broker, partitions := range t.log.topic.byLeader() {
		brokers.Go(func() {
			// All end together: one left alone would keep watch for its own
			// partitions only.
			defer cancel()
			if t.follow(ctx, broker, partitions) != nil && ctx.Err() == nil {
				failed.Store(true)
			}
		})
	}
	brokers.Wait()
	return !failed.Load()
}

// learn asks who leads the partitions and how far they reach.
func (t *tail) learn() error {
	l := t.log
	if err := l.topic.refresh(l.ctx, l); err != nil {
		return err
	}
	ends, err := l.ends(l.ctx)
	if err == nil {
		t.advance(ends)
	}
	return err
}

// follow keeps a request for news open at a broker until it fails or nobody
// waits. The one byte it asks for is answered with a whole batch, which is let
// go: readers fetch from where they are.
func (t *tail) follow(ctx context.Context, broker int32, partitions []int32) error {
	for t.stillWanted() {
		_, id := t.log.topic.leader(partitions[0])
		req := t.log.newFetch(id, t.offsets(partitions), 1)
		req.MinBytes, req.MaxWaitMillis = 1, tailWaitMillis
		answers, err := requestFetch(ctx, t.log.tailClient, broker, req)
		if err != nil {
			return err
		}
		ends := make([]int64, t.log.Partitions())
		for _, a := range answers {
			if err := kerr.ErrorForCode(a.ErrorCode); err != nil {
				return err
			}
			if int(a.Partition) < len(ends) {
				ends[a.Partition] = a.HighWatermark
			}
		}
		t.advance(ends)
	}
	return nil
}

func (t *tail) stillWanted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting > 0 && t.log.ctx.Err() == nil
}

// offsets are the known ends of some partitions.
func (t *tail) offsets(partitions []int32) map[int32]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[int32]int64, len(partitions))
	for _, p := range partitions {
		out[p] = t.ends[p]
	}
	return out
}
