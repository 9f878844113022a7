// Package feed tells listeners what becomes of records while it happens.
//
// The log is the source of truth for what there is, the state for what became of
// it. A listener is a place in the log, by partition the offset of the next
// record that it has not been told of. Whenever the pipeline commits, it takes a
// snapshot of the state, reads the records between its place and the cursors of
// the snapshot, and asks the state for their outcomes. So nothing is told before
// it is committed, everything is told in the order of its partition, a place is a
// few numbers by which a listener that was cut off goes on, and folding the log
// anew, which replaces the facts, repeats nothing. What changes for a record that
// has been told of (it is withdrawn, or put back) is not told.
//
// The pipeline knows nothing of listeners and waits for none: there is no queue
// between them. A listener that reads too slowly falls behind its own place, and
// from a bound on it skips to the newest records and is told how many it missed.
// Each listener reads and interprets for itself; their number and their pace are
// bounded.
package feed

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state"
	"kith/internal/sys"
)

// Parts are what reads records under the configuration in force.
type Parts struct {
	Runner *pipeline.Runner
	Reader *profile.Reader
}

// Config is what a feed works with. Bounds that are zero have their default.
type Config struct {
	State state.Store
	Clock sys.Clock
	Parts func() Parts // as of now; safe for concurrent use

	ListenersMax int           // at once; 32
	RoundMax     int           // records that a listener reads at once; 500
	LagMax       int64         // how many records a listener may be behind; 10,000
	LagKept      int64         // how many of the newest it goes on with beyond that; 1,000
	Pace         time.Duration // between two rounds of a listener; 200 ms
	Poll         time.Duration // after which it looks for commits of other processes; 1 s
	Beat         time.Duration // after which a quiet stream shows that it is alive; 15 s
}

// Filter selects records. Fields that are empty select all; of several all have
// to fit.
type Filter struct {
	Type        event.Type
	Name        string        // of a track, page or screen
	Source      string        // key of the source
	Identifiers []profile.Ref // that the record itself names, in any spelling
}

// Request is what a listener asks for.
type Request struct {
	Filter Filter
	From   string // the id of the last frame that it has seen; empty: from now on
}

// Frame is one message to a listener. One without an Event carries no content: it
// shows that the stream is alive and moves the place.
type Frame struct {
	Event string // event, verdict, lost, or empty
	ID    string // the place that the listener goes on from when it is cut off here
	Data  []byte // one JSON object; nil without an Event
}

// Feed serves listeners. It is safe for concurrent use.
type Feed struct {
	cfg Config

	mu        sync.Mutex
	listeners int
	ended     chan struct{}
	end       sync.Once
}

// New returns a feed.
func New(cfg Config) *Feed {
	cfg.ListenersMax = orDefault(cfg.ListenersMax, 32)
	cfg.RoundMax = orDefault(cfg.RoundMax, 500)
	cfg.LagMax = orDefault(cfg.LagMax, 10_000)
	cfg.LagKept = orDefault(cfg.LagKept, 1000)
	cfg.Pace = orDefault(cfg.Pace, 200*time.Millisecond)
	cfg.Poll = orDefault(cfg.Poll, time.Second)
	cfg.Beat = orDefault(cfg.Beat, 15*time.Second)
	return &Feed{cfg: cfg, ended: make(chan struct{})}
}

func orDefault[T int | int64 | time.Duration](v, absent T) T {
	if v <= 0 {
		return absent
	}
	return v
}

// End ends all listeners, for good. It is safe twice.
func (f *Feed) End() { f.end.Do(func() { close(f.ended) }) }

// Listen hands frames to emit until ctx ends or the feed does, which give nil, or
// emit fails. The first frame has no content and tells that the listener has its
// place. Errors before it: kind Invalid for a place or an identifier that cannot
// be, Exhausted when there are too many listeners.
func (f *Feed) Listen(ctx context.Context, req Request, emit func(Frame) error) error {
	if err := f.enter(); err != nil {
		return err
	}
	defer f.leave()
	l := &listener{feed: f, filter: req.Filter, emit: emit, told: f.cfg.Clock.Now()}
	if err := l.begin(ctx, req.From); err != nil {
		return err
	}
	for {
		if err := l.send(); err != nil {
			return err
		}
		progress := f.cfg.Parts().Runner.Progress() // before the snapshot, so that no commit is missed
		more, err := l.round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.send(); err != nil {
			return err
		}
		if !f.wait(ctx, f.cfg.Clock.After(f.cfg.Pace), nil) || !more && !f.wait(ctx, f.cfg.Clock.After(f.cfg.Poll), progress) {
			return nil
		}
	}
}

// wait returns true once one of the channels is ready, false when the listener is
// to end.
func (f *Feed) wait(ctx context.Context, after <-chan time.Time, progress <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-f.ended:
		return false
	case <-progress:
	case <-after:
	}
	return true
}

func (f *Feed) enter() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners >= f.cfg.ListenersMax {
		return errs.New(errs.Exhausted, "live.too_many", "there are %d listeners, which is as many as there may be; end one", f.listeners)
	}
	f.listeners++
	return nil
}

func (f *Feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners--
}

// placeText writes a place: by partition the offset of the next record.
func placeText(place []int64) string {
	parts := make([]string, len(place))
	for i, n := range place {
		parts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(parts, ".")
}

// parsePlace reads a place of a log with that many partitions.
func parsePlace(text string, partitions int) ([]int64, error) {
	parts := strings.Split(text, ".")
	place := make([]int64, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseInt(p, 10, 64)
		if err != nil || n < 0 || len(parts) != partitions {
			return nil, errs.New(errs.Invalid, "live.place", "Last-Event-ID is none that this stream sent; leave it out to listen from now on")
		}
		place[i] = n
	}
	return place, nil
}
