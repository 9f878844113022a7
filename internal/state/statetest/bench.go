package statetest

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"kith/internal/state"
)

// The shape of the rows that the benchmarks write and read.
const (
	benchKey   = 40
	benchValue = 150
	benchBatch = 1000
	benchRows  = 200_000
)

// Bench measures batches of 1,000 puts and bulk Gets of 1,000 keys; the rows
// have random keys of 40 bytes and values of 150. One operation is one batch;
// rows/s says the same per row.
func Bench(tb *testing.B, e Engine) {
	tb.Run("Put1000", func(tb *testing.B) { benchPut(tb, e) })
	tb.Run("Get1000", func(tb *testing.B) { benchGet(tb, e) })
	tb.Run("Merge1000", func(tb *testing.B) { benchMerge(tb, e) })
}

// row returns the key and value of the n-th row: always the same, and in random
// order of keys.
func row(n int) (key, value []byte) {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(n))
	r := rand.NewChaCha8(seed)
	buf := make([]byte, benchKey+benchValue)
	_, _ = r.Read(buf) // never fails
	// Half of the value repeats, as the rows of profiles do.
	copy(buf[benchKey+benchValue/2:], "name,email,plan,country,city,last_seen,first_seen,orders,total,currency,sou")
	return buf[:benchKey:benchKey], buf[benchKey:]
}

// batch returns the i-th batch of rows.
func batch(i int) []state.KV {
	rows := make([]state.KV, benchBatch)
	for j := range rows {
		rows[j].Key, rows[j].Value = row(i*benchBatch + j)
	}
	return rows
}

func putRows(tb testing.TB, s state.Store, rows []state.KV, cursor int) {
	ctx := context.Background()
	tx, err := s.Begin(ctx, []state.Lock{1})
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range rows {
		tx.Put(r.Key, r.Value)
	}
	if err := tx.Commit(ctx, benchCursor(cursor)); err != nil {
		tb.Fatal(err)
	}
}

func benchCursor(n int) state.Cursor {
	c := state.Cursor{Key: b("cursor"), New: i64(int64(n) + 1)}
	if n > 0 {
		c.Old = i64(int64(n))
	}
	return c
}

func benchPut(tb *testing.B, e Engine) {
	s := e.Open(tb)
	i := 0
	tb.ReportAllocs()
	for tb.Loop() {
		tb.StopTimer()
		rows := batch(i)
		tb.StartTimer()
		putRows(tb, s, rows, i)
		i++
	}
	tb.ReportMetric(float64(i*benchBatch)/tb.Elapsed().Seconds(), "rows/s")
}

func benchGet(tb *testing.B, e Engine) {
	s := e.Open(tb)
	for i := range benchRows / benchBatch {
		putRows(tb, s, batch(i), i)
	}
	ctx := context.Background()
	tx, err := s.Begin(ctx, nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer tx.Rollback()
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([][]byte, benchBatch)
	i := 0
	tb.ReportAllocs()
	for tb.Loop() {
		tb.StopTimer()
		for j := range keys {
			keys[j], _ = row(rng.IntN(benchRows))
		}
		tb.StartTimer()
		values, err := tx.Get(ctx, keys)
		if err != nil || values[0] == nil {
			tb.Fatalf("Get: %v", err)
		}
		i++
	}
	tb.ReportMetric(float64(i*benchBatch)/tb.Elapsed().Seconds(), "rows/s")
}

// benchMerge merges 1,000 of 20,000 counters a batch.
func benchMerge(tb *testing.B, e Engine) {
	s := e.Open(tb)
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(1, 2))
	counters := make([][]byte, 20*benchBatch)
	for i := range counters {
		counters[i], _ = row(i)
	}
	one := i64(1)
	i := 0
	tb.ReportAllocs()
	for tb.Loop() {
		tx, err := s.Begin(ctx, []state.Lock{1})
		if err != nil {
			tb.Fatal(err)
		}
		for range benchBatch {
			tx.Merge(counters[rng.IntN(len(counters))], state.OpAdd, one)
		}
		if err := tx.Commit(ctx, benchCursor(i)); err != nil {
			tb.Fatal(err)
		}
		i++
	}
	tb.ReportMetric(float64(i*benchBatch)/tb.Elapsed().Seconds(), "rows/s")
}
