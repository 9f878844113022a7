package local

import (
	"encoding/binary"
	"errors"
	"sort"
)

const (
	indexMagic      = "KITHIDX\n"
	indexHeaderSize = 64
	// indexInterval is the distance in the file from one entry to the next: the
	// first block that begins at least this far behind the last entry's gets one.
	indexInterval = 32 << 10
)

// entry says where the block with the base offset begins.
type entry struct {
	base int64
	pos  int64
}

// addEntry adds a block to a sparse index that is built in order.
func addEntry(entries []entry, base, pos int64) []entry {
	if n := len(entries); n > 0 && pos-entries[n-1].pos < indexInterval {
		return entries
	}
	return append(entries, entry{base, pos})
}

// lookup returns the position of the last entry at or before the offset, from
// which a scan finds its block; without one, the first block's place.
func lookup(entries []entry, offset int64) int64 {
	i := sort.Search(len(entries), func(i int) bool { return entries[i].base > offset })
	if i == 0 {
		return segmentHeaderSize
	}
	return entries[i-1].pos
}

// indexHeader is what an index says of itself. end and dataEnd let a stale index
// be told from its segment's.
type indexHeader struct {
	partition int32
	logID     uint64
	base      int64
	end       int64 // the offset after the segment's last record
	dataEnd   int64 // the position after the segment's last block
}

var errIndex = errors.New("not the index of this segment")

// encodeIndex returns the bytes of an index file.
func encodeIndex(h indexHeader, entries []entry) []byte {
	b := make([]byte, indexHeaderSize, indexHeaderSize+6*len(entries))
	last := entry{base: h.base}
	for _, e := range entries {
		b = binary.AppendUvarint(b, uint64(e.base-last.base))
		b = binary.AppendUvarint(b, uint64(e.pos-last.pos))
		last = e
	}
	copy(b, indexMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(h.partition))
	binary.LittleEndian.PutUint64(b[16:], h.logID)
	binary.LittleEndian.PutUint64(b[24:], uint64(h.base))
	binary.LittleEndian.PutUint64(b[32:], uint64(h.end))
	binary.LittleEndian.PutUint64(b[40:], uint64(h.dataEnd))
	binary.LittleEndian.PutUint32(b[48:], uint32(len(entries)))
	binary.LittleEndian.PutUint32(b[52:], uint32(len(b)-indexHeaderSize))
	binary.LittleEndian.PutUint32(b[56:], checksum(b[indexHeaderSize:]))
	binary.LittleEndian.PutUint32(b[60:], checksum(b[:60]))
	return b
}

// decodeIndex reads an index file. An error means that the index has to be made
// anew from the segment; it is never a loss.
func decodeIndex(b []byte) (indexHeader, []entry, error) {
	if len(b) < indexHeaderSize || string(b[:8]) != indexMagic ||
		binary.LittleEndian.Uint32(b[60:]) != checksum(b[:60]) ||
		binary.LittleEndian.Uint32(b[8:]) != formatVersion {
		return indexHeader{}, nil, errIndex
	}
	body := b[indexHeaderSize:]
	if int(binary.LittleEndian.Uint32(b[52:])) != len(body) || binary.LittleEndian.Uint32(b[56:]) != checksum(body) {
		return indexHeader{}, nil, errIndex
	}
	h := indexHeader{
		partition: int32(binary.LittleEndian.Uint32(b[12:])),
		logID:     binary.LittleEndian.Uint64(b[16:]),
		base:      int64(binary.LittleEndian.Uint64(b[24:])),
		end:       int64(binary.LittleEndian.Uint64(b[32:])),
		dataEnd:   int64(binary.LittleEndian.Uint64(b[40:])),
	}
	entries, err := decodeEntries(body, h, int(binary.LittleEndian.Uint32(b[48:])))
	return h, entries, err
}

// decodeEntries reads the entries, each the difference to the one before.
func decodeEntries(body []byte, h indexHeader, count int) ([]entry, error) {
	if count > len(body)/2 {
		return nil, errIndex
	}
	entries := make([]entry, 0, count)
	last := entry{base: h.base}
	for range count {
		base, n := binary.Uvarint(body)
		if n <= 0 {
			return nil, errIndex
		}
		pos, m := binary.Uvarint(body[n:])
		if m <= 0 {
			return nil, errIndex
		}
		e := entry{last.base + int64(base), last.pos + int64(pos)}
		ordered := e.base >= last.base && e.pos > last.pos
		if !ordered || e.base >= h.end || e.pos < segmentHeaderSize || e.pos >= h.dataEnd {
			return nil, errIndex
		}
		entries, last, body = append(entries, e), e, body[n+m:]
	}
	if len(body) != 0 {
		return nil, errIndex
	}
	return entries, nil
}

// buildIndex makes the index of a closed segment with records from base to end
// from its blocks. It reads headers only and steps over damage, which a reader
// finds when it gets there.
func buildIndex(w *window, p place, base, end int64) (entries []entry, dataEnd int64, err error) {
	next := base
	for pos := int64(segmentHeaderSize); ; {
		h, ok, err := w.header(p, pos)
		if err != nil {
			return nil, 0, err
		}
		if ok && h.base >= next && h.end() <= end {
			entries = addEntry(entries, h.base, pos)
			pos += h.size()
			next, dataEnd = h.end(), pos
			continue
		}
		if pos, _, ok, err = w.search(p, pos+1); err != nil || !ok {
			return entries, max(dataEnd, segmentHeaderSize), err
		}
	}
}
