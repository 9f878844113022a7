package archive

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"kith/internal/errs"
)

// Sizes of the format; FORMAT.md shows the bytes.
const (
	segmentVersion  = 1
	headerBytes     = 20
	blockHeadBytes  = 32
	indexEntryBytes = 20
	trailerBytes    = 40

	headerMagic  = "KARC"
	blockMagic   = "KBLK"
	trailerMagic = "KEND"

	// blockTarget is where a block ends: large enough to compress well, small enough
	// that reading one record of it costs little.
	blockTarget = 256 << 10
	// payloadMax bounds what a length in a file may ask for: the largest message of a
	// topic is well below it.
	payloadMax = 64 << 20
)

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

// codec compresses and decompresses blocks. It is safe for concurrent use; the
// coders are made when first needed, for they hold memory.
type codec struct {
	encoder func() (*zstd.Encoder, error)
	decoder func() (*zstd.Decoder, error)
}

func newCodec() *codec {
	return &codec{
		encoder: sync.OnceValues(func() (*zstd.Encoder, error) {
			return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
		}),
		decoder: sync.OnceValues(func() (*zstd.Decoder, error) {
			return zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(payloadMax), zstd.WithDecoderLowmem(true))
		}),
	}
}

// blockAt is a line of a segment's index.
type blockAt struct {
	first int64 // offset of the first record
	at    int64 // position in the file
	count int
}

// segmentHeader is the start of a segment's file.
func segmentHeader(partition int32) []byte {
	b := append([]byte(headerMagic), segmentVersion, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(partition))
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// blockHead is what stands before a block's payload.
type blockHead struct {
	first          int64
	count          int
	length, stored int
	payload        uint32 // checksum
}

// headSum is the checksum of a block's head. It covers where the block lies, so that
// one is valid in one place only.
func headSum(head []byte, partition int32, at int64) uint32 {
	place := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, uint32(partition)), uint64(at))
	return crc32.Update(checksum(place), castagnoli(), head)
}

func (h *blockHead) append(b []byte, partition int32, at int64) []byte {
	from := len(b)
	b = append(b, blockMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.first))
	for _, n := range []uint32{uint32(h.count), uint32(h.length), uint32(h.stored), h.payload} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return binary.LittleEndian.AppendUint32(b, headSum(b[from:], partition, at))
}

// parseHead reads a block's head; false when it is none that was written there.
func parseHead(b []byte, partition int32, at int64) (h blockHead, ok bool) {
	sum := len(b) - 4
	if len(b) != blockHeadBytes || string(b[:4]) != blockMagic || binary.LittleEndian.Uint32(b[sum:]) != headSum(b[:sum], partition, at) {
		return h, false
	}
	n := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	if n(12) == 0 || n(16) > payloadMax || n(20) > n(16) {
		return h, false
	}
	return blockHead{
		first: int64(binary.LittleEndian.Uint64(b[4:])), count: int(n(12)), length: int(n(16)), stored: int(n(20)), payload: n(24),
	}, true
}

// writer makes a segment. It holds one block in memory.
type writer struct {
	out       io.Writer
	codec     *codec
	partition int32
	from      int64 // offset of the first record
	next      int64 // offset of the next one
	at        int64 // bytes written
	raw       int64 // bytes of the records
	block     []byte
	first     int64 // of the block
	blocks    []blockAt
	buffer    []byte
}

func newWriter(out io.Writer, c *codec, partition int32, from int64) (*writer, error) {
	w := &writer{out: out, codec: c, partition: partition, from: from, next: from, first: from}
	return w, w.write(segmentHeader(partition))
}

func (w *writer) write(b []byte) error {
	n, err := w.out.Write(b)
	w.at += int64(n)
	return err
}

// add appends a record.
func (w *writer) add(record []byte) error {
	if len(w.block) > 0 && len(w.block)+len(record) > blockTarget {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.block = append(binary.AppendUvarint(w.block, uint64(len(record))), record...)
	w.raw += int64(len(record))
	w.next++
	return nil
}

// flush writes the block.
func (w *writer) flush() error {
	if w.next == w.first {
		return nil
	}
	encoder, err := w.codec.encoder()
	if err != nil {
		return errs.Wrap(err, errs.Internal, "archive.compress", "the archive cannot compress")
	}
	stored := encoder.EncodeAll(w.block, w.buffer[:0])
	w.buffer = stored
	if len(stored) >= len(w.block) {
		stored = w.block
	}
	h := blockHead{first: w.first, count: int(w.next - w.first), length: len(w.block), stored: len(stored), payload: checksum(stored)}
	w.blocks = append(w.blocks, blockAt{w.first, w.at, h.count})
	if err := w.write(h.append(nil, w.partition, w.at)); err != nil {
		return err
	}
	if err := w.write(stored); err != nil {
		return err
	}
	w.first, w.block = w.next, w.block[:0]
	return nil
}

// finish writes the last block, the index and the trailer.
func (w *writer) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	index := w.at
	var b []byte
	for _, k := range w.blocks {
		b = binary.LittleEndian.AppendUint64(b, uint64(k.first))
		b = binary.LittleEndian.AppendUint64(b, uint64(k.at))
		b = binary.LittleEndian.AppendUint32(b, uint32(k.count))
	}
	for _, n := range []int64{w.from, w.next, index} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(w.blocks)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, checksum(b))
	return w.write(append(b, trailerMagic...))
}

// contents is what a segment's trailer and index say.
type contents struct {
	from, to int64
	index    int64 // position of the index, where the blocks end
	blocks   []blockAt
}

// readContents reads header, index and trailer of a segment of a size. The error is
// errDamaged, or one of reading.
func readContents(r io.ReaderAt, size int64, partition int32) (*contents, error) {
	if size < headerBytes+trailerBytes {
		return nil, damagedAt(0)
	}
	head := make([]byte, headerBytes)
	if err := readFull(r, head, 0); err != nil {
		return nil, err
	}
	if !slices.Equal(head, segmentHeader(partition)) {
		return nil, damagedAt(0)
	}
	trailer := make([]byte, trailerBytes)
	at := size - trailerBytes
	if err := readFull(r, trailer, at); err != nil {
		return nil, err
	}
	n := func(at int) int64 { return int64(binary.LittleEndian.Uint64(trailer[at:])) }
	c := &contents{from: n(0), to: n(8), index: n(16)}
	blocks := int64(binary.LittleEndian.Uint32(trailer[24:]))
	if string(trailer[trailerBytes-4:]) != trailerMagic || c.index < headerBytes || c.index+blocks*indexEntryBytes != at {
		return nil, damagedAt(at)
	}
	index := make([]byte, blocks*indexEntryBytes)
	if err := readFull(r, index, c.index); err != nil {
		return nil, err
	}
	sum := trailerBytes - 8
	if crc32.Update(checksum(index), castagnoli(), trailer[:sum]) != binary.LittleEndian.Uint32(trailer[sum:]) {
		return nil, damagedAt(c.index)
	}
	for ; len(index) > 0; index = index[indexEntryBytes:] {
		c.blocks = append(c.blocks, blockAt{
			int64(binary.LittleEndian.Uint64(index)), int64(binary.LittleEndian.Uint64(index[8:])), int(binary.LittleEndian.Uint32(index[16:])),
		})
	}
	return c, c.coherent()
}

// coherent holds that the blocks follow one another from the first record to the
// last.
func (c *contents) coherent() error {
	next, at := c.from, int64(headerBytes)
	for i, k := range c.blocks {
		if k.first != next || k.at < at || i == 0 && k.at != at || k.at+blockHeadBytes > c.index || k.count < 1 {
			return damagedAt(c.index)
		}
		next, at = next+int64(k.count), k.at+blockHeadBytes
	}
	if next != c.to || c.from < 0 {
		return damagedAt(c.index)
	}
	return nil
}

// find returns the number of the block that holds an offset.
func (c *contents) find(offset int64) int {
	i, found := slices.BinarySearchFunc(c.blocks, offset, func(k blockAt, offset int64) int {
		switch {
		case k.first+int64(k.count) <= offset:
			return -1
		case k.first > offset:
			return 1
		}
		return 0
	})
	if !found {
		return -1
	}
	return i
}

// readBlock reads the records of a block.
func (c *contents) readBlock(r io.ReaderAt, codec *codec, partition int32, number int) ([][]byte, error) {
	k := c.blocks[number]
	end := c.index
	if number+1 < len(c.blocks) {
		end = c.blocks[number+1].at
	}
	b := make([]byte, end-k.at)
	if err := readFull(r, b, k.at); err != nil {
		return nil, err
	}
	h, ok := parseHead(b[:blockHeadBytes], partition, k.at)
	b = b[blockHeadBytes:]
	if !ok || h.first != k.first || h.count != k.count || h.stored != len(b) || checksum(b) != h.payload {
		return nil, damagedAt(k.at)
	}
	if h.stored < h.length {
		decoder, err := codec.decoder()
		if err != nil {
			return nil, errs.Wrap(err, errs.Internal, "archive.compress", "the archive cannot decompress")
		}
		if b, err = decoder.DecodeAll(b, make([]byte, 0, h.length)); err != nil || len(b) != h.length {
			return nil, damagedAt(k.at)
		}
	}
	records, ok := split(b, h.count)
	if !ok {
		return nil, damagedAt(k.at)
	}
	return records, nil
}

// split cuts a payload into exactly so many records.
func split(b []byte, count int) (records [][]byte, ok bool) {
	if count > len(b) {
		return nil, false
	}
	records = make([][]byte, count)
	for i := range records {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return nil, false
		}
		b = b[w:]
		records[i], b = b[:n:n], b[n:]
	}
	return records, len(b) == 0
}

// damagedAt is a place of a file that does not say what was written.
type damagedAt int64

// Error implements error.
func (d damagedAt) Error() string { return "the bytes are not what was written" }

// readFull fills b; a file that is shorter is damaged where it ends.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		return damagedAt(at + int64(n))
	}
	return errs.Wrap(err, errs.Unavailable, "archive.read", "a file of the archive cannot be read")
}
