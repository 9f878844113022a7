package kafka

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"kith/internal/errs"
	"kith/internal/eventlog/kafka/kafkatest"
)

// TestTrim: what is deleted is gone, and the rest stays where it was.
func TestTrim(t *testing.T) {
	l := mustOpen(t, kafkatest.Start(t), "w", Options{Partitions: 2})
	starts := func(want ...int64) {
		t.Helper()
		if got, err := l.Starts(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Fatalf("the topic begins at %v, %v; want %v", got, err, want)
		}
	}
	before := time.Now().Add(-time.Second)
	for range 5 {
		appendTexts(t, l, 0, "a", "b")
	}
	starts(0, 0)
	for at, want := range map[time.Time][]int64{before: {0, 0}, time.Now().Add(time.Hour): {10, 0}} {
		if got, err := l.Since(t.Context(), at); err != nil || !slices.Equal(got, want) {
			t.Errorf("since %v: %v, %v; want %v", at, got, err, want)
		}
	}
	for _, before := range []int64{4, 4, 2} {
		if err := l.Trim(t.Context(), 0, before); err != nil {
			t.Fatal(err)
		}
		starts(4, 0)
	}
	if err := l.Trim(t.Context(), 0, 11); err == nil {
		t.Error("records are deleted that are not there yet")
	}
	expectCode(t, "another partition", l.Trim(t.Context(), 2, 1), errs.Invalid, "eventlog.no_such_partition")
	if got := readTexts(t, l, 0, 4); len(got) != 6 {
		t.Errorf("read %q", got)
	}
}

// TestBrokersKeepWhatIsArchived: a topic from which brokers delete by themselves is
// refused where records are to be archived before they go.
func TestBrokersKeepWhatIsArchived(t *testing.T) {
	cluster, url := kafkatest.StartCluster(t, kfake.NumBrokers(1))
	for name, setting := range map[string]string{"ms": "retention.ms", "bytes": "retention.bytes"} {
		configs := map[string]string{"retention.ms": "-1", "retention.bytes": "-1"}
		configs[setting] = "1000000000"
		if err := cluster.CreateTopic("test."+name+".events", 1, configs); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), url+"?keep=1d", name, Options{})
		expectCode(t, setting, err, errs.Invalid, "eventlog.retention")
		if !strings.Contains(err.Error(), setting+"=1000000000") {
			t.Errorf("the error does not name the setting: %v", err)
		}
		if l := mustOpen(t, url, name, Options{}); l.Expires() != setting+"=1000000000" { // without an archive it is the operator's
			t.Errorf("%s: %q", setting, l.Expires())
		}
	}
	l := mustOpen(t, url+"?keep=1d", "made", Options{})
	if keep, ok := l.Archived(); !ok || keep != 24*time.Hour || l.Name() != "test.made.events" || l.ID() == "" || l.Expires() != "" {
		t.Errorf("%v, %v, %q, %q, %q", keep, ok, l.Name(), l.ID(), l.Expires())
	}
}
