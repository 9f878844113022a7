package collect

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// errInflated is the end of the room for what comes out of a compressed body.
var errInflated = errors.New("more than the limit comes out")

// inflate returns the body without its content encoding. It never produces more
// than limit bytes and one; the result lives as long as the request's turn at
// the work slot.
func (w *work) inflate(encoding string, body []byte, limit int) ([]byte, *refusal) {
	var err error
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		err = w.gunzip(body, limit)
	case "deflate":
		err = w.inflateDeflate(body, limit)
	case "zstd":
		err = w.unzstd(body, limit)
	default:
		return nil, invalid("body.encoding", "Content-Encoding must be gzip, deflate, zstd or absent")
	}
	switch {
	case errors.Is(err, errInflated):
		return nil, tooLarge()
	case err != nil:
		return nil, invalid("body.compression", "the body is not what its Content-Encoding says")
	}
	return w.inflated, nil
}

// gunzip reads one or more members, as RFC 1952 allows.
func (w *work) gunzip(body []byte, limit int) error {
	if w.gzip == nil {
		w.gzip = new(gzip.Reader)
	}
	if err := w.gzip.Reset(bytes.NewReader(body)); err != nil {
		return err
	}
	return w.readInflated(w.gzip, limit)
}

// inflateDeflate reads the zlib format, which is what "deflate" means, or bare
// deflate, which is what some clients send.
func (w *work) inflateDeflate(body []byte, limit int) error {
	if len(body) >= 2 && body[0]&0x0f == 8 && (int(body[0])<<8|int(body[1]))%31 == 0 {
		r, err := zlib.NewReader(bytes.NewReader(body))
		if err != nil {
			return err
		}
		return w.readInflated(r, limit)
	}
	return w.readInflated(flate.NewReader(bytes.NewReader(body)), limit)
}

func (w *work) unzstd(body []byte, limit int) error {
	if w.zstd == nil {
		// Decoding goes straight into the buffer, whose capacity is the limit, so
		// the window that a frame asks for costs nothing.
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return err
		}
		w.zstd = d
	}
	w.room(limit + 1)
	out, err := w.zstd.DecodeAll(body, w.inflated[:0:limit+1])
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || len(out) > limit {
		return errInflated
	}
	w.inflated = out
	return err
}

// readInflated reads all of r into the scratch buffer.
func (w *work) readInflated(r io.Reader, limit int) error {
	w.room(firstBuffer)
	w.inflated = w.inflated[:0]
	for {
		if len(w.inflated) == cap(w.inflated) {
			w.room(2 * cap(w.inflated))
		}
		n, err := r.Read(w.inflated[len(w.inflated):min(cap(w.inflated), limit+1)])
		w.inflated = w.inflated[:len(w.inflated)+n]
		switch {
		case len(w.inflated) > limit:
			return errInflated
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// room makes the scratch buffer hold at least n bytes.
func (w *work) room(n int) {
	if cap(w.inflated) < n {
		w.inflated = append(make([]byte, 0, n), w.inflated...)
	}
}
