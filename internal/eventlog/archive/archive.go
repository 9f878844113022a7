// Package archive keeps the records of a topic in files beside the lake, so that the
// topic need not keep them for ever. A record that a reader asks for comes from the
// topic while that has it, and else from the archive, at the same position.
//
// The records of a partition lie in segments, files that are never changed, and a
// list names them in order, without a gap from the first record on. FORMAT.md gives
// the bytes, and docs/adr/0024-archive.md says why a record is never lost between
// topic and archive.
package archive

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lake"
)

// Topic is a log that can forget records at its beginning.
type Topic interface {
	eventlog.Log
	// Name and ID tell it from others; ID also from one that is made anew under its
	// name, and may be empty.
	Name() string
	ID() string
	// Starts returns, by partition, the offset of the first record that there is.
	Starts(ctx context.Context) ([]int64, error)
	// Since returns, by partition, the offset of the first record that was appended at
	// the moment or later, or that of the end.
	Since(ctx context.Context, at time.Time) ([]int64, error)
	// Trim deletes the records of a partition before an offset; those that are gone
	// already are no error.
	Trim(ctx context.Context, partition int32, before int64) error
}

// codeTrimmed is the code of the error of a Topic that no longer has a record.
const codeTrimmed = "eventlog.trimmed"

// Place is where an archive lies.
type Place struct {
	// Enter returns access for one reader or one writer.
	Enter func() lake.Guarded
	Name  string       // as operators know it
	Close func() error // gives back what the place takes; nil for none
}

// Log is a topic with its archive. It is safe for concurrent use.
type Log struct {
	Topic
	place  Place
	reader *reader
	starts []atomic.Int64 // of the topic, as far as it is known
	closed atomic.Bool
}

var _ eventlog.Log = (*Log)(nil)

// New returns the log that a topic and an archive make up. It asks nothing: the
// archive is needed only for records that the topic no longer has. The log closes
// the topic.
func New(topic Topic, place Place) *Log {
	return &Log{Topic: topic, place: place, reader: newReader(topic, place), starts: make([]atomic.Int64, topic.Partitions())}
}

// Place is where the archive lies.
func (l *Log) Place() Place { return l.place }

// Read implements eventlog.Reader.
func (l *Log) Read(ctx context.Context, from eventlog.Position, most, mostBytes int) ([][]byte, error) {
	wrong := from.Partition < 0 || int(from.Partition) >= len(l.starts) || from.Offset < 0 || most <= 0
	if wrong || l.closed.Load() || ctx.Err() != nil || from.Offset >= l.starts[from.Partition].Load() {
		records, err := l.Topic.Read(ctx, from, most, mostBytes)
		if errs.CodeOf(err) != codeTrimmed {
			return records, err
		}
		if err := l.learn(ctx); err != nil {
			return nil, err
		}
	}
	records, end, err := l.reader.read(ctx, from, most, mostBytes)
	if err != nil || len(records) > 0 {
		return records, err
	}
	return nil, l.missing(from.Partition, end, l.starts[from.Partition].Load())
}

// learn asks where the topic begins.
func (l *Log) learn(ctx context.Context) error {
	starts, err := l.Topic.Starts(ctx)
	if err != nil {
		return err
	}
	for p := range l.starts {
		l.starts[p].Store(starts[p])
	}
	return nil
}

// missing is the error that records are neither in the archive, which ends at an
// offset, nor in the topic, which begins at another.
func (l *Log) missing(partition int32, end, start int64) error {
	return errs.New(errs.Corrupt, "archive.missing",
		"the records of partition %d from offset %d up to %d are neither in topic %s, which begins there, nor in the archive %s; put the archive back that held them, or restore a backup",
		partition, end, start-1, l.Name(), l.place.Name)
}

// Close implements eventlog.Log.
func (l *Log) Close() error {
	l.closed.Store(true)
	l.reader.close()
	err := l.Topic.Close()
	if l.place.Close != nil {
		err = errors.Join(err, l.place.Close())
	}
	return err
}

// Examine holds the archive against the topic: whether it is of that topic, and has
// what the topic no longer has. It returns how many records the topic alone has.
func (l *Log) Examine(ctx context.Context) (behind int64, err error) {
	if err := l.learn(ctx); err != nil {
		return 0, err
	}
	ends, err := l.Ends(ctx)
	if err != nil {
		return 0, err
	}
	for p := range int32(l.Partitions()) {
		list, err := l.reader.list(ctx, p, true)
		if err != nil {
			return 0, err
		}
		if start := l.starts[p].Load(); start > list.end() {
			return 0, l.missing(p, list.end(), start)
		}
		behind += max(0, ends[p]-list.end())
	}
	return behind, nil
}
