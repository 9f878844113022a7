package chaos

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"kith/internal/eventlog/archive"
	"kith/internal/lake"
	"kith/internal/lake/local"
	"kith/internal/sys"
	"kith/test/law"
)

// checkArchive archives what the nodes had not come to, deletes everything from the
// topic, and compares what can then be read with what the topic had. The nodes have
// ended.
func (w *world) checkArchive(t *testing.T, want []law.Stored) {
	t.Helper()
	ctx := context.Background()
	place := archive.Place{
		Name:  "the archive",
		Enter: func() lake.Guarded { return local.NewShared(sys.Disk(), w.records(), sys.Entropy()) },
	}
	log := archive.New(w.openLog(t), place)
	left, err := log.Examine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	archiver := archive.NewArchiver(archive.Config{Log: log, Clock: sys.Wall(), Rand: sys.Entropy(), Keep: time.Nanosecond})
	for p := range int32(log.Partitions()) {
		if err := archiver.Follow(p).Flush(ctx); err != nil {
			t.Fatalf("archiving partition %d: %v", p, err)
		}
	}
	checked, err := archive.Check(ctx, place.Enter(), func(name, what string) { t.Errorf("%s is damaged: %s", name, what) })
	if err != nil {
		t.Fatal(err)
	}
	starts, err := log.Starts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	gone := int64(0)
	for _, s := range starts {
		gone += s
	}
	if checked.Records != int64(len(want)) || gone != checked.Records {
		t.Errorf("the topic had %d records, the archive has %d, and %d were deleted", len(want), checked.Records, gone)
	}
	got, err := law.ReadLog(ctx, log)
	if err != nil {
		t.Fatal(err)
	}
	for i := range min(len(got), len(want)) {
		if got[i].Position != want[i].Position || !bytes.Equal(got[i].Data, want[i].Data) {
			t.Fatalf("the record at %v is another one in the archive", want[i].Position)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d records can be read, want %d", len(got), len(want))
	}
	t.Logf("the nodes had archived %d records in the end; all %d are read from %d segments, and none is in the topic", int64(len(want))-left, len(want), checked.Segments)
}

// records is the folder of the archive: that of the lake's workspace, beside it.
func (w *world) records() string { return filepath.Join(w.dir, "lake", "default.records") }
