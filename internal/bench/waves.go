package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"kith/event"
	"kith/internal/eventlog"
	"kith/internal/membership"
	"kith/internal/record"
	"kith/internal/sys"
)

// Shifted is a clock that can be put forward.
type Shifted struct {
	sys.Clock
	by atomic.Int64 // nanoseconds
}

// Now is what the clock shows, put forward.
func (c *Shifted) Now() time.Time { return c.Clock.Now().Add(time.Duration(c.by.Load())) }

// Forward puts the clock forward. Whoever waits is not woken.
func (c *Shifted) Forward(d time.Duration) { c.by.Add(int64(d)) }

// entryRate is how many events a second come while entries are timed.
const entryRate = 5000

// entries measures how long after its receipt an event has made its person a member
// where everybody can see it: events come at a steady rate beside a hundred live
// segments over o.People people.
func entries(ctx context.Context, o Options, open SegmentsOpener) (Row, error) {
	row := Row{Scenario: fmt.Sprintf("entries and exits at %d events/s, 100 live segments over %d people", entryRate, o.People), System: kith}
	e, done, err := openShop(ctx, o, open, time.Now().UnixMilli()-int64(24*time.Hour/time.Millisecond))
	if err != nil {
		return row, err
	}
	defer done()
	*e.Definitions = segmentDocuments(100)
	if err := e.measure(ctx, &Row{}); err != nil {
		return row, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 3)
	go func() { ended <- e.Runner.Run(running) }()
	go func() { ended <- e.Members.Run(running, e.Runner.Progress) }()
	seen := make(chan []time.Duration, 1)
	go func() {
		took, err := e.watch(running)
		seen <- took
		ended <- err
	}()
	used, began := cpu(os.Getpid()), time.Now()
	err = sendSteadily(ctx, e.Log, o)
	row.Elapsed, row.CPU, row.RSSBytes = time.Since(began), cpu(os.Getpid())-used, peakRSS(os.Getpid())
	if ferr := e.Runner.Flush(ctx); err == nil {
		err = ferr
	}
	stop()
	for range 3 {
		if rerr := <-ended; err == nil {
			err = rerr
		}
	}
	took := <-seen
	row.Operations, row.Latencies = int64(len(took)), percentiles(took)
	return row, err
}

// openShop opens an engine in which each of o.People people has done one thing at
// the given moment. done closes it and removes its folder.
func openShop(ctx context.Context, o Options, open SegmentsOpener, at int64) (e *SegmentsEngine, done func(), err error) {
	dir, err := os.MkdirTemp(o.Dir, "kith-bench-")
	if err != nil {
		return nil, nil, err
	}
	if e, err = open(ctx, dir); err != nil {
		return nil, nil, err
	}
	done = func() {
		_ = e.Close()
		_ = os.RemoveAll(dir)
	}
	var entries []eventlog.Entry
	for i := range o.People {
		r := record.Record{Kind: record.Event, Stamp: event.Stamp{Source: "shop", MessageID: fmt.Sprintf("w-%d", i), Type: event.Track, ReceivedAt: at, Timestamp: at}}
		r.Body = fmt.Appendf(nil, `{"type":"track","event":"Welcomed","userId":%q,"properties":{"price":1}}`, UserID(uint64(i)))
		entries = append(entries, eventlog.Entry{Data: r.AppendTo(nil)})
		if len(entries) == 1000 || i == o.People-1 {
			if _, err := e.Log.Append(ctx, entries); err != nil {
				done()
				return nil, nil, err
			}
			entries = entries[:0]
		}
	}
	if err := e.measure(ctx, &Row{}); err != nil {
		done()
		return nil, nil, err
	}
	return e, done, nil
}

// sendSteadily appends events at the rate, as a collector does that commits a group
// every few milliseconds, for as long as a scenario runs.
func sendSteadily(ctx context.Context, log eventlog.Writer, o Options) error {
	rng := rand.New(rand.NewPCG(3, 3))
	zipf := rand.NewZipf(rng, 1.01, 10, uint64(o.People-1))
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	sent := 0
	for at := time.Duration(0); at < o.Duration; at = time.Since(began) {
		var entries []eventlog.Entry
		for want := int(at.Seconds() * entryRate); sent < want; sent++ {
			entries = append(entries, eventlog.Entry{Data: shopEvent(rng, zipf.Uint64(), sent)})
		}
		if len(entries) > 0 {
			if _, err := log.Append(ctx, entries); err != nil {
				return err
			}
		}
		<-tick.C
	}
	return nil
}

func shopEvent(rng *rand.Rand, user uint64, n int) []byte {
	now := time.Now().UnixMilli()
	name := fmt.Sprintf("Common %d", rng.IntN(50))
	if rng.IntN(10) == 0 {
		name = "Popular"
	}
	r := record.Record{Kind: record.Event, Stamp: event.Stamp{Source: "shop", MessageID: fmt.Sprintf("e-%d", n), Type: event.Track, ReceivedAt: now, Timestamp: now}}
	r.Body = fmt.Appendf(nil, `{"type":"track","event":%q,"userId":%q,"properties":{"price":%d.99,"quantity":1}}`, name, UserID(user), rng.IntN(100))
	return r.AppendTo(nil)
}

// watch returns for each change that an event has made how long after its receipt
// it could be read.
func (e *SegmentsEngine) watch(ctx context.Context) ([]time.Duration, error) {
	var took []time.Duration
	next := uint64(math.MaxUint64)
	for ctx.Err() == nil {
		stepped := e.Members.Stepped()
		if next == math.MaxUint64 {
			next = e.Members.Status().Transitions
		}
		list, err := e.Members.Transitions(ctx, next, 10_000)
		if err != nil {
			return took, err
		}
		now := time.Now().UnixMilli()
		for _, t := range list {
			next = t.Sequence + 1
			if t.Cause == membership.ByEvent {
				took = append(took, time.Duration(now-t.At)*time.Millisecond)
			}
		}
		select {
		case <-stepped:
		case <-ctx.Done():
		}
	}
	return took, nil
}

// wave measures how fast people leave a segment when the moment comes for all of
// them at once.
func wave(ctx context.Context, o Options, open SegmentsOpener) (Row, error) {
	people := o.People / 2
	row := Row{Scenario: fmt.Sprintf("%d people leave a segment at one moment", people), System: kith, Operations: int64(people)}
	o.People = people
	e, done, err := openShop(ctx, o, open, time.Now().UnixMilli()-1000)
	if err != nil {
		return row, err
	}
	defer done()
	e.Definitions.Segments = map[string]json.RawMessage{"lately": json.RawMessage(`{"where":{"event":"Welcomed","window":{"last":"1d"}}}`)}
	if err := e.measure(ctx, &Row{}); err != nil {
		return row, err
	}
	e.Clock.Forward(25 * time.Hour)
	if err := e.measure(ctx, &row); err != nil {
		return row, err
	}
	size, err := e.Members.Size(ctx, "lately")
	row.Failures = size // nobody should be left
	return row, err
}
