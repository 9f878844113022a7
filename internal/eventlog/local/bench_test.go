//go:build unix

package local

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kith/internal/eventlog"
	"kith/internal/sys"
)

// The figures of merit are CPU per record ("cpu-ns/rec", user and system time of
// the whole process), and bytes on disk per record ("disk-B/rec").

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

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

// calls cuts events into the entries of calls.
func calls(n, size int) [][]eventlog.Entry {
	all := events(n * size)
	out := make([][]eventlog.Entry, n)
	for i := range out {
		for _, d := range all[i*size : (i+1)*size] {
			out[i] = append(out[i], eventlog.Entry{Data: d})
		}
	}
	return out
}

func openBench(b *testing.B, opts Options) *Log {
	b.Helper()
	opts.ReserveFraction = -1
	l := mustOpen(b, b.TempDir(), opts)
	b.Cleanup(func() { _ = l.Close() })
	return l
}

// runAppends appends calls of the size from the goroutines and reports.
func runAppends(b *testing.B, goroutines, size int, opts Options) {
	var disk atomic.Int64
	opts.Observer.Committed = func(c Commit) { disk.Add(int64(c.DiskBytes)) }
	l := openBench(b, opts)
	load := calls(200, size)
	var next atomic.Int64
	b.ResetTimer()
	before := cpuTime(b)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if _, err := l.Append(b.Context(), load[i%int64(len(load))]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	cpu := cpuTime(b) - before
	records := float64(b.N * size)
	b.ReportMetric(float64(cpu.Nanoseconds())/records, "cpu-ns/rec")
	b.ReportMetric(records/b.Elapsed().Seconds(), "rec/s")
	b.ReportMetric(float64(disk.Load())/records, "disk-B/rec")
	b.ReportMetric(records/float64(l.Stats().Groups), "rec/sync")
}

func BenchmarkAppendBatch(b *testing.B) {
	for _, c := range []struct {
		name        string
		compression Compression
	}{{"none", None}, {"s2", S2}, {"zstd-fast", ZstdFast}, {"zstd-dense", ZstdDense}} {
		for _, goroutines := range []int{1, 4, 16} {
			b.Run(fmt.Sprintf("%s/%d", c.name, goroutines), func(b *testing.B) {
				runAppends(b, goroutines, 100, Options{Compression: c.compression})
			})
		}
	}
}

func BenchmarkAppendSingle(b *testing.B) {
	for _, c := range []struct {
		name        string
		compression Compression
	}{{"s2", S2}, {"zstd-fast", ZstdFast}} {
		for _, goroutines := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%s/%d", c.name, goroutines), func(b *testing.B) {
				runAppends(b, goroutines, 1, Options{Compression: c.compression})
			})
		}
	}
}

// fill appends n events in batches of 100 and returns the log.
func fill(b *testing.B, n int, opts Options) *Log {
	b.Helper()
	l := openBench(b, opts)
	load := calls(200, 100)
	for i := range n / 100 {
		if _, err := l.Append(b.Context(), load[i%len(load)]); err != nil {
			b.Fatal(err)
		}
	}
	return l
}

func BenchmarkReadSequential(b *testing.B) {
	const records = 200_000
	for _, step := range []int{100, 1000} {
		b.Run(fmt.Sprint(step), func(b *testing.B) {
			l := fill(b, records, Options{SegmentBytes: 16 << 20})
			b.ResetTimer()
			before, read := cpuTime(b), 0
			for at := int64(0); b.Loop(); {
				got, err := l.Read(b.Context(), eventlog.Position{Offset: at}, step, 64<<20)
				if err != nil {
					b.Fatal(err)
				}
				read += len(got)
				at = (at + int64(len(got))) % records
			}
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(read), "cpu-ns/rec")
			b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "rec/s")
		})
	}
}

func BenchmarkReadRandom(b *testing.B) {
	const records = 200_000
	l := fill(b, records, Options{SegmentBytes: 4 << 20})
	r := rand.New(rand.NewPCG(3, 3))
	b.ResetTimer()
	before := cpuTime(b)
	for b.Loop() {
		if _, err := l.Read(b.Context(), eventlog.Position{Offset: r.Int64N(records)}, 1, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/rec")
}

// BenchmarkOpen opens a log of a million records, after it was closed and after
// it was left, as a killed process leaves it.
func BenchmarkOpen(b *testing.B) {
	const records = 1_000_000
	for _, segmentBytes := range []int64{64 << 10, DefaultSegmentBytes} {
		for _, closed := range []bool{true, false} {
			name := fmt.Sprintf("segments of %d KiB, closed %v", segmentBytes>>10, closed)
			b.Run(name, func(b *testing.B) {
				opts := Options{SegmentBytes: segmentBytes, ReserveFraction: -1}
				dir := b.TempDir()
				l := mustOpen(b, dir, opts)
				load := calls(100, 1000)
				for i := range records / 1000 {
					if _, err := l.Append(b.Context(), load[i%len(load)]); err != nil {
						b.Fatal(err)
					}
				}
				segments := l.Stats().Segments
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
				mark := filepath.Join(folder(sys.Disk(), dir, 0), markName)
				b.ResetTimer()
				for range b.N {
					if !closed {
						b.StopTimer()
						if err := os.Remove(mark); err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
					}
					l := mustOpen(b, dir, opts)
					if err := l.Close(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(segments), "segments")
			})
		}
	}
}
