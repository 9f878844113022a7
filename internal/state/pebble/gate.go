package pebble

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gateFS is the file system as the database sees it. Pebble takes an error of
// its write-ahead log, or of the folder when it makes a new log, for the end of
// the process: it panics, partly with a mutex in a state from which there is no
// way back. So such errors stop here. The first one makes health refuse every
// commit from then on. Commit looks at health before it reports success.
//
// A store that has failed changes nothing on disk any more: logs and the list of
// files take no more bytes, nothing is renamed or removed. What was committed
// before is found there like after a power cut. The database is told that all
// went well, because it would try again at once, without end. Only the creation
// of a table waits, by which flushes and compactions come to rest (health.pause).
//
// While the database is being opened, every failed change stops here: Pebble
// would clean up what compactions that it has started still use.
//
// Beside that, the last file opened and the lock are remembered.
type gateFS struct {
	vfs.FS
	health *health

	mu     sync.Mutex
	opened string
	locked *lockFile
}

// Lock implements vfs.FS.
func (g *gateFS) Lock(name string) (io.Closer, error) {
	l, err := g.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.locked = &lockFile{close: sync.OnceValue(l.Close)}
	return g.locked, nil
}

// unlock lets go of the folder even if a database that was given up still claims
// the lock.
func (g *gateFS) unlock() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.locked.Close()
}

// lockFile is the lock of the folder. It can be closed many times.
type lockFile struct{ close func() error }

// Close implements io.Closer.
func (l *lockFile) Close() error { return l.close() }

// Create implements vfs.FS.
func (g *gateFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	switch {
	case isTable(name):
		if err := g.health.pause(); err != nil {
			return nil, fmt.Errorf("create a table: %w", err)
		}
	case strings.HasSuffix(name, ".log"):
		return g.log(func() (vfs.File, error) { return g.FS.Create(name, category) })
	default:
		return g.other(name, category)
	}
	return g.FS.Create(name, category)
}

func isTable(name string) bool { return strings.HasSuffix(name, ".sst") }

// other creates a file that is neither a table nor a log. A marker names another
// file, which Pebble makes durable in the folder together with the marker: so a
// power cut could leave the marker alone. Here the other file comes first.
func (g *gateFS) other(name string, category vfs.DiskWriteCategory) (f vfs.File, err error) {
	if g.health.fatal() == nil && strings.HasPrefix(g.PathBase(name), "marker.") {
		err = g.health.settle(syncDir(g.FS, g.PathDir(name)))
	}
	if g.health.fatal() == nil && err == nil {
		f, err = g.FS.Create(name, category)
		err = g.health.settle(err)
	}
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nowhere()
	}
	return &otherFile{File: f, health: g.health}, nil
}

// nowhere returns a file in memory that nobody finds.
func nowhere() (vfs.File, error) {
	return vfs.NewMem().Create("nowhere", vfs.WriteCategoryUnspecified)
}

// Rename implements vfs.FS.
func (g *gateFS) Rename(oldname, newname string) error {
	if g.health.fatal() != nil {
		return nil
	}
	return g.health.settle(g.FS.Rename(oldname, newname))
}

// OpenDir implements vfs.FS.
func (g *gateFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &folder{File: f, health: g.health}, nil
}

// ReuseForWrite implements vfs.FS.
func (g *gateFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(newname, ".log") {
		return g.log(func() (vfs.File, error) { return g.FS.ReuseForWrite(oldname, newname, category) })
	}
	return g.FS.ReuseForWrite(oldname, newname, category)
}

// log opens a file of the write-ahead log. After a failure it is a file in
// memory, to which nothing is written.
func (g *gateFS) log(open func() (vfs.File, error)) (vfs.File, error) {
	if g.health.fatal() == nil {
		f, err := open()
		if err == nil {
			return &logFile{File: f, health: g.health}, nil
		}
		g.health.fail(err)
	}
	f, err := nowhere()
	return &logFile{File: f, health: g.health}, err
}

// Open implements vfs.FS.
func (g *gateFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	g.mu.Lock()
	g.opened = g.PathBase(name)
	g.mu.Unlock()
	return g.FS.Open(name, opts...)
}

// Remove implements vfs.FS.
func (g *gateFS) Remove(name string) error {
	if g.health.fatal() != nil {
		return nil
	}
	return g.health.settle(g.FS.Remove(name))
}

// Unwrap implements vfs.FS.
func (g *gateFS) Unwrap() vfs.FS { return g.FS }

func (g *gateFS) lastOpened() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

// folder is an open folder; see gateFS.
type folder struct {
	vfs.File
	health *health
}

// Sync implements vfs.File.
func (f *folder) Sync() error {
	if f.health.fatal() != nil {
		return nil
	}
	if err := f.File.Sync(); err != nil {
		f.health.fail(err)
	}
	return nil
}

// otherFile is a file that is neither a table nor a log, such as the list of
// files; see gateFS.
type otherFile struct {
	vfs.File
	health *health
}

// Write implements vfs.File.
func (f *otherFile) Write(p []byte) (int, error) {
	if f.health.fatal() != nil {
		return len(p), nil
	}
	n, err := f.File.Write(p)
	if err != nil && f.health.settle(err) == nil {
		return len(p), nil
	}
	return n, err
}

// Sync implements vfs.File.
func (f *otherFile) Sync() error {
	if f.health.fatal() != nil {
		return nil
	}
	return f.health.settle(f.File.Sync())
}

// logFile is a file of the write-ahead log; see gateFS.
type logFile struct {
	vfs.File
	health *health
}

// Write implements vfs.File.
func (f *logFile) Write(p []byte) (int, error) {
	f.do(func() error {
		_, err := f.File.Write(p)
		return err
	})
	return len(p), nil
}

// Preallocate implements vfs.File. That there is no room for the whole file yet
// is no failure.
func (f *logFile) Preallocate(offset, length int64) error {
	if f.health.fatal() != nil {
		return nil
	}
	return f.File.Preallocate(offset, length)
}

// Sync implements vfs.File.
func (f *logFile) Sync() error {
	f.do(f.File.Sync)
	return nil
}

// SyncData implements vfs.File.
func (f *logFile) SyncData() error {
	f.do(f.File.SyncData)
	return nil
}

// SyncTo implements vfs.File.
func (f *logFile) SyncTo(length int64) (fullSync bool, err error) {
	f.do(func() (err error) {
		fullSync, err = f.File.SyncTo(length)
		return err
	})
	return fullSync, nil
}

// Close implements vfs.File.
func (f *logFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.health.fail(err)
	}
	return nil
}

func (f *logFile) do(op func() error) {
	if f.health.fatal() != nil {
		return
	}
	if err := op(); err != nil {
		f.health.fail(err)
	}
}
