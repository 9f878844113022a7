package pebble_test

import (
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"kith/internal/errs"
	"kith/internal/state/pebble"
)

// crowd is a disk on which somebody else may take all the room but what the spare
// holds, at once and without a warning.
type crowd struct {
	*vfs.MemFS
	full atomic.Bool
}

// String implements errorfs.Injector.
func (c *crowd) String() string { return "crowd" }

// MaybeError implements errorfs.Injector.
func (c *crowd) MaybeError(op errorfs.Op) error {
	writes := op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate
	if !writes || !c.full.Load() {
		return nil
	}
	if _, err := c.Stat("/state/spare"); err != nil && !strings.HasSuffix(op.Path, "spare") {
		return nil // what it held is room now
	}
	return syscall.ENOSPC
}

// TestSpare fills the disk between the look at its space and the write: the
// commit ends well, later ones are refused, and when there is room again they are
// taken, all without opening the store anew.
func TestSpare(t *testing.T) {
	c := &crowd{MemFS: vfs.NewMem()}
	c.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 64 << 20, TotalBytes: 128 << 20})
	s := mustOpen(t, "/state", pebble.Options{FS: errorfs.Wrap(c.MemFS, c)})
	n := 0
	for range 3 {
		mustPut(t, s, n, 1, 100)
		c.full.Store(true)
		mustPut(t, s, n+1, 1, 100)
		n += 2
		for range 2 {
			wantError(t, put(s, n, 1, 100), errs.Unavailable, "state.disk_full")
		}
		c.full.Store(false)
	}
	mustPut(t, s, n, 1, 100)
	mustClose(t, s)
	s = mustOpen(t, "/state", pebble.Options{FS: c.MemFS})
	if got := len(dump(t, s)); got != n+1 {
		t.Errorf("%d rows, want %d", got, n+1)
	}
	mustClose(t, s)
}

// TestSmallDisk: on a disk of 64 MiB there is room for a state, and it refuses
// commits only when next to nothing is left.
func TestSmallDisk(t *testing.T) {
	mem := vfs.NewMem()
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 50 << 20, TotalBytes: 64 << 20})
	s := mustOpen(t, "/state", pebble.Options{FS: mem})
	mustPut(t, s, 0, 1, 1)
	if info, err := mem.Stat("/state/spare"); err != nil || info.Size() != 2<<20 {
		t.Errorf("the spare: %v, %v", info, err)
	}
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 3 << 20, TotalBytes: 64 << 20})
	mustPut(t, s, 1, 1, 1)
	mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 64 << 20})
	wantError(t, put(s, 2, 1, 1), errs.Unavailable, "state.disk_full")
	mustClose(t, s)
}

// TestOpeningOnAFullDisk: the spare makes the room that opening needs, and comes
// back when there is some.
func TestOpeningOnAFullDisk(t *testing.T) {
	c := &crowd{MemFS: vfs.NewMem()}
	usage := vfs.DiskUsage{AvailBytes: 50 << 20, TotalBytes: 64 << 20}
	c.TestingSetDiskUsage(usage)
	s := mustOpen(t, "/state", pebble.Options{FS: c.MemFS})
	mustPut(t, s, 0, 100, 300)
	mustClose(t, s)
	usage.AvailBytes = 0
	c.TestingSetDiskUsage(usage)
	c.full.Store(true)
	s = mustOpen(t, "/state", pebble.Options{FS: errorfs.Wrap(c.MemFS, c)})
	if got := len(dump(t, s)); got != 100 {
		t.Errorf("%d rows, want 100", got)
	}
	wantError(t, put(s, 100, 1, 1), errs.Unavailable, "state.disk_full")
	usage.AvailBytes = 50 << 20
	c.TestingSetDiskUsage(usage)
	c.full.Store(false)
	mustPut(t, s, 100, 1, 1)
	if _, err := c.Stat("/state/spare"); err != nil {
		t.Error(err)
	}
	mustClose(t, s)
}
