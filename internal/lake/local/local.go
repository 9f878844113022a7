// Package local keeps a lake in a folder.
package local

import (
	"bufio"
	"context"
	"errors"
	"io"
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

// Put implements lake.Store.
func (f *Folder) Put(_ context.Context, name string, write func(io.Writer) error) error {
	path := f.path(name)
	err := sys.MakeDir(f.fs, f.fs.PathDir(path), 0o700)
	if err == nil {
		err = f.put(path, write)
	}
	if err == nil || errs.KindOf(err) != errs.Internal {
		return err
	}
	return errs.Wrap(err, errs.Unavailable, "lake.write", "a file of the lake cannot be written")
}

func (f *Folder) put(path string, write func(io.Writer) error) error {
	part := path + ".new"
	file, err := f.fs.Create(part, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 64<<10)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = f.fs.Remove(part) // it is in nobody's way, and swept later
		return err
	}
	if err := f.fs.Rename(part, path); err != nil {
		return err
	}
	return sys.SyncDir(f.fs, f.fs.PathDir(path))
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
