package local

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/sys"
)

// Shared is a folder that several processes write. Nothing but the names in it can
// keep them apart, so a list of files, which ends in /current.json, lies in versions:
// each is made by a link, of which the file system lets one writer make the next.
// The highest version is the list.
type Shared struct {
	*Folder
	rand sys.Rand

	mu   sync.Mutex
	seen map[string]uint64 // version of each list that was read first or written last
}

var _ lake.Guarded = (*Shared)(nil)

// NewShared returns access to a folder for one reader or one writer. The file system
// has to know hard links.
func NewShared(files sys.FS, dir string, rand sys.Rand) *Shared {
	return &Shared{Folder: New(files, dir), rand: rand, seen: map[string]uint64{}}
}

const (
	listSuffix = "/" + lake.ManifestName
	// versionsKept are so many versions of a list below the highest: who has looked
	// for the highest can still read it.
	versionsKept = 8
)

func isList(name string) bool { return strings.HasSuffix(name, listSuffix) }

func versionName(name string, version uint64) string { return fmt.Sprintf("%s.%020d", name, version) }

// versionOf reads the number of a version out of a file's name.
func versionOf(file string) (version uint64, ok bool) {
	digits, ok := strings.CutPrefix(file, lake.ManifestName+".")
	if !ok || len(digits) != 20 {
		return 0, false
	}
	version, err := strconv.ParseUint(digits, 10, 64)
	return version, err == nil
}

// versions returns the numbers of the versions of a list, and the highest.
func (s *Shared) versions(name string) (all []uint64, highest uint64, err error) {
	names, err := s.fs.List(s.fs.PathDir(s.path(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, errs.Wrap(err, errs.Unavailable, "lake.list", "the lake cannot be listed")
	}
	for _, n := range names {
		if v, ok := versionOf(n); ok {
			all = append(all, v)
			highest = max(highest, v)
		}
	}
	return all, highest, nil
}

// Forget implements lake.Guarded.
func (s *Shared) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.seen)
}

// Open implements lake.Store.
func (s *Shared) Open(ctx context.Context, name string) (lake.File, error) {
	if !isList(name) {
		return s.Folder.Open(ctx, name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		_, highest, err := s.versions(name)
		if err != nil {
			return nil, err
		}
		var file lake.File
		if highest == 0 {
			err = errs.New(errs.NotFound, "lake.no_file", "the lake has no file %s", name)
		} else {
			file, err = s.Folder.Open(ctx, versionName(name, highest))
			if errs.Is(err, errs.NotFound) && ctx.Err() == nil {
				continue // it has been replaced so often meanwhile
			}
		}
		if _, known := s.seen[name]; !known && (err == nil || errs.Is(err, errs.NotFound)) {
			s.seen[name] = highest
		}
		return file, err
	}
}

// List implements lake.Store.
func (s *Shared) List(ctx context.Context, table string) ([]lake.Info, error) {
	all, err := s.Folder.List(ctx, table)
	out := all[:0]
	var list lake.Info
	highest := uint64(0)
	for _, info := range all {
		v, ok := versionOf(info.Name[len(table)+1:])
		switch {
		case !ok:
			out = append(out, info)
		case v > highest:
			highest, list = v, lake.Info{Name: table + listSuffix, Bytes: info.Bytes}
		}
	}
	if highest > 0 {
		out = append(out, list)
	}
	return out, err
}

// Delete implements lake.Store.
func (s *Shared) Delete(ctx context.Context, name string) error {
	if !isList(name) {
		return s.Folder.Delete(ctx, name)
	}
	all, _, err := s.versions(name)
	for _, v := range all {
		err = errors.Join(err, s.Folder.Delete(ctx, versionName(name, v)))
	}
	return err
}

// Create implements lake.Store.
func (s *Shared) Create(ctx context.Context, name string) (lake.Draft, error) {
	if !isList(name) {
		return s.Folder.Create(ctx, name)
	}
	var mark [8]byte
	if _, err := io.ReadFull(s.rand, mark[:]); err != nil {
		return nil, errs.Wrap(err, errs.Internal, "lake.random", "there is no randomness")
	}
	d, err := s.Folder.Create(ctx, name+"-"+hex.EncodeToString(mark[:]))
	if err != nil {
		return nil, err
	}
	return &version{draft: d.(*draft), shared: s, name: name}, nil
}

// version is the next version of a list.
type version struct {
	*draft
	shared *Shared
	name   string
}

// Commit implements lake.Draft. It fails with kind Conflict when the list is not the
// one that was read first or written last.
func (d *version) Commit(ctx context.Context) error {
	defer d.Abort()
	s := d.shared
	err := d.buffer.Flush()
	if err == nil {
		err = d.file.Sync()
	}
	if err != nil {
		return errWrite(err)
	}
	s.mu.Lock()
	_, known := s.seen[d.name]
	s.mu.Unlock()
	if !known {
		f, err := s.Open(ctx, d.name)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		if err == nil {
			_ = f.Close() // it was not read
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replace(ctx, d.name, d.path+unfinished)
}

// replace gives a finished file the number behind the version that was seen.
func (s *Shared) replace(ctx context.Context, name, file string) error {
	next := s.seen[name] + 1
	path := s.path(versionName(name, next))
	if err := s.fs.Link(file, path); errors.Is(err, fs.ErrExist) {
		return errMoved()
	} else if err != nil {
		return errWrite(err)
	}
	if err := sys.SyncDir(s.fs, s.fs.PathDir(path)); err != nil {
		return errWrite(err)
	}
	all, highest, err := s.versions(name)
	if err != nil {
		return err
	}
	if highest != next {
		return errMoved() // the version was replaced long ago, and its number free again
	}
	s.seen[name] = next
	for _, v := range all {
		if v+versionsKept < next {
			_ = s.Folder.Delete(ctx, versionName(name, v)) // the next replacement tries again
		}
	}
	return nil
}

func errMoved() error {
	return errs.New(errs.Conflict, "lake.list_moved", "another process has replaced the list of files")
}
