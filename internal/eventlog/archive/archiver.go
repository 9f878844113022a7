package archive

import (
	"context"
	"sync"
	"time"

	"kith/internal/sys"
)

// Config is what an archiver works with. Zero durations and sizes have defaults.
type Config struct {
	Log   *Log
	Clock sys.Clock
	Rand  sys.Rand
	// Keep is how long records stay in the topic after they have been appended, once
	// they are archived; a negative one is for ever.
	Keep         time.Duration
	Every        time.Duration // between looks at the topic; 2 s
	Age          time.Duration // a record is archived at the latest so long after it was seen; 10 min
	TrimEvery    time.Duration // between deletions from the topic; 10 min
	SegmentBytes int64         // of the records of a segment; 32 MiB
	Observer     Observer
}

// Observer is told what an archiver does. Any function may be nil; all must be quick
// and safe for concurrent use.
type Observer struct {
	Archived func(partition int32, records, bytes int64) // bytes of the file
	Trimmed  func(partition int32, records int64)        // that the topic had and the archive has
	Failed   func(partition int32, err error)            // something will be tried again
}

// Archiver copies the partitions that this process holds into the archive and
// deletes from the topic what is there. It is safe for concurrent use.
type Archiver struct {
	cfg   Config
	codec *codec
	turns chan struct{} // holds one of each step under way

	mu   sync.Mutex
	lags map[int32]lag
}

// lag is what of a partition is not archived.
type lag struct {
	records int64
	since   time.Time // when the oldest of them was seen; zero when there is none
}

// stepsMax bounds the partitions that are archived at once, so that one which has much
// to archive leaves the machine to those who fold.
const stepsMax = 2

// NewArchiver returns an archiver. Nothing is opened before it runs.
func NewArchiver(cfg Config) *Archiver {
	for _, d := range []struct {
		have *time.Duration
		want time.Duration
	}{{&cfg.Every, 2 * time.Second}, {&cfg.Age, 10 * time.Minute}, {&cfg.TrimEvery, 10 * time.Minute}} {
		if *d.have <= 0 {
			*d.have = d.want
		}
	}
	if cfg.SegmentBytes <= 0 {
		cfg.SegmentBytes = 32 << 20
	}
	return &Archiver{cfg: cfg, codec: cfg.Log.reader.codec, turns: make(chan struct{}, stepsMax), lags: map[int32]lag{}}
}

// Run archives a partition until ctx ends. Whatever fails is told to the observer and
// tried again, later each time.
func (a *Archiver) Run(ctx context.Context, partition int32) {
	f := a.Follow(partition)
	defer a.leave(partition)
	defer f.forget()
	wait := a.cfg.Every
	for ctx.Err() == nil {
		more, err := a.turn(ctx, f)
		if err == nil {
			if wait = a.cfg.Every; more {
				wait = 0
			}
		} else if ctx.Err() == nil {
			if a.cfg.Observer.Failed != nil {
				a.cfg.Observer.Failed(partition, err)
			}
			wait = min(max(2*wait, a.cfg.Every), time.Minute)
		}
		select {
		case <-ctx.Done():
		case <-a.cfg.Clock.After(wait):
		}
	}
}

// turn lets a follower take a step when it is its turn; more says that it has not
// reached the end.
func (a *Archiver) turn(ctx context.Context, f *Follower) (more bool, err error) {
	select {
	case <-ctx.Done():
		return false, nil
	case a.turns <- struct{}{}:
	}
	defer func() { <-a.turns }()
	err = f.Step(ctx)
	return f.more, err
}

// Lag tells how many records of the partitions that this process archives are not
// archived, and how long it has known the oldest of them.
func (a *Archiver) Lag() (records int64, age time.Duration) {
	now := a.cfg.Clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lags {
		records += l.records
		if !l.since.IsZero() {
			age = max(age, now.Sub(l.since))
		}
	}
	return records, age
}

// behind notes how far a partition reaches beyond its archive.
func (a *Archiver) behind(partition int32, records int64) {
	now := a.cfg.Clock.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lags[partition]
	if l.records = records; records == 0 {
		l.since = time.Time{}
	} else if l.since.IsZero() {
		l.since = now
	}
	a.lags[partition] = l
}

// archived notes that a segment is listed; what lies behind it was seen later.
func (a *Archiver) archived(partition int32, records int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.lags[partition]
	a.lags[partition] = lag{records: max(0, l.records-records)}
}

func (a *Archiver) leave(partition int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.lags, partition)
}
