package postgres_test

import (
	"context"
	"testing"

	"kith/internal/state"
	"kith/internal/state/postgres"
	"kith/internal/state/postgres/pgtest"
	"kith/internal/state/statetest"
)

func open(tb testing.TB, url string, o postgres.Options) *postgres.Store {
	tb.Helper()
	o.Schema = pgtest.Schema(tb, url)
	s, err := postgres.Open(context.Background(), url, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// located remembers where its store lies.
type located struct {
	*postgres.Store
	url string
}

func engine() statetest.Engine {
	return statetest.Engine{
		Open: func(tb testing.TB) state.Store {
			url := pgtest.Start(tb)
			return located{open(tb, url, postgres.Options{}), url}
		},
		Reopen: func(tb testing.TB, s state.Store) state.Store {
			if err := s.Close(); err != nil {
				tb.Fatal(err)
			}
			url := s.(located).url
			return located{open(tb, url, postgres.Options{}), url}
		},
	}
}

func TestSuite(t *testing.T) { statetest.Run(t, engine()) }

func BenchmarkPostgres(b *testing.B) { statetest.Bench(b, engine()) }
