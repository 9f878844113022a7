package local

import (
	"bytes"
	"slices"

	"kith/internal/errs"
)

// Checked is what a check has read.
type Checked struct {
	Ends    []int64 // by partition: the offset after the last record
	Records int64   // that are sound
	Bytes   int64   // of all files read
}

// Check reads every byte of the log in the folder, which nobody may have open,
// and calls damaged for each place that does not say what was written: in which
// file, from which byte on, and what is wrong there. It changes nothing. A commit
// that was never finished at the end of a partition is no damage, as at opening.
//
// Options need nothing but FS. An error means that the check could not be made:
// of kind NotFound when there is no log, Unavailable when another process has it
// open.
func Check(dir string, opts Options, damaged func(file string, at int64, what string)) (Checked, error) {
	var out Checked
	opts, err := opts.withDefaults()
	if err != nil {
		return out, err
	}
	if _, err := opts.FS.Stat(dir); err != nil {
		return out, errs.New(errs.NotFound, "eventlog.none", "there is no log in %s", dir)
	}
	lock, err := opts.FS.Lock(opts.FS.PathJoin(dir, lockName))
	if err != nil {
		return out, lockError(err, dir)
	}
	defer lock.Close()
	opts.Observer = Observer{}
	c := &checker{log: &Log{dir: dir, opts: opts, codec: newCodec(opts.Compression)}, out: &out, damaged: damaged}
	c.run()
	return out, nil
}

// checker walks through the files of a log.
type checker struct {
	log     *Log
	out     *Checked
	damaged func(file string, at int64, what string)
	found   int
}

func (c *checker) report(file string, at int64, what string) {
	c.found++
	c.damaged(file, at, what)
}

func (c *checker) run() {
	fs := c.log.opts.FS
	path := fs.PathJoin(c.log.dir, metaName)
	b, err := c.small(path)
	if isNotExist(err) {
		if _, statErr := fs.Stat(folder(fs, c.log.dir, 0)); isNotExist(statErr) {
			return // a log that was never made whole: nothing was in it
		}
	}
	if err == nil {
		c.log.meta, err = decodeMeta(b, path)
	}
	if err != nil {
		c.report(path, 0, "the log's own file is missing or cannot be read; without it no block can be told from another log's")
		return
	}
	for id := range c.log.meta.partitions {
		p := &partition{log: c.log, id: int32(id), dir: folder(fs, c.log.dir, int32(id))}
		c.out.Ends = append(c.out.Ends, c.partition(p))
	}
}

// small reads a small file whole and counts it.
func (c *checker) small(path string) ([]byte, error) {
	b, err := readFile(c.log.opts.FS, path)
	c.out.Bytes += int64(len(b))
	return b, err
}

// partition checks one partition and returns its end.
func (c *checker) partition(p *partition) (end int64) {
	names, err := p.fs().List(p.dir)
	if err != nil {
		c.report(p.dir, 0, "the partition's folder cannot be read")
		return 0
	}
	slices.Sort(names)
	c.mark(p, slices.Contains(names, markName))
	for _, name := range names {
		if base, ok := parseSegmentName(name); ok {
			p.segments = append(p.segments, p.newSegment(base))
		}
	}
	if n := len(p.segments); n == 0 || p.w.mark.logID != 0 && p.w.mark.segment > p.segments[n-1].base {
		c.report(p.newSegment(p.w.mark.segment).path, 0, "the segment is missing")
	}
	for i, s := range p.segments {
		if i == 0 && s.base != 0 {
			c.report(p.newSegment(0).path, 0, "the segment is missing")
		}
		last := i == len(p.segments)-1
		if last {
			return c.newest(p, s)
		}
		c.closed(p, s, p.segments[i+1].base, slices.Contains(names, p.fs().PathBase(s.indexPath())))
	}
	return 0
}

// mark reads the partition's mark, if it has one.
func (c *checker) mark(p *partition, there bool) {
	if !there {
		return
	}
	path := p.fs().PathJoin(p.dir, markName)
	b, err := c.small(path)
	m, ok := decodeMark(b, c.log.meta.logID, p.id)
	if err != nil || !ok {
		c.report(path, 0, "the mark of what was durable cannot be read; it will be written anew")
		return
	}
	p.w.mark = m
}

// closed checks a segment that is not written to any more, and its index.
func (c *checker) closed(p *partition, s *segment, end int64, indexed bool) {
	before := c.found
	w, done := c.open(p, s)
	if w == nil {
		return
	}
	defer done()
	entries, next, pos := c.walk(p, s, w)
	first, last, err := w.nonZero(pos)
	switch {
	case err != nil:
		c.report(s.path, pos, "the file cannot be read")
	case first != last:
		c.report(s.path, pos, "what follows the last block is none")
	case next != end && c.found == before:
		c.report(p.newSegment(next).path, 0, "the segment is missing")
	}
	if !indexed {
		return // readers make it anew
	}
	b, err := c.small(s.indexPath())
	h, stored, decodeErr := decodeIndex(b)
	sound := err == nil && decodeErr == nil &&
		h == indexHeader{partition: p.id, logID: c.log.meta.logID, base: s.base, end: end, dataEnd: h.dataEnd}
	if c.found == before {
		sound = sound && h.dataEnd == pos && slices.Equal(stored, entries)
	}
	if !sound {
		c.report(s.indexPath(), 0, "the index is not that of its segment; it will be made anew")
	}
}

// newest checks the segment that is written to and returns the partition's end.
// Where it ends is decided as at opening.
func (c *checker) newest(p *partition, s *segment) (end int64) {
	w, done := c.open(p, s)
	if w == nil {
		return s.base
	}
	defer done()
	before := c.found
	r := &recovery{p: p, seg: s, w: w}
	if err := r.run(); err != nil {
		c.report(s.path, r.pos, "what follows cannot be told from records that were lost")
		return r.next
	}
	w.limit = r.pos
	_, next, pos := c.walk(p, s, w)
	if (next != r.next || r.holes > 0) && c.found == before {
		c.report(s.path, pos, "records are missing")
	}
	return r.next
}

// open opens a segment for reading; without success it reports that.
func (c *checker) open(p *partition, s *segment) (w *window, done func()) {
	f, err := p.fs().Open(s.path)
	if err == nil {
		info, statErr := f.Stat()
		if statErr == nil {
			s.size = info.Size()
			c.out.Bytes += s.size
			return &window{f: f, path: s.path, limit: s.size}, func() { _ = f.Close() }
		}
		_ = f.Close()
	}
	c.report(s.path, 0, "the file cannot be read")
	return nil, nil
}

// walk reads a segment's header and all its blocks up to the window's limit. It
// returns the sparse index of the blocks, the offset after the last record and
// the position after the last block.
func (c *checker) walk(p *partition, s *segment, w *window) (entries []entry, next, pos int64) {
	head, err := w.bytes(0, segmentHeaderSize)
	if err != nil || !bytes.Equal(head, segmentHeader(c.log.meta.logID, p.id, s.base)) {
		c.report(s.path, 0, "the header is not that of the segment")
	}
	pos, next = segmentHeaderSize, s.base
	for {
		h, ok, err := w.header(s.place, pos)
		if err == nil && !ok {
			var at int64
			if at, h, ok, err = w.search(s.place, pos+1); ok {
				c.report(s.path, pos, "no block begins where one should")
				pos = at
			}
		}
		if err != nil {
			c.report(s.path, pos, "the file cannot be read")
		}
		if err != nil || !ok {
			return entries, next, pos
		}
		if h.base != next {
			c.report(s.path, pos, "records are missing before the block")
		}
		c.block(s, w, pos, h)
		entries = addEntry(entries, h.base, pos)
		pos, next = pos+h.size(), h.end()
	}
}

// block decodes the block at the position.
func (c *checker) block(s *segment, w *window, pos int64, h blockHeader) {
	stored, err := w.payload(pos, h)
	if err == nil {
		_, err = c.log.codec.decodeBlock(make([]byte, 0, h.rawLen), h, stored)
	}
	if err != nil {
		c.report(s.path, pos, "the records of the block do not match their checksum")
		return
	}
	c.out.Records += int64(h.count)
}
