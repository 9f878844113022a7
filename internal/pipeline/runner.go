package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lockset"
	"kith/internal/markday"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/sys"
)

// Observer is told what the runner does. Any function may be nil; all must be
// quick and safe for concurrent use.
type Observer struct {
	Committed func(partition int32, records int, bytes int64, took time.Duration)
	Alone     func()                                // of a committed batch: it held the locks of all nodes
	Stage     func(name string, took time.Duration) // of one batch: read, interpret, fold, commit
	Dropped   func(typ string, reason string)       // a value identified nobody
	Said      func(via, state string)               // something was said of a purpose
	Wrote     func()                                // a row of an entity was written
	Held      func(code string)                     // a record was kept apart
	Retried   func(partition int32, err error)      // a batch is tried again, after that; or what is done Beside
}

// Beside stands for the partition of what is done beside the folding of batches.
const Beside = int32(-1)

// contents tells what one record brings.
func (o *Observer) contents(c *Contribution) {
	for _, d := range c.Dropped {
		if o.Dropped != nil {
			o.Dropped(d.Type, string(d.Reason))
		}
	}
	for _, s := range c.Said.All {
		if o.Said != nil {
			o.Said(s.Via.String(), s.State.String())
		}
	}
	if c.Row != nil && o.Wrote != nil {
		o.Wrote()
	}
}

// Config bounds a batch.
type Config struct {
	BatchRecords int // at most this many records; 1,000 if 0
	BatchBytes   int // at most this many bytes of records beyond the first; 4 MiB if 0
	ReviseMax    int // observations read for one change of clusters while its batch waits; 20,000 if 0
}

// Runner moves records from the log into the state. It owns the goroutines, the
// transactions and the cursors.
type Runner struct {
	Log         eventlog.Log
	State       state.Store
	Stages      *Stages
	Interpreter *Interpreter
	Clock       sys.Clock
	Config      Config
	Observer    Observer

	// Reaccept judges a message that the collector had refused by the limits of
	// today and returns it with a whole stamp, or the reason why it is still
	// refused. Without it a refused message cannot be put back.
	Reaccept func(record.Record) (record.Record, error)

	// Share runs work for each partition while this process is to fold it; nil: for
	// all of them. What is done once for all happens with the first partition.
	Share func(ctx context.Context, work func(ctx context.Context, partition int32) error) error

	mu        sync.Mutex
	committed chan struct{} // closed and replaced at every commit
	decided   chan struct{} // likewise at every commit of a decision
	behind    bool          // evidence may wait to be brought into the clusters
}

// Run folds until ctx ends or something fails that trying again cannot mend. It
// returns nil when ctx ended.
func (r *Runner) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	work := func(ctx context.Context, p int32) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return r.runPartition(ctx, p) })
		if p == 0 {
			g.Go(func() error { return r.keepUp(ctx) })
			g.Go(func() error { return r.runSweeps(ctx) })
		}
		return g.Wait()
	}
	if r.Share != nil {
		g.Go(func() error { return r.Share(ctx, work) })
	} else {
		for p := range r.Log.Partitions() {
			g.Go(func() error { return work(ctx, int32(p)) })
		}
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// fellBehind tells keepUp that evidence may wait.
func (r *Runner) fellBehind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behind = true
}

// keepUp settles whenever evidence waits, perhaps left by another process, until ctx
// ends.
func (r *Runner) keepUp(ctx context.Context) error {
	for r.fellBehind(); ctx.Err() == nil; {
		progress := r.progress()
		r.mu.Lock()
		behind := r.behind
		r.behind = false
		r.mu.Unlock()
		if !behind {
			select {
			case <-ctx.Done():
			case <-progress:
			case <-r.Clock.After(sweepLook):
				r.fellBehind()
			}
			continue
		}
		switch err := r.Settle(ctx); {
		case err == nil || ctx.Err() != nil:
		case errs.Is(err, errs.Conflict), errs.Is(err, errs.Unavailable), errs.Is(err, errs.Exhausted):
			r.retried(Beside, err)
			r.fellBehind()
			select {
			case <-ctx.Done():
			case <-r.Clock.After(settleBackoff):
			}
		default:
			return err
		}
	}
	return nil
}

// settleBackoff is the pause after a pass that failed.
const settleBackoff = time.Second

// sweepLook is how often a runner looks for retractions that came by other
// processes.
const sweepLook = time.Second

// runSweeps takes steps of retractions until ctx ends.
func (r *Runner) runSweeps(ctx context.Context) error {
	for ctx.Err() == nil {
		decided := r.awaitDecision()
		more, err := r.Sweep(ctx)
		switch {
		case err == nil && more:
			continue
		case err == nil || ctx.Err() != nil:
		case errs.Is(err, errs.Conflict), errs.Is(err, errs.Unavailable), errs.Is(err, errs.Exhausted):
			r.retried(Beside, err)
			decided = nil
		default:
			return err
		}
		select {
		case <-ctx.Done():
		case <-decided:
		case <-r.Clock.After(sweepLook):
		}
	}
	return nil
}

// awaitDecision returns a channel that is closed when this runner commits a
// decision.
func (r *Runner) awaitDecision() <-chan struct{} { return r.hear(&r.decided) }

// hear returns a channel that ring closes.
func (r *Runner) hear(bell *chan struct{}) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *bell == nil {
		*bell = make(chan struct{})
	}
	return *bell
}

// ring wakes who hears a bell.
func (r *Runner) ring(bell *chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *bell != nil {
		close(*bell)
		*bell = nil
	}
}

// runPartition follows one partition: one goroutine reads ahead and makes
// contributions while the other folds.
func (r *Runner) runPartition(ctx context.Context, partition int32) error {
	backoff := 50 * time.Millisecond
	for ctx.Err() == nil {
		err := r.follow(ctx, partition)
		switch {
		case err == nil || ctx.Err() != nil:
			backoff = 50 * time.Millisecond
			continue
		case errs.Is(err, errs.Conflict), errs.Is(err, errs.Unavailable), errs.Is(err, errs.Exhausted):
			r.retried(partition, err)
		default:
			return err
		}
		select {
		case <-ctx.Done():
		case <-r.Clock.After(backoff):
			backoff = min(2*backoff, 2*time.Second)
		}
	}
	return nil
}

func (r *Runner) retried(partition int32, err error) {
	if r.Observer.Retried != nil {
		r.Observer.Retried(partition, err)
	}
}

// follow folds a partition from its stored cursor on until an error or the end
// of ctx.
func (r *Runner) follow(ctx context.Context, partition int32) error {
	cur, err := r.cursor(ctx, partition)
	if err != nil {
		return err
	}
	// In this order: a state that is emptied after the cursor was read refuses the
	// commit, and one that was emptied before is refused here.
	if err := r.mayFold(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan []Contribution, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(ready)
		return r.readAhead(ctx, partition, cur.Next, ready)
	})
	g.Go(func() error {
		day := markday.Of(cur.ReceivedAt)
		for records := range ready {
			if err := r.fold(ctx, records, &cur); err != nil {
				return err
			}
			if today := markday.Of(cur.ReceivedAt); today != day {
				day = today
				if err := r.ForgetMarks(ctx); err != nil && !errs.Is(err, errs.Conflict) {
					return err
				}
			}
		}
		return ctx.Err()
	})
	return g.Wait()
}

// readAhead sends batches in order until ctx ends.
func (r *Runner) readAhead(ctx context.Context, partition int32, next int64, ready chan<- []Contribution) error {
	for {
		records, err := r.read(ctx, eventlog.Position{Partition: partition, Offset: next})
		if err != nil {
			return err
		}
		if len(records) == 0 {
			if err := r.wait(ctx, partition, next); err != nil {
				return err
			}
			continue
		}
		select {
		case ready <- records:
			next += int64(len(records))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wait blocks until the partition has a record at next.
func (r *Runner) wait(ctx context.Context, partition int32, next int64) error {
	from, err := r.Log.Ends(ctx)
	if err != nil {
		return err
	}
	from[partition] = next
	return r.Log.Wait(ctx, from)
}

// read reads a batch and makes its contributions.
func (r *Runner) read(ctx context.Context, from eventlog.Position) ([]Contribution, error) {
	maxRecords, maxBytes := r.Config.BatchRecords, r.Config.BatchBytes
	if maxRecords <= 0 {
		maxRecords = 1000
	}
	if maxBytes <= 0 {
		maxBytes = 4 << 20
	}
	began := r.Clock.Now()
	data, err := r.Log.Read(ctx, from, maxRecords, maxBytes)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	began = r.stage("read", began)
	records := r.Interpreter.All(from, data)
	r.stage("interpret", began)
	return records, nil
}

// stage tells the observer how long a stage took and returns the moment at which
// the next one begins.
func (r *Runner) stage(name string, began time.Time) time.Time {
	now := r.Clock.Now()
	if r.Observer.Stage != nil {
		r.Observer.Stage(name, now.Sub(began))
	}
	return now
}

// All makes the contributions of consecutive records, side by side.
func (in *Interpreter) All(from eventlog.Position, data [][]byte) []Contribution {
	out := make([]Contribution, len(data))
	const chunk = 64
	some := func(lo, hi int) {
		var docs record.Docs
		for i := lo; i < hi; i++ {
			at := eventlog.Position{Partition: from.Partition, Offset: from.Offset + int64(i)}
			out[i] = in.Contribute(&docs, at, data[i])
		}
	}
	if len(data) <= chunk {
		some(0, len(data))
		return out
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for lo := 0; lo < len(data); lo += chunk {
		g.Go(func() error {
			some(lo, min(lo+chunk, len(data)))
			return nil
		})
	}
	_ = g.Wait() // the goroutines return no errors
	return out
}

// Drain folds, in the calling goroutine, everything that is in the log now, and
// ends the retractions under way.
func (r *Runner) Drain(ctx context.Context) error {
	for p := range r.Log.Partitions() {
		for {
			n, err := r.RunOnce(ctx, int32(p))
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	for more := true; more; {
		var err error
		if more, err = r.Sweep(ctx); err != nil {
			return err
		}
	}
	return r.Settle(ctx)
}

// RunOnce folds, in the calling goroutine, at most one batch of a partition and
// returns how many records it held.
func (r *Runner) RunOnce(ctx context.Context, partition int32) (int, error) {
	cur, err := r.cursor(ctx, partition)
	if err != nil {
		return 0, err
	}
	records, err := r.read(ctx, eventlog.Position{Partition: partition, Offset: cur.Next})
	if err != nil || len(records) == 0 {
		return 0, err
	}
	return len(records), r.fold(ctx, records, &cur)
}

// fold commits a batch. A record whose folding panics is found by halving, and
// kept apart alone.
func (r *Runner) fold(ctx context.Context, records []Contribution, cur *Cursor) error {
	err := r.commit(ctx, records, cur)
	var p *foldPanic
	if !errors.As(err, &p) {
		return err
	}
	if len(records) == 1 {
		records[0].Poison = errs.New(errs.Internal, "pipeline.panic", "folding the record failed: %s", p.kind)
		return r.commit(ctx, records, cur)
	}
	half := len(records) / 2
	if err := r.fold(ctx, records[:half], cur); err != nil {
		return err
	}
	return r.fold(ctx, records[half:], cur)
}

// foldPanic is a panic of a stage, caught so that the partition can go on.
type foldPanic struct{ kind string }

func (p *foldPanic) Error() string { return "a stage failed: " + p.kind }

// commit runs the step in a transaction, starting again under more locks or
// after a race for a mark. On success cur stands behind the batch.
func (r *Runner) commit(ctx context.Context, records []Contribution, cur *Cursor) error {
	locks := lockset.Widen(locksOf(records), []state.Lock{state.PartitionLock(cur.Partition)})
	const attempts = 8
	for i := 0; ; i++ {
		next, err := r.try(ctx, records, *cur, locks)
		var more *lockset.Needed
		switch {
		case err == nil:
			*cur = next
			return nil
		case errors.As(err, &more):
			locks = lockset.Widen(locks, more.Locks)
		case errs.Is(err, errs.Conflict) && i < attempts:
			r.retried(cur.Partition, err)
			fresh, err := r.cursor(ctx, cur.Partition)
			if err != nil {
				return err
			}
			if fresh.Next != cur.Next || fresh.Epoch != cur.Epoch {
				return errs.New(errs.Conflict, "pipeline.fenced", "another worker has moved the cursor of partition %d", cur.Partition)
			}
			*cur = fresh // a held record that was put back has changed the counters
		default:
			return err
		}
	}
}

// try runs the step in one transaction.
func (r *Runner) try(ctx context.Context, records []Contribution, cur Cursor, locks []state.Lock) (Cursor, error) {
	began := r.Clock.Now()
	tx, err := r.State.Begin(ctx, locks)
	if err != nil {
		return cur, err
	}
	defer tx.Rollback()
	batch := r.batch(records, cur, locks)
	if err := r.step(ctx, tx, &batch, sys.Millis(began)); err != nil {
		return cur, err
	}
	folded := r.stage("fold", began)
	next := batch.Cursor
	encoded := next.encode()
	if err := tx.Commit(ctx, state.Cursor{Key: cursorKey(cur.Partition), Old: cur.stored, New: encoded}); err != nil {
		return cur, err
	}
	next.stored = encoded
	if batch.Waiting {
		r.fellBehind()
	}
	if lockset.Of(locks).Whole() && r.Observer.Alone != nil {
		r.Observer.Alone()
	}
	r.announce(records, cur.Partition, r.stage("commit", folded).Sub(began))
	return next, nil
}

func (r *Runner) batch(records []Contribution, cur Cursor, locks []state.Lock) Batch {
	return Batch{
		Records: records, Cursor: cur, Locks: locks,
		Identity: r.Interpreter.Identity, Keys: r.Interpreter.Keys, Entities: r.Interpreter.Entities, ReviseMax: r.reviseMax(),
	}
}

// step runs the stages and turns a panic into an error.
func (r *Runner) step(ctx context.Context, tx state.Tx, batch *Batch, now int64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &foldPanic{kind: fmt.Sprintf("%T", p)}
		}
	}()
	return r.Stages.Step(ctx, tx, batch, now)
}

// announce wakes who waits for progress and tells the observer.
func (r *Runner) announce(records []Contribution, partition int32, took time.Duration) {
	r.wake()
	if slices.ContainsFunc(records, func(c Contribution) bool { return c.Decision != nil }) {
		r.ring(&r.decided)
	}
	o := &r.Observer
	var bytes int64
	for i := range records {
		c := &records[i]
		bytes += int64(len(c.Data))
		if c.Poison != nil && o.Held != nil {
			o.Held(errs.CodeOf(c.Poison))
		}
		o.contents(c)
	}
	if o.Committed != nil {
		o.Committed(partition, len(records), bytes, took)
	}
}

// wake wakes who waits for progress.
func (r *Runner) wake() { r.ring(&r.committed) }

// progress returns a channel that is closed at the next commit of this runner.
func (r *Runner) progress() <-chan struct{} { return r.hear(&r.committed) }

// cursor reads a partition's stored cursor.
func (r *Runner) cursor(ctx context.Context, partition int32) (Cursor, error) {
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return Cursor{}, err
	}
	defer snap.Close()
	return readCursor(ctx, snap, partition)
}

// readCursors reads the cursors of all partitions, in order.
func readCursors(ctx context.Context, r state.Reader, partitions int) ([]Cursor, error) {
	keys, out := make([][]byte, partitions), make([]Cursor, partitions)
	for p := range keys {
		keys[p] = cursorKey(int32(p))
	}
	values, err := r.Get(ctx, keys)
	for p := 0; p < partitions && err == nil; p++ {
		out[p], err = decodeCursor(int32(p), values[p])
	}
	return out, err
}

func readCursor(ctx context.Context, r state.Reader, partition int32) (Cursor, error) {
	values, err := r.Get(ctx, [][]byte{cursorKey(partition)})
	if err != nil {
		return Cursor{}, err
	}
	return decodeCursor(partition, values[0])
}
