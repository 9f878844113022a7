package local

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/sys"
)

// witness remembers what was sent, what was acknowledged and what was read, and
// compares a log with it.
type witness struct {
	mu     sync.Mutex
	sent   uint64
	acked  map[eventlog.Position]uint64 // the record acknowledged at a position
	seen   map[eventlog.Position]uint64 // the record once read at a position
	frozen bool                         // acknowledgements no longer count
}

func newWitness() *witness {
	return &witness{acked: map[eventlog.Position]uint64{}, seen: map[eventlog.Position]uint64{}}
}

// record is the content of the record with the number: of any size up to a few
// pages, partly repetitive, partly not.
func record(id uint64) []byte {
	r := rand.New(rand.NewPCG(id, 1))
	n := r.IntN(400)
	switch r.IntN(20) {
	case 0, 1:
		n = r.IntN(20_000)
	case 2:
		n = 0
	}
	b := binary.LittleEndian.AppendUint64(nil, id)
	for len(b) < n {
		if r.IntN(2) == 0 {
			b = append(b, "the same words once more, "...)
		} else {
			b = binary.LittleEndian.AppendUint64(b, r.Uint64())
		}
	}
	return b
}

// entries makes n new records for a random partition each.
func (w *witness) entries(r *rand.Rand, partitions, n int) ([]eventlog.Entry, []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []eventlog.Entry
	var ids []uint64
	for range n {
		out = append(out, eventlog.Entry{Partition: int32(r.IntN(partitions)), Data: record(w.sent)})
		ids = append(ids, w.sent)
		w.sent++
	}
	return out, ids
}

// acknowledge notes what an append returned.
func (w *witness) acknowledge(positions []eventlog.Position, ids []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen {
		return
	}
	for i, p := range positions {
		w.acked[p] = ids[i]
	}
}

// freeze runs f at a moment at which the acknowledged records are those counted,
// and counts no more until thaw.
func (w *witness) freeze(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.frozen = true
}

func (w *witness) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = false
}

// check reads the whole log: every record is one that was sent, stands in one
// place only, is what was acknowledged or read there before, and all of those
// are there.
func (w *witness) check(l *Log) error {
	all, err := readEverything(l)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	found := map[uint64]eventlog.Position{}
	for at, b := range all {
		id, ok := w.identify(b)
		if !ok {
			return fmt.Errorf("the record at %v was never sent", at)
		}
		if other, twice := found[id]; twice {
			return fmt.Errorf("record %d is at %v and at %v", id, other, at)
		}
		found[id] = at
	}
	for _, known := range []map[eventlog.Position]uint64{w.acked, w.seen} {
		for at, id := range known {
			if got, ok := found[id]; !ok || got != at {
				return fmt.Errorf("record %d was acknowledged or read at %v and is not there", id, at)
			}
		}
	}
	for id, at := range found {
		if !w.frozen {
			w.seen[at] = id
		}
	}
	return nil
}

// identify returns the number of a record that was sent.
func (w *witness) identify(b []byte) (uint64, bool) {
	if len(b) < 8 {
		return 0, false
	}
	id := binary.LittleEndian.Uint64(b)
	return id, id < w.sent && string(b) == string(record(id))
}

// readEverything returns the records of a log by position.
func readEverything(l *Log) (map[eventlog.Position][]byte, error) {
	all := map[eventlog.Position][]byte{}
	for p := range int32(l.Partitions()) {
		for at := (eventlog.Position{Partition: p}); ; {
			records, err := l.Read(tctx(), at, 100, 1<<20)
			if err != nil {
				return nil, err
			}
			if len(records) == 0 {
				break
			}
			for _, b := range records {
				all[at] = b
				at.Offset++
			}
		}
	}
	return all, nil
}

// crashOptions are options of a small log that rolls often.
func crashOptions(r *rand.Rand, fs sys.FS, partitions int) Options {
	return Options{
		FS: fs, Clock: sys.NewManual(time.UnixMilli(0)), Rand: sys.Seeded(r.Uint64()),
		Partitions:   partitions,
		SegmentBytes: []int64{4 << 10, 32 << 10, 1 << 20}[r.IntN(3)],
		Compression:  Compression(r.IntN(4)),
	}
}

// TestPowerCuts cuts the power while many append. After each cut the log opens on
// what the disk may hold then: all that was synced, and any part of the rest.
func TestPowerCuts(t *testing.T) {
	const cuts = 5
	var mu sync.Mutex
	total, acked, tails := 0, 0, 0
	t.Run("runs", func(t *testing.T) {
		for seed := range powerRuns(t) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				w, cut := powerCuts(t, seed, cuts)
				mu.Lock()
				defer mu.Unlock()
				total, acked, tails = total+cuts, acked+len(w.acked), tails+cut
			})
		}
	})
	t.Logf("%d power cuts, %d acknowledged records, 0 lost, %d unfinished tails cut", total, acked, tails)
}

func powerCuts(t *testing.T, seed uint64, cuts int) (*witness, int) {
	r := rand.New(rand.NewPCG(seed, 7))
	partitions := 1 + r.IntN(2)
	mem := vfs.NewCrashableMem()
	w, tails := newWitness(), 0
	for cut := range cuts {
		power := &powerSwitch{w: w, mem: mem, r: rand.New(rand.NewPCG(seed, uint64(cut)))}
		power.left.Store(1 << 30)
		opts := crashOptions(r, errorfs.Wrap(mem, power), partitions)
		opts.Observer.TailCut = func(string, int64, int64) { tails++ }
		opts.Observer.Damaged = func(file string, at int64) { t.Errorf("damage in %s at %d", file, at) }
		l := mustOpen(t, "data/log", opts)
		if err := w.check(l); err != nil {
			t.Fatalf("seed %d, before cut %d: %v", seed, cut, err)
		}
		power.left.Store(int64(r.IntN(60)))
		appendUntil(l, w, r, &power.off)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		mem = power.after
		w.thaw()
	}
	l := mustOpen(t, "data/log", crashOptions(r, mem, partitions))
	if err := w.check(l); err != nil {
		t.Fatalf("seed %d, at the end: %v", seed, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return w, tails
}

// powerSwitch takes a copy of what the disk would hold if the power went before
// a certain operation that writes or syncs: the work itself goes on, unheard.
type powerSwitch struct {
	w     *witness
	mem   *vfs.MemFS
	r     *rand.Rand
	left  atomic.Int64 // operations until the cut
	off   atomic.Bool
	after *vfs.MemFS
}

func (s *powerSwitch) String() string { return "power switch" }

// MaybeError implements errorfs.Injector; it injects no error.
func (s *powerSwitch) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && s.left.Add(-1) == -1 {
		s.w.freeze(func() {
			s.after = s.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: s.r.IntN(5) * 25, RNG: s.r})
		})
		s.off.Store(true)
	}
	return nil
}

// appendUntil appends from several goroutines until the power is off.
func appendUntil(l *Log, w *witness, r *rand.Rand, off *atomic.Bool) {
	var all sync.WaitGroup
	for range 4 {
		mine := rand.New(rand.NewPCG(r.Uint64(), 3))
		all.Go(func() {
			for !off.Load() {
				entries, ids := w.entries(mine, l.Partitions(), 1+mine.IntN(30))
				if positions, err := l.Append(tctx(), entries); err == nil {
					w.acknowledge(positions, ids)
				}
			}
		})
	}
	all.Wait()
}

// scenario opens a log, appends to it across several segments, closes it and
// does so again. It stops at the first error. Nothing runs beside it, so the
// numbers of its file operations are the same in every run.
func scenario(w *witness, opts Options) error {
	r := rand.New(rand.NewPCG(5, 5))
	for range 2 {
		l, err := Open("data/log", opts)
		if err != nil {
			return err
		}
		for range 9 {
			entries, ids := w.entries(r, 1, 1+r.IntN(12))
			positions, err := l.Append(tctx(), entries)
			if err != nil {
				return stopWith(l, err)
			}
			w.acknowledge(positions, ids)
		}
		if err := w.check(l); err != nil {
			return stopWith(l, err)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// stopWith closes the log, whose state no longer matters, and returns the error.
func stopWith(l *Log, err error) error {
	_ = l.Close()
	return err
}

func scenarioOptions(fs sys.FS) Options {
	return Options{FS: fs, Clock: sys.NewManual(time.UnixMilli(0)), Rand: sys.Seeded(1), SegmentBytes: 16 << 10}
}

// TestPowerCutAtEveryOperation cuts the power before each single file operation
// of the scenario in turn, and once more before each operation of the recovery.
func TestPowerCutAtEveryOperation(t *testing.T) {
	cuts := 0
	for _, percent := range []int{0, 50} {
		for at := 0; ; at++ {
			w, mem := newWitness(), vfs.NewCrashableMem()
			after := cutAt(w, mem, at, percent, uint64(at), func(fs sys.FS) {
				if err := scenario(w, scenarioOptions(fs)); err != nil {
					t.Fatalf("operation %d: %v", at, err)
				}
			})
			if after == nil {
				break
			}
			cuts++
			w.thaw()
			cuts += checkRecoveries(t, w, after, percent, at)
		}
	}
	t.Logf("%d power cuts", cuts)
}

// checkRecoveries opens the log after a cut, with further cuts at some of the
// operations of opening it.
func checkRecoveries(t *testing.T, w *witness, mem *vfs.MemFS, percent, at int) (cuts int) {
	again := cutAt(w, mem, at%23, percent, uint64(at)+1000, func(fs sys.FS) {
		l, err := Open("data/log", scenarioOptions(fs))
		if err != nil {
			t.Fatalf("cut at operation %d with %d %%: %v", at, percent, err)
		}
		if err := w.check(l); err != nil {
			t.Fatalf("cut at operation %d with %d %%: %v", at, percent, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if again == nil {
		return 0
	}
	l, err := Open("data/log", scenarioOptions(again))
	if err != nil {
		t.Fatalf("second cut after operation %d with %d %%: %v", at, percent, err)
	}
	w.thaw()
	if err := w.check(l); err != nil {
		t.Fatalf("second cut after operation %d with %d %%: %v", at, percent, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return 1
}

// cutAt runs f on the file system and returns what the disk holds if the power
// goes before the given operation, or nil if there are fewer.
func cutAt(w *witness, mem *vfs.MemFS, at, percent int, seed uint64, f func(fs sys.FS)) *vfs.MemFS {
	var after *vfs.MemFS
	n := 0
	f(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return nil
		}
		if n == at {
			w.freeze(func() {
				after = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 9))})
			})
		}
		n++
		return nil
	})))
	return after
}

// TestEveryOperationFails fails each file operation of the scenario in turn.
// What was acknowledged by then is there afterwards, whether the machine goes on
// or loses power at that moment.
func TestEveryOperationFails(t *testing.T) {
	points, errors, later := 0, 0, 0
	for at := 0; ; at++ {
		w, mem := newWitness(), vfs.NewCrashableMem()
		fails := errorfs.OnIndex(int32(at))
		hit := false
		err := scenario(w, scenarioOptions(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			err := fails.MaybeError(op)
			hit = hit || err != nil
			return err
		}))))
		if !hit {
			break
		}
		points++
		if err != nil {
			errors++
			if k := errs.KindOf(err); k != errs.Unavailable {
				t.Fatalf("operation %d: %v", at, err)
			}
		}
		cut, seen := mem.CrashClone(vfs.CrashCloneCfg{}), w.seen
		for _, fs := range []*vfs.MemFS{cut, mem} {
			w.seen = maps.Clone(seen)
			l, err := Open("data/log", scenarioOptions(fs))
			if err != nil {
				t.Fatalf("after a failure of operation %d: %v", at, err)
			}
			if err := w.check(l); err != nil {
				t.Fatalf("after a failure of operation %d: %v", at, err)
			}
			// What has been read is durable, also if it was not when the process
			// that wrote it ended.
			power := fs.CrashClone(vfs.CrashCloneCfg{})
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustOpen(t, "data/log", scenarioOptions(power))
			if err := w.check(l); err != nil {
				t.Fatalf("after a failure of operation %d and a power cut: %v", at, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			later++
		}
	}
	t.Logf("%d failing operations, %d of them reported by a call, %d openings afterwards, 0 records lost", points, errors, later)
	if points < 50 || errors < 30 {
		t.Fatalf("only %d operations failed, %d were reported", points, errors)
	}
}

// TestEveryOperationFailsForNow fails each file operation in turn for want of
// something that may come back, while records of all sizes are appended on and on.
// Whatever was acknowledged before and after is there when the log is opened again.
func TestEveryOperationFailsForNow(t *testing.T) {
	points, refused, taken := 0, 0, 0
	for _, cause := range []error{syscall.ENOSPC, syscall.EMFILE} {
		for at := int32(0); ; at++ {
			w, mem := newWitness(), vfs.NewCrashableMem()
			hit := false
			fails := errorfs.OnIndex(at)
			opts := scenarioOptions(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if fails.MaybeError(op) == nil {
					return nil
				}
				hit = true
				return cause
			})))
			opts.SegmentBytes = 8 << 10
			l, err := Open("data/log", opts)
			if err == nil {
				r := rand.New(rand.NewPCG(uint64(at), 8))
				for range 40 {
					entries, ids := w.entries(r, 1, 1+r.IntN(6))
					positions, err := l.Append(tctx(), entries)
					switch {
					case err != nil:
						refused++
					case hit:
						taken++
					}
					if err == nil {
						w.acknowledge(positions, ids)
					}
				}
			}
			for _, fs := range []*vfs.MemFS{mem.CrashClone(vfs.CrashCloneCfg{}), mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})} {
				w.seen = map[eventlog.Position]uint64{}
				again := mustOpen(t, "data/log", scenarioOptions(fs))
				if err := w.check(again); err != nil {
					t.Fatalf("%v at operation %d: %v", cause, at, err)
				}
				if err := again.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if l != nil {
				_ = l.Close() // may say again what went wrong
			}
			if !hit {
				break
			}
			points++
		}
	}
	t.Logf("%d failing operations, %d appends refused, %d taken afterwards, 0 records lost", points, refused, taken)
	if points < 100 || refused < 20 || taken < 100 {
		t.Fatalf("%d failing operations, %d appends refused, %d taken afterwards", points, refused, taken)
	}
}

// TestFailedSyncIsFinal: after a failed write or sync nothing more is taken, and
// what was acknowledged before can still be read.
func TestFailedSyncIsFinal(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpFileSyncData, errorfs.OpFileWriteAt} {
		mem := vfs.NewMem()
		inject := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == kind {
				return errorfs.ErrInjected
			}
			return nil
		})}
		opts := scenarioOptions(errorfs.Wrap(mem, inject))
		var failures []error
		opts.Observer.Failed = func(err error) { failures = append(failures, err) }
		l := mustOpen(t, "log", opts)
		w := newWitness()
		r := rand.New(rand.NewPCG(1, 1))
		grow := func() error {
			entries, ids := w.entries(r, 1, 5)
			positions, err := l.Append(tctx(), entries)
			if err == nil {
				w.acknowledge(positions, ids)
			}
			return err
		}
		for range 5 {
			if err := grow(); err != nil {
				t.Fatal(err)
			}
		}
		inject.On()
		codes := []string{errs.CodeOf(grow())}
		inject.Off()
		codes = append(codes, errs.CodeOf(grow()), errs.CodeOf(grow()))
		if want := slices.Repeat([]string{"eventlog.failed"}, 3); !slices.Equal(codes, want) {
			t.Fatalf("codes: got %v, want %v", codes, want)
		}
		if len(failures) != 1 {
			t.Fatalf("the observer was told %d times", len(failures))
		}
		if err := w.check(l); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = mustOpen(t, "log", opts)
		if err := w.check(l); err != nil {
			t.Fatal(err)
		}
		if err := grow(); err != nil {
			t.Fatalf("append after reopening: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
