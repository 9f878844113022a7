package pebble_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/state"
	"kith/internal/state/pebble"
	"kith/internal/state/statetest"
)

// engine keeps every store on a file system of its own, in memory or on disk.
func engine(o pebble.Options, onDisk bool) statetest.Engine {
	open := func(tb testing.TB, dir string, o pebble.Options) state.Store {
		s, err := pebble.Open(dir, o)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := s.Close(); err != nil {
				tb.Error(err)
			}
		})
		return reopenable{s, dir, o}
	}
	return statetest.Engine{
		Open: func(tb testing.TB) state.Store {
			o, dir := o, "/data/state"
			if onDisk {
				dir = tb.TempDir() + "/data/state"
			} else {
				o.FS = vfs.NewMem()
			}
			return open(tb, dir, o)
		},
		Reopen: func(tb testing.TB, s state.Store) state.Store {
			if err := s.Close(); err != nil {
				tb.Fatal(err)
			}
			r := s.(reopenable)
			return open(tb, r.dir, r.opts)
		},
	}
}

// reopenable remembers how its store was opened.
type reopenable struct {
	*pebble.Store
	dir  string
	opts pebble.Options
}

func TestSuite(t *testing.T) { statetest.Run(t, engine(pebble.Options{}, false)) }

// TestSuiteOnDisk runs the suite on the real file system, with tables so small
// that it flushes and compacts all the time, and without syncs.
func TestSuiteOnDisk(t *testing.T) {
	statetest.Run(t, engine(pebble.Options{MemTableBytes: 64 << 10, NoSync: true, ReserveBytes: -1}, true))
}

func BenchmarkPebble(b *testing.B) {
	b.Run("Sync", func(b *testing.B) { statetest.Bench(b, engine(pebble.Options{}, true)) })
	b.Run("NoSync", func(b *testing.B) { statetest.Bench(b, engine(pebble.Options{NoSync: true}, true)) })
}
