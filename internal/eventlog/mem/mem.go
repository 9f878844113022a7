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
	mu         sync.Mutex
	partitions [][][]byte
	grown      chan struct{} // closed and replaced at every append
	closed     bool
}

var _ eventlog.Log = (*Log)(nil)

// New returns an empty log.
func New(partitions int) *Log {
	return &Log{partitions: make([][][]byte, partitions), grown: make(chan struct{})}
}

// Partitions implements eventlog.Log.
func (l *Log) Partitions() int { return len(l.partitions) }

// Append implements eventlog.Writer.
func (l *Log) Append(_ context.Context, entries []eventlog.Entry) ([]eventlog.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errs.New(errs.Unavailable, "eventlog.closed", "the log is closed")
	}
	out := make([]eventlog.Position, len(entries))
	for i, e := range entries {
		p := &l.partitions[e.Partition]
		out[i] = eventlog.Position{Partition: e.Partition, Offset: int64(len(*p))}
		*p = append(*p, append([]byte(nil), e.Data...))
	}
	close(l.grown)
	l.grown = make(chan struct{})
	return out, nil
}

// Read implements eventlog.Reader.
func (l *Log) Read(_ context.Context, from eventlog.Position, most, mostBytes int) ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out [][]byte
	bytes := 0
	for o := from.Offset; o < int64(len(l.partitions[from.Partition])) && len(out) < most; o++ {
		data := l.partitions[from.Partition][o]
		if bytes += len(data); bytes > mostBytes && len(out) > 0 {
			break
		}
		out = append(out, append([]byte{}, data...))
	}
	return out, nil
}

// Ends implements eventlog.Reader.
func (l *Log) Ends(context.Context) ([]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]int64, len(l.partitions))
	for i, p := range l.partitions {
		out[i] = int64(len(p))
	}
	return out, nil
}

// Wait implements eventlog.Reader.
func (l *Log) Wait(ctx context.Context, from []int64) error {
	for {
		l.mu.Lock()
		for i, p := range l.partitions {
			if int64(len(p)) > from[i] {
				l.mu.Unlock()
				return nil
			}
		}
		grown := l.grown
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grown:
		}
	}
}

// Close implements eventlog.Log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return nil
}
