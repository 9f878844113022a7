package search_test

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/search/people"
	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
)

// BenchmarkFind searches among 20,000 people over the embedded engine and over
// PostgreSQL.
func BenchmarkFind(b *testing.B) {
	b.Run("pebble", func(b *testing.B) {
		store, err := pebble.Open("state", pebble.Options{FS: vfs.NewMem(), NoSync: true, ReserveBytes: -1})
		if err != nil {
			b.Fatal(err)
		}
		benchmarkFind(b, store)
	})
	b.Run("postgres", func(b *testing.B) {
		url := pgtest.Start(b)
		store, err := postgres.Open(b.Context(), url, postgres.Options{Schema: pgtest.Schema(b, url)})
		if err != nil {
			b.Fatal(err)
		}
		benchmarkFind(b, store)
	})
}

func benchmarkFind(b *testing.B, store state.Store) {
	defer store.Close()
	const many = 20_000
	p := open(b, store)
	for i := 0; i < many; i += 1000 {
		var records [][]byte
		for j := i; j < i+1000; j++ {
			who := people.Make(j)
			records = append(records, who.Records(start+int64(j))...)
		}
		p.fold(records...)
	}
	for _, class := range people.Classes() {
		b.Run(class.Name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			for b.Loop() {
				q, ok := "", false
				for !ok {
					who := people.Make(rng.IntN(many))
					q, ok = class.Query(rng, &who)
				}
				p.find(q, 20)
			}
		})
	}
}
