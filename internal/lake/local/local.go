// Package local keeps a lake in a folder.
package local

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/sys"
)

// Folder is a lake in a folder. What is being written has a name that ends in
// .new until it is whole.
type Folder struct {
	fs  sys.FS
	dir string
}

var _ lake.Store = (*Folder)(nil)

// New returns the lake in a folder, which is made with the first file.
func New(files sys.FS, dir string) *Folder { return &Folder{files, dir} }

func (f *Folder) path(name string) string { return f.fs.PathJoin(f.dir, name) }

// Create implements lake.Store.
func (f *Folder) Create(_ context.Context, name string) (lake.Draft, error) {
	path := f.path(name)
	if err := sys.MakeDir(f.fs, f.fs.PathDir(path), 0o700); err != nil {
		return nil, errWrite(err)
	}
	file, err := f.fs.Create(path+unfinished, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, errWrite(err)
	}
	return &draft{folder: f, path: path, file: file, buffer: bufio.NewWriterSize(file, 64<<10)}, nil
}

// unfinished ends the names of files that are being written.
const unfinished = ".new"

func errWrite(err error) error {
	return errs.Wrap(err, errs.Unavailable, "lake.write", "a file of the lake cannot be written")
}

// draft is a file under its unfinished name.
type draft struct {
	folder *Folder
	path   string
	file   vfs.File
	buffer *bufio.Writer
	ended  bool
}

// Write implements io.Writer.
func (d *draft) Write(p []byte) (int, error) {
	n, err := d.buffer.Write(p)
	return n, errWrite(err)
}

// Commit implements lake.Draft.
func (d *draft) Commit(context.Context) error {
	err := d.buffer.Flush()
	if err == nil {
		err = d.file.Sync()
	}
	if err != nil {
		d.Abort()
		return errWrite(err)
	}
	d.ended = true
	fs := d.folder.fs
	if err = d.file.Close(); err == nil {
		err = fs.Rename(d.path+unfinished, d.path)
	}
	if err == nil {
		err = sys.SyncDir(fs, fs.PathDir(d.path))
	}
	return errWrite(err)
}

// Abort implements lake.Draft.
func (d *draft) Abort() {
	if d.ended {
		return
	}
	d.ended = true
	_ = d.file.Close()                          // nobody reads it
	_ = d.folder.fs.Remove(d.path + unfinished) // it is in nobody's way, and swept later
}

// Open implements lake.Store.
func (f *Folder) Open(_ context.Context, name string) (lake.File, error) {
	file, err := f.fs.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errs.New(errs.NotFound, "lake.no_file", "the lake has no file %s", name)
	}
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "lake.read", "a file of the lake cannot be opened")
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errs.Wrap(errors.Join(err, file.Close()), errs.Unavailable, "lake.read", "a file of the lake cannot be opened")
	}
	return opened{file, info.Size()}, nil
}

type opened struct {
	vfs.File
	size int64
}

// Size implements lake.File.
func (o opened) Size() int64 { return o.size }

// List implements lake.Store.
func (f *Folder) List(_ context.Context, table string) ([]lake.Info, error) {
	names, err := f.fs.List(f.path(table))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, errs.Wrap(err, errs.Unavailable, "lake.list", "the lake cannot be listed")
	}
	var out []lake.Info
	for _, n := range names {
		name := table + "/" + strings.TrimSuffix(n, "/")
		info, err := f.fs.Stat(f.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errs.Wrap(err, errs.Unavailable, "lake.list", "the lake cannot be listed")
		}
		if !info.IsDir() {
			out = append(out, lake.Info{Name: name, Bytes: info.Size()})
		}
	}
	return out, nil
}

// Delete implements lake.Store.
func (f *Folder) Delete(_ context.Context, name string) error {
	err := f.fs.Remove(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errs.Wrap(err, errs.Unavailable, "lake.delete", "a file of the lake cannot be deleted")
}
