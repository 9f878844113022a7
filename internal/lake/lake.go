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
// as events/current.json; a file is never changed, only replaced whole or
// deleted. It is safe for concurrent use.
type Store interface {
	// Create begins a file. It appears whole when it is committed, in the place of a
	// file of that name if there is one. Other files may be read and written while
	// it is open.
	Create(ctx context.Context, name string) (Draft, error)

	// Open opens a file for reading; of kind NotFound when there is none. The
	// caller closes it. It can be read to its end although it is deleted meanwhile.
	Open(ctx context.Context, name string) (File, error)

	// List returns the files of a table, those included that nobody finished, in
	// any order. A table that was never written has none.
	List(ctx context.Context, table string) ([]Info, error)

	// Delete removes a file; one that is not there is no error.
	Delete(ctx context.Context, name string) error
}

// Guarded is a Store that several processes write: it replaces a list only when
// that is still the one that it has read first or written last.
type Guarded interface {
	Store
	// Forget lets what is read next count as read first.
	Forget()
}

// Draft is a file that nobody sees yet. It ends with Commit or Abort; Abort after
// either does nothing.
type Draft interface {
	io.Writer

	// Commit makes the file durable and gives it its name. After an error the file
	// may be there or not.
	Commit(ctx context.Context) error
	Abort()
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

// Put makes a file of what write writes.
func Put(ctx context.Context, s Store, name string, write func(io.Writer) error) error {
	d, err := s.Create(ctx, name)
	if err != nil {
		return err
	}
	defer d.Abort()
	if err := write(d); err != nil {
		return err
	}
	return d.Commit(ctx)
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
