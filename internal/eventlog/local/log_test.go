package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/sys"
)

func appendText(t testing.TB, l *Log, texts ...string) {
	t.Helper()
	var entries []eventlog.Entry
	for _, s := range texts {
		entries = append(entries, eventlog.Entry{Data: []byte(s)})
	}
	if _, err := l.Append(tctx(), entries); err != nil {
		t.Fatal(err)
	}
}

func TestInUse(t *testing.T) {
	for name, fs := range map[string]sys.FS{"memory": vfs.NewMem(), "disk": sys.Disk()} {
		dir := fs.PathJoin(t.TempDir(), "log")
		l := mustOpen(t, dir, Options{FS: fs})
		if _, err := Open(dir, Options{FS: fs}); errs.CodeOf(err) != "eventlog.in_use" || !errs.Is(err, errs.Unavailable) {
			t.Fatalf("%s: a second opening: %v", name, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := mustOpen(t, dir, Options{FS: fs}).Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInUseByAnotherProcess runs this test again in a process of its own, which
// finds the folder locked.
func TestInUseByAnotherProcess(t *testing.T) {
	const variable = "KITH_TEST_LOG_FOLDER"
	if dir := os.Getenv(variable); dir != "" {
		_, err := Open(dir, Options{})
		fmt.Println("the code is", errs.CodeOf(err))
		return
	}
	dir := t.TempDir()
	l := mustOpen(t, dir, Options{ReserveFraction: -1})
	defer l.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestInUseByAnotherProcess$")
	cmd.Env = append(os.Environ(), variable+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the code is eventlog.in_use") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestPartitionsArePersisted(t *testing.T) {
	fs := vfs.NewMem()
	for _, n := range []int{3, 0, 3} {
		l := mustOpen(t, "log", Options{FS: fs, Partitions: n})
		if l.Partitions() != 3 {
			t.Fatalf("opened with %d: %d partitions", n, l.Partitions())
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open("log", Options{FS: fs, Partitions: 4}); errs.CodeOf(err) != "eventlog.partitions_mismatch" {
		t.Fatalf("opened with 4: %v", err)
	}
}

func TestInvalidOptions(t *testing.T) {
	for _, o := range []Options{
		{Partitions: -1}, {Partitions: maxPartitions + 1}, {SegmentBytes: -1}, {CacheBytes: -1}, {ReserveFraction: 1.5}, {Compression: 9},
	} {
		o.FS = vfs.NewMem()
		if _, err := Open("log", o); errs.CodeOf(err) != "eventlog.options" {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestUnknownVersion(t *testing.T) {
	fs := vfs.NewMem()
	if err := mustOpen(t, "log", Options{FS: fs}).Close(); err != nil {
		t.Fatal(err)
	}
	b := encodeMeta(meta{1, 7})
	b[8] = formatVersion + 1
	copy(b[24:], encodeUint32(checksum(b[:24])))
	if err := writeFile(fs, "log/"+metaName, b); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("log", Options{FS: fs}); errs.CodeOf(err) != "eventlog.version" {
		t.Fatalf("open: %v", err)
	}
}

func encodeUint32(v uint32) []byte {
	return []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)}
}

func TestTooLargeRecord(t *testing.T) {
	l := mustOpen(t, "log", Options{FS: vfs.NewMem(), Compression: None})
	defer l.Close()
	big := make([]byte, maxRecordBytes+1)
	if _, err := l.Append(tctx(), []eventlog.Entry{{Data: big}}); errs.CodeOf(err) != "eventlog.record_too_large" {
		t.Fatalf("append: %v", err)
	}
	if _, err := l.Append(tctx(), []eventlog.Entry{{Data: big[1:]}}); err != nil {
		t.Fatalf("append of the largest record: %v", err)
	}
	got, err := l.Read(tctx(), eventlog.Position{}, 1, 1)
	if err != nil || len(got) != 1 || len(got[0]) != maxRecordBytes {
		t.Fatalf("read: %v", err)
	}
}

// gate is an injector that holds every sync of segment data until it is opened.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func (g gate) String() string { return "gate" }

func (g gate) MaybeError(op errorfs.Op) error {
	if op.Kind == errorfs.OpFileSyncData {
		g.entered <- struct{}{}
		<-g.open
	}
	return nil
}

// TestAppendsShareASync: all that comes while a sync is under way is made durable
// by the next one.
func TestAppendsShareASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{}), make(chan struct{})}
		l := mustOpen(t, "log", Options{FS: errorfs.Wrap(vfs.NewMem(), g)})
		var all sync.WaitGroup
		all.Go(func() { appendText(t, l, "first") })
		<-g.entered
		for range 50 {
			all.Go(func() {
				if _, err := l.Append(tctx(), []eventlog.Entry{{Data: []byte("more")}}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if end := l.partitions[0].durableEnd(); end != 0 {
			t.Fatalf("%d records show before they are synced", end)
		}
		g.open <- struct{}{}
		<-g.entered
		g.open <- struct{}{}
		all.Wait()
		if s := l.Stats(); s.Groups != 2 || s.Records != 51 {
			t.Fatalf("%d records in %d groups", s.Records, s.Groups)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestBackPressure: what waits for a slow sync is bounded.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{}), make(chan struct{})}
		l := mustOpen(t, "log", Options{FS: errorfs.Wrap(vfs.NewMem(), g)})
		var all sync.WaitGroup
		all.Go(func() { appendText(t, l, "first") })
		<-g.entered
		for range 40 {
			all.Go(func() { appendText(t, l, strings.Repeat("x", 1<<20)) })
		}
		synctest.Wait()
		p := l.partitions[0]
		p.mu.Lock()
		pending := p.pending.bytes
		p.mu.Unlock()
		if pending > maxPendingBytes {
			t.Fatalf("%d bytes are pending", pending)
		}
		go func() {
			for range g.entered {
			}
		}()
		close(g.open)
		all.Wait()
		close(g.entered)
		if s := l.Stats(); s.Records != 41 {
			t.Fatalf("%d records", s.Records)
		}
		synctest.Wait()
		g.closeLog(t, l)
	})
}

func (g gate) closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestGivingUp: an append whose caller gives up while the sync is under way
// returns, and its records are taken nevertheless.
func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{}), make(chan struct{})}
		l := mustOpen(t, "log", Options{FS: errorfs.Wrap(vfs.NewMem(), g)})
		var all sync.WaitGroup
		all.Go(func() { appendText(t, l, "first") })
		<-g.entered
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error)
		go func() {
			_, err := l.Append(ctx, []eventlog.Entry{{Data: []byte("second")}})
			gaveUp <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) || errs.CodeOf(err) != "eventlog.cancelled" {
			t.Fatalf("append: %v", err)
		}
		closed := make(chan error)
		go func() { closed <- l.Close() }()
		synctest.Wait()
		select {
		case err := <-closed:
			t.Fatalf("close did not wait: %v", err)
		default:
		}
		g.open <- struct{}{}
		<-g.entered
		g.open <- struct{}{}
		all.Wait()
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		if s := l.Stats(); s.Records != 2 {
			t.Fatalf("%d records", s.Records)
		}
	})
}

// TestCloseEndsWaiting: a wait under way ends when the log is closed.
func TestCloseEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := mustOpen(t, "log", Options{FS: vfs.NewMem()})
		waited := make(chan error)
		go func() { waited <- l.Wait(t.Context(), []int64{0}) }()
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-waited; errs.CodeOf(err) != "eventlog.closed" {
			t.Fatalf("wait: %v", err)
		}
	})
}

func TestStats(t *testing.T) {
	var commits []Commit
	fs := vfs.NewMem()
	opts := Options{FS: fs, Clock: sys.NewManual(time.UnixMilli(0)), SegmentBytes: 4 << 10, Compression: None,
		Observer: Observer{Committed: func(c Commit) { commits = append(commits, c) }}}
	l := mustOpen(t, "log", opts)
	for i := range 30 {
		appendText(t, l, fmt.Sprintf("%0200d", i), "")
	}
	s := l.Stats()
	if s.Records != 60 || s.Groups != 30 || s.Syncs != 30 || s.Segments != 2 || len(commits) != 30 {
		t.Fatalf("%+v, %d commits", s, len(commits))
	}
	if want := (Commit{Records: 2, Blocks: 1, RawBytes: 203, DiskBytes: 203 + blockHeaderSize}); commits[7] != want {
		t.Fatalf("got %+v, want %+v", commits[7], want)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, "log", opts)
	defer l.Close()
	again := l.Stats()
	if again.Records != 60 || again.Segments != 2 || again.Bytes != s.Bytes {
		t.Fatalf("after reopening: %+v, before %+v", again, s)
	}
}

// TestIndexIsUsedAndRebuilt: a closed segment is read through its index, which is
// made anew and stored when it is missing.
func TestIndexIsUsedAndRebuilt(t *testing.T) {
	fs := vfs.NewMem()
	rebuilt := 0
	opts := Options{FS: fs, SegmentBytes: 200 << 10, Compression: None, Observer: Observer{IndexRebuilt: func(string) { rebuilt++ }}}
	l := mustOpen(t, "log", opts)
	for i := range 600 {
		appendText(t, l, fmt.Sprintf("%01000d", i))
	}
	index := l.partitions[0].segments[0].indexPath()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := readFile(fs, index)
	if err != nil {
		t.Fatal(err)
	}
	if _, entries, err := decodeIndex(first); err != nil || len(entries) < 5 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	read := func(what string, want int) {
		t.Helper()
		l := mustOpen(t, "log", opts)
		defer l.Close()
		for _, at := range []int{100, 0, 599, 190} {
			got, err := l.Read(tctx(), eventlog.Position{Offset: int64(at)}, 1, 1)
			if err != nil || string(got[0]) != fmt.Sprintf("%01000d", at) {
				t.Fatalf("%s: read at %d: %v", what, at, err)
			}
		}
		if rebuilt != want {
			t.Fatalf("%s: the index was rebuilt %d times", what, rebuilt)
		}
	}
	read("with index", 0)
	if err := fs.Remove(index); err != nil {
		t.Fatal(err)
	}
	read("without", 1)
	read("made anew", 1)
	if again, err := readFile(fs, index); err != nil || string(again) != string(first) {
		t.Fatalf("the index made anew differs: %v", err)
	}
}

// TestReadWhileAppending: readers that follow the end see every record once and
// in order, across segments.
func TestReadWhileAppending(t *testing.T) {
	const records = 3000
	l := mustOpen(t, "log", Options{FS: vfs.NewMem(), SegmentBytes: 16 << 10, CacheBytes: 64 << 10})
	defer l.Close()
	var all sync.WaitGroup
	for step := range 3 {
		all.Go(func() {
			for at := int64(0); at < records; {
				if err := l.Wait(t.Context(), []int64{at}); err != nil {
					t.Error(err)
					return
				}
				got, err := l.Read(t.Context(), eventlog.Position{Offset: at}, 1+step*50, 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				for _, b := range got {
					if want := fmt.Sprintf("record %d", at); string(b) != want {
						t.Errorf("at %d: %q", at, b)
						return
					}
					at++
				}
			}
		})
	}
	for at := 0; at < records; at += 10 {
		var texts []string
		for i := range 10 {
			texts = append(texts, fmt.Sprintf("record %d", at+i))
		}
		appendText(t, l, texts...)
	}
	all.Wait()
}
