package mem_test

import (
	"testing"

	"kith/internal/state"
	"kith/internal/state/mem"
	"kith/internal/state/statetest"
)

func engine() statetest.Engine {
	return statetest.Engine{Open: func(tb testing.TB) state.Store {
		s := mem.New()
		tb.Cleanup(func() {
			if err := s.Close(); err != nil {
				tb.Error(err)
			}
		})
		return s
	}}
}

func TestSuite(t *testing.T) { statetest.Run(t, engine()) }

func BenchmarkMem(b *testing.B) { statetest.Bench(b, engine()) }
