package local

import (
	"context"

	"kith/internal/errs"
)

// read returns records from the offset on; see eventlog.Reader.
func (p *partition) read(ctx context.Context, from int64, most, maxBytes int) ([][]byte, error) {
	t := taking{left: most, bytes: maxBytes}
	var c *cursor
	defer func() { c.close() }()
	for end := p.durableEnd(); from < end && t.left > 0 && !t.full; {
		if ctx.Err() != nil {
			return nil, errs.Wrap(context.Cause(ctx), errs.Unavailable, "eventlog.cancelled", "the read was given up")
		}
		b, fresh := p.cache.get(from), false
		if b == nil {
			var err error
			if c, err = p.seek(c, from); err != nil {
				return t.orElse(err)
			}
			if b, err = c.block(from); err != nil {
				return t.orElse(err)
			}
			fresh = true
		}
		from = t.take(b, from, fresh)
		if fresh && !t.gaveAway {
			p.cache.put(b)
		}
	}
	return t.out, nil
}

// block is a decompressed block.
type block struct {
	base  int64
	count int
	raw   []byte
}

// taking collects the records of one read.
type taking struct {
	out      [][]byte
	left     int
	bytes    int // how many more may follow the first record
	full     bool
	gaveAway bool // the last block's memory now belongs to the caller
}

// orElse returns what was collected; an error only if that is nothing, for the
// next read meets it again.
func (t *taking) orElse(err error) ([][]byte, error) {
	if len(t.out) > 0 {
		return t.out, nil
	}
	return nil, err
}

// take adds the block's records from the offset on and returns the offset after
// the last one added. Records of a fresh block that is used up entirely are
// handed out as they lie; others are copied, for the block stays with the cache.
func (t *taking) take(b *block, from int64, fresh bool) int64 {
	raw := b.raw
	for range from - b.base {
		_, raw = mustRecord(raw)
	}
	first, size := len(t.out), 0
	for n := int(b.base + int64(b.count) - from); n > 0 && t.left > 0; n-- {
		record, rest := mustRecord(raw)
		if len(t.out) > 0 && len(record) > t.bytes {
			t.full = true
			break
		}
		t.out = append(t.out, record)
		t.left--
		t.bytes -= len(record)
		size += len(record)
		raw = rest
	}
	taken := t.out[first:]
	t.gaveAway = fresh && len(taken) == b.count
	if !t.gaveAway {
		copyAll(taken, size)
	}
	return from + int64(len(taken))
}

// copyAll replaces the records by copies in one piece of memory of the size.
func copyAll(records [][]byte, size int) {
	memory := make([]byte, 0, size)
	for i, r := range records {
		at := len(memory)
		memory = append(memory, r...)
		records[i] = memory[at:len(memory):len(memory)]
	}
}

// mustRecord splits a record off a payload whose framing has been checked.
func mustRecord(raw []byte) (record, rest []byte) {
	record, rest, err := nextRecord(raw)
	if err != nil {
		panic("BUG: a checked block does not hold its records")
	}
	return record, rest
}

// cursor reads the blocks of one segment during one read.
type cursor struct {
	p       *partition
	seg     *segment
	end     int64 // the offset after the segment's last record
	entries []entry
	h       *handle
	w       *window
	next    int64 // the block that begins at this offset is expected at pos
	pos     int64
}

// seek returns a cursor at the segment in which the offset lies: the given one
// if that is it, or else a new one in its place.
func (p *partition) seek(c *cursor, offset int64) (*cursor, error) {
	if c != nil && offset >= c.seg.base && offset < c.end {
		return c, nil
	}
	c.close()
	p.mu.Lock()
	seg, end, newest := p.find(offset)
	var entries []entry
	var limit int64
	if seg != nil {
		entries, limit = seg.entries, seg.size
	}
	p.mu.Unlock()
	if seg == nil {
		path := p.newSegment(0).path
		p.damaged(path, 0)
		return nil, errDamaged(path, 0)
	}
	h, err := p.handles.open(p.fs(), seg)
	if err != nil {
		return nil, err
	}
	w, _ := p.windows.Get().(*window)
	if w == nil {
		w = new(window)
	}
	*w = window{f: h.file, path: seg.path, limit: limit, buf: w.buf[:0]}
	c = &cursor{p: p, seg: seg, end: end, entries: entries, h: h, w: w, next: -1}
	if !newest {
		if c.entries, err = h.index(p, c); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// close gives back what the cursor holds; nil is allowed.
func (c *cursor) close() {
	if c == nil {
		return
	}
	if cap(c.w.buf) <= maxSpareBytes {
		c.p.windows.Put(c.w)
	}
	c.p.handles.release(c.h)
}

// damaged tells the observer.
func (p *partition) damaged(path string, pos int64) {
	if cb := p.log.opts.Observer.Damaged; cb != nil {
		cb(path, pos)
	}
}

// block returns the block in which the offset lies, decompressed.
func (c *cursor) block(offset int64) (*block, error) {
	pos, h, err := c.locate(offset)
	if err != nil {
		return nil, err
	}
	stored, err := c.w.payload(pos, h)
	if err != nil {
		return nil, err
	}
	raw, err := c.p.log.codec.decodeBlock(make([]byte, 0, h.rawLen), h, stored)
	if err != nil {
		return nil, c.corrupt(pos)
	}
	c.next, c.pos = h.end(), pos+h.size()
	return &block{base: h.base, count: int(h.count), raw: raw}, nil
}

// corrupt reports damage at the position and returns the reader's error.
func (c *cursor) corrupt(pos int64) error {
	c.p.damaged(c.seg.path, pos)
	return errDamaged(c.seg.path, pos)
}

// locate finds the block in which the offset lies. From the sparse index it goes
// from header to header; over damage it steps to the next sound header, and the
// offset is lost if it lies in between.
func (c *cursor) locate(offset int64) (int64, blockHeader, error) {
	pos := c.pos
	if c.next != offset {
		pos = lookup(c.entries, offset)
	}
	hole := pos
	for {
		h, ok, err := c.w.header(c.seg.place, pos)
		if err != nil {
			return 0, h, err
		}
		if !ok {
			hole = pos
			if pos, h, ok, err = c.w.search(c.seg.place, pos+1); err != nil {
				return 0, h, err
			}
		}
		if !ok || h.base > offset {
			return 0, h, c.corrupt(hole)
		}
		if offset < h.end() {
			return pos, h, nil
		}
		pos += h.size()
		hole = pos
	}
}
