package archive_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kfake"
	"golang.org/x/sync/errgroup"

	"kith/internal/egress"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/eventlog/archive"
	"kith/internal/eventlog/eventlogtest"
	"kith/internal/eventlog/kafka"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/lake/s3"
	"kith/internal/lake/s3/s3test"
	"kith/internal/sys"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expectCode(t testing.TB, what string, err error, kind errs.Kind, code string) {
	t.Helper()
	if errs.CodeOf(err) != code || !errs.Is(err, kind) {
		t.Fatalf("%s: got %v, want %s", what, err, code)
	}
}

// inFolder is an archive in a folder.
func inFolder(files sys.FS, dir string) archive.Place {
	return archive.Place{Name: dir, Enter: func() lake.Guarded { return local.NewShared(files, dir, sys.Entropy()) }}
}

// inBucket is an archive in an object store.
func inBucket(t testing.TB) archive.Place {
	place := s3test.Start(t)
	loc, err := s3.ParseURL(place.URL)
	ok(t, err)
	guard := egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: 2 * s3.PartBytes})
	l, err := s3.Open(loc, s3.Options{
		FS: sys.Disk(), Dir: t.TempDir(), Clock: sys.Wall(), Rand: sys.Entropy(), HTTP: guard.Client(0),
		Credentials: s3.Credentials{AccessKey: place.AccessKey, SecretKey: place.SecretKey},
	})
	ok(t, err)
	return archive.Place{Name: place.URL, Enter: func() lake.Guarded { return l.Store() }}
}

// later is a clock for which everything that is in a topic was appended long ago.
func later() sys.Clock { return sys.NewManual(time.Now().Add(time.Hour)) }

// openTopic opens a topic and closes it with the test.
func openTopic(t testing.TB, url, workspace string, partitions int) *kafka.Log {
	t.Helper()
	l, err := kafka.Open(context.Background(), url, workspace, kafka.Options{Partitions: partitions})
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	return l
}

// newArchiver returns an archiver that deletes from the topic all that is archived.
func newArchiver(l *archive.Log) *archive.Archiver {
	return archive.NewArchiver(archive.Config{Log: l, Clock: later(), Rand: sys.Entropy()})
}

func appendTexts(t testing.TB, l eventlog.Log, partition int32, texts ...string) {
	t.Helper()
	var entries []eventlog.Entry
	for _, s := range texts {
		entries = append(entries, eventlog.Entry{Partition: partition, Data: []byte(s)})
	}
	_, err := l.Append(context.Background(), entries)
	ok(t, err)
}

func readTexts(t testing.TB, l eventlog.Log, partition int32, from int64) (texts []string) {
	t.Helper()
	ends, err := l.Ends(t.Context())
	ok(t, err)
	for at := from; at < ends[partition]; {
		got, err := l.Read(t.Context(), eventlog.Position{Partition: partition, Offset: at}, 100, 1<<20)
		ok(t, err)
		for _, b := range got {
			texts = append(texts, string(b))
			at++
		}
	}
	return texts
}

func numbered(prefix string, from, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s %d", prefix, from+i)
	}
	return out
}

// forgetful is a log whose topic has nothing by the time that it is read: all records
// are archived before, and deleted from the topic.
type forgetful struct {
	*archive.Log
	followers []*archive.Follower
	fatal     func(...any)
}

func newForgetful(t testing.TB, l *archive.Log) *forgetful {
	f := &forgetful{Log: l, fatal: t.Fatal}
	a := newArchiver(l)
	for p := range l.Partitions() {
		f.followers = append(f.followers, a.Follow(int32(p)))
	}
	return f
}

func (f *forgetful) Read(ctx context.Context, from eventlog.Position, most, mostBytes int) ([][]byte, error) {
	if from.Partition >= 0 && int(from.Partition) < len(f.followers) && ctx.Err() == nil {
		f.forget(from.Partition)
	}
	return f.Log.Read(ctx, from, most, mostBytes)
}

// forget archives and deletes, and makes sure that the topic has nothing.
func (f *forgetful) forget(partition int32) {
	ctx := context.Background()
	err := f.followers[partition].Flush(ctx)
	if errs.CodeOf(err) == "eventlog.closed" {
		return
	}
	if err != nil {
		f.fatal(err)
	}
	starts, err := f.Topic.Starts(ctx)
	if err != nil {
		f.fatal(err)
	}
	ends, err := f.Ends(ctx)
	if err != nil {
		f.fatal(err)
	}
	if starts[partition] != ends[partition] {
		f.fatal("the topic has the records from ", starts[partition], " to ", ends[partition])
	}
}

func conform(t *testing.T, url, workspace string, partitions int, place func(t *testing.T) archive.Place) {
	n := 0
	eventlogtest.Run(t, partitions, func(t *testing.T) func() eventlog.Log {
		n++
		name, place := fmt.Sprintf("%s-%d", workspace, n), place(t)
		return func() eventlog.Log {
			return newForgetful(t, archive.New(openTopic(t, url, name, partitions), place))
		}
	})
}

// TestConformance runs the suite of logs on a topic that has nothing left whenever it
// is read.
func TestConformance(t *testing.T) {
	memory := func(*testing.T) archive.Place { return inFolder(vfs.NewMem(), "records") }
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d partitions", partitions), func(t *testing.T) {
			conform(t, kafkatest.Start(t), "w", partitions, memory)
		})
	}
	t.Run("bucket", func(t *testing.T) {
		conform(t, kafkatest.Start(t), "w", 2, func(t *testing.T) archive.Place { return inBucket(t) })
	})
}

// TestConformanceOnServer runs it on a real broker.
func TestConformanceOnServer(t *testing.T) {
	url := onServer(t)
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d partitions", partitions), func(t *testing.T) {
			conform(t, url, fmt.Sprintf("archive-%d-%d", os.Getpid(), partitions), partitions, func(t *testing.T) archive.Place {
				return inFolder(sys.Disk(), filepath.Join(t.TempDir(), "records"))
			})
		})
	}
}

func onServer(t *testing.T) string {
	url := os.Getenv("KITH_TEST_KAFKA")
	if url == "" {
		if os.Getenv("KITH_REQUIRE_SERVERS") == "1" {
			t.Fatal("KITH_TEST_KAFKA names no broker, as kafka://broker/prefix")
		}
		t.Skip("KITH_TEST_KAFKA names no broker, as kafka://broker/prefix")
	}
	return url
}

// TestTrimsByAge: a record leaves the topic only when it is archived and was appended
// long enough ago.
func TestTrimsByAge(t *testing.T) {
	topic := openTopic(t, kafkatest.Start(t), "w", 1)
	l := archive.New(topic, inFolder(vfs.NewMem(), "records"))
	clock := sys.NewManual(time.Now())
	f := archive.NewArchiver(archive.Config{Log: l, Clock: clock, Rand: sys.Entropy(), Keep: 24 * time.Hour, Age: time.Hour, TrimEvery: time.Minute}).Follow(0)
	starts := func(want int64) {
		t.Helper()
		ok(t, f.Step(t.Context()))
		if got, err := topic.Starts(t.Context()); err != nil || got[0] != want {
			t.Fatalf("the topic begins at %v, %v; want %d", got, err, want)
		}
	}
	want := numbered("r", 0, 50)
	appendTexts(t, l, 0, want...)
	starts(0)
	clock.Advance(2 * time.Hour)
	starts(0) // archived, and too young
	appendTexts(t, l, 0, "a late one")
	clock.Advance(24 * time.Hour)
	starts(50) // the late one is in the topic alone
	if got := readTexts(t, l, 0, 0); !slices.Equal(got, append(want, "a late one")) {
		t.Fatalf("read %q", got)
	}
	clock.Advance(2 * time.Hour)
	starts(51)
	if got := readTexts(t, l, 0, 49); !slices.Equal(got, []string{"r 49", "a late one"}) {
		t.Fatalf("read %q", got)
	}
}

// TestKeepsForEver: without an age nothing is deleted.
func TestKeepsForEver(t *testing.T) {
	topic := openTopic(t, kafkatest.Start(t), "w", 1)
	l := archive.New(topic, inFolder(vfs.NewMem(), "records"))
	f := archive.NewArchiver(archive.Config{Log: l, Clock: later(), Rand: sys.Entropy(), Keep: -1}).Follow(0)
	appendTexts(t, l, 0, "a", "b")
	ok(t, f.Flush(t.Context()))
	if starts, err := topic.Starts(t.Context()); err != nil || starts[0] != 0 {
		t.Fatalf("the topic begins at %v, %v", starts, err)
	}
}

// TestMissingRecords: records that brokers have deleted before they were archived are
// told to readers and to who archives, by their offsets, and nothing is passed over.
func TestMissingRecords(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	l := archive.New(openTopic(t, url, "w", 1), inFolder(vfs.NewMem(), "there"))
	a := newArchiver(l)
	for range 10 {
		appendTexts(t, l, 0, numbered("r", 0, 10)...)
	}
	ok(t, a.Follow(0).Flush(t.Context()))
	for range 10 {
		appendTexts(t, l, 0, numbered("s", 0, 10)...)
	}
	ok(t, cluster.DeleteRecords("test.w.events", 0, 130))
	_, err := l.Read(t.Context(), eventlog.Position{Offset: 105}, 1, 1)
	expectCode(t, "reading", err, errs.Corrupt, "archive.missing")
	for range 2 {
		err = a.Follow(0).Flush(t.Context())
		expectCode(t, "archiving", err, errs.Corrupt, "archive.missing")
	}
	for _, part := range []string{"from offset 100 up to 129", "partition 0", "archive there", "restore a backup"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not tell %q: %v", part, err)
		}
	}
	if got := len(readTexts(t, l, 0, 130)); got != 70 {
		t.Errorf("read %d records behind the gap", got)
	}
	if got, err := l.Read(t.Context(), eventlog.Position{Offset: 99}, 10, 1<<20); err != nil || len(got) != 1 || string(got[0]) != "r 9" {
		t.Errorf("before the gap: %q, %v", got, err)
	}
}

// shorter is a topic that has lost its last records.
type shorter struct {
	*kafka.Log
	lost int64
}

func (s shorter) Ends(ctx context.Context) ([]int64, error) {
	ends, err := s.Log.Ends(ctx)
	for p := range ends {
		ends[p] = max(0, ends[p]-s.lost)
	}
	return ends, err
}

// TestTopicLosesRecords: where brokers have lost records that are archived, what gets
// their offsets next is not mixed with them.
func TestTopicLosesRecords(t *testing.T) {
	topic := openTopic(t, kafkatest.Start(t), "w", 1)
	place := inFolder(vfs.NewMem(), "records")
	appendTexts(t, topic, 0, numbered("r", 0, 10)...)
	keep := func(l *archive.Log) error {
		return archive.NewArchiver(archive.Config{Log: l, Clock: later(), Rand: sys.Entropy(), Keep: -1}).Follow(0).Flush(t.Context())
	}
	ok(t, keep(archive.New(topic, place)))
	l := archive.New(shorter{topic, 4}, place)
	err := newArchiver(l).Follow(0).Flush(t.Context())
	expectCode(t, "archiving", err, errs.Corrupt, "archive.ahead")
	if starts, err := topic.Starts(t.Context()); err != nil || starts[0] != 0 {
		t.Errorf("the topic begins at %v, %v", starts, err)
	}
	if got := check(t, l); got.Records != 10 {
		t.Errorf("%+v", got)
	}
}

// TestOtherTopic: the archive of one topic is not taken for that of another, nor for
// that of the same name that was made anew.
func TestOtherTopic(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	place := inFolder(vfs.NewMem(), "records")
	l := archive.New(openTopic(t, url, "w", 1), place)
	appendTexts(t, l, 0, "a", "b")
	ok(t, newArchiver(l).Follow(0).Flush(t.Context()))
	other := archive.New(openTopic(t, url, "other", 1), place)
	appendTexts(t, other, 0, "c", "d", "e")
	err := newArchiver(other).Follow(0).Flush(t.Context())
	expectCode(t, "another topic", err, errs.Invalid, "archive.other_topic")
	ok(t, cluster.DeleteRecords("test.other.events", 0, 3))
	_, err = other.Read(t.Context(), eventlog.Position{}, 1, 1)
	expectCode(t, "reading another topic's archive", err, errs.Invalid, "archive.other_topic")
	ok(t, l.Close())
	ok(t, cluster.DeleteTopic("test.w.events"))
	anew := archive.New(openTopic(t, url, "w", 1), place)
	appendTexts(t, anew, 0, "f", "g", "h")
	err = newArchiver(anew).Follow(0).Flush(t.Context())
	expectCode(t, "a topic that was made anew", err, errs.Invalid, "archive.other_topic")
}

// TestSmallSegmentsGrow: a partition to which little comes has few files, also after
// many steps, and each has its records once.
func TestSmallSegmentsGrow(t *testing.T) {
	l := archive.New(openTopic(t, kafkatest.Start(t), "w", 1), inFolder(vfs.NewMem(), "records"))
	a := archive.NewArchiver(archive.Config{Log: l, Clock: later(), Rand: sys.Entropy(), SegmentBytes: 1000})
	f := a.Follow(0)
	var want []string
	for i := range 60 {
		more := numbered("record", i*3, 3)
		want = append(want, more...)
		appendTexts(t, l, 0, more...)
		ok(t, f.Flush(t.Context()))
	}
	if got := readTexts(t, l, 0, 0); !slices.Equal(got, want) {
		t.Fatalf("read %d records of %d", len(got), len(want))
	}
	checked := check(t, l)
	if least := 60 * 3 * 9 / 1000; checked.Segments < least || checked.Segments > 4*least || checked.Records != 180 {
		t.Errorf("%+v", checked)
	}
}

// check reads the whole archive, in which nothing may be damaged and no file be that
// nobody lists.
func check(t testing.TB, l *archive.Log) archive.Checked {
	t.Helper()
	checked, err := archive.Check(context.Background(), l.Place().Enter(), func(name, what string) { t.Errorf("%s: %s", name, what) })
	ok(t, err)
	files := 0
	for p := range l.Partitions() {
		all, err := l.Place().Enter().List(context.Background(), fmt.Sprintf("partition-%04d", p))
		ok(t, err)
		for _, f := range all {
			if !strings.HasSuffix(f.Name, lake.ManifestName) {
				files++
			}
		}
	}
	if files != checked.Segments {
		t.Errorf("%d files of %d segments", files, checked.Segments)
	}
	return checked
}

// TestDamage: whatever is cut off, changed or lost of the archive is found and named,
// by readers and by the check, and stops the topic from being trimmed.
func TestDamage(t *testing.T) {
	url := kafkatest.Start(t)
	made := 0
	for name, harm := range map[string]func([]byte) []byte{
		"the first byte": func(b []byte) []byte { b[0] ^= 1; return b },
		"a record":       func(b []byte) []byte { b[200] ^= 1; return b },
		"the index":      func(b []byte) []byte { b[len(b)-50] ^= 1; return b },
		"the trailer":    func(b []byte) []byte { b[len(b)-30] ^= 1; return b },
		"the last byte":  func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"cut off":        func(b []byte) []byte { return b[:len(b)-1] },
		"half":           func(b []byte) []byte { return b[:len(b)/2] },
		"empty":          func([]byte) []byte { return nil },
		"longer":         func(b []byte) []byte { return append(b, 0) },
		"gone":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			made++
			files := vfs.NewMem()
			topic := openTopic(t, url, fmt.Sprint("w", made), 1)
			l := archive.New(topic, inFolder(files, "records"))
			appendTexts(t, l, 0, numbered("a record with some text", 0, 100)...)
			keep := archive.NewArchiver(archive.Config{Log: l, Clock: later(), Rand: sys.Entropy(), Keep: -1})
			ok(t, keep.Follow(0).Flush(t.Context()))
			segment := harmSegment(t, files, "records/partition-0000", harm)
			err := newArchiver(l).Follow(0).Flush(t.Context())
			if !errs.Is(err, errs.Corrupt) || !strings.Contains(err.Error(), segment) {
				t.Fatalf("deleting from the topic what is damaged in the archive: %v", err)
			}
			if starts, err := topic.Starts(t.Context()); err != nil || starts[0] != 0 {
				t.Fatalf("the topic begins at %v, %v", starts, err)
			}
			goesOn(t, l, segment)
			ok(t, topic.Trim(t.Context(), 0, 100))
			_, err = archive.New(topic, l.Place()).Read(t.Context(), eventlog.Position{Offset: 3}, 1000, 1<<20)
			if !errs.Is(err, errs.Corrupt) || !strings.Contains(err.Error(), segment) {
				t.Errorf("reading: %v", err)
			}
			var found []string
			_, err = archive.Check(t.Context(), l.Place().Enter(), func(name, _ string) { found = append(found, name) })
			if err != nil || !slices.Equal(found, []string{"partition-0000/" + segment}) {
				t.Errorf("the check finds %v, %v", found, err)
			}
		})
	}
}

// goesOn archives what comes behind a damaged segment, which stays as it is and is
// told.
func goesOn(t *testing.T, l *archive.Log, damaged string) {
	t.Helper()
	appendTexts(t, l, 0, "what comes")
	var told []error
	a := archive.NewArchiver(archive.Config{
		Log: l, Clock: later(), Rand: sys.Entropy(), Keep: -1,
		Observer: archive.Observer{Failed: func(_ int32, err error) { told = append(told, err) }},
	})
	ok(t, a.Follow(0).Flush(t.Context()))
	if len(told) != 1 || !errs.Is(told[0], errs.Corrupt) || !strings.Contains(told[0].Error(), damaged) {
		t.Errorf("told: %v", told)
	}
	ok(t, l.Topic.(*kafka.Log).Trim(t.Context(), 0, 101))
	if got := readTexts(t, archive.New(l.Topic, l.Place()), 0, 100); !slices.Equal(got, []string{"what comes"}) {
		t.Errorf("read %q", got)
	}
}

// TestManySegmentsAtOnce: a partition that has much to archive does so a segment at a
// step.
func TestManySegmentsAtOnce(t *testing.T) {
	l := archive.New(openTopic(t, kafkatest.Start(t), "w", 2), inFolder(vfs.NewMem(), "records"))
	var want []string
	for i := range 20 {
		more := numbered("record with some length", i*50, 50)
		want = append(want, more...)
		appendTexts(t, l, 1, more...)
	}
	ctx, stop := context.WithCancel(t.Context())
	segments := 0
	a := archive.NewArchiver(archive.Config{
		Log: l, Clock: sys.NewManual(time.Now().Add(time.Hour)), Rand: sys.Entropy(), SegmentBytes: 5000,
		Observer: archive.Observer{
			Archived: func(_ int32, records, _ int64) {
				if segments++; segments == 5 {
					stop()
				}
			},
			Failed: func(_ int32, err error) { t.Error(err) },
		},
	})
	a.Run(ctx, 1) // on a clock that stands, so no step waits
	if segments != 5 {
		t.Errorf("%d segments", segments)
	}
	if got := readTexts(t, l, 1, 0); !slices.Equal(got, want) {
		t.Errorf("read %d records", len(got))
	}
}

// harmSegment changes the one segment in a folder, or removes it, and returns its
// name.
func harmSegment(t *testing.T, files sys.FS, dir string, harm func([]byte) []byte) string {
	t.Helper()
	names, err := files.List(dir)
	ok(t, err)
	i := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, ".seg") })
	name := files.PathJoin(dir, names[i])
	if harm == nil {
		ok(t, files.Remove(name))
		return names[i]
	}
	f, err := files.Open(name)
	ok(t, err)
	data, err := io.ReadAll(f)
	ok(t, err)
	ok(t, f.Close())
	w, err := files.Create(name, vfs.WriteCategoryUnspecified)
	ok(t, err)
	_, err = w.Write(harm(data))
	ok(t, err)
	ok(t, w.Close())
	return names[i]
}

// TestEveryBit: no single bit of a segment can change without that being found.
func TestEveryBit(t *testing.T) {
	topic := openTopic(t, kafkatest.Start(t), "w", 1)
	files := vfs.NewMem()
	l := archive.New(topic, inFolder(files, "records"))
	want := numbered("r", 0, 20)
	appendTexts(t, l, 0, want...)
	ok(t, newArchiver(l).Follow(0).Flush(t.Context()))
	found := 0
	for bit := 0; ; bit++ {
		at, size := bit/8, 0
		flip := func(b []byte) []byte {
			if size = len(b); at < size {
				b[at] ^= 1 << (bit % 8)
			}
			return b
		}
		harmSegment(t, files, "records/partition-0000", flip)
		if at >= size {
			break
		}
		got, err := archive.New(topic, l.Place()).Read(t.Context(), eventlog.Position{}, 100, 1<<20)
		switch {
		case errs.Is(err, errs.Corrupt):
			found++
		case err != nil || !slices.EqualFunc(got, want, func(a []byte, b string) bool { return string(a) == b }):
			t.Fatalf("bit %d of byte %d: read %q, %v", bit%8, at, got, err)
		default:
			t.Errorf("bit %d of byte %d was not found to be changed", bit%8, at)
		}
		harmSegment(t, files, "records/partition-0000", flip)
	}
	if found < 1000 {
		t.Errorf("%d bits were found to be changed", found)
	}
}

// TestLag: what is not archived is counted, and how long it has been known.
func TestLag(t *testing.T) {
	l := archive.New(openTopic(t, kafkatest.Start(t), "w", 1), inFolder(vfs.NewMem(), "records"))
	clock := sys.NewManual(time.Now())
	a := archive.NewArchiver(archive.Config{Log: l, Clock: clock, Rand: sys.Entropy(), Keep: -1, Age: time.Hour})
	f := a.Follow(0)
	expect := func(records int64, age time.Duration) {
		t.Helper()
		ok(t, f.Step(t.Context()))
		if n, d := a.Lag(); n != records || d != age {
			t.Errorf("%d records, %v; want %d, %v", n, d, records, age)
		}
	}
	expect(0, 0)
	appendTexts(t, l, 0, "a", "b", "c")
	expect(3, 0)
	clock.Advance(time.Minute)
	appendTexts(t, l, 0, "d")
	expect(4, time.Minute)
	clock.Advance(time.Hour)
	expect(0, 0)
}

// TestReadersSideBySide: many read at once, from more segments than are kept open,
// while the log is closed in the end.
func TestReadersSideBySide(t *testing.T) {
	topic := openTopic(t, kafkatest.Start(t), "w", 1)
	place := inFolder(vfs.NewMem(), "records")
	l := archive.New(topic, place)
	f := archive.NewArchiver(archive.Config{Log: l, Clock: later(), Rand: sys.Entropy(), SegmentBytes: 600}).Follow(0)
	want := numbered("a record", 0, 3000)
	for at := 0; at < len(want); at += 60 {
		appendTexts(t, l, 0, want[at:at+60]...)
		ok(t, f.Flush(t.Context()))
	}
	if n := check(t, l).Segments; n < 40 {
		t.Fatalf("%d segments", n)
	}
	var readers errgroup.Group
	var closing atomic.Bool
	for i := range 8 {
		readers.Go(func() error {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for n := 0; ; n++ {
				from := r.IntN(len(want))
				got, err := l.Read(t.Context(), eventlog.Position{Offset: int64(from)}, 1+r.IntN(100), r.IntN(3000))
				if errs.CodeOf(err) == "eventlog.closed" && closing.Load() {
					return nil
				}
				if err != nil || len(got) == 0 {
					return fmt.Errorf("%d records at %d: %w", len(got), from, err)
				}
				for j, g := range got {
					if string(g) != want[from+j] {
						return fmt.Errorf("the record at %d is %q", from+j, g)
					}
					clear(g) // it is the caller's
				}
				if i == 0 && n == 500 {
					closing.Store(true)
					if err := l.Close(); err != nil {
						return err
					}
				}
			}
		})
	}
	ok(t, readers.Wait())
}
