package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/internal/errs"
	"kith/internal/eventlog/archive"
	"kith/internal/eventlog/kafka/kafkatest"
	"kith/internal/state/postgres/pgtest"
	"kith/internal/sys"
)

// archiving are settings under which all records leave the topic at once.
func archiving(t *testing.T, logURL string) Config {
	cfg := settings(t)
	cfg.LogURL, cfg.Lake = logURL+"?keep=1h", filepath.Join(t.TempDir(), "lake")
	cfg.Archiving = archive.Config{Every: 5 * time.Millisecond, Age: time.Millisecond, TrimEvery: time.Millisecond, Keep: time.Nanosecond, SegmentBytes: 20_000}
	return cfg
}

// sendSome sends events of some people who become known.
func (r *running) sendSome(t *testing.T, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		r.send(t, "/v1/track", fmt.Sprintf(`{"anonymousId":"b-%d","event":"Seen","messageId":"t-%d","properties":{"n":%d}}`, i%40, i, i))
		if i%5 == 0 {
			r.send(t, "/v1/identify", fmt.Sprintf(`{"userId":"u-%d","anonymousId":"b-%d","messageId":"i-%d","traits":{"last":%d}}`, i%20, i%40, i, i))
		}
	}
}

// emptied waits until the topic has none of the records that were sent.
func (r *running) emptied(t *testing.T) (records int64) {
	t.Helper()
	topic, ok := topicOf(r.log)
	if !ok {
		t.Fatal("the log is no topic")
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		starts, err := topic.Starts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		ends, err := topic.Ends(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(starts, ends) {
			for _, end := range ends {
				records += end
			}
			return records
		}
		select {
		case <-sys.Wall().After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the topic begins at %v and ends at %v", starts, ends)
		}
	}
}

// hashed is the state and how many records it was folded from.
func (r *running) hashed(t *testing.T, at string) string {
	t.Helper()
	var s struct {
		Processed int64             `json:"processed"`
		StateHash string            `json:"state_hash"`
		Hashes    map[string]string `json:"hashes"`
	}
	if err := r.client.Get(t.Context(), "/v1/status?hash=1&at="+url.QueryEscape(at), &s); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil || s.StateHash == "" {
		t.Fatalf("%s, %v", text, err)
	}
	return string(text)
}

// replays builds a state anew, on other engines, from records that have left the
// topic and such as are there, and expects the same.
func replays(t *testing.T, cfg Config) {
	r := serve(t, cfg)
	r.sendSome(t, 0, 200)
	r.flush(t)
	archived := r.emptied(t)
	r.end(t)
	calm := cfg
	calm.Archiving = archive.Config{} // what comes from now on stays in the topic
	r = serve(t, calm)
	r.sendSome(t, 200, 60)
	r.flush(t)
	at := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	want := r.hashed(t, at)
	topic, _ := topicOf(r.log)
	starts, err := topic.Starts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone := int64(0)
	for _, s := range starts {
		gone += s
	}
	if archived != 240 || gone != archived {
		t.Errorf("%d records were archived, %d are gone", archived, gone)
	}
	r.end(t)
	anew := calm
	anew.Data, anew.StateURL = filepath.Join(t.TempDir(), "anew"), ""
	again := serve(t, anew)
	again.flush(t)
	if got := again.hashed(t, at); got != want {
		t.Errorf("made anew the state is %s, and was %s", got, want)
	}
	again.end(t)
	checked, err := CheckFolder(t.Context(), anew, func(int) {})
	if err != nil || checked.Found != 0 || checked.Records != archived {
		t.Errorf("the check finds %+v, %v", checked, err)
	}
}

// TestReplayFromTheArchive: a state that is built anew after the topic has forgotten
// its beginning is the one that was, with a folder and with an object store, and where
// several processes may share the state.
func TestReplayFromTheArchive(t *testing.T) {
	t.Run("folder", func(t *testing.T) { replays(t, archiving(t, kafkatest.Start(t))) })
	t.Run("bucket", func(t *testing.T) { replays(t, inBucket(t, archiving(t, kafkatest.Start(t)))) })
	t.Run("shared state", func(t *testing.T) {
		cfg := archiving(t, kafkatest.Start(t))
		cfg.StateURL = pgtest.StartDatabase(t)
		replays(t, cfg)
	})
}

// TestArchiveMovesWithPartitions: processes that come and go archive what they hold,
// and together all of it; a state that is made anew is the one that they have made.
func TestArchiveMovesWithPartitions(t *testing.T) {
	cfg := archiving(t, kafkatest.Start(t))
	cfg.StateURL = pgtest.StartDatabase(t)
	var nodes []*running
	sent := 0
	for i := range 3 {
		mine := cfg
		mine.Data = filepath.Join(t.TempDir(), fmt.Sprint("node-", i))
		nodes = append(nodes, serve(t, mine))
		for range 2 {
			for _, r := range nodes {
				r.sendSome(t, sent, 30)
				sent += 30
			}
		}
		if i > 0 { // one that holds partitions leaves
			nodes[0].end(t)
			nodes = nodes[1:]
		}
	}
	last := nodes[len(nodes)-1]
	if records := last.emptied(t); records != int64(sent+sent/5) {
		t.Errorf("the topic had %d records", records)
	}
	if err := last.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := last.live.Load().runner.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	want := last.hashed(t, at)
	anew := cfg
	anew.Data, anew.StateURL, anew.Archiving = filepath.Join(t.TempDir(), "anew"), "", archive.Config{}
	again := serve(t, anew)
	again.flush(t)
	if got := again.hashed(t, at); got != want {
		t.Errorf("made anew the state is %s, and was %s", got, want)
	}
}

// TestReplayFromTheArchiveOnServer is the same on a real broker.
func TestReplayFromTheArchiveOnServer(t *testing.T) {
	broker := os.Getenv("KITH_TEST_KAFKA")
	if broker == "" {
		if os.Getenv("KITH_REQUIRE_SERVERS") == "1" {
			t.Fatal("KITH_TEST_KAFKA names no broker, as kafka://broker/prefix")
		}
		t.Skip("KITH_TEST_KAFKA names no broker, as kafka://broker/prefix")
	}
	replays(t, archiving(t, fmt.Sprintf("%s-replay-%d", broker, os.Getpid())))
}

// TestBackupFromTheArchive: a backup has the records that are in the archive alone.
func TestBackupFromTheArchive(t *testing.T) {
	cfg := archiving(t, kafkatest.Start(t))
	r := serve(t, cfg)
	r.sendSome(t, 0, 50)
	r.flush(t)
	r.emptied(t)
	want, err := fold{r.App}.Hash(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	to, out := restored(t, r.download(t, t.TempDir()).Path, nil)
	if got := hashOf(t, to); got.State != want.State || out.Restored.Records != 60 {
		t.Errorf("restored the state is %s with %+v, and was %s", got.State, out.Restored, want.State)
	}
}

// TestArchiveSettings: what cannot work is refused when it is opened, with what to do.
func TestArchiveSettings(t *testing.T) {
	broker := kafkatest.Start(t)
	cfg := settings(t)
	cfg.LogURL = broker + "?keep=30d"
	if _, err := Open(t.Context(), cfg); errs.CodeOf(err) != "app.archive" || !strings.Contains(err.Error(), "--lake") {
		t.Errorf("an archive without a place: %v", err)
	}
	cfg.LogURL = broker + "?keep=soon"
	if _, err := Open(t.Context(), cfg); errs.CodeOf(err) != "eventlog.url" {
		t.Errorf("a time that is none: %v", err)
	}
}

// TestMissingRecordsAreTold: who runs the server learns that records were deleted
// before they were archived.
func TestMissingRecordsAreTold(t *testing.T) {
	cfg := archiving(t, kafkatest.Start(t))
	r := serve(t, cfg)
	r.sendSome(t, 0, 20)
	r.flush(t)
	r.emptied(t)
	r.end(t)
	another, none := cfg, cfg
	another.Lake = filepath.Join(t.TempDir(), "another")
	none.LogURL, _, _ = strings.Cut(cfg.LogURL, "?")
	fresh := none
	fresh.LogURL += "-fresh"
	for _, c := range []struct {
		cfg     Config
		name    string
		verdict Verdict
		part    string
	}{
		{cfg, "archive of records", Passed, "; 0 are in the topic alone"},
		{another, "archive of records", Failed, "neither in topic"},
		{none, "records of the topic", Failed, "set keep"},
		{fresh, "records of the topic", Passed, "for ever"},
	} {
		found := slices.DeleteFunc(Examine(t.Context(), c.cfg), func(f Check) bool { return f.Name != c.name })
		if len(found) != 1 || found[0].Verdict != c.verdict || !strings.Contains(found[0].Detail, c.part) {
			t.Errorf("%+v, want %s with %q", found, c.verdict, c.part)
		}
	}
}
