// Package mem is an event log that lives in memory: for tests, scenarios and the
// oracle beside real engines. It keeps the port's contract but for durability.
package mem

import (
	"context"
	"sync"

	"kith/internal/errs"
	"kith/internal/eventlog"
)

// Log implements eventlog.Log.
type Log struct {
	records *records

	mu     sync.Mutex
	ended  chan struct{} // closed by Close
	closed bool
}

// records are what several handles on one log share.
type records struct {
	mu         sync.Mutex
	partitions [][][]byte
	grown      chan struct{} // closed and replaced at every append
}

var _ eventlog.Log = (*Log)(nil)

// New returns an empty log.
func New(partitions int) *Log {
	return handle(&records{partitions: make([][][]byte, partitions), grown: make(chan struct{})})
}

func handle(r *records) *Log { return &Log{records: r, ended: make(chan struct{})} }

// Reopen returns another handle on the same records, open even if this one is
// closed: what a process that starts again has of a log that lasts.
func (l *Log) Reopen() *Log { return handle(l.records) }

// Partitions implements eventlog.Log.
func (l *Log) Partitions() int { return len(l.records.partitions) }

// usable returns why a call cannot be served.
func (l *Log) usable(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	return ctx.Err()
}

func errClosed() error { return errs.New(errs.Unavailable, "eventlog.closed", "the log is closed") }

func (r *records) check(partition int32, offset int64) error {
	if partition < 0 || int(partition) >= len(r.partitions) {
		return errs.New(errs.Invalid, "eventlog.partition", "there is no partition %d of %d", partition, len(r.partitions))
	}
	if offset < 0 {
		return errs.New(errs.Invalid, "eventlog.offset", "an offset is not negative")
	}
	return nil
}

// Append implements eventlog.Writer.
func (l *Log) Append(ctx context.Context, entries []eventlog.Entry) ([]eventlog.Position, error) {
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	r := l.records
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if err := r.check(e.Partition, 0); err != nil {
			return nil, err
		}
	}
	out := make([]eventlog.Position, len(entries))
	for i, e := range entries {
		p := &r.partitions[e.Partition]
		out[i] = eventlog.Position{Partition: e.Partition, Offset: int64(len(*p))}
		*p = append(*p, append([]byte(nil), e.Data...))
	}
	close(r.grown)
	r.grown = make(chan struct{})
	return out, nil
}

// Read implements eventlog.Reader.
func (l *Log) Read(ctx context.Context, from eventlog.Position, most, mostBytes int) ([][]byte, error) {
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	r := l.records
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.check(from.Partition, from.Offset); err != nil {
		return nil, err
	}
	var out [][]byte
	bytes := 0
	for o := from.Offset; o < int64(len(r.partitions[from.Partition])) && len(out) < most; o++ {
		data := r.partitions[from.Partition][o]
		if bytes += len(data); bytes > mostBytes && len(out) > 0 {
			break
		}
		out = append(out, append([]byte{}, data...))
	}
	return out, nil
}

// Ends implements eventlog.Reader.
func (l *Log) Ends(ctx context.Context) ([]int64, error) {
	if err := l.usable(ctx); err != nil {
		return nil, err
	}
	r := l.records
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]int64, len(r.partitions))
	for i, p := range r.partitions {
		out[i] = int64(len(p))
	}
	return out, nil
}

// Wait implements eventlog.Reader.
func (l *Log) Wait(ctx context.Context, from []int64) error {
	for {
		if err := l.usable(ctx); err != nil {
			return err
		}
		more, grown := l.records.beyond(from)
		if more {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.ended:
			return errClosed()
		case <-grown:
		}
	}
}

// beyond reports whether a partition has a record at or after its offset, and
// returns what is closed when that may change.
func (r *records) beyond(from []int64) (bool, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, p := range r.partitions {
		if int64(len(p)) > from[i] {
			return true, r.grown
		}
	}
	return false, r.grown
}

// Close implements eventlog.Log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.ended)
	}
	return nil
}
