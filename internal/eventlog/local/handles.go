package local

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/sys"
)

// maxHandles bounds the segments kept open for reading, by partition.
const maxHandles = 32

// handle is a segment open for reading and, once it is closed for writing and
// somebody has asked, its index.
type handle struct {
	base int64
	file vfs.File
	refs int // users, and one for being kept

	mu      sync.Mutex
	entries []entry
	indexed bool
}

// handles keeps the segments that were read last. It is safe for concurrent use.
type handles struct {
	mu   sync.Mutex
	kept []*handle // the last used first
}

// open returns the segment's handle; release gives it back.
func (hs *handles) open(fs sys.FS, s *segment) (*handle, error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for i, h := range hs.kept {
		if h.base == s.base {
			copy(hs.kept[1:i+1], hs.kept[:i])
			hs.kept[0] = h
			h.refs++
			return h, nil
		}
	}
	f, err := fs.Open(s.path)
	if err != nil {
		if isNotExist(err) {
			return nil, errDamaged(s.path, 0)
		}
		return nil, errRead(err, s.path)
	}
	h := &handle{base: s.base, file: f, refs: 2}
	if len(hs.kept) == maxHandles {
		hs.unref(hs.kept[maxHandles-1])
		hs.kept = hs.kept[:maxHandles-1]
	}
	hs.kept = append(hs.kept, nil)
	copy(hs.kept[1:], hs.kept)
	hs.kept[0] = h
	return h, nil
}

func (hs *handles) release(h *handle) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.unref(h)
}

// unref closes the file behind its last user. A file that was only read has
// nothing to lose when closing fails.
func (hs *handles) unref(h *handle) {
	if h.refs--; h.refs == 0 {
		_ = h.file.Close()
	}
}

// closeAll lets go of every handle; those in use are closed by their users.
func (hs *handles) closeAll() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, h := range hs.kept {
		hs.unref(h)
	}
	hs.kept = nil
}

// index returns the sparse index of a segment closed for writing, from its file
// or made anew. Failing to store a new one is no error: reading has to work on a
// full disk, and the next opening tries again.
func (h *handle) index(p *partition, c *cursor) ([]entry, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.indexed {
		return h.entries, nil
	}
	b, err := readFile(p.fs(), c.seg.indexPath())
	if err == nil {
		var head indexHeader
		head, h.entries, err = decodeIndex(b)
		same := head.logID == p.log.meta.logID && head.partition == p.id && head.base == c.seg.base && head.end == c.end
		h.indexed = err == nil && same && head.dataEnd <= c.w.limit
	}
	if h.indexed {
		return h.entries, nil
	}
	entries, dataEnd, err := buildIndex(c.w, c.seg.place, c.seg.base, c.end)
	if err != nil {
		return nil, err
	}
	h.entries, h.indexed = entries, true
	if p.writeIndex(c.seg, entries, c.end, dataEnd) == nil {
		if cb := p.log.opts.Observer.IndexRebuilt; cb != nil {
			cb(c.seg.indexPath())
		}
	}
	return h.entries, nil
}
