package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/lake"
)

// What is kept for the next read.
const (
	filesKept  = 16
	blocksKept = 32 // of about blockTarget bytes
)

// reader reads records out of the archive. It is safe for concurrent use.
type reader struct {
	topic Topic
	place Place
	codec *codec
	files lake.Guarded // segments, which any access may read

	mu     sync.Mutex
	known  bool // the archive is of the topic
	lists  map[int32]*list
	open   []*openFile    // the one unused for longest first
	blocks []*cachedBlock // likewise
	closed bool
}

// openFile is a segment that is open.
type openFile struct {
	key      string
	file     lake.File
	contents *contents
	users    int
	dropped  bool // it is closed by the last user
}

// cachedBlock is a block that was read.
type cachedBlock struct {
	key     string
	number  int
	first   int64
	records [][]byte
}

func newReader(t Topic, p Place) *reader {
	return &reader{topic: t, place: p, codec: newCodec(), files: p.Enter(), lists: map[int32]*list{}}
}

// read returns records from a position on, out of one segment, and none when the
// archive has no such record; end is where it ends.
func (r *reader) read(ctx context.Context, from eventlog.Position, most, mostBytes int) (records [][]byte, end int64, err error) {
	for fresh := false; ; fresh = true {
		l, err := r.list(ctx, from.Partition, fresh)
		if err != nil {
			return nil, 0, err
		}
		s := l.find(from.Offset)
		if s != nil {
			records, err = r.readSegment(ctx, from, s, most, mostBytes)
			if err == nil || fresh || !errs.Is(err, errs.NotFound) {
				return records, l.end(), lost(err, from.Partition, s)
			}
		}
		if fresh {
			return nil, l.end(), nil
		}
	}
}

// lost makes an error of a file that is listed and not there.
func lost(err error, partition int32, s *Segment) error {
	if !errs.Is(err, errs.NotFound) {
		return err
	}
	return errs.New(errs.Corrupt, "archive.file_missing", "the archive lists the segment %s/%s and does not have it; put it back from a copy", folder(partition), s.Path)
}

// list returns the list of a partition, as it was read last or as it is now.
func (r *reader) list(ctx context.Context, partition int32, now bool) (*list, error) {
	r.mu.Lock()
	l, known := r.lists[partition], r.known
	r.mu.Unlock()
	if l != nil && !now {
		return l, nil
	}
	s := r.place.Enter()
	if !known {
		i, err := readIdentity(ctx, s)
		if err != nil {
			return nil, err
		}
		if i != nil {
			if err := i.fits(r.topic); err != nil {
				return nil, err
			}
		}
		known = i != nil
	}
	l, err := readList(ctx, s, partition)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known = r.known || known
	if have := r.lists[partition]; have == nil || have.Version < l.Version {
		r.lists[partition] = l
	}
	return l, nil
}

// readSegment returns records of one segment.
func (r *reader) readSegment(ctx context.Context, from eventlog.Position, s *Segment, most, mostBytes int) (out [][]byte, err error) {
	f, err := r.enter(ctx, from.Partition, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.leave(f)) }()
	bytes := 0
	for next := from.Offset; next < s.To; {
		number := f.contents.find(next)
		if number < 0 {
			return nil, errSegment(from.Partition, s, f.contents.index)
		}
		b, err := r.block(f, from.Partition, number, s)
		if err != nil {
			return nil, err
		}
		for _, record := range b.records[next-b.first:] {
			if bytes += len(record); len(out) > 0 && bytes > mostBytes || len(out) == most {
				return out, nil
			}
			out = append(out, append(make([]byte, 0, len(record)), record...)) // the caller's own
			next++
		}
	}
	return out, nil
}

// block returns a block of an open segment.
func (r *reader) block(f *openFile, partition int32, number int, s *Segment) (*cachedBlock, error) {
	r.mu.Lock()
	for i, b := range r.blocks {
		if b.key == f.key && b.number == number {
			r.blocks = append(append(r.blocks[:i], r.blocks[i+1:]...), b)
			r.mu.Unlock()
			return b, nil
		}
	}
	r.mu.Unlock()
	records, err := f.contents.readBlock(f.file, r.codec, partition, number)
	if err != nil {
		return nil, named(err, partition, s)
	}
	b := &cachedBlock{f.key, number, f.contents.blocks[number].first, records}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.blocks) >= blocksKept {
		r.blocks = slices.Delete(r.blocks, 0, len(r.blocks)-blocksKept+1)
	}
	r.blocks = append(r.blocks, b)
	return b, nil
}

// enter opens a segment, or takes one that is open.
func (r *reader) enter(ctx context.Context, partition int32, s *Segment) (*openFile, error) {
	key := folder(partition) + "/" + s.Path
	if f := r.taken(key); f != nil {
		return f, nil
	}
	file, c, err := openSegment(ctx, r.files, partition, s)
	if err != nil {
		return nil, err
	}
	f := &openFile{key: key, file: file, contents: c, users: 1}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = append(r.open, f)
	if r.closed {
		r.drop(len(r.open) - 1)
	} else if len(r.open) > filesKept {
		r.drop(0)
	}
	return f, nil
}

func (r *reader) taken(key string) *openFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.open {
		if f.key == key {
			r.open = append(append(r.open[:i], r.open[i+1:]...), f)
			f.users++
			return f
		}
	}
	return nil
}

// drop forgets an open file, which is closed when nobody uses it.
func (r *reader) drop(i int) {
	f := r.open[i]
	r.open = slices.Delete(r.open, i, i+1)
	f.dropped = true
	if f.users == 0 {
		_ = f.file.Close() // it was only read
	}
}

func (r *reader) leave(f *openFile) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.users--; f.users > 0 || !f.dropped {
		return nil
	}
	return errs.Wrap(f.file.Close(), errs.Unavailable, "archive.read", "a file of the archive cannot be closed")
}

func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.blocks = true, nil
	for len(r.open) > 0 {
		r.drop(0)
	}
}

// openSegment opens a segment and holds it against the list.
func openSegment(ctx context.Context, files lake.Store, partition int32, s *Segment) (lake.File, *contents, error) {
	file, err := files.Open(ctx, folder(partition)+"/"+s.Path)
	if err != nil {
		return nil, nil, err
	}
	c, err := readContents(file, file.Size(), partition)
	if err == nil && (file.Size() != s.Bytes || c.from != s.From || c.to != s.To) {
		err = damagedAt(min(file.Size(), s.Bytes))
	}
	if err != nil {
		return nil, nil, errors.Join(named(err, partition, s), file.Close())
	}
	return file, c, nil
}

// named makes an error of a place in a segment that names both.
func named(err error, partition int32, s *Segment) error {
	var at damagedAt
	if errors.As(err, &at) {
		return errSegment(partition, s, int64(at))
	}
	return err
}

func errSegment(partition int32, s *Segment, at int64) error {
	return errs.New(errs.Corrupt, "archive.damaged", "%s; put it back from a copy", placed(partition, s, at))
}

func placed(partition int32, s *Segment, at int64) string {
	return fmt.Sprintf("the segment %s/%s of the archive, with the records from offset %d up to %d, is damaged at byte %d", folder(partition), s.Path, s.From, s.To-1, at)
}
