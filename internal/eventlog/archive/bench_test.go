package archive

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// events makes n records like what a browser sends: about 640 bytes of JSON of
// which the identifiers, times and numbers differ.
func events(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	uuid := func() string {
		return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&(1<<48-1))
	}
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	out := make([][]byte, n)
	for i := range out {
		at := time.UnixMilli(1_700_000_000_000 + int64(r.IntN(100_000_000))).UTC().Format("2006-01-02T15:04:05.000Z")
		out[i] = fmt.Appendf(nil, `{"messageId":"%s","type":"track","event":"%s","userId":"u%d","anonymousId":"%s","timestamp":"%s","sentAt":"%s",`+
			`"properties":{"product_id":"p-%d","category":"%s","price":%d.%02d,"quantity":%d,"currency":"EUR","cart_id":"%.8s"},`+
			`"context":{"ip":"10.%d.%d.%d","locale":"fr-FR","library":{"name":"analytics.js","version":"1.84.3"},"userAgent":"%s",`+
			`"page":{"path":"/p/%d","url":"https://shop.example.com/p/%d"}}}`,
			uuid(), pick("Product Viewed", "Product Added", "Order Completed", "Checkout Started", "Page Viewed", "Signed Up"),
			r.IntN(1_000_000), uuid(), at, at, r.IntN(10_000), pick("shoes", "books", "garden", "electronics", "toys", "sport"),
			r.IntN(500), r.IntN(100), r.IntN(5), uuid(), r.IntN(256), r.IntN(256), r.IntN(256),
			pick("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
				"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"),
			r.IntN(10_000), r.IntN(10_000))
	}
	return out
}

// made is a segment of records.
func made(b *testing.B, records [][]byte) (data []byte, raw int64) {
	b.Helper()
	var out bytes.Buffer
	w, err := newWriter(&out, newCodec(), 3, 0)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range records {
		if err := w.add(r); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.finish(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes(), w.raw
}

// BenchmarkWrite makes a segment: time by record, and bytes of the file.
func BenchmarkWrite(b *testing.B) {
	records := events(20_000)
	var data []byte
	var raw int64
	for b.Loop() {
		data, raw = made(b, records)
	}
	n := float64(len(records))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/record")
	b.ReportMetric(float64(raw)/n, "raw-B/record")
	b.ReportMetric(float64(len(data))/n, "B/record")
}

// BenchmarkRead reads it whole, with all checks.
func BenchmarkRead(b *testing.B) {
	records := events(20_000)
	data, _ := made(b, records)
	codec := newCodec()
	for b.Loop() {
		c, err := readContents(bytes.NewReader(data), int64(len(data)), 3)
		if err != nil {
			b.Fatal(err)
		}
		read := 0
		for i := range c.blocks {
			some, err := c.readBlock(bytes.NewReader(data), codec, 3, i)
			if err != nil {
				b.Fatal(err)
			}
			read += len(some)
		}
		if read != len(records) {
			b.Fatalf("%d records", read)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/record")
}
