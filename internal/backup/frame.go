package backup

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"

	"kith/internal/errs"
)

// Sizes and codes of the format; FORMAT.md shows the bytes.
const (
	magic         = "KITHBAK\n"
	formatVersion = 1

	frameHeaderBytes = 14
	// frameTarget is where a frame of several rows or records ends.
	frameTarget = 4 << 20
	// frameBytesMax bounds a frame: one largest record with what stands around it.
	frameBytesMax = 40 << 20

	kindHeader = 'H'
	kindRows   = 'S'
	kindLog    = 'L'
	kindFailed = 'X'
	kindEnd    = 'E'

	codeNone = 0
	codeZstd = 1
)

// frame is one piece of an archive. A frame's checksum begins with that of the
// frame before it, so none can be missing or stand elsewhere.
type frame struct {
	kind   byte
	code   byte
	rawLen int
	stored []byte
	at     int64 // where it begins in the archive
}

// frameWriter writes an archive.
type frameWriter struct {
	w   io.Writer
	enc *zstd.Encoder
	sum uint32
	buf []byte
}

func newFrameWriter(w io.Writer) (*frameWriter, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, errs.Wrap(err, errs.Internal, "backup.compress", "making a compressor")
	}
	return &frameWriter{w: w, enc: enc, buf: []byte(magic)}, nil
}

// write adds a frame in one call of the underlying writer; the magic of the
// archive goes with the first.
func (f *frameWriter) write(kind byte, raw []byte) error {
	if len(raw) > frameBytesMax {
		return errs.New(errs.Internal, "backup.frame", "a frame of %d bytes is larger than a frame may be", len(raw))
	}
	at := len(f.buf)
	f.buf = append(f.buf, make([]byte, frameHeaderBytes)...)
	code := byte(codeZstd)
	f.buf = f.enc.EncodeAll(raw, f.buf)
	if len(f.buf)-at-frameHeaderBytes >= len(raw) {
		code = codeNone
		f.buf = append(f.buf[:at+frameHeaderBytes], raw...)
	}
	head, stored := f.buf[at:], f.buf[at+frameHeaderBytes:]
	head[0], head[1] = kind, code
	binary.LittleEndian.PutUint32(head[2:], uint32(len(raw)))
	binary.LittleEndian.PutUint32(head[6:], uint32(len(stored)))
	f.sum = frameSum(f.sum, head[:10], stored)
	binary.LittleEndian.PutUint32(head[10:], f.sum)
	_, err := f.w.Write(f.buf)
	f.buf = f.buf[:0]
	return err
}

// frameSum is the checksum of a frame behind one with the checksum before.
func frameSum(before uint32, head, stored []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, binary.LittleEndian.AppendUint32(nil, before))
	return crc32.Update(crc32.Update(sum, table, head), table, stored)
}

// frameReader reads an archive. Errors of the underlying reader come back as
// they are, but for its end.
type frameReader struct {
	r   io.Reader
	dec *zstd.Decoder
	sum uint32
	at  int64
	buf []byte
	raw []byte
}

func newFrameReader(r io.Reader) (*frameReader, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(frameBytesMax), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, errs.Wrap(err, errs.Internal, "backup.compress", "making a decompressor")
	}
	f := &frameReader{r: r, dec: dec}
	var head [len(magic)]byte
	if err := f.fill(head[:]); err != nil {
		return nil, err
	}
	if string(head[:]) != magic {
		return nil, errs.New(errs.Corrupt, "backup.magic", "this is no backup of kith")
	}
	return f, nil
}

func (f *frameReader) fill(p []byte) error {
	n, err := io.ReadFull(f.r, p)
	f.at += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errs.New(errs.Corrupt, "backup.truncated", "the backup ends at byte %d, in its midst", f.at)
	}
	return err
}

func errDamaged(at int64) error {
	return errs.New(errs.Corrupt, "backup.damaged", "the backup is damaged at byte %d", at)
}

// next reads a frame and holds it against its checksum. Its bytes are valid
// until the next call.
func (f *frameReader) next() (frame, error) {
	out := frame{at: f.at}
	var head [frameHeaderBytes]byte
	if err := f.fill(head[:]); err != nil {
		return out, err
	}
	out.kind, out.code = head[0], head[1]
	rawLen, storedLen := binary.LittleEndian.Uint32(head[2:]), binary.LittleEndian.Uint32(head[6:])
	if rawLen > frameBytesMax || storedLen > rawLen || out.code > codeZstd || out.code == codeNone && storedLen != rawLen {
		return out, errDamaged(out.at)
	}
	out.rawLen = int(rawLen)
	// The buffer grows with what is really there, not with what a length says.
	f.buf = f.buf[:0]
	for len(f.buf) < int(storedLen) {
		n := min(int(storedLen)-len(f.buf), max(frameTarget, len(f.buf)))
		f.buf = append(f.buf, make([]byte, n)...)
		if err := f.fill(f.buf[len(f.buf)-n:]); err != nil {
			return out, err
		}
	}
	out.stored = f.buf
	sum := frameSum(f.sum, head[:10], out.stored)
	if binary.LittleEndian.Uint32(head[10:]) != sum {
		return out, errDamaged(out.at)
	}
	f.sum = sum
	return out, nil
}

// payload returns what a frame holds, valid until the next call.
func (f *frameReader) payload(fr frame) ([]byte, error) {
	if fr.code == codeNone {
		return fr.stored, nil
	}
	if cap(f.raw) < fr.rawLen {
		f.raw = make([]byte, 0, fr.rawLen)
	}
	raw, err := f.dec.DecodeAll(fr.stored, f.raw[:0:fr.rawLen])
	if err != nil || len(raw) != fr.rawLen {
		return nil, errDamaged(fr.at)
	}
	f.raw = raw
	return raw, nil
}

// end makes sure that nothing follows the last frame.
func (f *frameReader) end() error {
	var one [1]byte
	n, err := io.ReadFull(f.r, one[:])
	switch {
	case n > 0:
		return errDamaged(f.at)
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// appendBytes appends bytes with their length.
func appendBytes(b, p []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

// ending is the payload of the last frame.
type ending struct {
	Records int64 `json:"records"`
	Rows    int64 `json:"rows"`
}

// failure is the payload of the frame that an archive ends with whose writer
// could not go on.
type failure struct {
	Kind   string `json:"kind"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func failureOf(err error) failure {
	return failure{errs.KindOf(err).String(), errs.CodeOf(err), errs.DetailOf(err)}
}

// err is the failure as an error.
func (f failure) err() error {
	for k := errs.Internal; k <= errs.Corrupt; k++ {
		if k.String() == f.Kind {
			return errs.New(k, f.Code, "%s", f.Detail)
		}
	}
	return errs.New(errs.Internal, f.Code, "%s", f.Detail)
}
