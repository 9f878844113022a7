package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kith/internal/errs"
	"kith/internal/eventlog"
)

const (
	// fetchBytes is how much a fetch asks for. The broker sends at least one whole
	// batch, so an answer can be as large as a batch.
	fetchBytes = 512 << 10
	// maxStretches bounds what is read ahead: as many answers to fetches.
	maxStretches = 8
)

// stretch is a row of records that were fetched and not yet asked for.
type stretch struct {
	partition int32
	from      int64 // offset of the first
	records   [][]byte
}

// ahead keeps what was fetched beyond what was asked for. Each reader that goes
// on where it stopped finds its own stretch. It is safe for concurrent use; a
// stretch belongs to whoever has taken it.
type ahead struct {
	mu   sync.Mutex
	kept []*stretch // the one unused for longest first
}

// take returns the kept records from a position on, or nil.
func (a *ahead) take(partition int32, offset int64) *stretch {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, s := range a.kept {
		if s.partition == partition && s.from <= offset && offset < s.from+int64(len(s.records)) {
			a.kept = append(a.kept[:i], a.kept[i+1:]...)
			s.skip(int(offset - s.from))
			return s
		}
	}
	return nil
}

func (a *ahead) put(s *stretch) {
	if len(s.records) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.kept) == maxStretches {
		a.kept = append(a.kept[:0], a.kept[1:]...)
	}
	a.kept = append(a.kept, s)
}

// skip drops the first records, which the stretch then no longer holds.
func (s *stretch) skip(n int) {
	clear(s.records[:n])
	s.records = s.records[n:]
	s.from += int64(n)
}

// Read implements eventlog.Reader. Records behind those returned are kept for
// the next read, so that reading on is seldom a request.
func (l *Log) Read(ctx context.Context, from eventlog.Position, max, maxBytes int) ([][]byte, error) {
	if err := l.checkPartition(from.Partition); err != nil {
		return nil, err
	}
	if from.Offset < 0 {
		return nil, errs.New(errs.Invalid, "eventlog.offset", "an offset is not negative")
	}
	ctx, done, err := l.call(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if max <= 0 {
		return nil, nil
	}
	s := l.ahead.take(from.Partition, from.Offset)
	if s == nil {
		if s, err = l.fetch(ctx, from); err != nil {
			return nil, err
		}
	}
	n, bytes := 0, 0
	for n < len(s.records) && n < max {
		if bytes += len(s.records[n]); n > 0 && bytes > maxBytes {
			break
		}
		n++
	}
	out := append([][]byte(nil), s.records[:n]...)
	s.skip(n)
	l.ahead.put(s)
	return out, nil
}

// fetch asks the partition's leader for records from the position on, again if
// the leader has moved or does not answer.
func (l *Log) fetch(ctx context.Context, from eventlog.Position) (*stretch, error) {
	for try := 0; ; try++ {
		records, err := l.fetchOnce(ctx, from)
		if err == nil {
			return &stretch{from.Partition, from.Offset, records}, nil
		}
		if errors.Is(err, kerr.OffsetOutOfRange) {
			return &stretch{partition: from.Partition}, l.outOfRange(ctx, from)
		}
		var connection *requestError
		if try == attempts || ctx.Err() != nil || !kerr.IsRetriable(err) && !errors.As(err, &connection) {
			return nil, l.mapError(ctx, err, fmt.Sprintf("reading partition %d", from.Partition))
		}
		select {
		case <-l.opts.Clock.After(backoff(try)):
		case <-ctx.Done():
		}
		// An error of this shows in the next attempt.
		_ = l.topic.refresh(ctx, l)
	}
}

// requestError is a request that got no answer.
type requestError struct{ err error }

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// outOfRange returns nil if a position lies at or beyond the end, and otherwise
// the error that its records are gone.
func (l *Log) outOfRange(ctx context.Context, from eventlog.Position) error {
	ends, err := l.ends(ctx)
	if err != nil || from.Offset >= ends[from.Partition] {
		return err
	}
	return errs.New(errs.NotFound, "eventlog.trimmed", "partition %d of topic %s no longer has the record at offset %d; if it is archived, set keep in the URL of the log", from.Partition, l.target.topic, from.Offset)
}

// fetchOnce makes one request for one partition, answered at once.
func (l *Log) fetchOnce(ctx context.Context, from eventlog.Position) ([][]byte, error) {
	leader, id := l.topic.leader(from.Partition)
	req := l.newFetch(id, map[int32]int64{from.Partition: from.Offset}, fetchBytes)
	resp, err := requestFetch(ctx, l.client, leader, req)
	if err != nil {
		return nil, err
	}
	for i := range resp {
		if resp[i].Partition == from.Partition {
			return l.decode(&resp[i], from)
		}
	}
	return nil, kerr.UnknownTopicOrPartition
}

// newFetch makes a request for records from the offsets of some partitions on.
func (l *Log) newFetch(id [16]byte, offsets map[int32]int64, bytes int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes = bytes
	req.SessionEpoch = -1 // no session: each request stands for itself
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = l.target.topic, id
	for p, offset := range offsets {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.FetchOffset, part.PartitionMaxBytes = p, offset, bytes
		t.Partitions = append(t.Partitions, part)
	}
	req.Topics = append(req.Topics, t)
	return req
}

// requestFetch sends a fetch to a broker and returns the partitions' answers.
func requestFetch(ctx context.Context, client *kgo.Client, broker int32, req *kmsg.FetchRequest) ([]kmsg.FetchResponseTopicPartition, error) {
	if broker < 0 {
		return nil, kerr.LeaderNotAvailable
	}
	answer, err := client.Broker(int(broker)).Request(ctx, req)
	if err != nil {
		return nil, &requestError{err}
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 {
		return nil, kerr.UnknownTopicOrPartition
	}
	return resp.Topics[0].Partitions, nil
}

// decode returns the records of a partition's answer. They begin at the offset
// asked for and have no gap: a position counts on it.
func (l *Log) decode(p *kmsg.FetchResponseTopicPartition, from eventlog.Position) ([][]byte, error) {
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return nil, err
	}
	got, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: from.Offset, Topic: l.target.topic, Partition: from.Partition, IsolationLevel: kgo.ReadUncommitted(),
	}, p, l.unpack, nil)
	records := make([][]byte, 0, len(got.Records))
	for _, r := range got.Records {
		if r.Offset != from.Offset+int64(len(records)) {
			break
		}
		value := r.Value
		if value == nil {
			value = []byte{}
		}
		records = append(records, value[:len(value):len(value)])
	}
	if len(records) > 0 {
		return records, nil
	}
	switch {
	case got.Err != nil:
		return nil, errs.Wrap(got.Err, errs.Corrupt, "eventlog.corrupt", "partition %d of topic %s is damaged at offset %d", from.Partition, l.target.topic, from.Offset)
	case len(got.Records) > 0, next > from.Offset:
		return nil, errs.New(errs.Corrupt, "eventlog.corrupt", "partition %d of topic %s has no record at offset %d", from.Partition, l.target.topic, from.Offset)
	}
	return nil, nil
}
