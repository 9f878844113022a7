package archive

import (
	"bytes"
	"testing"

	"kith/internal/oracle/workload"
)

// made is a segment of records of random workloads.
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
	records := workload.Records(1, 20_000)
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
	records := workload.Records(1, 20_000)
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
