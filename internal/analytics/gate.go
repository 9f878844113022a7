package analytics

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"kith/internal/errs"
)

// Observer is told of queries. Its callbacks may be nil and must be safe for
// concurrent use.
type Observer struct {
	// Ended is called once for each query: its code is ok, cut, canceled or that
	// of its error. rows is how many were read.
	Ended func(code string, took time.Duration, rows int64)
}

// Gate lets a bounded number of queries run at once and a bounded number wait. It
// implements Engine and is safe for concurrent use.
type Gate struct {
	engine   Engine
	slots    chan struct{}
	queue    chan struct{} // running and waiting
	now      func() time.Time
	observer Observer
	running  atomic.Int64
	waiting  atomic.Int64
}

// NewGate puts a gate before an engine.
func NewGate(engine Engine, limits Limits, now func() time.Time, observer Observer) *Gate {
	limits = limits.Filled()
	if observer.Ended == nil {
		observer.Ended = func(string, time.Duration, int64) {}
	}
	return &Gate{
		engine: engine, now: now, observer: observer,
		slots: make(chan struct{}, limits.AtOnce), queue: make(chan struct{}, limits.AtOnce+limits.Waiting),
	}
}

// Load returns how many queries run and how many wait for their turn.
func (g *Gate) Load() (running, waiting int64) { return g.running.Load(), g.waiting.Load() }

// busy is the refusal of a query beyond those that may wait.
type busy struct{ wait time.Duration }

// Error implements error.
func (b busy) Error() string { return "the queue of queries is full" }

// RetryAfter tells when to ask again.
func (b busy) RetryAfter() time.Duration { return b.wait }

// Query implements Engine. A query beyond those that may wait is refused with kind
// Exhausted.
func (g *Gate) Query(ctx context.Context, q Query) (Rows, error) {
	start := g.now()
	rows, err := g.admit(ctx, q)
	if err != nil {
		g.observer.Ended(codeOf(ctx, err), g.now().Sub(start), 0)
		return nil, err
	}
	return &gated{Rows: rows, gate: g, ctx: ctx, start: start}, nil
}

func (g *Gate) admit(ctx context.Context, q Query) (Rows, error) {
	select {
	case g.queue <- struct{}{}:
	default:
		return nil, errs.Wrap(busy{5 * time.Second}, errs.Exhausted, "sql.busy", "too many queries run and wait; ask again in a few seconds")
	}
	g.waiting.Add(1)
	select {
	case g.slots <- struct{}{}:
		g.waiting.Add(-1)
	case <-ctx.Done():
		g.waiting.Add(-1)
		<-g.queue
		return nil, errs.Wrap(ctx.Err(), errs.Unavailable, "sql.canceled", "the caller went away while the query waited")
	}
	g.running.Add(1)
	rows, err := g.engine.Query(ctx, q)
	if err != nil {
		g.release()
	}
	return rows, err
}

func (g *Gate) release() {
	g.running.Add(-1)
	<-g.slots
	<-g.queue
}

// gated is an answer that holds a place until it is closed.
type gated struct {
	Rows
	gate   *Gate
	ctx    context.Context
	start  time.Time
	rows   int64
	failed error
	once   sync.Once
}

// Next implements Rows.
func (r *gated) Next() ([][]byte, error) {
	row, err := r.Rows.Next()
	if err == nil {
		r.rows++
	} else {
		r.failed = err
	}
	return row, err
}

// Close implements Rows.
func (r *gated) Close() error {
	err := r.Rows.Close()
	r.once.Do(func() {
		r.gate.release()
		code := codeOf(r.ctx, r.failed)
		if code == "ok" && r.Cut() != Whole {
			code = "cut"
		}
		r.gate.observer.Ended(code, r.gate.now().Sub(r.start), r.rows)
	})
	return err
}

// codeOf is how a query ended, for counting.
func codeOf(ctx context.Context, err error) string {
	switch {
	case errors.Is(err, io.EOF):
		return "ok"
	case err == nil || ctx.Err() != nil:
		return "canceled" // nobody read to the end
	}
	return errs.CodeOf(err)
}
