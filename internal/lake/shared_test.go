package lake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"kith/internal/egress"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/lake/s3"
	"kith/internal/lake/s3/s3test"
	"kith/internal/oracle/workload"
	"kith/internal/sys"
)

// inBucket returns access to a lake in an object store, as a process of its own has
// it.
func inBucket(t *testing.T, place s3test.Place) lake.Store {
	t.Helper()
	loc, err := s3.ParseURL(place.URL)
	ok(t, err)
	guard := egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: time.Minute, AnswerBytes: 2 * s3.PartBytes})
	l, err := s3.Open(loc, s3.Options{
		FS: sys.Disk(), Dir: t.TempDir(), Clock: sys.Wall(), Rand: sys.Entropy(), HTTP: guard.Client(0),
		Credentials: s3.Credentials{AccessKey: place.AccessKey, SecretKey: place.SecretKey},
	})
	ok(t, err)
	return l.Store()
}

// TestWritersTakeTurns lets three processes write one lake in a bucket, each of
// which believes at random moments that it is the only one, and holds the tables
// against the state in the end.
func TestWritersTakeTurns(t *testing.T) {
	conflicts := 0
	for seed := uint64(*firstSeed); seed < uint64(*firstSeed+*lawRuns/4); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { conflicts += takeTurns(t, seed) })
	}
	if conflicts == 0 && !t.Failed() {
		t.Error("no writer met another one")
	}
}

func takeTurns(t *testing.T, seed uint64) (conflicts int) {
	place := s3test.Start(t)
	r := rand.New(rand.NewPCG(seed, 23))
	ctx := context.Background()
	w := newWorld(2, 20)
	w.shared = true
	var writers []*lake.Writer
	for range 3 {
		w.files = inBucket(t, place)
		w.wire(20)
		writers = append(writers, w.writer)
	}
	meets := func(err error) {
		t.Helper()
		if errs.Is(err, errs.Conflict) {
			conflicts++
			return
		}
		ok(t, err)
	}
	records := append(workload.Records(seed, 300), workload.Decisions(seed, 10)...)
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for len(records) > 0 {
		n := min(1+r.IntN(40), len(records))
		w.append(t, records[:n])
		records = records[n:]
		for p := range w.log.Partitions() {
			_, err := w.runner.RunOnce(ctx, int32(p))
			ok(t, err)
		}
		_, err := writers[r.IntN(3)].Step(ctx)
		meets(err)
		if r.IntN(3) == 0 {
			w.clock.Advance([]time.Duration{time.Second, 2 * time.Minute, 2 * time.Hour}[r.IntN(3)])
			meets(writers[r.IntN(3)].Tidy(ctx))
		}
	}
	ok(t, w.runner.Drain(ctx))
	for tries := 0; ; tries++ { // who has lost reads anew, and the round is written
		n, err := writers[0].Step(ctx)
		if tries > 3 {
			ok(t, err)
		}
		meets(err)
		if err == nil && n == 0 {
			break
		}
	}
	w.files = inBucket(t, place)
	if w.compare(t) == 0 {
		t.Error("the workload made nothing")
	}
	return conflicts
}
