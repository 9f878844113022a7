package local

import (
	"fmt"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
	"kith/internal/sys"
)

// partition is one ordered sequence of records in one folder.
//
// Appends go through a queue of groups: callers add to the pending group, and
// whoever finds no leader becomes it, takes the group, and makes it durable
// while the next one fills. Groups are written and synced strictly one after
// another, so at any moment at most one group's bytes are not known to be
// durable; recovery relies on that.
type partition struct {
	log *Log
	id  int32
	dir string

	mu       sync.Mutex
	idle     sync.Cond // signalled when leading ends
	segments []*segment
	end      int64 // the offset after the last durable record
	pending  *group
	leading  bool
	closed   bool
	failed   error    // why no more appends are taken
	spare    [][]byte // buffers of earlier groups

	groups atomic.Int64
	syncs  atomic.Int64

	w       writer // belongs to the leader
	handles handles
	cache   cache
	windows sync.Pool // of *window
}

// folder is the path of a partition's folder.
func folder(fs sys.FS, dir string, id int32) string {
	return fs.PathJoin(dir, fmt.Sprintf("p%04d", id))
}

func (p *partition) fs() sys.FS { return p.log.opts.FS }

// newSegment describes the segment with the base offset.
func (p *partition) newSegment(base int64) *segment {
	return &segment{
		base:  base,
		path:  p.fs().PathJoin(p.dir, segmentName(base)),
		place: newPlace(p.log.meta.logID, p.id, base),
		size:  segmentHeaderSize,
	}
}

// active is the newest segment.
func (p *partition) active() *segment { return p.segments[len(p.segments)-1] }

// find returns the segment in which the offset lies and the offset at which the
// next one begins. p.mu is held.
func (p *partition) find(offset int64) (s *segment, end int64, newest bool) {
	i := sort.Search(len(p.segments), func(i int) bool { return p.segments[i].base > offset })
	if i == 0 {
		return nil, 0, false
	}
	if i == len(p.segments) {
		return p.segments[i-1], p.end, true
	}
	return p.segments[i-1], p.segments[i].base, false
}

// stats adds the partition's figures.
func (p *partition) stats(s *Stats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, seg := range p.segments {
		s.Bytes += seg.size
	}
	s.Segments += len(p.segments)
	s.Records += p.end - p.segments[0].base
	s.Groups += p.groups.Load()
	s.Syncs += p.syncs.Load()
}

// durableEnd is the offset that the next record will get.
func (p *partition) durableEnd() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.end
}

// close waits for the appends under way, refuses new ones and writes the mark.
func (p *partition) close() error {
	p.mu.Lock()
	p.closed = true
	for p.leading {
		p.idle.Wait()
	}
	failed := p.failed
	p.mu.Unlock()
	p.handles.closeAll()
	var err error
	if failed == nil {
		err = p.writeMark()
	}
	if p.w.f != nil {
		if closeErr := p.w.f.Close(); err == nil && closeErr != nil {
			err = errs.Wrap(closeErr, errs.Unavailable, "eventlog.close_failed", "closing a segment")
		}
	}
	return err
}

// writeMark notes that all that was appended is durable. A full disk is no error:
// the next opening then looks at the newest segment as after a crash.
func (p *partition) writeMark() error {
	s := p.active()
	m := mark{p.id, p.log.meta.logID, s.base, s.size, p.end}
	if m == p.w.mark {
		return nil
	}
	err := replaceFile(p.fs(), p.fs().PathJoin(p.dir, markName), encodeMark(m))
	if err != nil && !isNoSpace(err) {
		return errs.Wrap(err, errs.Unavailable, "eventlog.write_failed", "writing the mark of partition %d", p.id)
	}
	p.w.mark = m
	return nil
}

// createSegment makes a segment's file with its header, durable before it gets
// its name: a segment without a sound header is therefore damaged, never new.
func (p *partition) createSegment(s *segment) (vfs.File, error) {
	if err := replaceFile(p.fs(), s.path, segmentHeader(p.log.meta.logID, p.id, s.base)); err != nil {
		return nil, err
	}
	return p.fs().OpenReadWrite(s.path, writeCategory)
}

// writeIndex writes the index of a segment that has been closed.
func (p *partition) writeIndex(s *segment, entries []entry, end, dataEnd int64) error {
	h := indexHeader{p.id, p.log.meta.logID, s.base, end, dataEnd}
	return replaceFile(p.fs(), s.indexPath(), encodeIndex(h, entries))
}
