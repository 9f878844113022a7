package local

import (
	"errors"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
)

// Room is made ahead of the blocks by writing zeros, between these bounds: a
// sync then has only data to write and no change of the file's length, which
// costs a third less, and a full disk is met before a block is begun.
const (
	minRoomBytes = 64 << 10
	maxRoomBytes = 256 << 10
)

// writer is the end of the newest segment. It belongs to the leader.
type writer struct {
	f      vfs.File
	pos    int64 // where the next block goes; all before it is durable
	room   int64 // up to here the file holds zeros behind pos
	torn   int64 // up to here a failed write may have left bytes behind pos
	leaves bool  // the next segment's file may be there already: nothing more goes into this one
	mark   mark  // the mark on disk
	buf    []byte
	zeros  []byte
	blocks []placed
}

// placed is a block in writer.buf whose header is still to be filled in.
type placed struct {
	at     int
	header blockHeader
}

// write makes a group durable and publishes it.
func (p *partition) write(g *group) error {
	if err := p.log.guard.check(); err != nil {
		return err
	}
	start := p.log.opts.Clock.Now()
	if err := p.assemble(g); err != nil {
		return errs.Wrap(err, errs.Internal, "eventlog.compress", "compressing records")
	}
	if err := p.store(); err != nil {
		return p.refuse(err)
	}
	info := Commit{Partition: p.id, Records: g.count, Blocks: len(p.w.blocks), RawBytes: g.bytes, DiskBytes: len(p.w.buf)}
	p.publish(g)
	p.log.guard.report(false)
	if cb := p.log.opts.Observer.Committed; cb != nil {
		info.Took = p.log.opts.Clock.Now().Sub(start)
		cb(info)
	}
	return nil
}

// assemble puts the group's blocks one after another into the buffer, their
// headers still empty.
func (p *partition) assemble(g *group) error {
	w := &p.w
	if cap(w.buf) > 4*maxPendingBytes {
		w.buf = nil
	}
	w.buf, w.blocks = w.buf[:0], w.blocks[:0]
	base := p.end // only the leader changes it
	for _, part := range g.parts {
		at := len(w.buf)
		w.buf = slices.Grow(w.buf, blockHeaderSize)[:at+blockHeaderSize]
		code := part.code
		if part.stored != nil {
			w.buf = append(w.buf, part.stored...)
		} else {
			var err error
			if w.buf, code, err = p.log.codec.appendCompressed(w.buf, part.raw); err != nil {
				return err
			}
		}
		stored := w.buf[at+blockHeaderSize:]
		w.blocks = append(w.blocks, placed{at, blockHeader{
			code: code, base: base, count: uint32(part.count), rawLen: uint32(part.rawLen),
			storedLen: uint32(len(stored)), payloadCRC: checksum(stored),
		}})
		base += int64(part.count)
	}
	return nil
}

// store writes the assembled group behind the last and syncs it.
func (p *partition) store() error {
	w := &p.w
	if err := p.clean(); err != nil {
		return err
	}
	if w.leaves || w.pos > segmentHeaderSize && w.pos+int64(len(w.buf)) > p.log.opts.SegmentBytes {
		if err := p.roll(); err != nil {
			return err
		}
	}
	if err := p.makeRoom(int64(len(w.buf))); err != nil {
		return err
	}
	seg := p.active()
	for i := range w.blocks {
		b := &w.blocks[i]
		b.header.synced = w.pos
		seg.place.put(w.buf[b.at:], w.pos+int64(b.at), b.header)
	}
	if _, err := w.f.WriteAt(w.buf, w.pos); err != nil {
		w.torn = w.pos + int64(len(w.buf))
		return &writeError{err, true}
	}
	return p.sync()
}

// writeError is a failed write or sync of a segment. again says that the log's
// files are sound whatever the write has left, so that a full disk may be met by
// trying again.
type writeError struct {
	err   error
	again bool
}

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// sync makes all that was written durable. Its failure is final: what the disk
// holds is then unknown, and a second sync could succeed without having written.
func (p *partition) sync() error {
	p.syncs.Add(1)
	if err := p.w.f.SyncData(); err != nil {
		return &writeError{err, false}
	}
	return nil
}

// makeRoom sees to it that the next n bytes lie within written zeros.
func (p *partition) makeRoom(n int64) error {
	w := &p.w
	if w.pos+n <= w.room {
		return nil
	}
	step := min(max(w.pos/4, minRoomBytes), maxRoomBytes, max(p.log.opts.SegmentBytes/4, 4<<10))
	want := (w.pos + n + step - 1) / step * step
	for w.room < want {
		size := min(want-w.room, maxRoomBytes)
		if int64(len(w.zeros)) < size {
			w.zeros = make([]byte, size)
		}
		// The file system may have changed the bytes at an earlier write.
		zeros := w.zeros[:size]
		clear(zeros)
		if _, err := w.f.WriteAt(zeros, w.room); err != nil {
			return &writeError{err, true}
		}
		w.room += size
		p.log.guard.took(size)
	}
	return nil
}

// clean overwrites with zeros what a failed write has left behind the last block.
func (p *partition) clean() error {
	w := &p.w
	if w.torn <= w.pos {
		return nil
	}
	if _, err := w.f.WriteAt(make([]byte, w.torn-w.pos), w.pos); err != nil {
		return &writeError{err, true}
	}
	if err := p.sync(); err != nil {
		return err
	}
	w.torn = 0
	return nil
}

// roll closes the newest segment, all of which is durable, and begins the next.
// An attempt that fails may have made the next segment's file. From then on the
// opening would look for the end of the log there, so the closed segment takes
// nothing more, whatever the size of the next group.
func (p *partition) roll() error {
	w := &p.w
	w.leaves = true
	next := p.newSegment(p.end)
	f, err := p.createSegment(next)
	if err != nil {
		return &writeError{err, isTransient(err)}
	}
	// Neither a missing index nor a failure to close the old file can concern a
	// record: the first reader makes the index anew, and all has been synced.
	old := p.active()
	_ = p.writeIndex(old, old.entries, p.end, w.pos)
	_ = w.f.Close()
	p.mu.Lock()
	old.size, old.entries = max(w.room, w.pos), nil
	p.segments = append(slices.Clip(p.segments), next)
	p.mu.Unlock()
	w.f, w.pos, w.room, w.leaves = f, segmentHeaderSize, segmentHeaderSize, false
	return nil
}

// isTransient reports whether a file could not be made for want of space, of
// descriptors or of memory, which may pass.
func isTransient(err error) bool {
	return isNoSpace(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// publish lets readers see the group.
func (p *partition) publish(g *group) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seg, w := p.active(), &p.w
	for _, b := range w.blocks {
		seg.entries = addEntry(seg.entries, b.header.base, w.pos+int64(b.at))
	}
	w.pos += int64(len(w.buf))
	seg.size = w.pos
	g.base = p.end
	p.end += int64(g.count)
	p.groups.Add(1)
}

// refuse turns a failed write into the append's error. Want of space passes;
// anything else is final until the log is opened again.
func (p *partition) refuse(err error) error {
	var we *writeError
	if errors.As(err, &we) && we.again && isTransient(err) {
		if isNoSpace(err) {
			p.log.guard.report(true)
			return errFull(err)
		}
		return errs.Wrap(err, errs.Unavailable, "eventlog.write_failed", "beginning a segment of partition %d", p.id)
	}
	failed := errs.Wrap(err, errs.Unavailable, "eventlog.failed",
		"partition %d takes no more records until the log is opened again, for a write failed", p.id)
	p.mu.Lock()
	p.failed = failed
	p.mu.Unlock()
	if cb := p.log.opts.Observer.Failed; cb != nil {
		cb(failed)
	}
	return failed
}
