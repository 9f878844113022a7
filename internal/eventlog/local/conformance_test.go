package local

import (
	"context"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/eventlog"
	"kith/internal/eventlog/eventlogtest"
	"kith/internal/sys"
)

// TestConformance runs the suite in memory and on the disk, with segments small
// enough that every case crosses from one to the next.
func TestConformance(t *testing.T) {
	for _, partitions := range []int{1, 3} {
		for _, segmentBytes := range []int64{0, 4 << 10} {
			name := fmt.Sprintf("%d partitions, segments of %d", partitions, segmentBytes)
			opts := Options{Partitions: partitions, SegmentBytes: segmentBytes, ReserveFraction: -1}
			t.Run("memory, "+name, func(t *testing.T) {
				eventlogtest.Run(t, partitions, func(t *testing.T) func() eventlog.Log {
					opts.FS = vfs.NewMem()
					return func() eventlog.Log { return mustOpen(t, "log", opts) }
				})
			})
			t.Run("disk, "+name, func(t *testing.T) {
				eventlogtest.Run(t, partitions, func(t *testing.T) func() eventlog.Log {
					dir := t.TempDir()
					opts.FS = sys.Disk()
					return func() eventlog.Log { return mustOpen(t, dir, opts) }
				})
			})
		}
	}
}

func mustOpen(t testing.TB, dir string, opts Options) *Log {
	t.Helper()
	l, err := Open(dir, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return l
}

// tctx is the context of calls whose end does not depend on one.
func tctx() context.Context { return context.Background() }
