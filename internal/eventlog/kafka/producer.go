package kafka

import (
	"context"
	"math"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"kith/internal/errs"
	"kith/internal/eventlog"
)

const (
	// batchOverhead and recordOverhead are upper bounds of what the protocol adds
	// to the records' own bytes.
	batchOverhead  = 1 << 10
	recordOverhead = 40
)

// producerOptions are the client's options for appending.
func producerOptions(opts Options, maxBytes int) []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.ZstdCompression().WithLevel(1), kgo.Lz4Compression()),
		kgo.ProducerBatchMaxBytes(int32(maxBytes)),
		// Groups are formed here; the client sends one when told to.
		kgo.ManualFlushing(),
		kgo.MaxBufferedRecords(math.MaxInt32),
		kgo.ProduceRequestTimeout(requestTimeout),
		kgo.RecordDeliveryTimeout(opts.DeliveryTimeout),
		// An append that ran out of time may be in the log, which the port allows,
		// rather than block those behind it until the broker answers.
		kgo.AllowIdempotentProduceCancellation(),
	}
}

// group is what is sent at once. Its records have their offsets, or errors their
// reasons, when done is closed.
type group struct {
	records []*kgo.Record
	errors  []error
	bytes   int
	done    chan struct{}
}

// producer sends groups one after another. Like the other engine's, it has no
// goroutine of its own: whoever finds no leader becomes it.
type producer struct {
	log      *Log
	maxBytes int // of a group, so that it fits into one message of the topic

	mu      sync.Mutex
	idle    sync.Cond
	pending *group
	leading bool
	closed  bool
}

func (p *producer) init(l *Log, maxBatch int) {
	p.log, p.maxBytes = l, maxBatch-batchOverhead
	p.idle.L = &p.mu
}

// Append implements eventlog.Writer.
func (l *Log) Append(ctx context.Context, entries []eventlog.Entry) ([]eventlog.Position, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	if ctx.Err() != nil {
		return nil, l.mapError(ctx, ctx.Err(), "the append")
	}
	records, bytes, err := l.records(entries)
	if err != nil {
		return nil, err
	}
	p := &l.producer
	g, at, lead, err := p.enqueue(ctx, records, bytes)
	if err != nil {
		return nil, err
	}
	if lead {
		l.calls.Go(p.lead)
	}
	select {
	case <-g.done:
	case <-ctx.Done():
		return nil, l.mapError(ctx, ctx.Err(), "the append")
	}
	positions := make([]eventlog.Position, len(entries))
	for i, r := range g.records[at : at+len(entries)] {
		if err := g.errors[at+i]; err != nil {
			return nil, l.mapError(ctx, err, "appending")
		}
		positions[i] = eventlog.Position{Partition: r.Partition, Offset: r.Offset}
	}
	return positions, nil
}

// records copies the entries: the client holds them until it has an answer, the
// caller may not wait so long.
func (l *Log) records(entries []eventlog.Entry) ([]*kgo.Record, int, error) {
	size := 0
	for _, e := range entries {
		if err := l.checkPartition(e.Partition); err != nil {
			return nil, 0, err
		}
		if len(e.Data)+recordOverhead > l.producer.maxBytes {
			return nil, 0, errs.New(errs.Invalid, "eventlog.record_too_large", "topic %s takes records of at most %d bytes", l.target.topic, l.producer.maxBytes-recordOverhead)
		}
		size += len(e.Data)
	}
	memory := make([]byte, 0, size)
	made := make([]kgo.Record, len(entries))
	records := make([]*kgo.Record, len(entries))
	for i, e := range entries {
		at := len(memory)
		memory = append(memory, e.Data...)
		made[i] = kgo.Record{Topic: l.target.topic, Partition: e.Partition, Value: memory[at:len(memory):len(memory)]}
		records[i] = &made[i]
	}
	return records, size + recordOverhead*len(entries), nil
}

// enqueue adds the records to the pending group and returns that, their place in
// it, and whether the caller has to see to it that somebody leads.
func (p *producer) enqueue(ctx context.Context, records []*kgo.Record, bytes int) (g *group, at int, lead bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.pending != nil && p.pending.bytes+bytes > p.maxBytes {
		full := p.pending.done
		p.mu.Unlock()
		select {
		case <-full:
		case <-ctx.Done():
		}
		p.mu.Lock()
		if ctx.Err() != nil {
			return nil, 0, false, p.log.mapError(ctx, ctx.Err(), "the append")
		}
	}
	if p.closed {
		return nil, 0, false, errClosed()
	}
	if p.pending == nil {
		p.pending = &group{done: make(chan struct{})}
	}
	g, at = p.pending, len(p.pending.records)
	g.records = append(g.records, records...)
	g.bytes += bytes
	lead = !p.leading
	p.leading = true
	return g, at, lead, nil
}

// lead sends groups until none is pending.
func (p *producer) lead() {
	for {
		p.mu.Lock()
		g := p.pending
		p.pending = nil
		if g == nil {
			p.leading = false
			p.idle.Broadcast()
			p.mu.Unlock()
			return
		}
		p.mu.Unlock()
		p.send(g)
		close(g.done)
	}
}

// send sends a group and waits for its outcome.
func (p *producer) send(g *group) {
	g.errors = make([]error, len(g.records))
	var open sync.WaitGroup
	open.Add(len(g.records))
	for i, r := range g.records {
		p.log.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
			g.errors[i] = err
			open.Done()
		})
	}
	if err := p.log.client.Flush(p.log.ctx); err != nil {
		// The log is closed and its time for appends under way is over.
		p.log.client.Close()
	}
	open.Wait()
	ends := make([]int64, p.log.Partitions())
	for i, r := range g.records {
		if g.errors[i] == nil {
			ends[r.Partition] = max(ends[r.Partition], r.Offset+1)
		}
	}
	p.log.tail.advance(ends)
}

// close refuses new appends and waits for those under way, for a while.
func (p *producer) close() {
	finished := make(chan struct{})
	defer close(finished)
	p.log.calls.Go(func() {
		select {
		case <-p.log.opts.Clock.After(closeTimeout):
			p.log.cancel()
		case <-finished:
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for p.leading {
		p.idle.Wait()
	}
}
