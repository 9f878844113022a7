package pipeline_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/fact"
	"kith/internal/held"
	"kith/internal/history"
	"kith/internal/history/keyed"
	"kith/internal/identity"
	"kith/internal/oracle"
	"kith/internal/oracle/workload"
	"kith/internal/pipeline"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
)

func track(message, user string, received int64) []byte {
	r := record.Record{
		Kind:  record.Event,
		Stamp: event.Stamp{Source: "web", MessageID: message, Type: event.Track, ReceivedAt: received, Timestamp: received},
		Body:  []byte(`{"event":"Order Completed","userId":"` + user + `"}`),
	}
	return r.AppendTo(nil)
}

func (e *engine) drain(t *testing.T) {
	t.Helper()
	if err := e.runner.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (e *engine) status(t *testing.T) pipeline.Status {
	t.Helper()
	s, err := e.runner.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// byReceipt puts records into the order in which a collector appends them, which
// a running pipeline relies on when it forgets old marks. Unreadable ones go last.
func byReceipt(records [][]byte) [][]byte {
	received := func(data []byte) int64 {
		r, err := record.Decode(data)
		if err != nil {
			return math.MaxInt64
		}
		return r.Stamp.ReceivedAt
	}
	slices.SortStableFunc(records, func(a, b []byte) int { return cmp.Compare(received(a), received(b)) })
	return records
}

// held lists the records kept apart.
func (e *engine) held(t *testing.T) []held.Entry {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	list, err := held.List(context.Background(), snap, nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// brittle is a history that panics on the events of one name while it is broken.
type brittle struct {
	history.Index
	broken *bool
}

func (b brittle) Append(tx state.Tx, e *history.Entry) {
	if *b.broken && e.MessageID == "poison" {
		panic("a planted fault")
	}
	b.Index.Append(tx, e)
}

func TestPoisonIsKeptApartAndCanBePutBack(t *testing.T) {
	broken := true
	e := newEngine(logmem.New(1), mem.New(), 1000)
	e.runner.Stages.History = brittle{keyed.Index{}, &broken}
	var set [][]byte
	for i := range 20 {
		set = append(set, track(fmt.Sprint("m", i), "u1-x", workload.Start+int64(i)))
	}
	set[13] = track("poison", "u1-x", workload.Start)
	e.append(t, set)
	e.drain(t)
	list := e.held(t)
	if len(list) != 1 || list[0].Position.Offset != 13 || list[0].Code != "pipeline.panic" {
		t.Fatalf("held: %+v", list)
	}
	if s := e.status(t); s.Processed != 20 || s.Held != 1 {
		t.Fatalf("status: %+v", s)
	}
	broken = false
	if err := e.runner.Retry(context.Background(), list[0].ID()); err != nil {
		t.Fatal(err)
	}
	e.drain(t)
	want := oracle.Fold(set, e.cfg, e.keys).Contents.Hash(e.cfg)
	if got := e.explain(t); got.Total != want.Total {
		t.Errorf("after putting back the state is not as if the record had been folded at once:\n%v", got.Lines)
	}
	if rest := e.held(t); len(rest) != 0 {
		t.Errorf("still held: %+v", rest)
	}
}

func TestUnreadableRecordStaysHeldWithItsReason(t *testing.T) {
	e := newEngine(logmem.New(1), mem.New(), 10)
	e.append(t, [][]byte{[]byte("no record")})
	e.drain(t)
	list := e.held(t)
	if len(list) != 1 || list[0].Code != "record.format" || string(list[0].Data) != "no record" {
		t.Fatalf("held: %+v", list)
	}
	if err := e.runner.Retry(context.Background(), list[0].ID()); !errs.Is(err, errs.Invalid) {
		t.Errorf("putting it back gave %v", err)
	}
	if err := e.runner.Retry(context.Background(), "0-99"); !errs.Is(err, errs.NotFound) {
		t.Errorf("an unknown id gave %v", err)
	}
	if err := e.runner.Retry(context.Background(), "x"); !errs.Is(err, errs.NotFound) {
		t.Errorf("a malformed id gave %v", err)
	}
}

// TestRunFollowsTheLog runs the goroutines while records arrive, and Flush waits
// for them.
func TestRunFollowsTheLog(t *testing.T) {
	for _, partitions := range []int{1, 3} {
		e := newEngine(logmem.New(partitions), mem.New(), 50)
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := e.runner.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		set := byReceipt(workload.Records(7, 900))
		for lo := 0; lo < len(set); lo += 90 {
			e.append(t, set[lo:min(lo+90, len(set))])
			if err := e.runner.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if s := e.status(t); s.Lag() != 0 {
				t.Fatalf("a lag of %d after the flush", s.Lag())
			}
		}
		stop()
		wg.Wait()
		want := oracle.Fold(set, e.cfg, e.keys).Contents.Hash(e.cfg)
		if got := e.explain(t); got.Total != want.Total {
			t.Errorf("%d partitions: the state differs from the oracle's", partitions)
		}
	}
}

func TestFlushEndsWithItsContext(t *testing.T) {
	e := newEngine(logmem.New(1), mem.New(), 50)
	e.append(t, [][]byte{track("m", "u1-x", workload.Start)})
	ctx, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	if err := e.runner.Flush(ctx); errs.CodeOf(err) != "flush.timeout" {
		t.Errorf("got %v", err)
	}
}

// TestTwoRunnersDoNotFoldTwice: of two workers on one partition the cursor lets
// one win at a time.
func TestTwoRunnersDoNotFoldTwice(t *testing.T) {
	log, store := logmem.New(3), mem.New()
	e := newEngine(log, store, 20)
	set := byReceipt(workload.Records(11, 1500))
	e.append(t, set)
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 2 {
		rival := newEngine(log, store, 20)
		rival.runner.Clock = tickless{}
		wg.Go(func() {
			if err := rival.runner.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	e.runner.Clock = tickless{}
	if err := e.runner.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	stop()
	wg.Wait()
	want := oracle.Fold(set, e.cfg, e.keys)
	if got := e.explain(t); got.Total != want.Contents.Hash(e.cfg).Total {
		t.Error("the state differs from the oracle's")
	}
	e.checkCounts(t, set, want)
}

// tickless is a clock on which every wait is over at once.
type tickless struct{}

func (tickless) Now() time.Time { return time.UnixMilli(workload.Start) }
func (tickless) After(time.Duration) <-chan time.Time {
	ch := make(chan time.Time, 1)
	ch <- time.Time{}
	return ch
}

// TestFactsTellEachEventOnce: folded less withdrawn leaves exactly the events.
func TestFactsTellEachEventOnce(t *testing.T) {
	e := newEngine(logmem.New(3), mem.New(), 9)
	set := workload.Shuffled(5, workload.Records(5, 300))
	e.append(t, set)
	e.drain(t)
	alive := map[eventlog.Position]int{}
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for p := range int32(3) {
		next := uint64(0)
		for b, err := range fact.Read(context.Background(), snap, p, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if b.First != next {
				t.Fatalf("partition %d: block at %d, want %d", p, b.First, next)
			}
			next += uint64(len(b.Facts))
			for _, f := range b.Facts {
				switch f.Kind {
				case fact.EventFolded:
					alive[f.Record]++
				case fact.EventWithdrawn:
					alive[f.Record]--
				}
			}
		}
	}
	events := int64(0)
	for at, n := range alive {
		if n != 0 && n != 1 {
			t.Errorf("record %v counts %d times", at, n)
		}
		events += int64(n)
	}
	if want := oracle.Fold(set, e.cfg, e.keys).Events; events != want {
		t.Errorf("%d events by the facts, want %d", events, want)
	}
}

func TestFactsAreReadFromAnySequence(t *testing.T) {
	e := newEngine(logmem.New(1), mem.New(), 4)
	for i := range 10 {
		e.append(t, [][]byte{track(fmt.Sprint("m", i), "u1-x", workload.Start)})
	}
	e.drain(t)
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	for from := range uint64(11) {
		var last uint64
		first := true
		for b, err := range fact.Read(context.Background(), snap, 0, from) {
			if err != nil {
				t.Fatal(err)
			}
			if first && (b.First > from || b.First+uint64(len(b.Facts)) <= from) {
				t.Errorf("from %d: the first block is %d to %d", from, b.First, b.First+uint64(len(b.Facts)))
			}
			first, last = false, b.First+uint64(len(b.Facts))
		}
		if from < 11 && last != 11 { // ten events, and a person who was not known
			t.Errorf("from %d: ends at %d", from, last)
		}
	}
}

// TestForgettingMarks: marks go when no further copy can meet them, and only
// then.
func TestForgettingMarks(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	e := newEngine(logmem.New(1), mem.New(), 10)
	e.append(t, [][]byte{
		track("old", "u1-x", workload.Start),
		track("touched", "u1-x", workload.Start),
		track("touched", "u1-x", workload.Start+25*day),
		track("now", "u1-x", workload.Start+40*day),
	})
	e.drain(t)
	before := e.marks(t)
	if err := e.runner.ForgetMarks(context.Background()); err != nil {
		t.Fatal(err)
	}
	if after := e.marks(t); before != 3 || after != 2 {
		t.Errorf("%d marks became %d, want 3 and 2", before, after)
	}
	e.append(t, [][]byte{track("touched", "u1-x", workload.Start+41*day)})
	e.drain(t)
	if s := e.status(t); s.Repeats != 2 {
		t.Errorf("%d repeats, want 2", s.Repeats)
	}
}

// TestForgettingBesideOtherPartitions: a partition to which nothing comes does not
// keep marks from being forgotten; one that is behind does.
func TestForgettingBesideOtherPartitions(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	for name, behind := range map[string]bool{"empty": false, "behind": true} {
		t.Run(name, func(t *testing.T) {
			log := logmem.New(2)
			e := newEngine(log, mem.New(), 10)
			e.appendTo(t, 0, track("old", "u1-x", workload.Start), track("now", "u1-x", workload.Start+40*day))
			e.drain(t)
			want := 1
			if behind {
				e.appendTo(t, 1, track("old", "u1-x", workload.Start+day))
				want = 2
			}
			if err := e.runner.ForgetMarks(context.Background()); err != nil {
				t.Fatal(err)
			}
			if got := e.marks(t); got != want {
				t.Errorf("%d marks are left, want %d", got, want)
			}
			e.drain(t)
			if s := e.status(t); behind != (s.Repeats == 1) {
				t.Errorf("%d repeats", s.Repeats)
			}
		})
	}
}

func (e *engine) appendTo(t *testing.T, partition int32, records ...[]byte) {
	t.Helper()
	var entries []eventlog.Entry
	for _, r := range records {
		entries = append(entries, eventlog.Entry{Partition: partition, Data: r})
	}
	if _, err := e.log.Append(context.Background(), entries); err != nil {
		t.Fatal(err)
	}
}

func (e *engine) marks(t *testing.T) int {
	t.Helper()
	snap, err := e.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	n := 0
	for _, err := range snap.Scan(context.Background(), state.Prefix([]byte{byte(state.FamilyMark)})) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func FuzzContribute(f *testing.F) {
	in := &pipeline.Interpreter{Identity: identity.DefaultConfig(), Keys: identity.NewKeyring([]byte("f"))}
	for _, r := range workload.Records(3, 20) {
		f.Add(r)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := in.Contribute(&record.Docs{}, eventlog.Position{}, data)
		if errs.CodeOf(c.Poison) == "pipeline.panic" {
			t.Fatal(c.Poison)
		}
		if c.Poison == nil && !c.Home.IsZero() && c.Home != c.Nodes[0] {
			t.Fatal("the home is not the first node")
		}
	})
}

// TestAnotherInterpretationFoldsAnew: the state under a changed configuration is
// the one that the changed configuration would have made from the start.
func TestAnotherInterpretationFoldsAnew(t *testing.T) {
	ctx := context.Background()
	e := newEngine(logmem.New(3), mem.New(), 50)
	if rebuilt, err := e.runner.Prepare(ctx); err != nil || rebuilt {
		t.Fatalf("a new state: rebuilt %v, %v", rebuilt, err)
	}
	set := workload.Records(21, 400)
	e.append(t, set)
	e.drain(t)
	if rebuilt, err := e.runner.Prepare(ctx); err != nil || rebuilt {
		t.Fatalf("the same configuration: rebuilt %v, %v", rebuilt, err)
	}
	changed := identity.DefaultConfig()
	changed.Paths = []identity.Path{{Path: "traits.plan", Type: "plan_code"}}
	changed.Sources = map[string]identity.SourceRule{"crm": {Identifies: map[string]bool{"user_id": true}}}
	e.cfg, e.runner.Interpreter.Identity = changed, changed
	if rebuilt, err := e.runner.Prepare(ctx); err != nil || !rebuilt {
		t.Fatalf("a changed configuration: rebuilt %v, %v", rebuilt, err)
	}
	e.drain(t)
	want := oracle.Fold(set, changed, e.keys)
	if got := e.explain(t); got.Total != want.Contents.Hash(changed).Total {
		t.Error("the state differs from the oracle's")
	}
	e.checkCounts(t, set, want)
}

// TestAnotherConfigurationDoesNotFold: a worker whose configuration is not the
// state's folds nothing, and goes on when it has the state's.
func TestAnotherConfigurationDoesNotFold(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	log, store := logmem.New(1), mem.New()
	e := newEngine(log, store, 10)
	if _, err := e.runner.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	refused := make(chan string, 1000)
	old := newEngine(log, store, 10)
	old.cfg.ClusterMax = 7
	old.runner.Clock = tickless{}
	old.runner.Observer.Retried = func(partition int32, err error) {
		if partition != 0 && partition != pipeline.Beside {
			t.Errorf("partition %d is tried again", partition)
		}
		select {
		case refused <- errs.CodeOf(err):
		default:
		}
	}
	e.append(t, [][]byte{track("m", "u1-x", workload.Start)})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := old.runner.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	if code := <-refused; code != "pipeline.other_interpretation" {
		t.Errorf("refused with %s", code)
	}
	if s := e.status(t); s.Processed != 0 {
		t.Error("the worker has folded")
	}
	stop()
	wg.Wait()
	e.drain(t)
	if s := e.status(t); s.Processed != 1 {
		t.Error("the right worker has not folded")
	}
}
