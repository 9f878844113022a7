package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/eventlog/eventlogtest"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/sys"
)

func TestConformance(t *testing.T) {
	for _, brokers := range []int{1, 3} {
		for _, partitions := range []int{1, 3} {
			t.Run(fmt.Sprintf("%d brokers, %d partitions", brokers, partitions), func(t *testing.T) {
				_, url := kafkatest.StartCluster(t, kfake.NumBrokers(brokers))
				conform(t, url, "w", partitions)
			})
		}
	}
}

// TestConformanceOnServer runs the suite on a real broker.
func TestConformanceOnServer(t *testing.T) {
	url := os.Getenv("KITH_TEST_KAFKA")
	if url == "" {
		if os.Getenv("KITH_REQUIRE_SERVERS") == "1" {
			t.Fatal("KITH_TEST_KAFKA names no broker, as kafka://broker/prefix")
		}
		t.Skip("KITH_TEST_KAFKA names no broker, as kafka://broker/prefix")
	}
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d partitions", partitions), func(t *testing.T) {
			conform(t, url, fmt.Sprintf("conformance-%d-%d", os.Getpid(), partitions), partitions)
		})
	}
}

func conform(t *testing.T, url, workspace string, partitions int) {
	n := 0
	eventlogtest.Run(t, partitions, func(t *testing.T) func() eventlog.Log {
		n++
		name := fmt.Sprintf("%s-%d", workspace, n)
		return func() eventlog.Log { return mustOpen(t, url, name, Options{Partitions: partitions}) }
	})
}

// mustOpen opens a log and closes it with the test.
func mustOpen(t testing.TB, url, workspace string, opts Options) *Log {
	t.Helper()
	l, err := Open(t.Context(), url, workspace, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func appendTexts(t testing.TB, l *Log, partition int32, texts ...string) []eventlog.Position {
	t.Helper()
	positions, err := tryAppend(t.Context(), l, partition, texts...)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return positions
}

func tryAppend(ctx context.Context, l *Log, partition int32, texts ...string) ([]eventlog.Position, error) {
	var entries []eventlog.Entry
	for _, s := range texts {
		entries = append(entries, eventlog.Entry{Partition: partition, Data: []byte(s)})
	}
	return l.Append(ctx, entries)
}

// readTexts reads a partition from the offset to its end.
func readTexts(t testing.TB, l *Log, partition int32, from int64) []string {
	t.Helper()
	ends, err := l.Ends(t.Context())
	if err != nil {
		t.Fatalf("ends: %v", err)
	}
	var texts []string
	for at := from; at < ends[partition]; {
		got, err := l.Read(t.Context(), eventlog.Position{Partition: partition, Offset: at}, 100, 1<<20)
		if err != nil {
			t.Fatalf("read at %d: %v", at, err)
		}
		for _, b := range got {
			texts = append(texts, string(b))
			at++
		}
	}
	return texts
}

func expectCode(t testing.TB, what string, err error, kind errs.Kind, code string) {
	t.Helper()
	if errs.CodeOf(err) != code || !errs.Is(err, kind) {
		t.Fatalf("%s: got %v, want %s", what, err, code)
	}
}

func TestNobodyThere(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), "kafka://"+addr+"/test", "w", Options{})
	expectCode(t, "a port nobody listens on", err, errs.Unavailable, "eventlog.unreachable")
	if !strings.Contains(err.Error(), addr) {
		t.Fatalf("the error does not name the broker: %v", err)
	}

	// Somebody listens and never answers.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = Open(ctx, "kafka://"+silent.Addr().String()+"/test", "w", Options{})
	expectCode(t, "a port nobody answers on", err, errs.Unavailable, "eventlog.unreachable")
}

func TestTopicIsCreated(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(3))
	l := mustOpen(t, url, "shop", Options{Partitions: 4})
	info := cluster.TopicInfo("test.shop.events")
	if info == nil || l.Partitions() != 4 {
		t.Fatalf("%d partitions, topic %+v", l.Partitions(), info)
	}
	for key, want := range map[string]string{
		"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1", "min.insync.replicas": "2", "max.message.bytes": "8388608",
	} {
		if got := info.Configs[key]; got == nil || *got != want {
			t.Errorf("%s is not %s", key, want)
		}
	}
	again := mustOpen(t, url, "shop", Options{})
	if again.Partitions() != 4 {
		t.Fatalf("%d partitions", again.Partitions())
	}
	_, err := Open(t.Context(), url, "shop", Options{Partitions: 3})
	expectCode(t, "another number of partitions", err, errs.Invalid, "eventlog.partitions_mismatch")
	other := mustOpen(t, url, "other", Options{})
	appendTexts(t, l, 0, "of the shop")
	if got := readTexts(t, other, 0, 0); len(got) != 0 {
		t.Fatalf("another workspace reads %q", got)
	}
}

func TestUnfitTopics(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	if err := cluster.CreateTopic("test.compacted.events", 1, map[string]string{"cleanup.policy": "compact"}); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), url, "compacted", Options{})
	expectCode(t, "a compacted topic", err, errs.Invalid, "eventlog.topic")
	_, err = Open(t.Context(), url, "w", Options{ReplicationFactor: 3})
	expectCode(t, "more replicas than brokers", err, errs.Invalid, "eventlog.topic")
}

// TestSmallMessages: a topic made by somebody else takes what it takes.
func TestSmallMessages(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	if err := cluster.CreateTopic("test.small.events", 1, map[string]string{"max.message.bytes": "20000"}); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, url, "small", Options{})
	_, err := tryAppend(t.Context(), l, 0, strings.Repeat("x", 20_000))
	expectCode(t, "a record larger than a message", err, errs.Invalid, "eventlog.record_too_large")
	var want []string
	for i := range 10 {
		want = append(want, strings.Repeat(fmt.Sprint(i), 7000))
	}
	appendTexts(t, l, 0, want...)
	if got := readTexts(t, l, 0, 0); !slices.Equal(got, want) {
		t.Fatalf("read %d records", len(got))
	}
}

func TestAuthentication(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "kith", "s:e/c"), kfake.Superuser("SCRAM-SHA-256", "kith", "s:e/c"), kfake.Superuser("SCRAM-SHA-512", "kith", "s:e/c"))
	with := func(user string) string { return strings.Replace(url, "kafka://", "kafka://"+user+"@", 1) }
	for i, mechanism := range []string{"", "?sasl=plain", "?sasl=scram-sha-256", "?sasl=SCRAM-SHA-512"} {
		l := mustOpen(t, with("kith:s%3Ae%2Fc")+mechanism, "w", Options{})
		if p := appendTexts(t, l, 0, "x"); p[0].Offset != int64(i) {
			t.Fatalf("%v", p)
		}
	}
	// A broker in memory hangs up on a wrong password; a real one says why.
	_, err := Open(t.Context(), with("kith:wrong"), "w", Options{})
	expectCode(t, "a wrong password", err, errs.Unavailable, "eventlog.unreachable")
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.SASLAuthenticate}, Err: kerr.SaslAuthenticationFailed, TopLevel: true, Count: -1})
	_, err = Open(t.Context(), with("kith:wrong"), "w", Options{})
	expectCode(t, "a wrong password", err, errs.Denied, "eventlog.denied")
	if strings.Contains(err.Error(), "wrong") {
		t.Fatalf("the error repeats the password: %v", err)
	}
}

// TestAppendsShareARequest: what comes while a request is under way goes out with
// the next, a call's records in one batch.
func TestAppendsShareARequest(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	l := mustOpen(t, url, "w", Options{})
	appendTexts(t, l, 0, "the first append learns the way")
	entered, release := make(chan struct{}), make(chan struct{})
	requests := 0
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		requests++
		if requests == 1 {
			close(entered)
			cluster.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := tryAppend(t.Context(), l, 0, "held"); err != nil {
			t.Error(err)
		}
	})
	<-entered
	const calls = 30
	for range calls {
		all.Go(func() {
			if _, err := tryAppend(t.Context(), l, 0, "a", "b", "c"); err != nil {
				t.Error(err)
			}
		})
	}
	for queued := 0; queued < 3*calls; {
		l.producer.mu.Lock()
		if l.producer.pending != nil {
			queued = len(l.producer.pending.records)
		}
		l.producer.mu.Unlock()
	}
	close(release)
	all.Wait()
	if requests != 2 {
		t.Fatalf("%d requests", requests)
	}
	got := readTexts(t, l, 0, 2)
	if want := slices.Repeat([]string{"a", "b", "c"}, calls); !slices.Equal(got, want) {
		t.Fatalf("read %q", got)
	}
}

// TestSeveralNodes: logs on the same topic do not cut one another's calls.
func TestSeveralNodes(t *testing.T) {
	_, url := kafkatest.StartCluster(t, kfake.NumBrokers(2))
	var all sync.WaitGroup
	for node := range 3 {
		l := mustOpen(t, url, "w", Options{Partitions: 2})
		for w := range 3 {
			all.Go(func() {
				for i := range 20 {
					texts := slices.Repeat([]string{fmt.Sprint(node, w, i)}, 7)
					if _, err := tryAppend(t.Context(), l, int32(i%2), texts...); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	l := mustOpen(t, url, "w", Options{})
	total := 0
	for p := range int32(2) {
		texts := readTexts(t, l, p, 0)
		total += len(texts)
		for at := 0; at < len(texts); at += 7 {
			if !slices.Equal(texts[at:at+7], slices.Repeat(texts[at:at+1], 7)) {
				t.Fatalf("partition %d at %d: %q", p, at, texts[at:at+7])
			}
		}
	}
	if total != 3*3*20*7 {
		t.Fatalf("%d records", total)
	}
}

// TestNewsOfOthers: a wait ends when another node appends, on any broker.
func TestNewsOfOthers(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(2))
	here := mustOpen(t, url, "w", Options{Partitions: 2})
	there := mustOpen(t, url, "w", Options{})
	from := []int64{0, 0}
	for round := range 6 {
		p := int32(round % 2)
		waited := make(chan error)
		go func() { waited <- here.Wait(t.Context(), from) }()
		if round >= 2 {
			// The partition moves while somebody waits.
			for node := range int32(2) {
				if err := cluster.MoveTopicPartition("test.w.events", p, node); err != nil {
					t.Error(err)
				}
			}
		}
		appendTexts(t, there, p, "news")
		if err := <-waited; err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		from[p]++
	}
}

// TestBrokersFail: appends and reads get over what passes, and say what does not.
func TestBrokersFail(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(3))
	l := mustOpen(t, url, "w", Options{DeliveryTimeout: time.Second})
	want := []string{"before"}
	appendTexts(t, l, 0, "before")
	for _, err := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.NotEnoughReplicas, kerr.RequestTimedOut} {
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: 1})
		appendTexts(t, l, 0, err.Message)
		want = append(want, err.Message)
	}
	if err := cluster.MoveTopicPartition("test.w.events", 0, (cluster.LeaderFor("test.w.events", 0)+1)%3); err != nil {
		t.Fatal(err)
	}
	for _, err := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.KafkaStorageError} {
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: err, Count: 1})
		if got := readTexts(t, l, 0, 0); !slices.Equal(got, want) {
			t.Fatalf("read %q, want %q", got, want)
		}
	}
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	_, err := tryAppend(t.Context(), l, 0, "refused")
	expectCode(t, "an append nobody takes", err, errs.Unavailable, "eventlog.unreachable")
	fault.Remove()
	appendTexts(t, l, 0, "after")
	want = append(want, "after")
	if got := readTexts(t, l, 0, 0); !slices.Equal(got, want) {
		t.Fatalf("read %q, want %q", got, want)
	}
	for kind, fault := range map[string]kfake.Fault{
		"eventlog.denied":  {Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed},
		"eventlog.corrupt": {Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.CorruptMessage, Count: attempts + 1},
	} {
		h := cluster.Fault(fault)
		var err error
		if fault.Keys[0] == kmsg.Produce {
			_, err = tryAppend(t.Context(), l, 0, "x")
		} else {
			_, err = l.Read(t.Context(), eventlog.Position{}, 1, 1)
		}
		if errs.CodeOf(err) != kind {
			t.Fatalf("got %v, want %s", err, kind)
		}
		h.Remove()
	}
}

// TestGivingUp: an append whose caller gives up returns at once.
func TestGivingUp(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	l := mustOpen(t, url, "w", Options{})
	entered, release := make(chan struct{}), make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.DropControl()
		close(entered)
		cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	_, err := tryAppend(ctx, l, 0, "given up")
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("append: %v", err)
	}
	close(release)
	appendTexts(t, l, 0, "next")
	if got := readTexts(t, l, 0, 0); !slices.Equal(got, []string{"given up", "next"}) {
		t.Fatalf("read %q", got)
	}
}

// TestTrimmed: records that the brokers no longer have are not passed over.
func TestTrimmed(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	l := mustOpen(t, url, "w", Options{})
	for range 10 {
		appendTexts(t, l, 0, "a", "b")
	}
	if err := cluster.DeleteRecords("test.w.events", 0, 6); err != nil {
		t.Fatal(err)
	}
	_, err := l.Read(t.Context(), eventlog.Position{Offset: 3}, 1, 1)
	expectCode(t, "a read of what is gone", err, errs.NotFound, "eventlog.trimmed")
	if got := readTexts(t, l, 0, 6); len(got) != 14 {
		t.Fatalf("read %d records", len(got))
	}
}

// TestForeignGap: where somebody else's transaction has left an offset without a
// record, the reader is told instead of given the wrong position.
func TestForeignGap(t *testing.T) {
	_, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	l := mustOpen(t, url, "w", Options{})
	appendTexts(t, l, 0, "ours")
	foreign, err := kgo.NewClient(kgo.SeedBrokers(l.target.brokers...), kgo.TransactionalID("foreign"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	if err := foreign.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := foreign.ProduceSync(t.Context(), &kgo.Record{Topic: l.target.topic, Value: []byte("theirs")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := foreign.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	appendTexts(t, l, 0, "ours again")
	for offset, want := range []string{"ours", "theirs", "", "ours again"} {
		got, err := l.Read(t.Context(), eventlog.Position{Offset: int64(offset)}, 1, 1)
		if want == "" {
			expectCode(t, "the gap", err, errs.Corrupt, "eventlog.corrupt")
		} else if err != nil || string(got[0]) != want {
			t.Fatalf("at %d: %q, %v", offset, got, err)
		}
	}
}

// TestReadingAheadIsBounded: many readers at many places keep little, and go on
// where they stopped without a request.
func TestReadingAheadIsBounded(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	l := mustOpen(t, url, "w", Options{})
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("%d %s", i, strings.Repeat("x", 100)))
	}
	for at := range want {
		appendTexts(t, l, 0, want[at])
	}
	fetches := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Count: -1, Observe: true})
	for at := range want {
		got, err := l.Read(t.Context(), eventlog.Position{Offset: int64(at)}, 1, 1)
		if err != nil || string(got[0]) != want[at] {
			t.Fatalf("at %d: %q, %v", at, got, err)
		}
	}
	if n := fetches.Hits(); n != 1 {
		t.Fatalf("%d requests", n)
	}
	for at := len(want) - 2; at >= 0; at -= 2 {
		if _, err := l.Read(t.Context(), eventlog.Position{Offset: int64(at)}, 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.ahead.kept); n > maxStretches {
		t.Fatalf("%d stretches are kept", n)
	}
}

// TestCloseWithoutBrokers: a log can be closed when its brokers are gone, with an
// append under way.
func TestCloseWithoutBrokers(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	l := mustOpen(t, url, "w", Options{DeliveryTimeout: time.Second})
	appendTexts(t, l, 0, "x")
	cluster.Close()
	_, err := tryAppend(t.Context(), l, 0, "y")
	expectCode(t, "append", err, errs.Unavailable, "eventlog.unreachable")
	_, err = l.Ends(t.Context())
	expectCode(t, "ends", err, errs.Unavailable, "eventlog.unreachable")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = tryAppend(t.Context(), l, 0, "z")
	expectCode(t, "append after closing", err, errs.Unavailable, "eventlog.closed")
}

// tellingClock is a clock that tells when somebody begins to wait.
type tellingClock struct {
	*sys.Manual
	waiting chan time.Duration
}

func (c tellingClock) After(d time.Duration) <-chan time.Time {
	ch := c.Manual.After(d)
	c.waiting <- d
	return ch
}

// TestCloseGivesUp: closing waits for an append under way only so long.
func TestCloseGivesUp(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	opened := mustOpen(t, url, "w", Options{}) // the topic is there, so that opening again does not wait
	appendTexts(t, opened, 0, "x")
	clock := tellingClock{sys.NewManual(time.UnixMilli(0)), make(chan time.Duration)}
	l := mustOpen(t, url, "w", Options{Clock: clock})
	entered, release := make(chan struct{}), make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.DropControl()
		close(entered)
		cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	appended, closed := make(chan error), make(chan error)
	go func() {
		_, err := tryAppend(t.Context(), l, 0, "y")
		appended <- err
	}()
	<-entered
	go func() { closed <- l.Close() }()
	if d := <-clock.waiting; d != closeTimeout {
		t.Fatalf("closing waits for %v", d)
	}
	select {
	case err := <-closed:
		t.Fatalf("closing did not wait: %v", err)
	default:
	}
	clock.Advance(closeTimeout)
	expectCode(t, "the append", <-appended, errs.Unavailable, "eventlog.closed")
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	close(release)
}
