package lake

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/fact"
	"kith/internal/pipeline"
	"kith/internal/profile"
	"kith/internal/state"
	"kith/internal/sys"
	"kith/internal/waypoint"
)

// Parts is what the lake reads the state with; it changes with the configuration.
type Parts struct {
	Interpreter *pipeline.Interpreter
	Reader      *profile.Reader
}

// Observer is told what the writer does. Any function may be nil; all must be
// quick and safe for concurrent use.
type Observer struct {
	Round  func(facts uint64, took time.Duration) // a round shows in the lake
	Merged func(table string, rows, bytes int64)  // files have been merged into others
	Failed func(error)                            // something will be tried again
}

// Config is what a writer needs.
type Config struct {
	Store      Store
	State      state.Store
	Log        eventlog.Reader
	Partitions int
	Parts      func() Parts
	Clock      sys.Clock
	Rand       sys.Rand
	Every      time.Duration // between rounds while there are facts; 1 s if 0
	RoundFacts uint64        // about so many facts are taken in at once, where more have come; 500,000 if 0
	Periods    Periods       // after which files are merged; DefaultPeriods if zero
	// Shared says that other processes write this lake too, one at a time.
	Shared   bool
	Distant  bool   // each read of State is a way to a server and back
	Mirror   Mirror // a copy of the tables in another engine; nil for none
	Observer Observer
}

// Writer writes the lake of a workspace. At most one should run on a lake at a
// time: a second one finds the state, or a list, moved on and waits.
type Writer struct {
	cfg    Config
	tables map[string]*files
	id     [16]byte
	opened bool
	kicks  chan struct{}

	mu       sync.Mutex
	running  bool
	checked  bool // the lake has been held against the state
	progress chan struct{}
	mark     string // in the names of merged files, where other processes make such files

	tidying sync.Mutex // held while files are merged, and while the lake is read anew
}

// New returns a writer. Nothing is opened before it runs.
func New(cfg Config) *Writer {
	if cfg.Every <= 0 {
		cfg.Every = time.Second
	}
	if cfg.RoundFacts == 0 {
		cfg.RoundFacts = 500_000
	}
	if cfg.Periods == (Periods{}) {
		cfg.Periods = DefaultPeriods()
	}
	return &Writer{cfg: cfg, kicks: make(chan struct{}, 1)}
}

// Run writes and merges until ctx ends, from what the lake holds now: another
// process may have written it meanwhile. Whatever fails is told to the observer and
// tried again.
func (w *Writer) Run(ctx context.Context) {
	w.runs(true)
	defer w.runs(false)
	var g errgroup.Group
	g.Go(func() error {
		w.follow(ctx)
		return nil
	})
	g.Go(func() error {
		w.tidy(ctx)
		return nil
	})
	g.Go(func() error {
		waypoint.Keep(ctx, w.cfg.Clock, w.cfg.Every, w.cfg.State, w.cfg.Partitions, w.cfg.RoundFacts/5)
		return nil
	})
	_ = g.Wait() // the goroutines return no errors
}

func (w *Writer) runs(now bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.opened, w.checked, w.tables = now, false, false, nil
}

// moved lets the next round read the lake anew where another process has written it
// meanwhile: then a list is another one, or a file of the list that this process
// knows is gone.
func (w *Writer) moved(err error) error {
	if !w.cfg.Shared || !errs.Is(err, errs.Conflict) && !errs.Is(err, errs.NotFound) {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened = false
	if errs.Is(err, errs.NotFound) {
		return errMoved()
	}
	return err
}

// follow writes rounds. One that fails is tried again, later each time.
func (w *Writer) follow(ctx context.Context) {
	wait := w.cfg.Every
	for ctx.Err() == nil {
		err := guarded(func() error {
			_, err := w.Step(ctx)
			return err
		})
		switch {
		case err == nil || errs.Is(err, errs.Conflict):
			wait = w.cfg.Every
		case ctx.Err() == nil:
			w.failed(err)
			wait = min(2*wait, 30*time.Second)
		}
		select {
		case <-ctx.Done():
		case <-w.kicks:
		case <-w.cfg.Clock.After(wait):
		}
	}
}

// guarded turns a panic into an error: a defect of the lake, or a row that nobody
// foresaw, must not stop the process that folds.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errs.New(errs.Internal, "lake.panic", "writing the lake failed by a defect of kith: %T at %s", p, origin())
		}
	}()
	return f()
}

// origin is the function that panicked, and those that called it.
func origin() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var names []string
	for len(names) < 6 {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			names = append(names, f.Function+":"+strconv.Itoa(f.Line))
		}
		if !more {
			break
		}
	}
	return strings.Join(names, " < ")
}

func (w *Writer) failed(err error) {
	if w.cfg.Observer.Failed != nil {
		w.cfg.Observer.Failed(err)
	}
}

func (w *Writer) now() int64 { return sys.Millis(w.cfg.Clock.Now()) }

// Step writes, in the calling goroutine, one round: the facts and transitions of
// segments that are there and not in the lake, or of many the first. It returns how
// many these were. A round that was cut short is done again first.
func (w *Writer) Step(ctx context.Context) (facts uint64, err error) {
	began := w.cfg.Clock.Now()
	if err := w.open(ctx); err != nil {
		return 0, err
	}
	defer func() { err = w.moved(err) }()
	r, err := w.begin(ctx)
	if err != nil || r == nil {
		return 0, err
	}
	if err := r.record(ctx, w.cfg.State, nil); err != nil {
		return 0, err
	}
	if err := w.write(ctx, r); err != nil {
		return 0, err
	}
	w.announce()
	if w.cfg.Observer.Round != nil {
		w.cfg.Observer.Round(r.facts(), w.cfg.Clock.Now().Sub(began))
	}
	return r.size(), nil
}

// identityName is the file that tells one lake from another that was made in its
// place.
const identityName = "lake/lake.json"

type identityFile struct {
	Format int    `json:"format"`
	ID     string `json:"id"`
}

// open reads which lake it is and what it holds.
func (w *Writer) open(ctx context.Context) error {
	w.mu.Lock()
	opened := w.opened
	w.mu.Unlock()
	if opened {
		return nil
	}
	w.tidying.Lock()
	defer w.tidying.Unlock()
	if g, ok := w.cfg.Store.(Guarded); ok {
		g.Forget() // nothing writes now
	}
	data, err := ReadAll(ctx, w.cfg.Store, identityName)
	if errs.Is(err, errs.NotFound) {
		data, err = w.name(ctx)
	}
	if err != nil {
		return err
	}
	var f identityFile
	id, err := hexID(json.Unmarshal(data, &f), f.ID)
	if err != nil {
		return err
	}
	mark, err := w.newMark()
	if err != nil {
		return err
	}
	tables := map[string]*files{}
	for _, t := range Tables() {
		if tables[t.Name], err = openFiles(ctx, w.cfg.Store, t, w.cfg.Periods); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.id, w.tables, w.opened, w.mark = id, tables, true, mark
	return nil
}

// newMark returns what sets the names of merged files of this process apart from
// those of others, which may give them the same numbers.
func (w *Writer) newMark() (string, error) {
	if !w.cfg.Shared {
		return "", nil
	}
	var b [6]byte
	_, err := io.ReadFull(w.cfg.Rand, b[:])
	return "-" + hex.EncodeToString(b[:]), errs.Wrap(err, errs.Internal, "lake.identity", "there is no randomness")
}

func hexID(err error, text string) (id [16]byte, _ error) {
	b, err2 := hex.DecodeString(text)
	if err != nil || err2 != nil || len(b) != len(id) {
		return id, errs.New(errs.Corrupt, "lake.identity", "the file %s of the lake cannot be read", identityName)
	}
	return [16]byte(b), nil
}

// name gives a new lake its name.
func (w *Writer) name(ctx context.Context) ([]byte, error) {
	var id [16]byte
	if _, err := io.ReadFull(w.cfg.Rand, id[:]); err != nil {
		return nil, errs.Wrap(err, errs.Internal, "lake.identity", "there is no randomness")
	}
	data, err := json.Marshal(identityFile{Format: 1, ID: hex.EncodeToString(id[:])})
	if err != nil {
		return nil, errs.Wrap(err, errs.Internal, "lake.identity", "the name of the lake cannot be written down")
	}
	return data, Put(ctx, w.cfg.Store, identityName, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
}

// begin returns the round to write now, or nil when everything shows.
func (w *Writer) begin(ctx context.Context) (*round, error) {
	snap, err := w.cfg.State.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	_, fingerprint, err := pipeline.Interpretation(ctx, snap)
	if err != nil {
		return nil, err
	}
	if fingerprint != nil {
		mine, err := w.cfg.Parts().Interpreter.Fingerprint()
		if err != nil {
			return nil, err
		}
		if string(mine) != string(fingerprint) {
			return nil, errMoved()
		}
	}
	last, err := readRound(ctx, snap)
	if err != nil {
		return nil, err
	}
	anew := !w.continues(last, fingerprint)
	if anew {
		if last, err = w.generation(ctx, last, fingerprint); err != nil {
			return nil, err
		}
	} else if !last.Done {
		return last.again(w.now()), nil
	}
	now, err := waypoint.Now(ctx, snap, w.cfg.Partitions)
	if err != nil {
		return nil, err
	}
	to, err := waypoint.Next(ctx, snap, last.shown(), &now, w.cfg.RoundFacts)
	if err != nil {
		return nil, err
	}
	if to.Facts() < now.Facts() {
		w.kick()
	}
	next := last.next(&to, w.now())
	if next.size() == 0 && !anew {
		w.announce()
		return nil, nil
	}
	return next, nil
}

// continues reports whether the lake holds what the state says it does.
func (w *Writer) continues(last *round, fingerprint []byte) bool {
	if last == nil || last.Lake != w.id || string(last.Fingerprint) != string(fingerprint) {
		return false
	}
	first := last.Transitions.From == 0 // no earlier round has written anything
	for _, c := range last.Cuts {
		first = first && c.From == 0
	}
	for _, f := range w.tables {
		m := f.now()
		if m.Round > last.Number {
			return false
		}
		if m.Generation != last.Generation && (last.Done || !first || m.Generation > last.Generation) {
			return false
		}
	}
	return true
}

// strangerTime is how long a lake that another process wrote last is left to it,
// in milliseconds.
const strangerTime = 30_000

// generation begins the tables anew, and returns what is before their first round.
func (w *Writer) generation(ctx context.Context, last *round, fingerprint []byte) (*round, error) {
	r := &round{Lake: w.id, Fingerprint: fingerprint}
	if last != nil {
		if last.Lake != w.id && w.now()-last.At < strangerTime {
			return nil, errMoved()
		}
		r.stored, r.Number = last.stored, last.Number
		if err := w.forget(ctx); err != nil {
			return nil, err
		}
	}
	for _, f := range w.tables {
		r.Generation = max(r.Generation, f.now().Generation)
		r.Number = max(r.Number, f.now().Round)
	}
	r.Generation++
	for _, f := range w.tables {
		f.restart(r.Generation)
	}
	return r, nil
}

// write puts the facts of a round into the tables, and writes down that it shows.
func (w *Writer) write(ctx context.Context, r *round) error {
	for _, f := range w.tables {
		if m := f.now(); m.Generation != r.Generation {
			f.restart(r.Generation)
		}
	}
	snap, err := w.cfg.State.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	_, fingerprint, err := pipeline.Interpretation(ctx, snap)
	if err != nil {
		return err
	}
	if string(fingerprint) != string(r.Fingerprint) {
		return errMoved()
	}
	p := &portion{w: w, r: r, snap: snap, parts: w.cfg.Parts(), bodies: newBodies(w.cfg.Log)}
	if err := p.plan(ctx); err != nil {
		return err
	}
	if err := p.mirrored(ctx); err != nil {
		return err
	}
	if err := p.appendTables(ctx); err != nil {
		return err
	}
	if err := p.segmentTables(ctx); err != nil {
		return err
	}
	return p.mutableTables(ctx)
}

// eachFact hands over the facts of a round, partition by partition.
func (p *portion) eachFact(ctx context.Context, f func(*fact.Fact) error) error {
	for _, c := range p.r.cuts() {
		next := c.From
		for b, err := range fact.Read(ctx, p.snap, c.Partition, c.From) {
			if err != nil {
				return err
			}
			for i := range b.Facts {
				at := b.First + uint64(i)
				if at < next || at >= c.To {
					continue
				}
				if at != next {
					return errMoved()
				}
				next++
				if err := f(&b.Facts[i]); err != nil {
					return err
				}
			}
			if next == c.To {
				break
			}
		}
		if next != c.To {
			return errMoved()
		}
	}
	return nil
}
