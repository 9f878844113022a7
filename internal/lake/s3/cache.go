package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/sys"
)

// cache is copies of files in a folder, by their names in the lake. It may hold
// more than its bound only while more than that is in use.
type cache struct {
	fs  sys.FS
	dir string
	max int64

	mu      sync.Mutex
	copies  map[string]*copied
	loading map[string]chan struct{} // closed when somebody has fetched the file, or failed
	bytes   int64
	uses    uint64
	number  uint64 // of files that are being made
}

// copied is a file of the cache.
type copied struct {
	bytes int64
	tag   string // of the object that it is a copy of; empty if not known
	sum   string // SHA-256 in hexadecimal; empty if not known
	used  uint64
	held  int // users who need it under its name
}

// unfinished ends the names of files that are being made. No file of a lake ends
// so.
const unfinished = ".new"

// openCache takes over what the folder has. What was being made is removed.
func openCache(files sys.FS, dir string, limit int64) (*cache, error) {
	c := &cache{fs: files, dir: dir, max: limit, copies: map[string]*copied{}, loading: map[string]chan struct{}{}}
	tables, err := files.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, errCache(err)
	}
	for _, table := range tables {
		names, err := files.List(files.PathJoin(dir, table))
		if err != nil {
			continue // it is no folder
		}
		for _, n := range names {
			if err := c.adopt(table + "/" + n); err != nil {
				return nil, err
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shrink()
	return c, nil
}

func (c *cache) adopt(name string) error {
	path := c.path(name)
	if strings.HasSuffix(name, unfinished) {
		return errCache(c.fs.Remove(path))
	}
	info, err := c.fs.Stat(path)
	if err != nil {
		return errCache(err)
	}
	if !info.IsDir() {
		c.copies[name] = &copied{bytes: info.Size()}
		c.bytes += info.Size()
	}
	return nil
}

func errCache(err error) error {
	return errs.Wrap(err, errs.Unavailable, "lake.copy", "a copy of a file of the lake cannot be kept on this machine")
}

func (c *cache) path(name string) string { return c.fs.PathJoin(c.dir, name) }

// making begins a file under a name of its own, and returns that name.
func (c *cache) making(name string) (vfs.File, string, error) {
	c.mu.Lock()
	c.number++
	path := c.path(name) + "." + hex.EncodeToString([]byte{byte(c.number >> 24), byte(c.number >> 16), byte(c.number >> 8), byte(c.number)}) + unfinished
	c.mu.Unlock()
	if err := c.fs.MkdirAll(c.fs.PathDir(path), 0o700); err != nil {
		return nil, "", errCache(err)
	}
	file, err := c.fs.Create(path, vfs.WriteCategoryUnspecified)
	return file, path, errCache(err)
}

// keep puts a finished file into the cache, in the place of an earlier one.
func (c *cache) keep(name, path string, k copied) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.fs.Rename(path, c.path(name)); err != nil {
		return errCache(err)
	}
	if old := c.copies[name]; old != nil {
		c.bytes -= old.bytes
		k.held += old.held
	}
	c.uses++
	k.used = c.uses
	c.copies[name] = &k
	c.bytes += k.bytes
	c.shrink()
	return nil
}

// shrink removes what was not used for longest until the bound is kept. Whoever has
// a file open reads on.
func (c *cache) shrink() {
	for c.bytes > c.max {
		oldest := ""
		for name, k := range c.copies {
			if k.held == 0 && (oldest == "" || k.used < c.copies[oldest].used) {
				oldest = name
			}
		}
		if oldest == "" {
			return
		}
		c.forgetLocked(oldest)
	}
}

func (c *cache) forgetLocked(name string) {
	if k := c.copies[name]; k != nil {
		_ = c.fs.Remove(c.path(name)) // a copy that stays is found at the next start
		c.bytes -= k.bytes
		delete(c.copies, name)
	}
}

// forget removes a copy.
func (c *cache) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked(name)
}

// tag returns the tag of the object that there is a copy of, empty when there is
// none or when it is not known.
func (c *cache) tag(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.copies[name]; k != nil {
		return k.tag
	}
	return ""
}

// take holds the copy of an object of that tag; false when there is none.
func (c *cache) take(name, tag string) (copied, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.copies[name]
	if k == nil || k.tag != tag {
		return copied{}, false
	}
	if _, err := c.fs.Stat(c.path(name)); err != nil {
		c.forgetLocked(name)
		return copied{}, false // somebody has removed it
	}
	c.uses++
	k.used = c.uses
	k.held++
	return *k, true
}

// open opens the copy of an object of that tag; nil when there is none.
func (c *cache) open(name, tag string) lake.File {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.copies[name]
	if k == nil || k.tag != tag {
		return nil
	}
	file, err := c.fs.Open(c.path(name))
	if err != nil {
		return nil
	}
	return &opened{file, k.bytes}
}

// hold keeps the copy of a file of that checksum where it is; false when there is
// none.
func (c *cache) hold(name, sum string, bytes int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.copies[name]
	if k == nil || k.bytes != bytes {
		return false
	}
	if k.sum == "" {
		k.sum = c.sum(name)
	}
	if k.sum != sum {
		return false
	}
	if _, err := c.fs.Stat(c.path(name)); err != nil {
		c.forgetLocked(name)
		return false
	}
	c.uses++
	k.used = c.uses
	k.held++
	return true
}

// sum is the checksum of a copy that was there at the start; empty when it cannot
// be read.
func (c *cache) sum(name string) string {
	file, err := c.fs.Open(c.path(name))
	if err != nil {
		return ""
	}
	h := sha256.New()
	_, err = io.Copy(h, file)
	if errors.Join(err, file.Close()) != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}

// release gives back what was held.
func (c *cache) release(names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		if k := c.copies[n]; k != nil && k.held > 0 {
			k.held--
		}
	}
	c.shrink()
}

// turn waits until nobody fetches the file, and lets the caller do it. The
// function that it returns must be called.
func (c *cache) turn(ctx context.Context, name string) (func(), error) {
	for {
		c.mu.Lock()
		other, busy := c.loading[name]
		if !busy {
			mine := make(chan struct{})
			c.loading[name] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.loading, name)
				c.mu.Unlock()
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, errs.Wrap(ctx.Err(), errs.Unavailable, "lake.canceled", "the call was cancelled")
		}
	}
}

// opened is an open file. It can be read although the copy leaves the cache.
type opened struct {
	vfs.File
	size int64
}

// Size implements lake.File.
func (o *opened) Size() int64 { return o.size }
