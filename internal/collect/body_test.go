package collect

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// compress returns the data in a content encoding.
func compress(t testing.TB, encoding string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "flate":
		w, err = flate.NewWriter(&b, flate.BestCompression)
	case "zstd":
		w, err = zstd.NewWriter(&b)
	default:
		t.Fatalf("no encoding %s", encoding)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unsized hides how long a body is, as chunked transfer does.
type unsized struct{ io.Reader }

func TestContentEncodings(t *testing.T) {
	body := []byte(trackBody)
	half := len(body) / 2
	members := append(compress(t, "gzip", body[:half]), compress(t, "gzip", body[half:])...)
	frames := append(compress(t, "zstd", body[:half]), compress(t, "zstd", body[half:])...)
	for _, c := range []struct {
		name, encoding string
		data           []byte
	}{
		{"identity", "identity", body},
		{"gzip", "gzip", compress(t, "gzip", body)},
		{"gzip in any case", "GZip", compress(t, "gzip", body)},
		{"x-gzip", "x-gzip", compress(t, "gzip", body)},
		{"two members", "gzip", members},
		{"deflate as zlib", "deflate", compress(t, "zlib", body)},
		{"deflate without a frame", "deflate", compress(t, "flate", body)},
		{"zstd", "zstd", compress(t, "zstd", body)},
		{"two frames", "zstd", frames},
	} {
		f := newFixture(t)
		for range 2 { // the second time with used decoders
			for _, reader := range []io.Reader{bytes.NewReader(c.data), unsized{bytes.NewReader(c.data)}} {
				a := f.send(request{reader: reader, header: map[string]string{"Content-Encoding": c.encoding}})
				if a.status != http.StatusOK {
					t.Errorf("%s: %d %s", c.name, a.status, a.body)
				}
			}
		}
		for _, r := range f.log.records(t) {
			if string(r.Body) != trackBody {
				t.Errorf("%s: stored %s", c.name, r.Body)
			}
		}
	}
}

func TestBadCompression(t *testing.T) {
	good := compress(t, "gzip", []byte(trackBody))
	for _, c := range []struct {
		name, encoding string
		data           []byte
		code           string
	}{
		{"unknown", "br", []byte(trackBody), "body.encoding"},
		{"two", "gzip, gzip", good, "body.encoding"},
		{"not compressed", "gzip", []byte(trackBody), "body.compression"},
		{"not compressed zstd", "zstd", []byte(trackBody), "body.compression"},
		{"not compressed deflate", "deflate", []byte(trackBody), "body.compression"},
		{"gzip truncated", "gzip", good[:len(good)-9], "body.compression"},
		{"gzip without its sum", "gzip", good[:len(good)-4], "body.compression"},
		{"gzip with a wrong sum", "gzip", append(bytes.Clone(good[:len(good)-8]), 1, 2, 3, 4, 5, 6, 7, 8), "body.compression"},
		{"garbage behind", "gzip", append(bytes.Clone(good), "garbage"...), "body.compression"},
		{"only a head", "gzip", good[:10], "body.compression"},
		{"compressed twice", "gzip", compress(t, "gzip", good), "json.syntax"},
		{"zstd truncated", "zstd", compress(t, "zstd", []byte(trackBody))[:12], "body.compression"},
	} {
		f := newFixture(t)
		a := f.send(request{reader: bytes.NewReader(c.data), header: map[string]string{"Content-Encoding": c.encoding}})
		if m := a.json(t); a.status != http.StatusBadRequest || m["code"] != c.code {
			t.Errorf("%s: %d %s, want %s", c.name, a.status, a.body, c.code)
		}
		if a := f.send(request{reader: bytes.NewReader(good), header: map[string]string{"Content-Encoding": "gzip"}}); a.status != http.StatusOK {
			t.Errorf("after %s: %d %s", c.name, a.status, a.body)
		}
	}
}

func TestTwoContentEncodingHeaders(t *testing.T) {
	f := newFixture(t)
	r := newRequest("POST", "/v1/track", trackBody)
	r.Header["Content-Encoding"] = []string{"identity", "gzip"}
	if a := f.do(r); a.status != http.StatusBadRequest || a.json(t)["code"] != "body.encoding" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// bombs are small bodies that blow up.
func bombs(t testing.TB) map[string][]byte {
	zeros := make([]byte, 5<<20)
	spaces := bytes.Repeat([]byte(" "), 2<<20)
	empty := compress(t, "gzip", nil)
	return map[string][]byte{
		"gzip zeros":                   compress(t, "gzip", zeros),
		"gzip spaces":                  compress(t, "gzip", spaces),
		"gzip members that are large":  bytes.Repeat(compress(t, "gzip", zeros[:600<<10]), 20),
		"gzip members that are empty":  append(bytes.Repeat(empty, 5_000), compress(t, "gzip", []byte(trackBody))...),
		"deflate zeros":                compress(t, "zlib", zeros),
		"zstd zeros":                   compress(t, "zstd", zeros),
		"zstd frame that claims a GiB": zstdClaim(1 << 30),
	}
}

// zstdClaim is the head of a frame that says how much comes out, and one block of
// repeated bytes.
func zstdClaim(size uint64) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0}
	b = binary.LittleEndian.AppendUint64(b, size)
	return append(b, 0x03, 0x00, 0x10, ' ') // the last block, of run-length kind, 128 KiB
}

func TestBombsMakeNoMemory(t *testing.T) {
	for name, data := range bombs(t) {
		w := &work{}
		encoding, _, _ := strings.Cut(name, " ")
		out, refused := w.inflate(encoding, data, 640<<10)
		if cap(w.inflated) > 2<<20 {
			t.Errorf("%s: %d bytes of memory", name, cap(w.inflated))
		}
		if strings.HasSuffix(name, "empty") {
			if refused != nil || string(out) != trackBody {
				t.Errorf("%s: %v", name, refused)
			}
			continue
		}
		if refused == nil || refused.status != http.StatusBadRequest {
			t.Errorf("%s: %d bytes came out, refused with %v", name, len(out), refused)
		}
		w.reset()
		if cap(w.inflated) > keepScratch {
			t.Errorf("%s: %d bytes are kept", name, cap(w.inflated))
		}
	}
}

func TestBombsAreRefused(t *testing.T) {
	f := newFixture(t)
	for name, data := range bombs(t) {
		encoding, _, _ := strings.Cut(name, " ")
		a := f.send(request{reader: unsized{bytes.NewReader(data)}, header: map[string]string{"Content-Encoding": encoding}})
		want := http.StatusBadRequest
		if strings.HasSuffix(name, "empty") {
			want = http.StatusOK
		}
		if a.status != want {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// counted counts what is read of a body.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func TestBodyLimit(t *testing.T) {
	page := `{"type":"page","userId":"u"}`
	for _, c := range []struct {
		name   string
		limit  int64
		size   int
		status int
	}{
		{"at the limit", 0, 640 << 10, 200},
		{"one beyond", 0, 640<<10 + 1, 400},
		{"far beyond", 0, 9 << 20, 400},
		{"settable", 4 << 20, 4 << 20, 200},
		{"not beyond its own", 9 << 20, 4<<20 + 1, 400},
	} {
		body := `{"batch":[` + page + `]` + times(c.size-len(page)-11-1, " ") + `}`
		if len(body) != c.size {
			t.Fatalf("%d bytes, want %d", len(body), c.size)
		}
		for _, chunked := range []bool{false, true} {
			f := newFixture(t, func(cfg *Config) { cfg.Limits.BodyBytes = c.limit })
			r := newRequest("POST", "/v1/batch", "")
			read := &counted{Reader: strings.NewReader(body)}
			r.Body, r.ContentLength = io.NopCloser(read), int64(len(body))
			if chunked {
				r.ContentLength = -1
			}
			a := f.do(r)
			if a.status != c.status || c.status == 400 && a.json(t)["code"] != "body.too_large" {
				t.Errorf("%s, chunked %t: %d %s", c.name, chunked, a.status, a.body)
			}
			if read.n != len(body) {
				t.Errorf("%s, chunked %t: %d of %d bytes were read", c.name, chunked, read.n, len(body))
			}
		}
	}
}

func TestDrainEnds(t *testing.T) {
	f := newFixture(t)
	read := &counted{Reader: endless{}}
	r := newRequest("POST", "/v1/batch", "")
	r.Body, r.ContentLength = io.NopCloser(read), -1
	a := f.do(r)
	if a.status != http.StatusBadRequest || a.header.Get("Connection") != "close" || read.n > drainMax+2<<20 {
		t.Errorf("%d %s after %d bytes, connection %q", a.status, a.body, read.n, a.header.Get("Connection"))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestBodyIsNotAskedForInVain(t *testing.T) {
	for name, q := range map[string]func(*http.Request){
		"too large": func(r *http.Request) { r.ContentLength = 9 << 20 },
		"no key":    func(r *http.Request) { r.Header.Set("Authorization", basicHeader("nobody:")) },
	} {
		f := newFixture(t)
		read := &counted{Reader: endless{}}
		r := newRequest("POST", "/v1/batch", "")
		r.Body = io.NopCloser(read)
		r.Header.Set("Expect", "100-continue")
		q(r)
		if a := f.do(r); a.status < 400 || a.status > 401 || read.n != 0 {
			t.Errorf("%s: %d %s after %d bytes", name, a.status, a.body, read.n)
		}
	}
}

// cut is a body that breaks off with an error.
type cut struct {
	io.Reader
	err error
}

func (c cut) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		err = c.err
	}
	return n, err
}

func TestBodyThatBreaksOff(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{io.ErrUnexpectedEOF, 400, "body.incomplete"},
		{errors.New("malformed chunked encoding"), 400, "body.incomplete"},
		{os.ErrDeadlineExceeded, 408, "body.timeout"},
	} {
		f := newFixture(t)
		r := newRequest("POST", "/v1/track", "")
		r.Body, r.ContentLength = io.NopCloser(cut{strings.NewReader(trackBody), c.err}), 500
		a := f.do(r)
		if a.status != c.status || a.json(t)["code"] != c.code || a.header.Get("Connection") != "close" || f.log.calls != 0 {
			t.Errorf("%v: %d %s", c.err, a.status, a.body)
		}
	}
}

func TestBytesInFlightAreBounded(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.InFlightBytes = 1 << 20 })
	body := `{"batch":[{"type":"page","userId":"u"}]` + times(600<<10, " ") + `}`
	a := f.send(request{path: "/v1/batch", body: body})
	if m := a.json(t); a.status != http.StatusTooManyRequests || m["code"] != "overloaded" || a.header.Get("Retry-After") != "1" || f.log.calls != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.send(request{body: trackBody}); a.status != http.StatusOK {
		t.Errorf("a small one afterwards: %d %s", a.status, a.body)
	}
}

func TestRecordsInFlightAreBounded(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.InFlightBytes = 1 << 20 })
	small := compress(t, "gzip", []byte(`{"context":{"x":"`+times(10<<10, "x")+`"},"batch":[`+times(400, `{"type":"page","userId":"u"},`)+`{"type":"page","userId":"u"}]}`))
	a := f.send(request{path: "/v1/batch", reader: bytes.NewReader(small), header: map[string]string{"Content-Encoding": "gzip"}})
	if a.status != http.StatusTooManyRequests || f.log.calls != 0 {
		t.Errorf("%d %s: a few KB that make 4 MB of records need room for these", a.status, a.body)
	}
}

func TestRequestsInFlightAreBounded(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Limits.InFlightRequests = 10 })
	var held []principal
	for f.requests.take(principal{source: "web"}, 1) {
		held = append(held, principal{source: "web"})
	}
	if len(held) != 8 {
		t.Errorf("one source may have %d of 10", len(held))
	}
	if a := f.send(request{body: trackBody}); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.sources["quiet"] = Source{Key: "quiet", Enabled: true}
	if a := f.send(request{body: trackBody, noKey: true, header: map[string]string{"X-Write-Key": "quiet"}}); a.status != http.StatusOK {
		t.Errorf("the other source: %d %s", a.status, a.body)
	}
	for _, who := range held {
		f.requests.give(who, 1)
	}
}

func TestBuffersComeInSizes(t *testing.T) {
	var p buffers
	for _, n := range []int{0, 1, minBuffer, minBuffer + 1, 100 << 10, maxBuffer} {
		b := p.get(n)
		if cap(b.b) < n || cap(b.b) != sizeFor(n) || len(b.b) != 0 {
			t.Errorf("%d bytes: capacity %d, length %d", n, cap(b.b), len(b.b))
		}
		b.b = append(b.b, 1)
		p.put(b)
		if again := p.get(n); len(again.b) != 0 || cap(again.b) != sizeFor(n) {
			t.Errorf("%d bytes again: capacity %d, length %d", n, cap(again.b), len(again.b))
		}
	}
	if b := p.get(maxBuffer + 1); cap(b.b) != maxBuffer+1 {
		t.Errorf("a large one has capacity %d", cap(b.b))
	}
}
