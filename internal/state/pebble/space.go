package pebble

import (
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What a store takes of a disk unless its options say so: on a large one the
// first figure, on a small one the share. The reserve is half the share that the
// event log leaves, so that the log stops first and what it holds can be folded.
const (
	reserveBytes  = 256 << 20
	reserveShare  = 40
	memTableShare = 64
	memTableFloor = 256 << 10
	spareBytesMax = 8 << 20
)

// sized fills in the sizes that follow from the disk on which the folder lies.
func (o Options) sized(dir string) Options {
	u, err := o.FS.GetDiskUsage(dir)
	share := func(n uint64) int64 {
		if err != nil {
			return 1 << 62 // the file system cannot tell
		}
		return int64(u.TotalBytes / n)
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = min(max(o.CacheBytes/4, 4<<20), 64<<20, max(share(memTableShare), memTableFloor))
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = min(reserveBytes, share(reserveShare))
	}
	return o
}

// spare is a file that takes up room on the disk until the store needs it. When
// somebody else fills the disk, a commit or a change of the list of files may be
// half written: giving up the spare lets it end, where the store would have to be
// opened again. Until there is room to make it anew, commits are refused.
type spare struct {
	fs    vfs.FS
	dir   string
	bytes int64
	needs uint64 // of free space, before it is made anew

	mu   sync.Mutex
	held bool
}

// newSpare takes over or makes the spare of a folder. It returns nil where there
// is none: the options want no reserve or the file system cannot tell its space.
func newSpare(fs vfs.FS, dir string, o Options) *spare {
	u, err := fs.GetDiskUsage(dir)
	if err != nil || o.ReserveBytes < 0 {
		return nil
	}
	s := &spare{fs: fs, dir: dir, bytes: min(2*o.MemTableBytes, spareBytesMax)}
	s.needs = uint64(s.bytes + o.ReserveBytes)
	info, err := fs.Stat(s.path())
	s.held = err == nil && info.Size() == s.bytes
	if u.AvailBytes < uint64(o.ReserveBytes) {
		s.release() // so that what is found in the log can be flushed
	}
	_ = s.restore() // without it the first commit tries again
	return s
}

func (s *spare) path() string { return s.fs.PathJoin(s.dir, "spare") }

// release gives the room back and reports whether there was any.
func (s *spare) release() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.held {
		return false
	}
	s.held = false
	return s.fs.Remove(s.path()) == nil
}

// restore makes the spare anew if it is gone.
func (s *spare) restore() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		return nil
	}
	if u, err := s.fs.GetDiskUsage(s.dir); err == nil && u.AvailBytes < s.needs {
		return diskFull(nil)
	}
	if err := s.make(); err != nil {
		_ = s.fs.Remove(s.path()) // a part of it is of no use
		return mapError(err, "making the spare")
	}
	s.held = true
	return nil
}

// make writes the file. Its bytes are zeros that are really written: a hole would
// take no room.
func (s *spare) make() error {
	f, err := s.fs.Create(s.path(), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for left := s.bytes; left > 0 && err == nil; left -= int64(len(zeros)) {
		_, err = f.Write(zeros[:min(left, int64(len(zeros)))])
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// spareFS is the file system as the gate sees it: what finds no room is tried once
// more after the spare has been released. Tables do without it, as soon as the
// store is open: they can be written again when there is room.
type spareFS struct {
	vfs.FS
	spare  *spare
	isOpen atomic.Bool
}

func (s *spareFS) again(err error) bool { return vfs.IsNoSpaceError(err) && s.spare.release() }

// Create implements vfs.FS.
func (s *spareFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if s.isOpen.Load() && isTable(name) {
		return s.FS.Create(name, category)
	}
	f, err := s.FS.Create(name, category)
	if s.again(err) {
		f, err = s.FS.Create(name, category)
	}
	if err != nil {
		return nil, err
	}
	return &spareFile{f, s}, nil
}

// ReuseForWrite implements vfs.FS.
func (s *spareFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.ReuseForWrite(oldname, newname, category)
	if err != nil {
		return nil, err
	}
	return &spareFile{f, s}, nil
}

// Unwrap implements vfs.FS.
func (s *spareFS) Unwrap() vfs.FS { return s.FS }

// spareFile is a file whose writes may use the spare.
type spareFile struct {
	vfs.File
	fs *spareFS
}

// Write implements vfs.File.
func (f *spareFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if !f.fs.again(err) {
		return n, err
	}
	m, err := f.File.Write(p[n:])
	return n + m, err
}

// room refuses a commit while the disk is below its reserve or the spare is gone.
// Where the file system cannot tell its space, only a failed write shows that it
// is full.
func (s *Store) room() error {
	if s.opts.ReserveBytes < 0 {
		return nil
	}
	if u, err := s.opts.FS.GetDiskUsage(s.dir); err == nil && u.AvailBytes < uint64(s.opts.ReserveBytes) {
		return diskFull(nil)
	}
	return s.spare.restore()
}
