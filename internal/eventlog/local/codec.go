package local

import (
	"errors"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// codec compresses and decompresses payloads; it is safe for concurrent use.
// The zstd coders are made when first needed, for they hold memory.
type codec struct {
	compression Compression
	encoder     func() (*zstd.Encoder, error)
	decoder     func() (*zstd.Decoder, error)
}

func newCodec(c Compression) *codec {
	level := zstd.SpeedFastest
	if c == ZstdDense {
		level = zstd.SpeedDefault
	}
	return &codec{
		compression: c,
		encoder: sync.OnceValues(func() (*zstd.Encoder, error) {
			return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
		}),
		decoder: sync.OnceValues(func() (*zstd.Decoder, error) {
			return zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxRawBytes), zstd.WithDecoderLowmem(true))
		}),
	}
}

// appendCompressed appends the payload as it is stored and returns its code. A
// payload that does not shrink is stored as it is.
func (c *codec) appendCompressed(dst, raw []byte) ([]byte, uint8, error) {
	at := len(dst)
	switch c.compression {
	case S2:
		dst = slices.Grow(dst, s2.MaxEncodedLen(len(raw)))
		out := s2.Encode(dst[at:cap(dst)], raw)
		if len(out) < len(raw) {
			return dst[:at+len(out)], codeS2, nil
		}
	case ZstdFast, ZstdDense:
		enc, err := c.encoder()
		if err != nil {
			return nil, 0, err
		}
		if out := enc.EncodeAll(raw, dst); len(out)-at < len(raw) {
			return out, codeZstd, nil
		}
	}
	return append(dst[:at], raw...), codeNone, nil
}

var errLength = errors.New("the payload does not have the length its header names")

// decompress appends the payload's rawLen bytes to dst.
func (c *codec) decompress(dst []byte, code uint8, stored []byte, rawLen int) ([]byte, error) {
	at := len(dst)
	dst = slices.Grow(dst, rawLen)
	var out []byte
	var err error
	switch code {
	case codeNone:
		out = append(dst, stored...)
	case codeS2:
		if n, lenErr := s2.DecodedLen(stored); lenErr != nil || n != rawLen {
			return nil, errLength
		}
		_, err = s2.Decode(dst[at:at+rawLen], stored)
		out = dst[:at+rawLen]
	case codeZstd:
		var dec *zstd.Decoder
		if dec, err = c.decoder(); err == nil {
			out, err = dec.DecodeAll(stored, dst[:at:at+rawLen])
		}
	default:
		return nil, errLength
	}
	if err != nil {
		return nil, err
	}
	if len(out)-at != rawLen {
		return nil, errLength
	}
	return out, nil
}
