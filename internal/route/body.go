package route

import (
	"errors"
	"io"
	"net/http"
	"net/url"

	"kith/internal/errs"
)

// drainMax is how much of a body beyond its bound is read and thrown away, so
// that a client which sends before it listens gets its answer and no reset.
const drainMax = 64 << 20

// boundBody puts the row's bound on the request's body. A row without a body
// gets none, whatever was sent.
func boundBody(w http.ResponseWriter, r *http.Request, limit int64) error {
	if limit == 0 {
		r.Body = http.NoBody
		return nil
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return errs.New(errs.Invalid, CodeEncoding, "send the body without Content-Encoding")
	}
	b := &boundedBody{w: w, body: r.Body, left: limit, limit: limit}
	r.Body = b
	if r.ContentLength > limit {
		return b.refuse()
	}
	return nil
}

// boundedBody ends with an error of code CodeBodyTooLarge behind its limit.
type boundedBody struct {
	w           http.ResponseWriter
	body        io.ReadCloser
	left, limit int64
	err         error
}

// Read implements io.Reader. It asks for one byte more than is left, which
// tells a body of exactly the limit from a longer one.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		n, b.left = int(b.left), 0
		return n, b.refuse()
	}
	b.left -= int64(n)
	b.err = err
	return n, err
}

func (b *boundedBody) refuse() error {
	if n, _ := io.CopyN(io.Discard, b.body, drainMax); n == drainMax {
		b.w.Header().Set("Connection", "close")
	}
	b.err = errs.New(errs.Invalid, CodeBodyTooLarge, "the body may have %d bytes", b.limit)
	return b.err
}

// Close implements io.Closer.
func (b *boundedBody) Close() error { return b.body.Close() }

// ReadBody returns the whole body of a request, which the mux has bounded. The
// error is of kind Invalid also when the client broke off.
func ReadBody(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(r.Body)
	if err == nil {
		return data, nil
	}
	var own *errs.Error
	if errors.As(err, &own) {
		return nil, own
	}
	return nil, errs.Wrap(err, errs.Invalid, "request.body_broken", "the body could not be read to its end")
}

func parseQuery(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errs.New(errs.Invalid, "request.query", "the query of the address cannot be read; percent-encode its values")
	}
	return values, nil
}
