package sys

import "github.com/cockroachdb/pebble/v2/vfs"

// Counted returns a file system that calls read with the number of bytes of each
// read of a file, from the goroutine that reads.
func Counted(fs FS, read func(n int)) FS { return counted{fs, read} }

type counted struct {
	FS
	read func(n int)
}

// Open implements vfs.FS.
func (c counted) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return countedFile{f, c.read}, nil
}

// Unwrap implements vfs.FS.
func (c counted) Unwrap() vfs.FS { return c.FS }

type countedFile struct {
	vfs.File
	read func(n int)
}

// Read implements io.Reader.
func (f countedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.read(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f countedFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	f.read(n)
	return n, err
}
