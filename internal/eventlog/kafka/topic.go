package kafka

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kith/internal/errs"
)

const (
	// topicMessageBytes is the largest batch that a created topic takes: as much
	// as the common hosted brokers allow.
	topicMessageBytes = 8 << 20
	maxPartitions     = 4096
	pause             = 50 * time.Millisecond // before the first repetition
	attempts          = 5
)

// settings are those of a topic that matter here.
type settings struct {
	maxBytes int    // of the largest batch that it takes
	expires  string // the setting by which brokers delete records; empty when they do not
}

// prepareTopic sees to it that the topic exists and fits, and returns its settings.
// It has a client of its own, for that size is an
// option of the one that produces.
func prepareTopic(ctx context.Context, t target, opts Options) (s settings, err error) {
	// What hangs when the time is up, a connection being made for example, ends
	// with the context.
	client, err := t.newClient(kgo.WithContext(ctx))
	if err != nil {
		return s, err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		if isDenied(err) {
			return s, t.brokerError(err, "connecting")
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return s, errs.Wrap(err, errs.Unavailable, "eventlog.unreachable", "no Kafka broker of %v answers", t.brokers)
	}
	if err := ensureTopic(ctx, client, t, opts); err != nil {
		return s, err
	}
	return checkSettings(ctx, client, t)
}

// ensureTopic creates the topic if need be, and waits until it can be used.
func ensureTopic(ctx context.Context, client *kgo.Client, t target, opts Options) error {
	for try := 0; ; try++ {
		d, err := describe(ctx, client, t.topic)
		switch {
		case err != nil:
		case errors.Is(d.err, kerr.UnknownTopicOrPartition) && try == 0:
			err = createTopic(ctx, client, t, opts, d.brokers)
		case d.err == nil && len(d.leaders) > 0 && !slices.Contains(d.leaders, noLeader):
			return checkPartitions(t, opts, len(d.leaders))
		case d.err != nil && !kerr.IsRetriable(d.err):
			err = d.err
		}
		if err != nil {
			return t.openError(ctx, err)
		}
		select {
		case <-opts.Clock.After(pause):
		case <-ctx.Done():
			return t.openError(ctx, context.Cause(ctx))
		}
	}
}

// openError is the error of a step of opening.
func (t target) openError(ctx context.Context, err error) error {
	var known *errs.Error
	if errors.As(err, &known) {
		return err
	}
	if ctx.Err() != nil {
		return errs.Wrap(err, errs.Unavailable, "eventlog.unreachable", "topic %s could not be opened in time on %v", t.topic, t.brokers)
	}
	return t.brokerError(err, "opening")
}

func checkPartitions(t target, opts Options, have int) error {
	if opts.Partitions != 0 && opts.Partitions != have {
		return errs.New(errs.Invalid, "eventlog.partitions_mismatch",
			"topic %s has %d partitions, not %d; the number cannot change", t.topic, have, opts.Partitions)
	}
	return nil
}

// noLeader stands for a partition that no broker leads at the moment.
const noLeader = -1

// description is what the brokers say of a topic now.
type description struct {
	brokers int
	err     error
	id      [16]byte
	leaders []int32 // by partition
}

// describe asks for a topic. It asks the brokers and no cache, for it is asked
// just when things have changed.
func describe(ctx context.Context, client *kgo.Client, topic string) (description, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return description{}, err
	}
	d := description{brokers: len(resp.Brokers), err: kerr.UnknownTopicOrPartition}
	for _, t := range resp.Topics {
		d.err, d.id = kerr.ErrorForCode(t.ErrorCode), t.TopicID
		d.leaders = slices.Repeat([]int32{noLeader}, len(t.Partitions))
		for _, p := range t.Partitions {
			if int(p.Partition) < len(d.leaders) && p.ErrorCode == 0 {
				d.leaders[p.Partition] = p.Leader
			}
		}
	}
	return d, nil
}

// createTopic creates the topic. Records never expire by themselves, and where
// there are three replicas two have to have a record before it is acknowledged.
func createTopic(ctx context.Context, client *kgo.Client, t target, opts Options, brokers int) error {
	replicas := opts.ReplicationFactor
	if replicas == 0 {
		replicas = max(min(3, brokers), 1)
	}
	partitions := opts.Partitions
	if partitions == 0 {
		partitions = DefaultPartitions
	}
	if partitions > maxPartitions || replicas > maxPartitions {
		return errs.New(errs.Invalid, "eventlog.options", "partitions and replicas must be at most %d", maxPartitions)
	}
	configs := map[string]*string{
		"cleanup.policy":      kadm.StringPtr("delete"),
		"retention.ms":        kadm.StringPtr("-1"),
		"retention.bytes":     kadm.StringPtr("-1"),
		"max.message.bytes":   kadm.StringPtr(strconv.Itoa(topicMessageBytes)),
		"min.insync.replicas": kadm.StringPtr(strconv.Itoa(max(replicas-1, 1))),
	}
	_, err := kadm.NewClient(client).CreateTopic(ctx, int32(partitions), int16(replicas), configs, t.topic)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	if errors.Is(err, kerr.InvalidReplicationFactor) || errors.Is(err, kerr.InvalidPartitions) ||
		errors.Is(err, kerr.InvalidConfig) || errors.Is(err, kerr.PolicyViolation) {
		return errs.Wrap(err, errs.Invalid, "eventlog.topic", "the brokers do not accept topic %s with %d partitions and %d replicas", t.topic, partitions, replicas)
	}
	return err
}

// checkSettings checks the topic's settings and returns them.
func checkSettings(ctx context.Context, client *kgo.Client, t target) (s settings, err error) {
	all, err := kadm.NewClient(client).DescribeTopicConfigs(ctx, t.topic)
	if err != nil {
		return s, t.openError(ctx, err)
	}
	topic, err := all.On(t.topic, nil)
	if err == nil {
		err = topic.Err
	}
	if err != nil {
		return s, t.openError(ctx, err)
	}
	s.maxBytes = topicMessageBytes
	for _, c := range topic.Configs {
		switch c.Key {
		case "cleanup.policy":
			if c.MaybeValue() != "delete" {
				return s, errs.New(errs.Invalid, "eventlog.topic", "topic %s has cleanup.policy %s; a log must not be compacted", t.topic, c.MaybeValue())
			}
		case "max.message.bytes":
			if n, err := strconv.Atoi(c.MaybeValue()); err == nil {
				s.maxBytes = min(n, topicMessageBytes)
			}
		case "retention.ms", "retention.bytes":
			if c.MaybeValue() == "-1" {
				continue
			}
			if s.expires = c.Key + "=" + c.MaybeValue(); t.archived {
				return s, errs.New(errs.Invalid, "eventlog.retention",
					"topic %s has %s, so brokers delete records whether they are archived or not; set it to -1, and kith deletes what is archived and older than keep", t.topic, s.expires)
			}
		}
	}
	return s, nil
}

// topic knows which broker leads which partition. It is safe for concurrent use.
type topic struct {
	mu      sync.Mutex
	id      [16]byte
	leaders []int32
}

// partitions is the number of partitions; it is fixed when the log is opened.
func (t *topic) partitions() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.leaders)
}

// leader returns the broker that leads a partition and the topic's identity.
func (t *topic) leader(partition int32) (broker int32, id [16]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leaders[partition], t.id
}

// byLeader returns the partitions of each broker.
func (t *topic) byLeader() map[int32][]int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[int32][]int32{}
	for p, broker := range t.leaders {
		out[broker] = append(out[broker], int32(p))
	}
	return out
}

// refresh asks who leads now. Partitions added since the log was opened are not
// taken up: that would move records of one node to another partition.
func (t *topic) refresh(ctx context.Context, l *Log) error {
	d, err := describe(ctx, l.client, l.target.topic)
	if err == nil {
		err = d.err
	}
	if err != nil {
		return l.mapError(ctx, err, "asking for the leaders")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leaders == nil {
		t.leaders = make([]int32, len(d.leaders))
	}
	t.id = d.id
	for p := range t.leaders {
		t.leaders[p] = noLeader
		if p < len(d.leaders) {
			t.leaders[p] = d.leaders[p]
		}
	}
	return nil
}
