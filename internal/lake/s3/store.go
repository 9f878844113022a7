package s3

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/sys"
)

// Options is what a lake works with.
type Options struct {
	FS    sys.FS
	Dir   string // folder of the copies; it belongs to this lake alone
	Clock sys.Clock
	Rand  sys.Rand
	// HTTP sends the requests. It must follow no redirects, and read answers of at
	// least PartBytes.
	HTTP        *http.Client
	Credentials Credentials
}

// PartBytes is how much of a file is sent or fetched in one request.
const PartBytes = 8 << 20

// Lake is a lake in a bucket, with copies of its files in a folder. It is safe for
// concurrent use; Store gives access to it.
type Lake struct {
	client client
	cache  *cache
}

// Open returns the lake at a location. It asks nothing yet.
func Open(loc Location, o Options) (*Lake, error) {
	loc.Region = cmp.Or(loc.Region, "us-east-1")
	copies, err := openCache(o.FS, o.Dir, loc.CacheBytes)
	if err != nil {
		return nil, err
	}
	return &Lake{client: client{loc: loc, creds: o.Credentials, http: o.HTTP, clock: o.Clock, rand: o.Rand}, cache: copies}, nil
}

// URL returns the address of a file as other tools take it.
func (l *Lake) URL(name string) string { return l.client.loc.URL(name) }

// Store returns access to the lake for one reader or one writer. A list that it
// replaces must still be the one that it has read first or written last; else Commit
// fails with kind Conflict.
func (l *Lake) Store() lake.Guarded { return &store{lake: l, seen: map[string]string{}} }

// store implements lake.Store.
type store struct {
	lake   *Lake
	mu     sync.Mutex
	seen   map[string]string // tags of lists; empty for one that was not there
	writes uint64            // lists that were replaced
}

// isList tells the files that are replaced from those that are written once.
func isList(name string) bool { return strings.HasSuffix(name, "/"+lake.ManifestName) }

// wrote notes the tag of a list that was replaced.
func (s *store) wrote(name, tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[name] = tag
	s.writes++
}

// written returns how many lists were replaced.
func (s *store) written() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// read notes the tag of a list that is read for the first time, unless one was
// replaced meanwhile: what was read may be older then.
func (s *store) read(name, tag string, before uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.seen[name]; !known && s.writes == before {
		s.seen[name] = tag
	}
}

// Open implements lake.Store.
func (s *store) Open(ctx context.Context, name string) (lake.File, error) {
	if isList(name) {
		before := s.written()
		body, tag, err := s.lake.whole(ctx, name)
		if err == nil || errs.Is(err, errs.NotFound) {
			s.read(name, tag, before)
		}
		if err != nil {
			return nil, err
		}
		return content{bytes.NewReader(body)}, nil
	}
	done, err := s.lake.cache.turn(ctx, name)
	if err != nil {
		return nil, err
	}
	defer done()
	return s.lake.open(ctx, name)
}

// content is a file in memory.
type content struct{ *bytes.Reader }

// Close implements lake.File.
func (content) Close() error { return nil }

// whole reads an object into memory.
func (l *Lake) whole(ctx context.Context, name string) (body []byte, tag string, err error) {
	err = l.fetch(ctx, name, "", func(part []byte, t string) error {
		body, tag = append(body, part...), t
		return nil
	})
	return body, tag, err
}

// errSame tells that there is a copy of the object already.
var errSame = errors.New("the copy is of that object")

// fetch hands over an object part by part, all of them of one state of it. With a
// tag it returns errSame when the object has it.
func (l *Lake) fetch(ctx context.Context, name, tag string, use func(part []byte, tag string) error) error {
	condition := map[string]string{}
	if tag != "" {
		condition["If-None-Match"] = tag
	}
	for at, size := int64(0), int64(1); at < size; {
		part, total, have, err := l.client.get(ctx, l.client.loc.key(name), at, PartBytes, condition)
		switch {
		case err != nil:
			return classified(err, "reading a file of the lake failed")
		case total < 0:
			return errSame
		case len(part) == 0 && at < total:
			return errAnswer()
		}
		if err := use(part, have); err != nil {
			return err
		}
		size = total
		at += int64(len(part))
		condition = map[string]string{"If-Match": have}
	}
	return nil
}

// open opens a copy of an object, which is fetched when there is none of what the
// object is now. The caller has the turn.
func (l *Lake) open(ctx context.Context, name string) (lake.File, error) {
	got, err := l.load(ctx, name, l.cache.tag(name))
	if err != nil {
		return nil, err
	}
	file := l.cache.open(name, got.tag)
	l.cache.release([]string{name})
	if file == nil {
		return nil, errs.New(errs.Unavailable, "lake.copy", "a copy of a file of the lake was removed from this machine while it was in use")
	}
	return file, nil
}

// load brings an object into the cache, unless the copy of that tag is it, and
// holds it there.
func (l *Lake) load(ctx context.Context, name, tag string) (copied, error) {
	file, path, err := l.cache.making(name)
	if err != nil {
		return copied{}, err
	}
	k, h := copied{held: 1}, sha256.New()
	err = l.fetch(ctx, name, tag, func(part []byte, have string) error {
		h.Write(part)
		k.bytes, k.tag = k.bytes+int64(len(part)), have
		_, err := file.Write(part)
		return errCache(err)
	})
	err = errors.Join(err, errCache(file.Close()))
	if err != nil {
		_ = l.cache.fs.Remove(path) // it is found at the next start
		if !errors.Is(err, errSame) {
			return copied{}, err
		}
		if have, ok := l.cache.take(name, tag); ok {
			return have, nil
		}
		return l.load(ctx, name, "") // the copy has left meanwhile
	}
	k.sum = hex.EncodeToString(h.Sum(nil))
	return k, l.cache.keep(name, path, k)
}

// Held is a file that has to be in the folder of copies.
type Held struct {
	Name   string // with its table
	SHA256 string
	Bytes  int64
}

// Hold brings files into the folder of copies, where they stay until release is
// called. It fails with kind NotFound when one of them is no more, and with kind
// Exhausted when they are more than the bound.
func (l *Lake) Hold(ctx context.Context, files []Held) (release func(), err error) {
	var names []string
	var bytes int64
	for _, f := range files {
		bytes += f.Bytes
	}
	if bytes > l.cache.max {
		return nil, errs.New(errs.Exhausted, "lake.copy_size",
			"the tables that this needs have %d bytes, and copies on this machine may have %d; set cache_bytes", bytes, l.cache.max)
	}
	for _, f := range files {
		if err := l.holdOne(ctx, &f); err != nil {
			l.cache.release(names)
			return nil, err
		}
		names = append(names, f.Name)
	}
	var once sync.Once
	return func() { once.Do(func() { l.cache.release(names) }) }, nil
}

func (l *Lake) holdOne(ctx context.Context, f *Held) error {
	done, err := l.cache.turn(ctx, f.Name)
	if err != nil {
		return err
	}
	defer done()
	if l.cache.hold(f.Name, f.SHA256, f.Bytes) {
		return nil
	}
	got, err := l.load(ctx, f.Name, "")
	if err != nil {
		return err
	}
	if got.sum != f.SHA256 {
		l.cache.release([]string{f.Name})
		return errs.New(errs.Corrupt, "lake.checksum", "a file of the lake is not what its list says")
	}
	return nil
}

// Create implements lake.Store.
func (s *store) Create(_ context.Context, name string) (lake.Draft, error) {
	file, path, err := s.lake.cache.making(name)
	if err != nil {
		return nil, err
	}
	return &draft{store: s, name: name, path: path, file: file, buffer: bufio.NewWriterSize(file, 64<<10), sum: sha256.New()}, nil
}

// draft is a file on this machine that is sent when it is whole.
type draft struct {
	store  *store
	name   string
	path   string
	file   vfs.File
	buffer *bufio.Writer
	sum    hash.Hash
	bytes  int64
	ended  bool
}

// Write implements io.Writer.
func (d *draft) Write(p []byte) (int, error) {
	n, err := d.buffer.Write(p)
	d.sum.Write(p[:n])
	d.bytes += int64(n)
	return n, errCache(err)
}

// Abort implements lake.Draft.
func (d *draft) Abort() {
	if d.ended {
		return
	}
	d.ended = true
	_ = d.file.Close()                       // nobody reads it
	_ = d.store.lake.cache.fs.Remove(d.path) // it is found at the next start
}

// Commit implements lake.Draft.
func (d *draft) Commit(ctx context.Context) error {
	defer d.Abort()
	if err := d.buffer.Flush(); err != nil {
		return errCache(err)
	}
	l := d.store.lake
	if isList(d.name) {
		body := make([]byte, d.bytes)
		if err := d.read(body, 0); err != nil {
			return err
		}
		return d.store.replace(ctx, d.name, body)
	}
	tag, err := d.send(ctx)
	if err != nil {
		return classified(err, "writing a file of the lake failed")
	}
	d.ended = true
	if err := d.file.Close(); err != nil {
		return errCache(err)
	}
	return l.cache.keep(d.name, d.path, copied{bytes: d.bytes, tag: tag, sum: hex.EncodeToString(d.sum.Sum(nil))})
}

// read fills p with what was written from an offset on.
func (d *draft) read(p []byte, at int64) error {
	if len(p) == 0 {
		return nil
	}
	file, err := d.store.lake.cache.fs.Open(d.path)
	if err != nil {
		return errCache(err)
	}
	n, err := file.ReadAt(p, at)
	if errors.Is(err, io.EOF) && n == len(p) {
		err = nil
	}
	return errCache(errors.Join(err, file.Close()))
}

// send writes the object, in parts when it is long.
func (d *draft) send(ctx context.Context) (tag string, err error) {
	c := &d.store.lake.client
	key := c.loc.key(d.name)
	if d.bytes <= PartBytes {
		body := make([]byte, d.bytes)
		if err := d.read(body, 0); err != nil {
			return "", err
		}
		return c.put(ctx, key, body, nil)
	}
	at, buffer := int64(0), make([]byte, PartBytes)
	return c.upload(ctx, key, func() ([]byte, error) {
		part := buffer[:min(PartBytes, d.bytes-at)]
		err := d.read(part, at)
		at += int64(len(part))
		return part, err
	})
}

// replace writes a list in the place of the one that was seen last.
func (s *store) replace(ctx context.Context, name string, body []byte) error {
	s.mu.Lock()
	tag, known := s.seen[name]
	s.mu.Unlock()
	if !known {
		f, err := s.Open(ctx, name)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		if err == nil {
			_ = f.Close() // it is in memory
		}
		s.mu.Lock()
		tag = s.seen[name]
		s.mu.Unlock()
	}
	condition := map[string]string{"If-Match": tag}
	if tag == "" {
		condition = map[string]string{"If-None-Match": "*"}
	}
	c := &s.lake.client
	have, err := c.put(ctx, c.loc.key(name), body, condition)
	var f *failed
	if errors.As(err, &f) && (f.status == http.StatusPreconditionFailed || f.status == http.StatusNotFound && f.code != "NoSuchBucket") {
		return s.refused(ctx, name, body)
	}
	if err != nil {
		return classified(err, "replacing a list of files of the lake failed")
	}
	s.wrote(name, have)
	return nil
}

// refused looks whether a list that may not be replaced is what was to be written:
// then the answer to an attempt before was lost.
func (s *store) refused(ctx context.Context, name string, body []byte) error {
	now, tag, err := s.lake.whole(ctx, name)
	if err == nil && bytes.Equal(now, body) {
		s.wrote(name, tag)
		return nil
	}
	if err != nil && !errs.Is(err, errs.NotFound) {
		return err
	}
	return classified(&failed{status: http.StatusPreconditionFailed}, "")
}

// Forget implements lake.Guarded.
func (s *store) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.seen)
}

// List implements lake.Store.
func (s *store) List(ctx context.Context, table string) ([]lake.Info, error) {
	var out []lake.Info
	prefix := s.lake.client.loc.key(table) + "/"
	err := s.lake.client.list(ctx, prefix, func(l *listed) {
		for _, o := range l.Contents {
			if name, ok := strings.CutPrefix(o.Key, prefix); ok && name != "" {
				out = append(out, lake.Info{Name: table + "/" + name, Bytes: o.Size})
			}
		}
	})
	return out, classified(err, "listing the lake failed")
}

// Tables returns the names that have files under them.
func (l *Lake) Tables(ctx context.Context) ([]string, error) {
	var out []string
	prefix := l.client.loc.key("")
	err := l.client.list(ctx, prefix, func(page *listed) {
		for _, p := range page.CommonPrefixes {
			if name, ok := strings.CutPrefix(p.Prefix, prefix); ok {
				out = append(out, strings.TrimSuffix(name, "/"))
			}
		}
	})
	return out, classified(err, "listing the lake failed")
}

// Delete implements lake.Store.
func (s *store) Delete(ctx context.Context, name string) error {
	err := s.lake.client.delete(ctx, s.lake.client.loc.key(name))
	if err == nil {
		s.lake.cache.forget(name)
	}
	return classified(err, "deleting a file of the lake failed")
}
