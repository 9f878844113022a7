package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"kith/event"
	"kith/internal/eventlog"
	logmem "kith/internal/eventlog/mem"
	"kith/internal/oracle/workload"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/state/pebble"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
	"kith/internal/sys"
)

// shopping makes n records of about 600 bytes: people by a skewed distribution,
// mostly tracks, some identifies, a few repeats.
func shopping(n, people int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(rng, 1.1, 8, uint64(people-1))
	out := make([][]byte, n)
	for i := range out {
		if i > 100 && rng.IntN(100) == 0 {
			out[i] = out[i-rng.IntN(100)-1]
			continue
		}
		p := zipf.Uint64()
		r := record.Record{Kind: record.Event, Stamp: event.Stamp{
			Source: "web", MessageID: fmt.Sprintf("ajs-next-%d-%016x", i, rng.Uint64()), Type: event.Track,
			ReceivedAt: workload.Start + int64(i), Timestamp: workload.Start + int64(i) - rng.Int64N(1000),
		}}
		ids := fmt.Sprintf(`"anonymousId":"%016x","userId":"user-%d"`, p, p)
		r.Body = fmt.Appendf(nil, `{%s,"event":"Product Viewed","properties":{"product_id":"p-%d","sku":"s-%d","category":"Games","name":"Monopoly: 3rd Edition","brand":"Hasbro","price":18.99,"quantity":1,"currency":"EUR","url":"https://shop.test/p/%d"},"context":{"ip":"10.1.2.3","library":{"name":"analytics.js","version":"1.84.3"},"page":{"path":"/p/%d","title":"Monopoly","url":"https://shop.test/p/%d"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},"integrations":{"All":true}}`,
			ids, rng.IntN(1000), i, i, i, i)
		if rng.IntN(20) == 0 {
			r.Stamp.Type = event.Identify
			r.Body = fmt.Appendf(nil, `{%s,"traits":{"email":"user%d@shop.fr","plan":"pro","name":"User %d","age":%d}}`, ids, p, p, rng.IntN(90))
		}
		out[i] = r.AppendTo(nil)
	}
	return out
}

func benchmarkFold(b *testing.B, open func(b *testing.B) state.Store) {
	const n = 100_000
	records := shopping(n, 1_000_000)
	var bytes int64
	for _, r := range records {
		bytes += int64(len(r))
	}
	b.SetBytes(bytes)
	for b.Loop() {
		b.StopTimer()
		e := newEngine(logmem.New(1), open(b), 1000)
		e.runner.Clock = sys.Wall()
		for lo := 0; lo < n; lo += 1000 {
			for _, r := range records[lo : lo+1000] {
				if _, err := e.log.Append(context.Background(), []eventlog.Entry{{Data: r}}); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.StartTimer()
		if err := e.runner.Drain(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := e.store.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkFoldMemory(b *testing.B) {
	benchmarkFold(b, func(*testing.B) state.Store { return mem.New() })
}

func BenchmarkFoldPebble(b *testing.B) {
	benchmarkFold(b, func(b *testing.B) state.Store {
		s, err := pebble.Open(b.TempDir(), pebble.Options{FS: sys.Disk(), NoSync: true})
		if err != nil {
			b.Fatal(err)
		}
		return s
	})
}

func BenchmarkFoldPostgres(b *testing.B) {
	benchmarkFold(b, func(b *testing.B) state.Store {
		url := pgtest.Start(b)
		s, err := postgres.Open(context.Background(), url, postgres.Options{Schema: pgtest.Schema(b, url)})
		if err != nil {
			b.Fatal(err)
		}
		return s
	})
}

func BenchmarkContribute(b *testing.B) {
	records := shopping(1000, 1000)
	e := newEngine(logmem.New(1), mem.New(), 1000)
	var docs record.Docs
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		e.runner.Interpreter.Contribute(&docs, eventlog.Position{Offset: int64(i)}, records[i%1000])
		i++
	}
}
