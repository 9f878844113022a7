package local

import (
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
)

// openPartition opens a partition's folder and brings its newest segment into a
// state in which it can be appended to.
func openPartition(l *Log, id int32) (*partition, error) {
	p := &partition{log: l, id: id, dir: folder(l.opts.FS, l.dir, id)}
	p.idle.L = &p.mu
	p.cache.limit = l.opts.CacheBytes
	if err := p.open(); err != nil {
		p.handles.closeAll()
		if p.w.f != nil {
			_ = p.w.f.Close()
		}
		return nil, err
	}
	return p, nil
}

func (p *partition) open() error {
	if err := makeDir(p.fs(), p.dir); err != nil {
		return p.openError(err)
	}
	if err := p.readMark(); err != nil {
		return err
	}
	if err := p.listSegments(); err != nil {
		return err
	}
	if len(p.segments) == 0 {
		return p.begin(0)
	}
	return p.recover()
}

// openError is the error of a file that could not be made or written at opening.
func (p *partition) openError(err error) error {
	if isNoSpace(err) {
		return errFull(err)
	}
	return errs.Wrap(err, errs.Unavailable, "eventlog.open_failed", "opening partition %d", p.id)
}

// readMark reads the mark. A damaged one is passed over: it only ever helps to
// find other damage.
func (p *partition) readMark() error {
	path := p.fs().PathJoin(p.dir, markName)
	b, err := readFile(p.fs(), path)
	if isNotExist(err) {
		return nil
	}
	if err != nil {
		return errRead(err, path)
	}
	m, ok := decodeMark(b, p.log.meta.logID, p.id)
	if !ok {
		p.damaged(path, 0)
		return nil
	}
	p.w.mark = m
	return nil
}

// listSegments finds the partition's segments and removes what unfinished
// replacements of files have left.
func (p *partition) listSegments() error {
	names, err := p.fs().List(p.dir)
	if err != nil {
		return errRead(err, p.dir)
	}
	slices.Sort(names)
	for _, name := range names {
		path := p.fs().PathJoin(p.dir, name)
		if strings.HasSuffix(name, tempSuffix) {
			if err := removeIfThere(p.fs(), path); err != nil {
				return p.openError(err)
			}
		}
		base, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		info, err := p.fs().Stat(path)
		if err != nil {
			return errRead(err, path)
		}
		s := p.newSegment(base)
		s.size = info.Size()
		p.segments = append(p.segments, s)
	}
	newest := int64(-1)
	if n := len(p.segments); n > 0 {
		newest = p.segments[n-1].base
	}
	if p.w.mark.logID != 0 && p.w.mark.segment > newest {
		return errDamaged(p.newSegment(p.w.mark.segment).path, 0)
	}
	return nil
}

// begin makes the segment that takes the records from the offset on.
func (p *partition) begin(base int64) error {
	s := p.newSegment(base)
	f, err := p.createSegment(s)
	if err != nil {
		return p.openError(err)
	}
	p.w.f, p.w.pos, p.w.room = f, segmentHeaderSize, segmentHeaderSize
	p.segments = append(p.segments, s)
	p.end = base
	return nil
}

// recover reads the newest segment and makes sure of its end.
func (p *partition) recover() error {
	s := p.active()
	f, err := p.fs().OpenReadWrite(s.path, writeCategory)
	if err != nil {
		return p.openError(err)
	}
	p.w.f = f
	r := &recovery{p: p, seg: s, w: &window{f: f, path: s.path, limit: s.size}}
	if err := r.run(); err != nil {
		return err
	}
	p.end, p.w.pos, p.w.room = r.next, r.pos, max(s.size, r.pos)
	fileSize := s.size
	s.size, s.entries = r.pos, r.entries
	clean := r.holes == 0 && r.tail == 0 && p.w.mark.segment == s.base && p.w.mark.pos == r.pos
	if clean {
		return nil
	}
	if r.holes == 0 || r.pos <= fileSize {
		if err := p.secure(f, r, fileSize); err != nil {
			return err
		}
	}
	if r.holes > 0 {
		if err := p.leave(); err != nil {
			return err
		}
	}
	return p.writeMark()
}

// leave begins a new segment in place of a damaged one: a file that has lost
// bytes once is not written to again. One that never held a record is replaced.
func (p *partition) leave() error {
	if p.end > p.active().base {
		if err := p.roll(); err != nil {
			return p.openError(err)
		}
		return nil
	}
	p.segments = p.segments[:len(p.segments)-1]
	_ = p.w.f.Close()
	p.w.f = nil
	return p.begin(p.end)
}

// secure clears what follows the last block and makes what was not known to be
// durable so. Bytes that were read back may be in memory only, and after a sync
// that failed the system may even hold them for written, so they are written
// again before the sync.
func (p *partition) secure(f vfs.File, r *recovery, size int64) error {
	const step = 1 << 20
	buf := make([]byte, min(step, max(size-r.proven, 0)))
	for at := r.proven; at < size; at += step {
		b := buf[:min(step, size-at)]
		got, err := f.ReadAt(b, at)
		if got < len(b) {
			return errRead(err, r.seg.path)
		}
		clear(b[min(max(r.pos-at, 0), int64(len(b))):])
		if _, err := f.WriteAt(b, at); err != nil {
			return p.openError(err)
		}
	}
	p.syncs.Add(1)
	if err := f.Sync(); err != nil {
		return p.openError(err)
	}
	if cb := p.log.opts.Observer.TailCut; cb != nil && r.tail > 0 {
		cb(r.seg.path, r.pos, r.tail)
	}
	return nil
}

// recovery is the reading of the newest segment at opening.
//
// Groups are written one after another, each once the one before is synced. So
// after a crash only the last group can be incomplete, in any way: any of its
// sectors may be old, new or missing. Every block says up to where the segment
// was durable when it was written (blockHeader.synced), and the mark says the
// same of a moment of rest. Bytes that are not a block at position x are
// therefore
//
//   - damage, if a sound header anywhere behind x, or the mark, says that the
//     segment had been durable beyond x: a hole, stepped over and never cut;
//   - an unfinished group otherwise, and nothing acknowledged lies at or after x:
//     it is cut off, together with sound blocks of the same group behind it.
type recovery struct {
	p       *partition
	seg     *segment
	w       *window
	pos     int64 // after the last block
	next    int64 // the offset that the next block must have
	proven  int64 // known to have been durable up to here
	entries []entry
	holes   int
	tail    int64 // bytes after pos up to the last one that is not zero
}

func (r *recovery) run() error {
	r.pos, r.next, r.proven = segmentHeaderSize, r.seg.base, segmentHeaderSize
	if err := r.header(); err != nil {
		return err
	}
	for {
		ok, err := r.block()
		if err == nil && !ok {
			ok, err = r.skip()
		}
		if err != nil {
			return err
		}
		if !ok {
			break
		}
	}
	_, end, err := r.w.nonZero(r.pos)
	if err != nil {
		return err
	}
	r.tail = end - r.pos
	return r.check()
}

// header checks the segment's header. It is durable before the file gets its
// name, so another one is damage; the blocks tell whether anything is lost.
func (r *recovery) header() error {
	b, err := r.w.bytes(0, segmentHeaderSize)
	if err != nil {
		return err
	}
	if string(b) != string(segmentHeader(r.p.log.meta.logID, r.p.id, r.seg.base)) {
		r.hole(0)
	}
	return nil
}

// check refuses a damaged file of which nothing proves what it held: what the
// next offset is would be a guess.
func (r *recovery) check() error {
	if r.holes > 0 && r.next == r.seg.base && !r.marked() {
		return errDamaged(r.seg.path, 0)
	}
	if r.marked() && r.next < r.p.w.mark.end {
		return errDamaged(r.seg.path, r.pos)
	}
	return nil
}

// marked reports whether the mark speaks of this segment.
func (r *recovery) marked() bool {
	return r.p.w.mark.logID != 0 && r.p.w.mark.segment == r.seg.base
}

func (r *recovery) hole(pos int64) {
	r.holes++
	r.p.damaged(r.seg.path, pos)
}

// block takes the block at pos in, if there is a whole one.
func (r *recovery) block() (bool, error) {
	h, ok, err := r.w.header(r.seg.place, r.pos)
	if err != nil || !ok || h.base != r.next {
		return false, err
	}
	stored, err := r.w.payload(r.pos, h)
	if err != nil || len(stored) != int(h.storedLen) || checksum(stored) != h.payloadCRC {
		return false, err
	}
	r.take(h)
	return true, nil
}

// take steps over the block at pos.
func (r *recovery) take(h blockHeader) {
	r.entries = addEntry(r.entries, h.base, r.pos)
	r.pos += h.size()
	r.next = h.end()
	r.proven = max(r.proven, h.synced)
}

// skip decides what the bytes at pos are. If they are damage it steps over them
// and returns true; if they are the end, or a group that was never finished, it
// returns false.
func (r *recovery) skip() (bool, error) {
	at, first, proof, err := r.lookAhead()
	if err != nil || !proof {
		return false, err
	}
	h, ok, err := r.w.header(r.seg.place, r.pos)
	if err != nil {
		return false, err
	}
	r.hole(r.pos)
	m := r.p.w.mark
	switch {
	case ok && h.base == r.next:
		// The header is sound: only this block's records are lost.
		r.take(h)
	case r.marked() && m.pos > r.pos && (at < 0 || m.pos <= at):
		r.pos, r.next = m.pos, m.end
	case first.base < r.next:
		return false, errDamaged(r.seg.path, at)
	default:
		r.pos, r.next = at, first.base
	}
	return true, nil
}

// lookAhead finds the first sound header behind pos, at -1 if there is none, and
// reports whether anything proves that the segment was durable beyond pos.
func (r *recovery) lookAhead() (at int64, first blockHeader, proof bool, err error) {
	proof = r.marked() && r.p.w.mark.pos > r.pos
	at = -1
	for from := r.pos + 1; ; {
		q, h, ok, err := r.w.search(r.seg.place, from)
		if err != nil || !ok {
			return at, first, proof, err
		}
		if at < 0 {
			at, first = q, h
		}
		if h.synced > r.pos {
			return at, first, true, nil
		}
		if proof {
			return at, first, true, nil
		}
		from = q + h.size()
	}
}
