package collect

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"kith/internal/eventlog"
	"kith/internal/sys"
)

// discard is a log that keeps nothing.
type discard struct{}

func (discard) Append(context.Context, []eventlog.Entry) ([]eventlog.Position, error) {
	return nil, nil
}

// bareWriter is a response writer that keeps nothing.
type bareWriter struct {
	header http.Header
	status int
}

func (w *bareWriter) Header() http.Header         { return w.header }
func (w *bareWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *bareWriter) WriteHeader(status int)      { w.status = status }

// benchMessage is a browser's event of about 600 bytes.
func benchMessage(i int) string {
	return fmt.Sprintf(`{"timestamp":"2026-11-22T11:59:58.%03dZ","integrations":{"Segment.io":true},"event":"Product Viewed","type":"track",`+
		`"properties":{"product_id":"p-%06d","name":"Blå tröja","price":249.5,"currency":"SEK","category":"Tröjor"},`+
		`"context":{"page":{"path":"/shop/","referrer":"","search":"?utm_source=news","title":"Shop","url":"https://shop.example.com/shop/?utm_source=news"},`+
		`"library":{"name":"analytics.js","version":"npm:next-1.84.3"},"locale":"sv-SE","timezone":"Europe/Stockholm"},`+
		`"messageId":"ajs-next-1795305598%03d-f819b9bb-ef28-47ba-acff-%012d","anonymousId":"0d1c4f4e-6f37-4b3b-9d1e-%012d","userId":"user-%d"}`,
		i%1000, i, i%1000, i, i%5000, i%5000)
}

func benchBatch(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"batch":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(benchMessage(i))
	}
	b.WriteString(`],"sentAt":"2026-11-22T11:59:59.000Z"}`)
	return b.Bytes()
}

func benchmark(b *testing.B, path string, body []byte, events int) {
	c := New(Config{Log: discard{}, Sources: sources{testKey: {Key: "web", Enabled: true}}, Clock: sys.Wall(), Rand: sys.Entropy()})
	handler := c.Handler()
	u, err := url.Parse("http://collect.example.com" + path)
	if err != nil {
		b.Fatal(err)
	}
	header := http.Header{
		"Authorization": {"Basic a3hfd3JpdGVfa2V5Og=="}, "Content-Type": {"text/plain"},
		"Origin": {"https://shop.example.com"}, "User-Agent": {"Mozilla/5.0 (X11; Linux x86_64)"},
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	b.RunParallel(func(pb *testing.PB) {
		reader := bytes.NewReader(body)
		w := &bareWriter{header: http.Header{}}
		for pb.Next() {
			reader.Reset(body)
			clear(w.header)
			handler.ServeHTTP(w, &http.Request{
				Method: http.MethodPost, URL: u, Header: header, Body: io.NopCloser(reader), ContentLength: int64(len(body)),
				Host: "collect.example.com", RemoteAddr: "192.0.2.1:5000", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			})
			if w.status != http.StatusOK {
				b.Errorf("status %d", w.status)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkBatchOf100(b *testing.B) { benchmark(b, "/v1/batch", benchBatch(100), 100) }

func BenchmarkOne(b *testing.B) { benchmark(b, "/v1/t", []byte(benchMessage(7)), 1) }
