package pebble_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kith/internal/errs"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/sys"
)

func mustOpen(t *testing.T, dir string, o pebble.Options) *pebble.Store {
	t.Helper()
	s, err := pebble.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t *testing.T, s state.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// put commits n rows of the given size from the key on.
func put(s state.Store, from, n, size int) error {
	tx, err := s.Begin(context.Background(), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for i := from; i < from+n; i++ {
		value := make([]byte, size)
		_, _ = io.ReadFull(sys.Seeded(uint64(i)), value)
		tx.Put(fmt.Appendf(nil, "key %08d", i), value)
	}
	return tx.Commit(context.Background(), state.Cursor{})
}

func mustPut(t *testing.T, s state.Store, from, n, size int) {
	t.Helper()
	if err := put(s, from, n, size); err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err error, kind errs.Kind, code string) {
	t.Helper()
	if !errs.Is(err, kind) || errs.CodeOf(err) != code {
		t.Fatalf("got error %v, want kind %v and code %s", err, kind, code)
	}
}

func TestSecondOpenRefused(t *testing.T) {
	for name, fs := range map[string]sys.FS{"disk": sys.Disk(), "memory": vfs.NewMem()} {
		dir := "/state"
		if name == "disk" {
			dir = t.TempDir()
		}
		s := mustOpen(t, dir, pebble.Options{FS: fs})
		_, err := pebble.Open(dir, pebble.Options{FS: fs})
		wantError(t, err, errs.Unavailable, "state.in_use")
		mustPut(t, s, 0, 1, 1)
		mustClose(t, s)
		mustClose(t, mustOpen(t, dir, pebble.Options{FS: fs}))
	}
}

// TestSecondProcessRefused runs this test binary again as the second process.
func TestSecondProcessRefused(t *testing.T) {
	const env = "KITH_TEST_OPEN_STATE"
	if dir := os.Getenv(env); dir != "" {
		_, err := pebble.Open(dir, pebble.Options{})
		fmt.Println("code:", errs.CodeOf(err), "kind:", errs.KindOf(err))
		return
	}
	dir := t.TempDir()
	s := mustOpen(t, dir, pebble.Options{})
	defer mustClose(t, s)
	cmd := exec.Command(os.Args[0], "-test.run=^TestSecondProcessRefused$")
	cmd.Env = append(os.Environ(), env+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "code: state.in_use kind: unavailable") {
		t.Errorf("the second process: %v\n%s", err, out)
	}
	mustPut(t, s, 0, 1, 1)
}

func TestFolderCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := pebble.Open(filepath.Join(file, "state"), pebble.Options{})
	wantError(t, err, errs.Unavailable, "state.io")
}

// damage changes or removes the files of a closed store that match.
func damage(t *testing.T, dir, pattern string, change func(data []byte) []byte) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no file %s: %v", pattern, err)
	}
	file := files[len(files)-1]
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if data = change(data); data == nil {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Base(file)
}

func flip(at func(n int) int) func(data []byte) []byte {
	return func(data []byte) []byte {
		data[at(len(data))] ^= 0x55
		return data
	}
}

// TestDamageIsNamed damages each kind of file and wants an error of kind Corrupt
// that names it, at Open or at the read that comes upon it.
func TestDamageIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		pattern string
		change  func(data []byte) []byte
	}{
		"table data":   {"*.sst", flip(func(n int) int { return n / 3 })},
		"table start":  {"*.sst", flip(func(int) int { return 5 })},
		"table footer": {"*.sst", flip(func(n int) int { return n - 3 })},
		"table cut":    {"*.sst", func(data []byte) []byte { return data[:len(data)/2] }},
		"table gone":   {"*.sst", func([]byte) []byte { return nil }},
		"log":          {"*.log", flip(func(n int) int { return n / 3 })},
		"manifest":     {"MANIFEST-*", flip(func(n int) int { return n / 3 })},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := pebble.Options{MemTableBytes: 256 << 10, ReserveBytes: -1}
			s := mustOpen(t, dir, o)
			for i := range 30 {
				mustPut(t, s, i*100, 100, 300)
			}
			mustClose(t, s)
			file := damage(t, dir, c.pattern, c.change)
			err := readAll(t, dir, o)
			if !errs.Is(err, errs.Corrupt) || !strings.Contains(err.Error(), "file "+file+" ") {
				t.Errorf("got %v, want an error of kind corrupt that names %s", err, file)
			}
			if err != nil && strings.Contains(err.Error(), "key 0") {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}

// readAll opens the store and reads every row by Get and by Scan. It returns the
// first error; after one of them, commits must be refused with the same.
func readAll(t *testing.T, dir string, o pebble.Options) error {
	s, err := pebble.Open(dir, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }() // a damaged store may say so again
	var keys [][]byte
	for i := range 3000 {
		keys = append(keys, fmt.Appendf(nil, "key %08d", i))
	}
	snap, err := s.Snapshot(context.Background())
	if err != nil {
		return err
	}
	_, getErr := snap.Get(context.Background(), keys)
	var scanErr error
	n := 0
	for _, err := range snap.Scan(context.Background(), state.Range{}) {
		scanErr = err
		n++
	}
	if getErr == nil && scanErr == nil {
		if n != len(keys) {
			t.Errorf("read %d of %d rows without an error", n, len(keys))
		}
		return nil
	}
	if !errs.Is(getErr, errs.Corrupt) || !errs.Is(scanErr, errs.Corrupt) {
		t.Errorf("Get says %v, Scan says %v", getErr, scanErr)
	}
	if err := put(s, 0, 1, 1); !errs.Is(err, errs.Corrupt) {
		t.Errorf("a commit after the damage was seen: %v", err)
	}
	return getErr
}

// TestReserve refuses commits while the disk is below its reserve, and only then.
func TestReserve(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, "/state", pebble.Options{FS: mem, ReserveBytes: 1 << 20})
	defer mustClose(t, s)
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 8 << 20})
	mustPut(t, s, 0, 1, 1)
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1<<20 - 1, TotalBytes: 8 << 20})
	wantError(t, put(s, 1, 1, 1), errs.Unavailable, "state.disk_full")
	if u, err := s.DiskUsage(); err != nil || u.Free != 1<<20-1 || u.Total != 8<<20 {
		t.Errorf("DiskUsage: %+v, %v", u, err)
	}
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 2 << 20, TotalBytes: 8 << 20})
	mustPut(t, s, 2, 1, 1)
	if got := len(dump(t, s)); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
}

// failing fails the operations on files with the suffix while it is on.
type failing struct {
	errorfs.Toggle
}

func fail(fs vfs.FS, suffix string, err error, kinds ...errorfs.OpKind) (vfs.FS, *failing) {
	f := &failing{}
	f.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
		for _, k := range kinds {
			if op.Kind == k && strings.Contains(op.Path, suffix) {
				return err
			}
		}
		return nil
	})
	return errorfs.Wrap(fs, f), f
}

// TestLogCannotBeWritten fails the log in several ways. The commit that meets it
// is not acknowledged, later ones are refused at once, reads go on, Close
// returns, and what had been acknowledged is there afterwards.
func TestLogCannotBeWritten(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		kind []errorfs.OpKind
		code string
	}{
		"no space":        {syscall.ENOSPC, []errorfs.OpKind{errorfs.OpFileWrite}, "state.disk_full"},
		"broken write":    {syscall.EIO, []errorfs.OpKind{errorfs.OpFileWrite}, "state.stopped"},
		"failed sync":     {syscall.EIO, []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}, "state.stopped"},
		"no space for it": {syscall.ENOSPC, []errorfs.OpKind{errorfs.OpCreate, errorfs.OpReuseForWrite}, "state.disk_full"},
	} {
		for _, noSync := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, NoSync %v", name, noSync), func(t *testing.T) {
				mem := vfs.NewCrashableMem()
				fs, f := fail(mem, ".log", c.err, c.kind...)
				o := pebble.Options{FS: fs, MemTableBytes: 64 << 10, NoSync: noSync, ReserveBytes: -1}
				s := mustOpen(t, "/state", o)
				mustPut(t, s, 0, 10, 100)
				f.On()
				acknowledged := 10
				var err error
				for err == nil && acknowledged < 100_000 {
					if err = put(s, acknowledged, 10, 1000); err == nil {
						acknowledged += 10
					}
				}
				wantError(t, err, errs.Unavailable, c.code)
				wantError(t, put(s, 0, 1, 1), errs.Unavailable, c.code)
				if got := len(dump(t, s)); got < acknowledged {
					t.Errorf("%d rows can be read, %d were acknowledged", got, acknowledged)
				}
				closeErr := s.Close() // may say again what went wrong
				if closeErr != nil && !errs.Is(closeErr, errs.Unavailable) {
					t.Errorf("Close: %v", closeErr)
				}
				after := mustOpen(t, "/state", pebble.Options{FS: mem.CrashClone(vfs.CrashCloneCfg{})})
				if got := len(dump(t, after)); !noSync && got < acknowledged || got > acknowledged+10 {
					t.Errorf("%d rows after opening again, %d were acknowledged", got, acknowledged)
				}
				mustClose(t, after)
			})
		}
	}
}

// TestFolderCannotBeSynced fails the syncs of the folder, which follow the
// creation of logs and tables: the commit that meets it is refused like those
// after it, and what was acknowledged is there after a power cut.
func TestFolderCannotBeSynced(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs, f := fail(mem, "state", syscall.EIO, errorfs.OpFileSync)
	o := pebble.Options{FS: fs, MemTableBytes: 64 << 10, ReserveBytes: -1}
	s := mustOpen(t, "/state", o)
	syncs := f.Injector
	f.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Path != "/state" {
			return nil
		}
		return syncs.MaybeError(op)
	})
	f.On()
	n := 0
	var err error
	for err == nil {
		if err = put(s, n, 1, 5000); err == nil {
			n++
		}
	}
	wantError(t, err, errs.Unavailable, "state.stopped")
	wantError(t, put(s, 0, 1, 1), errs.Unavailable, "state.stopped")
	if err := s.Close(); err != nil && !errs.Is(err, errs.Unavailable) {
		t.Errorf("Close: %v", err)
	}
	_, err = pebble.Open("/state", o)
	wantError(t, err, errs.Unavailable, "state.stopped")
	after := mustOpen(t, "/state", pebble.Options{FS: mem.CrashClone(vfs.CrashCloneCfg{})})
	if got := len(dump(t, after)); got != n && got != n+1 {
		t.Errorf("%d rows after opening again, %d were acknowledged", got, n)
	}
	mustClose(t, after)
}

// TestOpeningFails fails each operation of opening a state whose log has to be
// flushed, once and for good. Open returns an error of kind Unavailable or opens;
// afterwards everything is there.
func TestOpeningFails(t *testing.T) {
	left := vfs.NewCrashableMem()
	o := pebble.Options{MemTableBytes: 64 << 10, ReserveBytes: -1, FS: left}
	s := mustOpen(t, "/state", o)
	mustPut(t, s, 0, 100, 300)
	after := left.CrashClone(vfs.CrashCloneCfg{})
	mustClose(t, s)
	points, refused := 0, 0
	for _, lasting := range []bool{false, true} {
		for at := int64(0); ; at++ {
			mem := after.CrashClone(vfs.CrashCloneCfg{})
			var n atomic.Int64
			var off atomic.Bool
			o.FS = errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if off.Load() || op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpFileClose {
					return nil
				}
				if i := n.Add(1) - 1; i == at || lasting && i > at {
					return syscall.EIO
				}
				return nil
			}))
			s, err := pebble.Open("/state", o)
			switch {
			case err == nil:
				off.Store(true)
				_ = s.Close() // may say what has failed since
			case errs.Is(err, errs.Unavailable):
				refused++
			default:
				t.Fatalf("operation %d fails, lasting %v: %v", at, lasting, err)
			}
			if n.Load() <= at {
				break
			}
			points++
			off.Store(true)
			mustClose(t, mustOpen(t, "/state", o)) // nothing of the first try is in the way
			s = mustOpen(t, "/state", pebble.Options{FS: mem.CrashClone(vfs.CrashCloneCfg{}), ReserveBytes: -1})
			if got := len(dump(t, s)); got != 100 {
				t.Fatalf("operation %d failed, lasting %v: %d rows afterwards, want 100", at, lasting, got)
			}
			mustClose(t, s)
		}
	}
	t.Logf("%d operations failed, %d of them refused the opening", points, refused)
	if points < 40 || refused < 20 {
		t.Fatalf("%d operations failed, %d refused the opening", points, refused)
	}
}

// TestFlushCannotBeWritten fails the writing of tables: commits are refused
// before they would block, and go on once there is room.
func TestFlushCannotBeWritten(t *testing.T) {
	fs, f := fail(vfs.NewMem(), ".sst", syscall.ENOSPC, errorfs.OpFileWrite)
	clock := &eager{Clock: sys.Wall()}
	var logged bytes.Buffer
	s := mustOpen(t, "/state", pebble.Options{
		FS: fs, Clock: clock, MemTableBytes: 64 << 10, ReserveBytes: -1,
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
	})
	f.On()
	n := 0
	var err error
	for err == nil {
		err = put(s, n, 1, 10_000)
		n++
	}
	wantError(t, err, errs.Unavailable, "state.disk_full")
	f.Off()
	for err != nil {
		err = put(s, n, 1, 10_000)
	}
	if got := len(dump(t, s)); got != n {
		t.Errorf("%d rows, want %d", got, n)
	}
	mustClose(t, s)
	if !strings.Contains(logged.String(), "background work") {
		t.Errorf("the failed flush was not logged: %s", logged.String())
	}
}

// eager is a clock on which every pause is over at once.
type eager struct{ sys.Clock }

// After implements sys.Clock.
func (e *eager) After(time.Duration) <-chan time.Time { return e.Clock.After(0) }

// TestManifestCannotBeWritten fails the list of the tables: the store stops, and
// the background does not go on trying.
func TestManifestCannotBeWritten(t *testing.T) {
	mem := vfs.NewCrashableMem()
	fs, f := fail(mem, "MANIFEST", syscall.EIO, errorfs.OpFileWrite, errorfs.OpFileSync)
	s := mustOpen(t, "/state", pebble.Options{FS: fs, MemTableBytes: 64 << 10, ReserveBytes: -1})
	f.On()
	n := 0
	var err error
	for err == nil {
		if err = put(s, n, 1, 5000); err == nil {
			n++
		}
	}
	wantError(t, err, errs.Unavailable, "state.stopped")
	// The commit that met the failure has no promise: it is there or not.
	if got := len(dump(t, s)); got != n && got != n+1 {
		t.Errorf("%d rows can be read, %d were acknowledged", got, n)
	}
	if err := s.Close(); err != nil && !errs.Is(err, errs.Unavailable) {
		t.Errorf("Close: %v", err)
	}
	after := mustOpen(t, "/state", pebble.Options{FS: mem.CrashClone(vfs.CrashCloneCfg{})})
	if got := len(dump(t, after)); got != n && got != n+1 {
		t.Errorf("%d rows after opening again, %d were acknowledged", got, n)
	}
	mustClose(t, after)
}

func TestCheckpoint(t *testing.T) {
	for _, noSync := range []bool{false, true} {
		dir := t.TempDir()
		o := pebble.Options{MemTableBytes: 64 << 10, NoSync: noSync, ReserveBytes: -1}
		s := mustOpen(t, filepath.Join(dir, "state"), o)
		mustPut(t, s, 0, 500, 300)
		before := dump(t, s)
		to := filepath.Join(dir, "backups", "one")
		if err := s.Checkpoint(to); err != nil {
			t.Fatal(err)
		}
		wantError(t, s.Checkpoint(to), errs.Invalid, "state.checkpoint_exists")
		mustPut(t, s, 200, 500, 301)
		copied := mustOpen(t, to, o)
		if diff := difference(dump(t, copied), before); diff != "" {
			t.Error(diff)
		}
		mustPut(t, copied, 9000, 10, 10)
		mustClose(t, copied)
		if got := len(dump(t, s)); got != 700 {
			t.Errorf("the original has %d rows after its copy was written to", got)
		}
		mustClose(t, s)
		wantError(t, s.Checkpoint(to+"2"), errs.Unavailable, "state.closed")
	}
}

func TestMetrics(t *testing.T) {
	s := mustOpen(t, t.TempDir(), pebble.Options{MemTableBytes: 64 << 10, ReserveBytes: -1})
	for i := range 30 {
		mustPut(t, s, i*50, 50, 500)
	}
	m := s.Metrics()
	if m.DiskBytes < 100<<10 || m.Flushes == 0 || m.MemTableBytes == 0 {
		t.Errorf("after writing 750 kB: %+v", m)
	}
	if u, err := s.DiskUsage(); err != nil || u.Total == 0 || u.Free > u.Total {
		t.Errorf("DiskUsage: %+v, %v", u, err)
	}
	mustClose(t, s)
	if m := s.Metrics(); m != (pebble.Metrics{}) {
		t.Errorf("after Close: %+v", m)
	}
}

// TestCloseWaits closes a store while a scan runs, a snapshot is open and
// another goroutine reads: the scan ends whole, later reads are refused.
func TestCloseWaits(t *testing.T) {
	s := mustOpen(t, "/state", pebble.Options{FS: vfs.NewMem()})
	mustPut(t, s, 0, 1000, 10)
	snap, err := s.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	n := 0
	for _, err := range snap.Scan(context.Background(), state.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			go func() { closed <- s.Close() }()
			for err == nil { // until Close has begun; it waits for this scan
				_, err = snap.Get(context.Background(), nil)
			}
			wantError(t, err, errs.Unavailable, "state.closed")
		}
		n++
	}
	if n != 1000 {
		t.Errorf("the scan saw %d rows", n)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
	_, err = snap.Get(context.Background(), [][]byte{[]byte("k")})
	wantError(t, err, errs.Unavailable, "state.closed")
	mustClose(t, s)
}
