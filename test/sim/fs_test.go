package sim

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func notThere(p string) error { return &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist} }

func clean(p string) string { return path.Clean("/" + p) }

// find returns the inode of a path. d.mu is held.
func (d *disk) find(p string) (*inode, error) {
	n := d.root
	for part := range strings.SplitSeq(strings.Trim(clean(p), "/"), "/") {
		if part == "" {
			continue
		}
		if n = n.children[part]; n == nil {
			return nil, notThere(p)
		}
	}
	return n, nil
}

// parent returns the folder of a path and the name in it. d.mu is held.
func (d *disk) parent(p string) (*inode, string, error) {
	dir, name := path.Split(clean(p))
	n, err := d.find(dir)
	if err == nil && !n.folder {
		err = &fs.PathError{Op: "open", Path: p, Err: syscall.ENOTDIR}
	}
	return n, name, err
}

// set changes one name of a folder, as an operation that may fail. d.mu is held.
func (d *disk) set(p string, n *inode) error {
	dir, name, err := d.parent(p)
	if err != nil {
		return err
	}
	if err := d.step(clean(p)); err != nil {
		return &fs.PathError{Op: "change", Path: p, Err: err}
	}
	if n != nil && d.room() == 0 {
		return &fs.PathError{Op: "create", Path: p, Err: syscall.ENOSPC}
	}
	dir.change(change{name: n})
	return nil
}

// Create implements vfs.FS.
func (d *disk) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := newFile()
	if err := d.set(name, n); err != nil {
		return nil, err
	}
	return &file{disk: d, n: n, path: clean(name)}, nil
}

// Link implements vfs.FS.
func (d *disk) Link(oldname, newname string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(oldname)
	if err != nil {
		return err
	}
	if _, err := d.find(newname); err == nil {
		return &os.LinkError{Op: "link", Old: oldname, New: newname, Err: fs.ErrExist}
	}
	return d.set(newname, n)
}

// Open implements vfs.FS.
func (d *disk) Open(name string, _ ...vfs.OpenOption) (vfs.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return &file{disk: d, n: n, path: clean(name)}, nil
}

// OpenReadWrite implements vfs.FS.
func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return d.Create(name, c)
	}
	return f, err
}

// OpenDir implements vfs.FS.
func (d *disk) OpenDir(name string) (vfs.File, error) { return d.Open(name) }

// Remove implements vfs.FS.
func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return err
	}
	if len(n.children) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	return d.set(name, nil)
}

// RemoveAll implements vfs.FS.
func (d *disk) RemoveAll(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.find(name); err != nil {
		return nil
	}
	return d.set(name, nil)
}

// Rename implements vfs.FS. It stays within one folder, where it is one change.
func (d *disk) Rename(oldname, newname string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(oldname)
	if err != nil {
		return err
	}
	dir, from, _ := d.parent(oldname)
	other, to, err := d.parent(newname)
	if err != nil {
		return err
	}
	if dir != other {
		panic("BUG: a rename between folders is not simulated")
	}
	if err := d.step(clean(newname)); err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	dir.change(change{from: nil, to: n})
	return nil
}

// ReuseForWrite implements vfs.FS.
func (d *disk) ReuseForWrite(oldname, newname string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return d.Open(newname)
}

// MkdirAll implements vfs.FS.
func (d *disk) MkdirAll(dir string, _ os.FileMode) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(clean(dir), "/"), "/") {
		at = path.Join(at, part)
		n, err := d.find(at)
		switch {
		case err == nil && !n.folder:
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		case err == nil:
			continue
		}
		if err := d.set(at, newFolder()); err != nil {
			return err
		}
	}
	return nil
}

// Lock implements vfs.FS.
func (d *disk) Lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := clean(name)
	if d.locks[p] {
		return nil, syscall.EAGAIN
	}
	if err := d.set(name, newFile()); err != nil {
		return nil, err
	}
	d.locks[p] = true
	return &held{d, p}, nil
}

// held is a lock.
type held struct {
	disk *disk
	path string
}

// Close implements io.Closer.
func (h *held) Close() error {
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	delete(h.disk.locks, h.path)
	return nil
}

// List implements vfs.FS.
func (d *disk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Stat implements vfs.FS.
func (d *disk) Stat(name string) (vfs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(name)
	if err != nil {
		return nil, err
	}
	return info{path.Base(name), int64(len(n.data)), n.folder}, nil
}

// PathBase implements vfs.FS.
func (*disk) PathBase(p string) string { return path.Base(p) }

// PathJoin implements vfs.FS.
func (*disk) PathJoin(elem ...string) string { return path.Join(elem...) }

// PathDir implements vfs.FS.
func (*disk) PathDir(p string) string { return path.Dir(p) }

// Unwrap implements vfs.FS.
func (*disk) Unwrap() vfs.FS { return nil }

// GetDiskUsage implements vfs.FS.
func (d *disk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.total == 0 {
		return vfs.DiskUsage{}, vfs.ErrUnsupported
	}
	room := d.room()
	return vfs.DiskUsage{AvailBytes: uint64(room), TotalBytes: uint64(d.total), UsedBytes: uint64(d.total - room)}, nil
}

// info describes a file. The simulation has no clock for files.
type info struct {
	name   string
	size   int64
	folder bool
}

func (i info) Name() string           { return i.name }
func (i info) Size() int64            { return i.size }
func (i info) IsDir() bool            { return i.folder }
func (i info) ModTime() time.Time     { return time.Time{} }
func (i info) Sys() any               { return nil }
func (i info) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
func (i info) Mode() os.FileMode {
	if i.folder {
		return os.ModeDir | 0o755
	}
	return 0o644
}

// file is an open file or folder.
type file struct {
	disk *disk
	n    *inode
	path string
	pos  int
}

// Close implements vfs.File.
func (f *file) Close() error { return nil }

// Read implements vfs.File.
func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, int64(f.pos))
	f.pos += n
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// ReadAt implements vfs.File.
func (f *file) ReadAt(p []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if at >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Write implements vfs.File.
func (f *file) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, int64(f.pos))
	f.pos += n
	return n, err
}

// WriteAt implements vfs.File. A write that fails has been done in part, and so
// has one that does not fit.
func (f *file) WriteAt(p []byte, at int64) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(f.path); err != nil {
		part := len(p) / 3
		f.n.write(p[:part], int(at))
		return part, &fs.PathError{Op: "write", Path: f.path, Err: err}
	}
	if grow := at + int64(len(p)) - int64(len(f.n.data)); grow > 0 {
		if room := d.room(); grow > room {
			part := max(len(p)-int(grow-room), 0)
			f.n.write(p[:part], int(at))
			return part, &fs.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC}
		}
	}
	f.n.write(p, int(at))
	return len(p), nil
}

// Sync implements vfs.File.
func (f *file) Sync() error {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(f.path); err != nil {
		f.n.loseSync()
		return &fs.PathError{Op: "sync", Path: f.path, Err: err}
	}
	f.n.sync()
	return nil
}

// SyncData implements vfs.File.
func (f *file) SyncData() error { return f.Sync() }

// SyncTo implements vfs.File. It promises nothing, as sync_file_range does.
func (f *file) SyncTo(int64) (bool, error) { return false, nil }

// Preallocate implements vfs.File.
func (f *file) Preallocate(int64, int64) error { return nil }

// Prefetch implements vfs.File.
func (f *file) Prefetch(int64, int64) error { return nil }

// Stat implements vfs.File.
func (f *file) Stat() (vfs.FileInfo, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return info{path.Base(f.path), int64(len(f.n.data)), f.n.folder}, nil
}

// Fd implements vfs.File.
func (f *file) Fd() uintptr { return vfs.InvalidFd }
