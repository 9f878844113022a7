package local

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/sys"
)

// quota is a file system with a bounded number of bytes. A write that does not
// fit is done in part. With copyOnWrite, overwriting takes bytes too.
type quota struct {
	vfs.FS
	copyOnWrite bool

	mu   sync.Mutex
	left int64
}

func (q *quota) add(n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.left += n
}

// take returns how many of the bytes may be written.
func (q *quota) take(n int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, int(q.left))
	q.left -= int64(n)
	return n
}

func (q *quota) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if q.take(1) == 0 {
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	f, err := q.FS.Create(name, c)
	return &quotaFile{f, q}, err
}

func (q *quota) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := q.FS.OpenReadWrite(name, c, opts...)
	return &quotaFile{f, q}, err
}

type quotaFile struct {
	vfs.File
	q *quota
}

func (f *quotaFile) Write(p []byte) (int, error) {
	return f.bounded(p, f.q.take(len(p)), f.File.Write)
}

func (f *quotaFile) WriteAt(p []byte, at int64) (int, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	free := int(min(max(info.Size()-at, 0), int64(len(p))))
	if f.q.copyOnWrite {
		free = 0
	}
	return f.bounded(p, free+f.q.take(len(p)-free), func(p []byte) (int, error) { return f.File.WriteAt(p, at) })
}

func (f *quotaFile) bounded(p []byte, n int, write func([]byte) (int, error)) (int, error) {
	if n > 0 {
		if n, err := write(p[:n]); err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, &fs.PathError{Op: "write", Path: "a file", Err: syscall.ENOSPC}
	}
	return n, nil
}

// TestNoSpace fills the disk again and again at every place a write can meet its
// end. Each time the append is refused, what was acknowledged can be read, a
// power cut at that moment loses nothing, and once there is space the same log
// goes on.
func TestNoSpace(t *testing.T) {
	for _, copyOnWrite := range []bool{false, true} {
		refusals := 0
		for seed := range uint64(8) {
			refusals += fillUp(t, copyOnWrite, rand.New(rand.NewPCG(seed, 6)))
		}
		t.Logf("copy on write %v: %d refusals, 0 records lost", copyOnWrite, refusals)
		if refusals < 100 {
			t.Fatal("the disk was not full often enough")
		}
	}
}

func fillUp(t *testing.T, copyOnWrite bool, r *rand.Rand) (refusals int) {
	mem := vfs.NewCrashableMem()
	q := &quota{FS: mem, copyOnWrite: copyOnWrite, left: 20_000}
	opts := scenarioOptions(q)
	opts.SegmentBytes = 8 << 10
	var told []bool
	opts.Observer.DiskFull = func(full bool) { told = append(told, full) }
	l := mustOpen(t, "data/log", opts)
	w := newWitness()
	full := false
	for range 120 {
		entries, ids := w.entries(r, 1, 1+r.IntN(10))
		positions, err := l.Append(tctx(), entries)
		if err == nil {
			w.acknowledge(positions, ids)
			if full {
				checkNothingBehind(t, l, mem)
			}
			full = false
			continue
		}
		if errs.CodeOf(err) != "eventlog.disk_full" || !errs.Is(err, errs.Unavailable) {
			t.Fatalf("append: %v", err)
		}
		refusals++
		if err := w.check(l); err != nil {
			t.Fatal(err)
		}
		if r.IntN(4) == 0 {
			checkCut(t, w, mem, r)
		}
		if full || r.IntN(2) == 0 {
			q.add(int64(r.IntN(12_000)))
		}
		full = true
	}
	q.add(1 << 20)
	entries, ids := w.entries(r, 1, 3)
	positions, err := l.Append(tctx(), entries)
	if err != nil {
		t.Fatalf("append with space: %v", err)
	}
	w.acknowledge(positions, ids)
	for i, b := range told {
		if b != (i%2 == 0) {
			t.Fatalf("the observer was told %v", told)
		}
	}
	if len(told) == 0 || told[len(told)-1] {
		t.Fatalf("the observer was told %v", told)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, "data/log", opts)
	if err := w.check(l); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return refusals
}

// checkNothingBehind: once appends go on, nothing is left of what a refused one
// may have written behind the last block.
func checkNothingBehind(t *testing.T, l *Log, fs sys.FS) {
	t.Helper()
	p := l.partitions[0]
	p.mu.Lock()
	path, end := p.active().path, p.active().size
	p.mu.Unlock()
	b, err := readFile(fs, path)
	if err != nil {
		t.Fatal(err)
	}
	if rest := b[min(end, int64(len(b))):]; bytes.Count(rest, []byte{0}) != len(rest) {
		t.Fatal("bytes of a refused append are left behind the last block")
	}
}

// checkCut opens what the disk would hold if the power went now.
func checkCut(t *testing.T, w *witness, mem *vfs.MemFS, r *rand.Rand) {
	t.Helper()
	cut := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(5) * 25, RNG: r})
	opts := scenarioOptions(cut)
	opts.Observer.Damaged = func(file string, at int64) { t.Errorf("damage in %s at %d", file, at) }
	l := mustOpen(t, "data/log", opts)
	defer l.Close()
	w.frozen = true
	if err := w.check(l); err != nil {
		t.Fatal(err)
	}
	w.frozen = false
}

// TestClosingOnAFullDisk: a log can be closed, opened and read without a byte to
// spare.
func TestClosingOnAFullDisk(t *testing.T) {
	q := &quota{FS: vfs.NewMem(), left: 20_000}
	w := newWitness()
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 3 {
		l := mustOpen(t, "log", scenarioOptions(q))
		if err := w.check(l); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for {
			entries, ids := w.entries(r, 1, 3)
			positions, err := l.Append(tctx(), entries)
			if err != nil {
				break
			}
			w.acknowledge(positions, ids)
		}
		q.take(1 << 20)
		if err := l.Close(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	if len(w.acked) == 0 {
		t.Fatal("nothing was appended")
	}
}

// TestReserve: below its reserve the disk is not written to; above it appends are
// taken again, and the disk is asked at most every quarter of a second.
func TestReserve(t *testing.T) {
	mem := vfs.NewMem()
	set := func(avail uint64) {
		mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: avail, TotalBytes: 100 << 20})
	}
	set(50 << 20)
	clock := sys.NewManual(time.UnixMilli(0))
	var told []bool
	l := mustOpen(t, "log", Options{FS: mem, Clock: clock, Rand: sys.Seeded(1), ReserveFraction: 0.1, ReserveBytes: 1 << 20, Compression: None,
		Observer: Observer{DiskFull: func(full bool) { told = append(told, full) }}})
	defer l.Close()
	put := func(n int) string {
		if _, err := l.Append(tctx(), []eventlog.Entry{{Data: make([]byte, n)}}); err != nil {
			return errs.CodeOf(err)
		}
		return ""
	}
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: got %q, want %q", what, got, want)
		}
	}
	expect("with space", put(10), "")
	set(10<<20 - 1)
	expect("the last answer is believed", put(10), "")
	clock.Advance(usageMaxAge)
	size := l.Stats().Bytes
	expect("below the reserve", put(10), "eventlog.disk_full")
	if l.Stats().Bytes != size {
		t.Fatal("something was written")
	}
	set(50 << 20)
	expect("the last answer is believed", put(10), "eventlog.disk_full")
	clock.Advance(usageMaxAge)
	expect("space is back", put(10), "")
	set(11 << 20)
	clock.Advance(usageMaxAge)
	code, appended := "", 0
	for ; code == "" && appended < 100; appended++ {
		code = put(100 << 10)
	}
	expect("what the log itself takes is counted", code, "eventlog.disk_full")
	if appended < 5 || appended > 14 {
		t.Fatalf("%d appends of 100 KiB were taken with 1 MiB above the reserve", appended)
	}
	if !slices.Equal(told, []bool{true, false, true}) {
		t.Fatalf("the observer was told %v", told)
	}
}
