package local

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Sizes of the format; FORMAT.md shows the bytes.
const (
	formatVersion   = 1
	blockMagic      = "KBLK"
	blockHeaderSize = 44

	// maxRecordBytes bounds one record, so that a length read from a file never
	// asks for more memory than the largest record could.
	maxRecordBytes = 32 << 20
	// maxRawBytes bounds the uncompressed payload of a block: one largest record
	// and its length prefix, or many small ones.
	maxRawBytes = maxRecordBytes + binary.MaxVarintLen64
	// blockRawTarget is where a block of several records ends: large enough to
	// compress well, small enough that reading one record of it costs little.
	blockRawTarget = 96 << 10
)

// The codes of a block's compression on disk.
const (
	codeNone = 0
	codeS2   = 1
	codeZstd = 2
)

// blockHeader says what follows it. synced is the position up to which the
// segment was known to be durable when this block was written: a valid block
// therefore proves that everything before synced had been stored, which is how
// opening tells a write that was never finished from damage.
type blockHeader struct {
	code       uint8
	base       int64 // offset of the first record
	synced     int64
	count      uint32
	rawLen     uint32
	storedLen  uint32
	payloadCRC uint32
}

// size is the length of the block in the file.
func (h blockHeader) size() int64 { return blockHeaderSize + int64(h.storedLen) }

// end is the offset after the last record.
func (h blockHeader) end() int64 { return h.base + int64(h.count) }

// castagnoli is the polynomial of every checksum of the format.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

// place is where a block header's checksum starts from: the log's identity, the
// partition and the segment. Together with the position in the file it makes a
// block valid in one place only, so that neither a block moved elsewhere nor a
// record whose bytes look like a block is ever taken for one.
type place uint32

func newPlace(logID uint64, partition int32, segment int64) place {
	var b [20]byte
	binary.LittleEndian.PutUint64(b[0:], logID)
	binary.LittleEndian.PutUint32(b[8:], uint32(partition))
	binary.LittleEndian.PutUint64(b[12:], uint64(segment))
	return place(checksum(b[:]))
}

// headerCRC is the checksum of the header's first 40 bytes at the position.
func (p place) headerCRC(b []byte, pos int64) uint32 {
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], uint64(pos))
	return crc32.Update(crc32.Update(uint32(p), castagnoli(), at[:]), castagnoli(), b[:blockHeaderSize-4])
}

// put writes the header into b's first bytes for a block at the position.
func (p place) put(b []byte, pos int64, h blockHeader) {
	copy(b, blockMagic)
	b[4], b[5], b[6], b[7] = formatVersion, h.code, 0, 0
	binary.LittleEndian.PutUint64(b[8:], uint64(h.base))
	binary.LittleEndian.PutUint64(b[16:], uint64(h.synced))
	binary.LittleEndian.PutUint32(b[24:], h.count)
	binary.LittleEndian.PutUint32(b[28:], h.rawLen)
	binary.LittleEndian.PutUint32(b[32:], h.storedLen)
	binary.LittleEndian.PutUint32(b[36:], h.payloadCRC)
	binary.LittleEndian.PutUint32(b[40:], p.headerCRC(b, pos))
}

// parse reads the header at the start of b and reports whether it is one that
// was written at this place and position.
func (p place) parse(b []byte, pos int64) (blockHeader, bool) {
	if len(b) < blockHeaderSize || string(b[:4]) != blockMagic {
		return blockHeader{}, false
	}
	if binary.LittleEndian.Uint32(b[40:]) != p.headerCRC(b, pos) {
		return blockHeader{}, false
	}
	h := blockHeader{
		code:       b[5],
		base:       int64(binary.LittleEndian.Uint64(b[8:])),
		synced:     int64(binary.LittleEndian.Uint64(b[16:])),
		count:      binary.LittleEndian.Uint32(b[24:]),
		rawLen:     binary.LittleEndian.Uint32(b[28:]),
		storedLen:  binary.LittleEndian.Uint32(b[32:]),
		payloadCRC: binary.LittleEndian.Uint32(b[36:]),
	}
	sound := b[4] == formatVersion && b[6] == 0 && b[7] == 0 && h.code <= codeZstd &&
		h.base >= 0 && h.synced >= segmentHeaderSize && h.synced <= pos &&
		h.count > 0 && h.rawLen >= h.count && h.rawLen <= maxRawBytes && h.storedLen <= h.rawLen
	return h, sound
}

var (
	errPayload = errors.New("the payload does not match its checksum")
	errFraming = errors.New("the records do not fill the payload")
)

// appendRecord appends one record with its length.
func appendRecord(dst, data []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(data)))
	return append(dst, data...)
}

// framedLen is the number of bytes appendRecord adds.
func framedLen(data []byte) int {
	n, l := 1, len(data)
	for l >= 0x80 {
		l >>= 7
		n++
	}
	return n + len(data)
}

// nextRecord splits the first record off raw. The record cannot grow into what
// follows it.
func nextRecord(raw []byte) (record, rest []byte, err error) {
	n, w := binary.Uvarint(raw)
	if w <= 0 || n > uint64(len(raw)-w) {
		return nil, nil, errFraming
	}
	end := w + int(n)
	return raw[w:end:end], raw[end:], nil
}

// checkFraming reports whether raw holds exactly count records.
func checkFraming(raw []byte, count uint32) error {
	for range count {
		var err error
		if _, raw, err = nextRecord(raw); err != nil {
			return err
		}
	}
	if len(raw) != 0 {
		return errFraming
	}
	return nil
}

// decodeBlock checks the stored payload of a block and appends the uncompressed
// records to dst, which must have room for the header's rawLen.
func (c *codec) decodeBlock(dst []byte, h blockHeader, stored []byte) ([]byte, error) {
	if len(stored) != int(h.storedLen) || checksum(stored) != h.payloadCRC {
		return nil, errPayload
	}
	raw, err := c.decompress(dst, h.code, stored, int(h.rawLen))
	if err != nil {
		return nil, err
	}
	if err := checkFraming(raw, h.count); err != nil {
		return nil, err
	}
	return raw, nil
}
