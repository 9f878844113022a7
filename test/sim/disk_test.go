package sim

import (
	"hash/fnv"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// sectorSize is what a disk writes whole or not at all.
const sectorSize = 512

// disk is a disk in memory that remembers what has been synced, so that a power
// cut can take away the rest: any sector of a file, and any change to a folder
// that was not synced, survives or not. What survives depends on the seed of the
// cut, the path and the sector alone, unlike Pebble's crashable file system, which
// draws in the order of Go's maps: a seed must show the same failure twice.
//
// A sync that fails makes nothing durable, and later ones do not make up for it,
// as on Linux: the pages are taken for clean although they never were written.
//
// It implements vfs.FS in fs_test.go.
type disk struct {
	mu    sync.Mutex
	root  *inode
	locks map[string]bool
	total int64 // bytes; 0: without end
	other int64 // bytes that somebody else has taken

	armed   *fault
	hit     bool      // the armed fault has happened
	after   *disk     // the disk of the machine that goes on after the fault
	cutKind faultKind // of after
}

// fault is something that happens to a disk when so many operations that change
// files below a path have been done.
type fault struct {
	kind  faultKind
	under string // path prefix
	wait  int    // operations to let pass
	seed  uint64 // of what survives
	keep  int    // percent of what was not synced that survives a power cut
	times int    // of failures: how many operations fail
}

type faultKind uint8

const (
	powerCut  faultKind = iota // the machine stops
	kill                       // the process stops, the machine goes on
	failure                    // an operation fails with an I/O error, and may have been done in part
	diskWrong                  // likewise with ENOSPC
)

// inode is a file or a folder.
type inode struct {
	folder bool

	children map[string]*inode
	synced   map[string]*inode
	changes  []change // to children since the last sync, oldest first

	data       []byte
	syncedSize int
	dirty      map[int][]byte // sector → what it held when it was last synced
	lost       map[int][]byte // likewise, of sectors that a failed sync has taken for clean
}

// change is one step of a folder that a journal carries out whole or not at all:
// the names it sets, nil for those it takes away.
type change map[string]*inode

func newFile() *inode { return &inode{} }

func newFolder() *inode {
	return &inode{folder: true, children: map[string]*inode{}, synced: map[string]*inode{}}
}

func newDisk() *disk { return &disk{root: newFolder(), locks: map[string]bool{}} }

// arm prepares a fault; it replaces one that has not happened yet.
func (d *disk) arm(f fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed, d.hit = &f, false
}

// disarm takes back a fault and reports whether it has happened.
func (d *disk) disarm() (happened bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	happened = d.hit
	d.armed, d.hit = nil, false
	return happened
}

// cutOff returns the disk after a cut or kill that has happened, or nil.
func (d *disk) cutOff() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.after
}

// step counts an operation that changes a path, lets the armed fault happen when
// it is due, and returns the error with which the operation has to fail. d.mu is
// held.
func (d *disk) step(p string) error {
	f := d.armed
	if f == nil || d.after != nil || !strings.HasPrefix(p, f.under) {
		return nil
	}
	if f.wait--; f.wait >= 0 {
		return nil
	}
	d.hit = true
	switch f.kind {
	case powerCut, kill:
		d.stop(f)
		return nil
	case diskWrong:
		return d.again(f, syscall.ENOSPC)
	}
	return d.again(f, syscall.EIO)
}

func (d *disk) again(f *fault, err error) error {
	if f.times--; f.times <= 0 {
		d.armed = nil
	}
	return err
}

// stop makes the disk on which the next process starts. The old process goes on
// on its own, and nobody hears of it.
func (d *disk) stop(f *fault) {
	c := copier{seed: f.seed, keep: f.keep, cut: f.kind == powerCut, ordered: f.seed%2 == 0, done: map[*inode]*inode{}}
	d.cutKind = f.kind
	d.after = &disk{root: c.copy(d.root, "/"), locks: map[string]bool{}, total: d.total, other: d.other}
}

// halt cuts the power or kills the process now, between two operations.
func (d *disk) halt(f fault) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.after == nil {
		d.stop(&f)
	}
	return d.after
}

// copier copies a tree of inodes as a cut or a kill leaves it.
type copier struct {
	seed    uint64
	keep    int
	cut     bool
	ordered bool // changes to a folder survive in their order, as a journal has them
	done    map[*inode]*inode
}

// survives draws whether the n-th thing of a path survives.
func (c *copier) survives(p string, n int) bool {
	h := fnv.New64a()
	h.Write([]byte(p))
	x := h.Sum64() ^ c.seed*0x9e3779b97f4a7c15 ^ uint64(n)*0xbf58476d1ce4e5b9
	x ^= x >> 31
	x *= 0x94d049bb133111eb
	x ^= x >> 29
	return int(x%100) < c.keep
}

func (c *copier) copy(n *inode, p string) *inode {
	if have := c.done[n]; have != nil {
		return have
	}
	out := &inode{folder: n.folder}
	c.done[n] = out
	switch {
	case !n.folder && !c.cut:
		out.data, out.syncedSize = slices.Clone(n.data), n.syncedSize
		out.dirty, out.lost = maps.Clone(n.dirty), maps.Clone(n.lost) // the contents never change
	case !n.folder:
		out.data = c.file(n, p)
		out.syncedSize = len(out.data)
	default:
		c.folder(n, out, p)
	}
	return out
}

// file is what a cut leaves of a file: what was synced, and some of the rest.
func (c *copier) file(n *inode, p string) []byte {
	data := slices.Clone(n.data[:min(n.syncedSize, len(n.data))])
	restore := func(old map[int][]byte, keep func(sector int) bool) {
		for _, s := range slices.Sorted(maps.Keys(old)) {
			from, to := s*sectorSize, min((s+1)*sectorSize, len(n.data))
			if keep(s) {
				if grow := to - len(data); grow > 0 {
					data = append(data, make([]byte, grow)...)
				}
				copy(data[from:to], n.data[from:to])
			} else if from < len(data) {
				clear(data[from:min(to, len(data))])
				copy(data[from:], old[s])
			}
		}
	}
	restore(n.lost, func(int) bool { return false })
	restore(n.dirty, func(s int) bool { return c.survives(p, s) })
	return data
}

// folder fills in what a cut, or a kill, leaves of a folder.
func (c *copier) folder(n, out *inode, p string) {
	out.children = map[string]*inode{}
	if !c.cut {
		out.synced = map[string]*inode{}
		for _, name := range slices.Sorted(maps.Keys(n.children)) {
			out.children[name] = c.copy(n.children[name], path.Join(p, name))
		}
		for _, name := range slices.Sorted(maps.Keys(n.synced)) {
			out.synced[name] = c.copy(n.synced[name], path.Join(p, name))
		}
		for _, ch := range n.changes {
			twin := change{}
			for name, child := range ch {
				if child != nil {
					child = c.copy(child, path.Join(p, name))
				}
				twin[name] = child
			}
			out.changes = append(out.changes, twin)
		}
		return
	}
	entries := maps.Clone(n.synced)
	for i, ch := range n.changes {
		if !c.survives(p, i) {
			if c.ordered {
				break
			}
			continue
		}
		for name, child := range ch {
			if child == nil {
				delete(entries, name)
			} else {
				entries[name] = child
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		out.children[name] = c.copy(entries[name], path.Join(p, name))
	}
	out.synced = maps.Clone(out.children)
}

// change carries a change out. d.mu is held.
func (n *inode) change(ch change) {
	for name, child := range ch {
		if child == nil {
			delete(n.children, name)
		} else {
			n.children[name] = child
		}
	}
	n.changes = append(n.changes, ch)
}

// touch remembers what sectors held before they are written for the first time
// since they were synced. d.mu is held.
func (n *inode) touch(from, to int) {
	if n.dirty == nil {
		n.dirty = map[int][]byte{}
	}
	for s := from / sectorSize; s*sectorSize < to; s++ {
		if _, known := n.dirty[s]; known {
			continue
		}
		if old, lost := n.lost[s]; lost {
			n.dirty[s] = old
			delete(n.lost, s)
			continue
		}
		old := []byte(nil)
		if lo := s * sectorSize; lo < len(n.data) {
			old = slices.Clone(n.data[lo:min(lo+sectorSize, len(n.data))])
		}
		n.dirty[s] = old
	}
}

// write puts bytes at a place. d.mu is held.
func (n *inode) write(b []byte, at int) {
	end := at + len(b)
	if end > len(n.data) {
		n.touch(min(at, len(n.data)), end)
		n.data = append(n.data, make([]byte, end-len(n.data))...)
	} else {
		n.touch(at, end)
	}
	copy(n.data[at:], b)
}

// sync makes everything durable but what an earlier sync has lost. d.mu is held.
func (n *inode) sync() {
	if n.folder {
		n.synced, n.changes = maps.Clone(n.children), nil
		return
	}
	n.syncedSize, n.dirty = len(n.data), nil
}

// loseSync is a sync that failed: nothing of it is durable, and no later sync will
// make it so. d.mu is held.
func (n *inode) loseSync() {
	if n.folder {
		return // the next one tries again
	}
	if n.lost == nil {
		n.lost = map[int][]byte{}
	}
	maps.Copy(n.lost, n.dirty)
	n.dirty = nil
}

// used is how many bytes lie in files. d.mu is held.
func (d *disk) used() int64 {
	seen := map[*inode]bool{}
	var walk func(n *inode) int64
	walk = func(n *inode) int64 {
		if seen[n] {
			return 0
		}
		seen[n] = true
		sum := int64(len(n.data))
		for _, c := range n.children {
			sum += walk(c)
		}
		return sum
	}
	return walk(d.root)
}

// room is how many more bytes fit. d.mu is held.
func (d *disk) room() int64 {
	if d.total == 0 {
		return 1 << 50
	}
	return max(d.total-d.other-d.used(), 0)
}

// fill lets somebody else take so much of the disk that the given number of bytes
// is left; it takes nothing when there is less already.
func (d *disk) fill(left int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.other = 0
	d.other = max(d.room()-left, 0)
}

// free gives back what somebody else has taken.
func (d *disk) free() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.other = 0
}

var _ vfs.FS = (*disk)(nil)
