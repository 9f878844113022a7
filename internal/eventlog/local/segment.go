package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
)

const (
	segmentMagic      = "KITHSEG\n"
	segmentHeaderSize = 40
	segmentSuffix     = ".seg"
	indexSuffix       = ".idx"
	tempSuffix        = ".tmp"
	nameDigits        = 20

	// scanWindow is how much a scan reads at once after its first look.
	scanWindow = 256 << 10
	// firstWindow is the first look: enough for most blocks and for the way from
	// one entry of the sparse index to the next.
	firstWindow = 32 << 10
)

// segment is one file of a partition. While it is the newest, size and entries
// grow under the partition's mutex; afterwards they stand.
type segment struct {
	base    int64 // offset of its first record
	path    string
	place   place
	size    int64   // where its durable bytes end: the whole file once closed
	entries []entry // sparse index of the newest segment; nil once closed
}

// segmentName is the name of the segment whose first record has the offset.
func segmentName(base int64) string { return fmt.Sprintf("%0*d%s", nameDigits, base, segmentSuffix) }

// indexPath is the path of a segment's index.
func (s *segment) indexPath() string { return strings.TrimSuffix(s.path, segmentSuffix) + indexSuffix }

// parseSegmentName returns the base offset in a segment's file name.
func parseSegmentName(name string) (int64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != nameDigits {
		return 0, false
	}
	base, err := strconv.ParseInt(digits, 10, 64)
	return base, err == nil && base >= 0
}

// segmentHeader is the first bytes of a segment. Blocks are checked against the
// log's identity from the log's own file, so a damaged header costs no record.
func segmentHeader(logID uint64, partition int32, base int64) []byte {
	b := make([]byte, segmentHeaderSize)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(partition))
	binary.LittleEndian.PutUint64(b[16:], logID)
	binary.LittleEndian.PutUint64(b[24:], uint64(base))
	binary.LittleEndian.PutUint32(b[36:], checksum(b[:36]))
	return b
}

// errDamaged is the error of a record whose stored bytes do not say what was
// written.
func errDamaged(path string, pos int64) error {
	return errs.New(errs.Corrupt, "eventlog.corrupt",
		"the file %s is damaged at byte %d; restore it from a backup", path, pos)
}

// errRead is the error of a file that could not be read.
func errRead(err error, path string) error {
	return errs.Wrap(err, errs.Unavailable, "eventlog.read_failed", "reading %s", path)
}

// window reads a file through a buffer that moves forward. It belongs to one
// goroutine.
type window struct {
	f     vfs.File
	path  string
	limit int64 // nothing at or after it is read
	start int64 // position of buf[0]
	buf   []byte
	reads int
}

// bytes returns the n bytes at pos, fewer where the limit or the file ends
// before. They are valid until the next call.
func (w *window) bytes(pos int64, n int) ([]byte, error) {
	if n64 := w.limit - pos; n64 < int64(n) {
		n = int(max(n64, 0))
	}
	if n == 0 {
		return nil, nil
	}
	if pos < w.start || pos+int64(n) > w.start+int64(len(w.buf)) {
		if err := w.load(pos, n); err != nil {
			return nil, err
		}
	}
	from := min(int(pos-w.start), len(w.buf))
	return w.buf[from:min(from+n, len(w.buf))], nil
}

// load fills the buffer from pos with at least n bytes, if the file has them.
func (w *window) load(pos int64, n int) error {
	size := int64(firstWindow)
	if w.reads > 0 {
		size = scanWindow
	}
	w.reads++
	size = min(max(size, int64(n)), w.limit-pos)
	if int64(cap(w.buf)) < size {
		w.buf = make([]byte, size)
	}
	w.start, w.buf = pos, w.buf[:size]
	got, err := w.f.ReadAt(w.buf, pos)
	w.buf = w.buf[:got]
	if err != nil && !errors.Is(err, io.EOF) {
		w.buf = w.buf[:0]
		return errRead(err, w.path)
	}
	return nil
}

// header reads the block header at pos and reports whether it is sound and its
// payload lies before the limit.
func (w *window) header(p place, pos int64) (blockHeader, bool, error) {
	b, err := w.bytes(pos, blockHeaderSize)
	if err != nil {
		return blockHeader{}, false, err
	}
	h, ok := p.parse(b, pos)
	return h, ok && pos+h.size() <= w.limit, nil
}

// payload reads the stored payload of the block at pos.
func (w *window) payload(pos int64, h blockHeader) ([]byte, error) {
	return w.bytes(pos+blockHeaderSize, int(h.storedLen))
}

// ahead returns what is buffered from pos on, at least a header's length unless
// the limit comes before.
func (w *window) ahead(pos int64) ([]byte, error) {
	if left := w.start + int64(len(w.buf)) - pos; pos >= w.start && left >= blockHeaderSize {
		return w.bytes(pos, int(left))
	}
	return w.bytes(pos, scanWindow)
}

// search returns the first sound block header at or after pos.
func (w *window) search(p place, pos int64) (at int64, h blockHeader, ok bool, err error) {
	for pos+blockHeaderSize <= w.limit {
		b, err := w.ahead(pos)
		if err != nil {
			return 0, h, false, err
		}
		i := bytes.Index(b, []byte(blockMagic))
		if i < 0 {
			// The last bytes may be the beginning of a magic cut in two.
			step := int64(len(b) - len(blockMagic) + 1)
			if step <= 0 {
				break
			}
			pos += step
			continue
		}
		pos += int64(i)
		if h, ok, err = w.header(p, pos); ok || err != nil {
			return pos, h, ok, err
		}
		pos++
	}
	return 0, h, false, nil
}

// nonZero returns the position of the first byte at or after pos that is not
// zero, and the position after the last such byte; both are pos if there is none.
func (w *window) nonZero(pos int64) (first, end int64, err error) {
	first, end = pos, pos
	for at := pos; at < w.limit; {
		b, err := w.bytes(at, scanWindow)
		if err != nil {
			return 0, 0, err
		}
		if len(b) == 0 {
			break
		}
		if rest := bytes.TrimLeft(b, "\x00"); len(rest) > 0 {
			if first == end {
				first = at + int64(len(b)-len(rest))
			}
			end = at + int64(len(bytes.TrimRight(b, "\x00")))
		}
		at += int64(len(b))
	}
	return first, end, nil
}
