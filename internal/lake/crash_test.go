package lake_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/oracle/workload"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

var (
	powerCuts = flag.Int("lake.cuts", 16, "simulated power cuts while the lake is written")
	firstSeed = flag.Int("lake.seed", 0, "seed of the first power cut or random workload; the others follow it")
)

// power lets a disk be cut off at the nth operation that changes it.
type power struct {
	mem   *vfs.MemFS
	r     *rand.Rand
	left  atomic.Int64
	done  atomic.Int64
	after *vfs.MemFS
	off   context.CancelFunc
}

// MaybeError implements errorfs.Injector; it injects no error.
func (p *power) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	p.done.Add(1)
	if p.left.Add(-1) == 0 {
		p.after = p.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: p.r.IntN(5) * 25, RNG: p.r})
		p.off()
	}
	return nil
}

// String implements errorfs.Injector.
func (p *power) String() string { return "power" }

// onDisk is a world whose state and lake lie on a disk. The log is one that has all
// that it was given.
func onDisk(t testing.TB, fs vfs.FS, log eventlog.Log, clock *sys.Manual) *world {
	t.Helper()
	store, err := pebble.Open("state", pebble.Options{FS: fs, NoSync: true, CacheBytes: 1 << 20, MemTableBytes: 64 << 10, ReserveBytes: -1})
	ok(t, err)
	w := &world{log: log, store: store, clock: clock, files: local.New(fs, "lake")}
	w.wire(20)
	return w
}

// session lets records in and writes the lake until the end, or until ctx ends.
func (w *world) session(ctx context.Context, t testing.TB, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 9))
	records := workload.Records(seed, 160)
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for len(records) > 0 && ctx.Err() == nil {
		n := min(40, len(records))
		w.append(t, records[:n])
		records = records[n:]
		for p := range w.log.Partitions() {
			_, err := w.runner.RunOnce(ctx, int32(p))
			okUnless(t, ctx, err)
		}
		_, err := w.writer.Step(ctx)
		okUnless(t, ctx, err)
		w.clock.Advance([]time.Duration{time.Second, 2 * time.Minute, 2 * time.Hour, 30 * time.Hour}[r.IntN(4)])
		okUnless(t, ctx, w.writer.Tidy(ctx))
	}
}

func okUnless(t testing.TB, ctx context.Context, err error) {
	t.Helper()
	if ctx.Err() == nil {
		ok(t, err)
	}
}

// TestPowerCuts cuts the power at random operations. What the disk may hold then
// lists only files that are there whole, and after the restart the tables come to
// equal the state.
func TestPowerCuts(t *testing.T) {
	const seeds = 4
	var total [seeds]int64
	for i := *firstSeed; i < *firstSeed+*powerCuts; i++ {
		seed := uint64(i % seeds)
		if total[seed] == 0 {
			total[seed] = cutPower(t, seed, 0, rand.New(rand.NewPCG(seed, 11)))
		}
		r := rand.New(rand.NewPCG(uint64(i), 11))
		cutPower(t, seed, 1+r.Int64N(total[seed]), r)
		if t.Failed() {
			t.Fatalf("at the cut of seed %d, of %d cuts", i, *powerCuts)
		}
	}
	t.Logf("%d power cuts; each time the tables came to equal the state", *powerCuts)
}

// cutPower runs a session that is cut at an operation (0: not at all) and checks what
// is left. It returns how many operations there were.
func cutPower(t *testing.T, seed uint64, at int64, r *rand.Rand) int64 {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	p := &power{mem: vfs.NewCrashableMem(), r: r, off: stop}
	p.left.Store(at)
	log, clock := logmem.New(2), sys.NewManual(time.UnixMilli(workload.Start))
	w := onDisk(t, errorfs.Wrap(p.mem, p), log, clock)
	w.session(ctx, t, seed)
	ok(t, w.store.Close())
	if at == 0 || p.after == nil {
		return p.done.Load()
	}
	again := onDisk(t, p.after, log, clock)
	again.readable(t)
	bg := context.Background()
	ok(t, again.runner.Drain(bg))
	for {
		n, err := again.writer.Step(bg)
		ok(t, err)
		if n == 0 {
			break
		}
	}
	ok(t, again.writer.Tidy(bg))
	again.compare(t)
	ok(t, again.store.Close())
	return 0
}

// readable reads every table that is listed.
func (w *world) readable(t testing.TB) {
	t.Helper()
	for _, table := range lake.Tables() {
		m, err := lake.ReadManifest(context.Background(), w.files, table.Name)
		ok(t, err)
		if m != nil {
			w.table(t, table.Name)
		}
	}
}

// TestFullDisk lets each operation on the lake fail once: the round is tried again,
// and the tables come to equal the state.
func TestFullDisk(t *testing.T) {
	var fail atomic.Int64
	count := int64(0)
	for at := int64(1); ; at += 1 + at/6 {
		fail.Store(at)
		seen := atomic.Int64{}
		mem := vfs.NewMem()
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.HasPrefix(op.Path, "lake") && seen.Add(1) == fail.Load() {
				return syscall.ENOSPC
			}
			return nil
		}))
		w := newWorld(2, 30)
		w.files = local.New(fs, "lake")
		w.wire(30)
		w.append(t, workload.Records(5, 120))
		ok(t, w.runner.Drain(context.Background()))
		for range 3 {
			if _, err := w.writer.Step(context.Background()); err != nil && !errs.Is(err, errs.Unavailable) {
				t.Fatal(err)
			}
		}
		w.compare(t)
		if seen.Load() < at {
			break
		}
		count++
	}
	if count == 0 {
		t.Fatal("nothing failed")
	}
	t.Logf("%d failures, each made good", count)
}

// TestLostLake takes the whole folder away: the tables are made anew.
func TestLostLake(t *testing.T) {
	ctx := context.Background()
	w := newWorld(2, 30)
	w.append(t, workload.Records(6, 120))
	ok(t, w.runner.Drain(ctx))
	_, err := w.writer.Step(ctx)
	ok(t, err)
	w.files = local.New(vfs.NewMem(), "lake")
	w.wire(30)
	if _, err := w.writer.Step(ctx); !errs.Is(err, errs.Conflict) {
		t.Fatalf("another lake was written at once: %v", err)
	}
	w.clock.Advance(time.Minute)
	_, err = w.writer.Step(ctx)
	ok(t, err)
	w.compare(t)
}

// TestFilesStay holds that a file that left the list can be read for ten minutes,
// and is gone then.
func TestFilesStay(t *testing.T) {
	ctx := context.Background()
	w := newWorld(1, 30)
	for i := range uint64(3) {
		w.append(t, workload.Records(i, 40))
		ok(t, w.runner.Drain(ctx))
		_, err := w.writer.Step(ctx)
		ok(t, err)
		w.clock.Advance(time.Second)
	}
	old, err := lake.ReadManifest(ctx, w.files, lake.TableEvents)
	ok(t, err)
	w.clock.Advance(2 * time.Minute)
	ok(t, w.writer.Tidy(ctx))
	for _, step := range []struct {
		after time.Duration
		there bool
	}{{9 * time.Minute, true}, {2 * time.Minute, false}} {
		w.clock.Advance(step.after)
		ok(t, w.writer.Tidy(ctx))
		gone := 0
		for _, listed := range old.Files {
			f, err := w.files.Open(ctx, lake.TableEvents+"/"+listed.Path)
			if errs.Is(err, errs.NotFound) {
				gone++
				continue
			}
			ok(t, err)
			_, err = io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
			ok(t, errors.Join(err, f.Close()))
		}
		if step.there != (gone == 0) {
			t.Errorf("after %s, %d of %d files are gone", step.after, gone, len(old.Files))
		}
	}
	w.compare(t)
}
