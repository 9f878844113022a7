// Package lake keeps what kith knows as open tables: Parquet files that any tool
// can read without asking kith, listed by one file for each table that is
// replaced whole. It follows the facts in cuts; docs/adr/0012-lake.md says why a
// row is never missing and never there twice.
//
// Store is the port to where the files lie: lake/local is a folder, and
// lake/laketest the suite that every engine passes.
package lake

import (
	"context"
	"io"
)

// Store holds the files of one lake. Names are relative paths with slashes, such
// as events/current.json; a file under a name that is put is never changed, only
// put again whole or deleted. It is safe for concurrent use.
type Store interface {
	// Put makes a file of what write writes, durable when it returns. Nobody sees
	// a part of it. A file of that name is replaced.
	Put(ctx context.Context, name string, write func(io.Writer) error) error

	// Open opens a file for reading; of kind NotFound when there is none. The
	// caller closes it. It can be read to its end although it is deleted meanwhile.
	Open(ctx context.Context, name string) (File, error)

	// List returns the files of a table, those included that nobody finished, in
	// any order. A table that was never written has none.
	List(ctx context.Context, table string) ([]Info, error)

	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Info describes a file.
type Info struct {
	Name  string // with its table
	Bytes int64
}

// ReadAll reads a whole file.
func ReadAll(ctx context.Context, s Store, name string) (data []byte, err error) {
	f, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	return io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
}
