package kafka

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Archived reports whether the URL asks for an archive of the records, and how long
// they stay in the topic beside it; 0 is for ever.
func (l *Log) Archived() (keep time.Duration, ok bool) { return l.target.keep, l.target.archived }

// Expires returns the setting of the topic, when it was opened, by which brokers
// delete records by themselves; empty when they delete none.
func (l *Log) Expires() string { return l.expires }

// Name is the name of the topic.
func (l *Log) Name() string { return l.target.topic }

// ID tells the topic from another one that is made under its name later. It is
// empty where brokers give topics no identity.
func (l *Log) ID() string {
	l.topic.mu.Lock()
	defer l.topic.mu.Unlock()
	if l.topic.id == ([16]byte{}) {
		return ""
	}
	return hex.EncodeToString(l.topic.id[:])
}

// Starts returns, by partition, the offset of the first record that the topic has.
func (l *Log) Starts(ctx context.Context) ([]int64, error) {
	ctx, done, err := l.call(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	listed, err := l.admin.ListStartOffsets(ctx, l.target.topic)
	return l.offsets(ctx, listed, err)
}

// Since returns, by partition, the offset of the first record that was appended at
// the moment or later, or that of the end.
func (l *Log) Since(ctx context.Context, at time.Time) ([]int64, error) {
	ctx, done, err := l.call(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	listed, err := l.admin.ListOffsetsAfterMilli(ctx, at.UnixMilli(), l.target.topic)
	return l.offsets(ctx, listed, err)
}

// Trim deletes the records of a partition before an offset; those that are gone
// already are no error.
func (l *Log) Trim(ctx context.Context, partition int32, before int64) error {
	if err := l.checkPartition(partition); err != nil {
		return err
	}
	ctx, done, err := l.call(ctx)
	if err != nil {
		return err
	}
	defer done()
	offsets := kadm.Offsets{}
	offsets.AddOffset(l.target.topic, partition, before, -1)
	answers, err := l.admin.DeleteRecords(ctx, offsets)
	if err == nil {
		err = answers.Error()
	}
	if errors.Is(err, kerr.OffsetOutOfRange) {
		if starts, again := l.Starts(ctx); again == nil && starts[partition] >= before {
			return nil // another process has deleted more
		}
	}
	return l.mapError(ctx, err, "deleting records that are archived")
}
