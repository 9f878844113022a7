package local

import (
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/sys"
)

// guard refuses appends while the disk is below its reserve. The free space is
// asked for at most once in usageMaxAge; in between, what the log itself takes
// is counted.
type guard struct {
	fs       sys.FS
	clock    sys.Clock
	dir      string
	bytes    uint64
	fraction float64
	notify   func(full bool)

	mu      sync.Mutex
	known   bool // avail and reserve hold a reading
	read    time.Time
	avail   uint64
	reserve uint64
	full    bool // what notify was last told
}

// errFull is the error of an append that found too little space.
func errFull(cause error) error {
	const detail = "the disk is full or below its reserve; appends are taken again once space is free"
	if cause == nil {
		return errs.New(errs.Unavailable, "eventlog.disk_full", detail)
	}
	return errs.Wrap(cause, errs.Unavailable, "eventlog.disk_full", detail)
}

// isNoSpace reports whether the error says that a disk or a quota is used up.
func isNoSpace(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.EDQUOT)
}

// check returns an error while appends have to be refused. A file system that
// cannot tell its free space is taken to have enough; it still reports a full
// disk when written to.
func (g *guard) check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.clock.Now(); !g.known || now.Sub(g.read) >= usageMaxAge || now.Before(g.read) {
		g.refresh(now)
	}
	if g.avail < g.reserve {
		g.tell(true)
		return errFull(nil)
	}
	return nil
}

// refresh asks the file system. A failed question keeps the last answer.
func (g *guard) refresh(now time.Time) {
	g.known, g.read = true, now
	u, err := g.fs.GetDiskUsage(g.dir)
	if err != nil {
		return
	}
	share := uint64(max(g.fraction, 0) * float64(u.TotalBytes))
	g.avail, g.reserve = u.AvailBytes, max(g.bytes, min(share, reserveCeiling))
}

// took counts bytes that the log has added to its files.
func (g *guard) took(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.avail -= min(g.avail, uint64(n))
}

// report says that a write found no space although the reading said otherwise,
// or that one went through.
func (g *guard) report(full bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tell(full)
}

// tell passes a change on to the observer.
func (g *guard) tell(full bool) {
	if g.full == full {
		return
	}
	g.full = full
	if g.notify != nil {
		g.notify(full)
	}
}
