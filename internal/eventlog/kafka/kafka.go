// Package kafka is the event log on any broker that speaks Kafka's protocol.
//
// A workspace is one topic, <prefix>.<workspace>.events; a record is one message
// without key, and its position is the message's partition and offset. Positions
// read lie with the state, so there is no consumer group. An append returns once
// all in-sync replicas have the records (acks=all, idempotent producer).
//
// Appends are sent in groups, as in the engine of one machine: what comes while
// a group is under way forms the next. A group's records of one partition are
// sent as one batch, so that those of a call are contiguous also where several
// nodes append to the partition. Only where a group has to be cut, because a call
// is larger than a message of the topic may be, or because it was sent before the
// client had learnt where the partition lies, can records of another node come in
// between.
package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/sys"
)

const (
	// openTimeout bounds Open: whoever starts kith wants to hear soon that the
	// broker is not there.
	openTimeout = 4 * time.Second
	// closeTimeout bounds how long Close waits for a broker to take what is under
	// way, so that a stop does not hang on a broker that is gone.
	closeTimeout = 8 * time.Second
	// DefaultPartitions is how many a topic is created with: it cannot change
	// afterwards, and bounds how many workers can share the folding.
	DefaultPartitions = 12
	// DefaultDeliveryTimeout is how long an append tries.
	DefaultDeliveryTimeout = 8 * time.Second
	requestTimeout         = 5 * time.Second
)

// Options configures a log.
type Options struct {
	// Partitions of the topic. 0 means as it has, DefaultPartitions where it is
	// created. Another number than the topic's is refused.
	Partitions int
	// ReplicationFactor of a topic that is created; 0 means three, or as many as
	// there are brokers.
	ReplicationFactor int
	// DeliveryTimeout is how long an append tries to reach the brokers, a second
	// at least; 0 means DefaultDeliveryTimeout.
	DeliveryTimeout time.Duration
	// Clock times the pauses between attempts; nil means the machine's clock.
	Clock sys.Clock
}

// Log is an event log in a topic. It is safe for concurrent use.
type Log struct {
	opts   Options
	target target
	// expires is the topic's setting by which brokers delete records.
	expires string
	client  *kgo.Client // produces, fetches and asks
	admin   *kadm.Client
	// tailClient has connections of its own: a broker answers the requests of a
	// connection in turn, and the one that waits for news would hold up reads.
	tailClient *kgo.Client
	topic      topic
	producer   producer
	ahead      ahead
	unpack     kgo.Decompressor
	tail       tail

	ctx       context.Context // ends when the log is closed
	cancel    context.CancelFunc
	closeOnce sync.Once
	calls     sync.WaitGroup // goroutines of the log
}

var _ eventlog.Log = (*Log)(nil)

// Open connects to the brokers that the URL names and opens the workspace's
// topic, which is created if it does not exist. Errors are of kind Unavailable
// when no broker answers in four seconds, Denied when the brokers refuse this
// client, and Invalid when the URL or the topic does not fit.
func Open(ctx context.Context, url, workspace string, opts Options) (*Log, error) {
	t, err := parseURL(url, workspace)
	if err != nil {
		return nil, err
	}
	if opts.Partitions < 0 || opts.ReplicationFactor < 0 || opts.DeliveryTimeout < 0 {
		return nil, errs.New(errs.Invalid, "eventlog.options", "numbers must not be negative")
	}
	if opts.DeliveryTimeout == 0 {
		opts.DeliveryTimeout = DefaultDeliveryTimeout
	}
	if opts.Clock == nil {
		opts.Clock = sys.Wall()
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := prepareTopic(ctx, t, opts)
	if err != nil {
		return nil, err
	}
	l := &Log{opts: opts, target: t, expires: s.expires, unpack: kgo.DefaultDecompressor()}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.producer.init(l, s.maxBytes)
	if err := l.connect(ctx, s.maxBytes); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// connect makes the clients and learns where the partitions are.
func (l *Log) connect(ctx context.Context, maxBytes int) error {
	var err error
	if l.client, err = l.target.newClient(producerOptions(l.opts, maxBytes)...); err != nil {
		return err
	}
	l.admin = kadm.NewClient(l.client)
	if l.tailClient, err = l.target.newClient(); err != nil {
		return err
	}
	if err := l.topic.refresh(ctx, l); err != nil {
		return err
	}
	l.tail.init(l)
	return nil
}

// newClient makes a client of the target; it connects when first used.
func (t target) newClient(opts ...kgo.Opt) (*kgo.Client, error) {
	all := append([]kgo.Opt{
		kgo.SeedBrokers(t.brokers...),
		kgo.ClientID("kith"),
		kgo.DialTimeout(3 * time.Second),
		kgo.RequestTimeoutOverhead(requestTimeout),
		kgo.RetryTimeout(requestTimeout),
		kgo.RetryBackoffFn(backoff),
		kgo.MetadataMinAge(200 * time.Millisecond),
		kgo.DisableClientMetrics(),
	}, t.opts...)
	client, err := kgo.NewClient(append(all, opts...)...)
	return client, errs.Wrap(err, errs.Invalid, "eventlog.options", "making a Kafka client")
}

// backoff is the pause after a number of failures. It stays well below the time
// an append has, so that one is tried again after the brokers have recovered.
func backoff(failures int) time.Duration {
	return min(pause<<min(failures, attempts), 500*time.Millisecond)
}

// Partitions implements eventlog.Log.
func (l *Log) Partitions() int { return l.topic.partitions() }

// Ends implements eventlog.Reader.
func (l *Log) Ends(ctx context.Context) ([]int64, error) {
	ctx, done, err := l.call(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return l.ends(ctx)
}

func (l *Log) ends(ctx context.Context) ([]int64, error) {
	listed, err := l.admin.ListEndOffsets(ctx, l.target.topic)
	return l.offsets(ctx, listed, err)
}

// offsets puts listed offsets into the order of the partitions.
func (l *Log) offsets(ctx context.Context, listed kadm.ListedOffsets, err error) ([]int64, error) {
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, l.mapError(ctx, err, "asking for the ends of the log")
	}
	ends := make([]int64, l.Partitions())
	for p := range ends {
		at, ok := listed.Lookup(l.target.topic, int32(p))
		if !ok {
			return nil, errs.New(errs.Unavailable, "eventlog.unreachable", "the brokers do not know partition %d of topic %s", p, l.target.topic)
		}
		ends[p] = at.Offset
	}
	return ends, nil
}

// call returns a context that ends with the caller's and with the log.
func (l *Log) call(ctx context.Context) (context.Context, func(), error) {
	if l.ctx.Err() != nil {
		return nil, nil, errClosed()
	}
	if ctx.Err() != nil {
		return nil, nil, l.mapError(ctx, ctx.Err(), "the call")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.ctx, func() { cancel(errClosed()) })
	return ctx, func() { stop(); cancel(nil) }, nil
}

// checkPartition refuses a number that is no partition's.
func (l *Log) checkPartition(id int32) error {
	if id < 0 || int(id) >= l.Partitions() {
		return errs.New(errs.Invalid, "eventlog.no_such_partition",
			"there is no partition %d, the log has %d", id, l.Partitions())
	}
	return nil
}

// Close implements eventlog.Log. Appends under way have a few seconds to end.
func (l *Log) Close() error {
	l.closeOnce.Do(func() {
		l.producer.close()
		l.cancel()
		l.calls.Wait()
		for _, c := range []*kgo.Client{l.client, l.tailClient} {
			if c != nil {
				c.Close()
			}
		}
	})
	return nil
}

// errClosed is the error of every call after Close.
func errClosed() error {
	return errs.New(errs.Unavailable, "eventlog.closed", "the log is closed")
}

// mapError gives an error of the client or a broker its kind. Its text names the
// topic, never a record.
func (l *Log) mapError(ctx context.Context, err error, what string) error {
	var known *errs.Error
	switch cause := context.Cause(ctx); {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.As(cause, &known):
		return cause
	case cause != nil:
		return errs.Wrap(cause, errs.Unavailable, "eventlog.cancelled", "%s was given up", what)
	}
	return l.target.brokerError(err, what)
}

// brokerError is mapError for what does not come from the caller's context.
func (t target) brokerError(err error, what string) error {
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		return errClosed()
	case isDenied(err):
		return errs.Wrap(err, errs.Denied, "eventlog.denied", "%s: the brokers refuse this client on topic %s", what, t.topic)
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return errs.Wrap(err, errs.Invalid, "eventlog.record_too_large", "%s: topic %s does not take messages of that size", what, t.topic)
	case errors.Is(err, kerr.CorruptMessage):
		return errs.Wrap(err, errs.Corrupt, "eventlog.corrupt", "%s: topic %s is damaged", what, t.topic)
	}
	return errs.Wrap(err, errs.Unavailable, "eventlog.unreachable", "%s: the brokers of topic %s cannot be reached or do not answer", what, t.topic)
}

func isDenied(err error) bool {
	for _, denied := range []error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.GroupAuthorizationFailed,
		kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState, kerr.SecurityDisabled,
	} {
		if errors.Is(err, denied) {
			return true
		}
	}
	return false
}
