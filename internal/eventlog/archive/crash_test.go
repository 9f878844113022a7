package archive_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/eventlog/archive"
	"kith/internal/eventlog/kafka"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/sys"
)

var (
	firstSeed = flag.Int("seed", 1, "first seed of the random runs")
	runs      = flag.Int("runs", 60, "number of random runs")
)

// errKilled is what every call of a process gives once it was killed.
var errKilled = errors.New("the process was killed")

// process is what one process has of an archive: its calls to the store end, from one
// of them on, as they do when it is killed, either before or behind what the call
// does. A call may also wait, as in a process that is paused.
type process struct {
	left   int // calls that are let through; negative: all
	behind bool
	pause  func() // before a file or list is begun, and before it appears; nil for none
}

func (p *process) call(do func() error) error {
	switch {
	case p.left == 0:
		return errKilled
	case p.left == 1 && p.behind:
		p.left = 0
		return errors.Join(do(), errKilled)
	case p.left > 0:
		p.left--
	}
	return do()
}

// store is the store of a process.
type store struct {
	lake.Guarded
	process *process
}

func (s store) Open(ctx context.Context, name string) (f lake.File, err error) {
	err = s.process.call(func() error {
		f, err = s.Guarded.Open(ctx, name)
		return err
	})
	return f, err
}

func (s store) List(ctx context.Context, table string) (all []lake.Info, err error) {
	err = s.process.call(func() error {
		all, err = s.Guarded.List(ctx, table)
		return err
	})
	return all, err
}

func (s store) Delete(ctx context.Context, name string) error {
	return s.process.call(func() error { return s.Guarded.Delete(ctx, name) })
}

func (s store) Create(ctx context.Context, name string) (lake.Draft, error) {
	if s.process.pause != nil {
		s.process.pause()
	}
	d, err := s.Guarded.Create(ctx, name)
	return draft{d, s.process}, err
}

type draft struct {
	lake.Draft
	process *process
}

func (d draft) Commit(ctx context.Context) error {
	if d.process.pause != nil {
		d.process.pause()
	}
	return d.process.call(func() error { return d.Draft.Commit(ctx) })
}

// world is a topic with an archive on a disk that can lose power.
type world struct {
	*testing.T
	r     *rand.Rand
	topic *kafka.Log
	disk  *vfs.MemFS
	want  []string // by offset
}

func newWorld(t *testing.T, url string, seed uint64) *world {
	return &world{
		T: t, r: rand.New(rand.NewPCG(seed, 24)), topic: openTopic(t, url, fmt.Sprint("w", seed), 1), disk: vfs.NewCrashableMem(),
	}
}

// follower begins a process that archives.
func (w *world) follower(p *process) *archive.Follower {
	l := archive.New(w.topic, archive.Place{Name: "records", Enter: func() lake.Guarded {
		return store{local.NewShared(w.disk, "records", sys.Entropy()), p}
	}})
	return archive.NewArchiver(archive.Config{Log: l, Clock: later(), Rand: sys.Entropy(), SegmentBytes: 300}).Follow(0)
}

// log is how a process that begins now sees the records.
func (w *world) log() *archive.Log { return archive.New(w.topic, inFolder(w.disk, "records")) }

func (w *world) append(most int) {
	more := numbered("record", len(w.want), 1+w.r.IntN(most))
	appendTexts(w, w.topic, 0, more...)
	w.want = append(w.want, more...)
}

// whole holds all records against what was appended.
func (w *world) whole() {
	w.Helper()
	if got := readTexts(w, w.log(), 0, 0); !slices.Equal(got, w.want) {
		w.Fatalf("read %d records of %d", len(got), len(w.want))
	}
}

// TestCrashes lets two processes archive one partition, each of which believes that
// it is alone, kills them in the middle of what they do, cuts the power, and deletes
// all from the topic that they say is archived. Every record stays where it was.
func TestCrashes(t *testing.T) {
	url := kafkatest.Start(t)
	trimmed, refused, killed := 0, 0, 0
	for seed := uint64(*firstSeed); seed < uint64(*firstSeed+*runs); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, url, seed)
			processes := []*process{{left: -1}, {left: -1}}
			followers := []*archive.Follower{w.follower(processes[0]), w.follower(processes[1])}
			for range 40 {
				switch i := w.r.IntN(2); w.r.IntN(8) {
				case 0, 1, 2:
					w.append(40)
				case 3, 4:
					err := followers[i].Flush(context.Background())
					refused += conflicts(t, err)
				case 5:
					processes[i].left, processes[i].behind = w.r.IntN(12), w.r.IntN(2) == 0
					if err := followers[i].Flush(context.Background()); errors.Is(err, errKilled) {
						killed++
					}
					processes[i] = &process{left: -1}
					followers[i] = w.follower(processes[i])
				case 6:
					w.disk = w.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: w.r.IntN(101), RNG: w.r})
					for i := range followers {
						followers[i] = w.follower(processes[i])
					}
				case 7:
					w.whole()
				}
			}
			ok(t, w.follower(&process{left: -1}).Flush(context.Background()))
			w.whole()
			starts, err := w.topic.Starts(context.Background())
			ok(t, err)
			if trimmed += int(starts[0]); starts[0] != int64(len(w.want)) {
				t.Errorf("%d of %d records have left the topic", starts[0], len(w.want))
			}
			if got := check(t, w.log()); got.Records != int64(len(w.want)) {
				t.Errorf("%+v of %d records", got, len(w.want))
			}
		})
	}
	if !t.Failed() && (trimmed == 0 || refused == 0 || killed == 0) {
		t.Errorf("%d records have left the topic, %d followers were refused, %d killed", trimmed, refused, killed)
	}
}

// conflicts counts a follower that has met another one; no other error may come.
func conflicts(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	// The list has moved on, a file that was being made was removed, or the topic has
	// been trimmed by the other one.
	if errs.Is(err, errs.Conflict) || errs.Is(err, errs.Unavailable) || errs.CodeOf(err) == "eventlog.trimmed" || errs.CodeOf(err) == "archive.file_missing" {
		return 1
	}
	t.Fatal(err)
	return 0
}

// TestPausedWriter: a process that is paused, before it begins a file or a list or makes it
// visible, while others work on, undoes nothing of that when it goes on.
func TestPausedWriter(t *testing.T) {
	url := kafkatest.Start(t)
	seed := uint64(1000)
	for name, meanwhile := range map[string]func(w *world){
		// Another one archives the same records and more, which leave the topic.
		"archived": func(w *world) {
			for range 3 {
				w.append(40)
				ok(w, w.follower(&process{left: -1}).Flush(context.Background()))
			}
			w.whole()
		},
		// Another one takes over and tidies up, and has nothing to archive yet.
		"taken over": func(w *world) { ok(w, w.follower(&process{left: -1}).Step(context.Background())) },
		// More comes, which is in the topic alone.
		"appended": func(w *world) { w.append(40) },
	} {
		t.Run(name, func(t *testing.T) {
			pauses := 0
			for at := range 30 {
				seed++
				w := newWorld(t, url, seed)
				p := &process{left: -1}
				slow, calls := w.follower(p), 0
				p.pause = func() {
					if calls++; calls == at+1 {
						pauses++
						meanwhile(w)
					}
				}
				for range 12 {
					w.append(40)
					conflicts(t, slow.Flush(context.Background()))
					w.whole()
				}
				ok(t, w.follower(&process{left: -1}).Flush(context.Background()))
				w.whole()
				check(t, w.log())
			}
			if pauses < 20 {
				t.Errorf("the process was paused %d times", pauses)
			}
		})
	}
}

// TestReadersMeetTheArchiver: whoever reads while records move from the topic into
// the archive and small segments are replaced gets each record at its place.
func TestReadersMeetTheArchiver(t *testing.T) {
	url := kafkatest.Start(t)
	w := newWorld(t, url, 5000)
	reader, f := w.log(), w.follower(&process{left: -1})
	for range 80 {
		for range 1 + w.r.IntN(6) {
			w.append(10)
			ok(t, f.Flush(context.Background()))
		}
		w.append(10)
		for range 2 {
			from := len(w.want) - 1 - w.r.IntN(min(len(w.want), 100))
			got, err := reader.Read(t.Context(), eventlog.Position{Offset: int64(from)}, 1+w.r.IntN(50), w.r.IntN(2000))
			ok(t, err)
			if len(got) == 0 {
				t.Fatalf("no record at %d of %d", from, len(w.want))
			}
			for i, g := range got {
				if string(g) != w.want[from+i] {
					t.Fatalf("the record at %d is %q", from+i, g)
				}
			}
		}
	}
}
