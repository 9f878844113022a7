// Package sys holds the three seams between kith and its machine: the clock,
// randomness and the file system. Everything that needs one of them is given
// it; nothing outside this package reads the wall clock, the system's entropy
// or the disk by itself. One seed can therefore drive a whole simulated run.
package sys

import (
	"crypto/rand"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is the file system every engine works on: the disk, or in tests a memory
// file system that can be cut off like a machine that loses power.
type FS = vfs.FS

// Disk returns the operating system's file system.
func Disk() FS { return vfs.Default }

// Clock tells the time.
type Clock interface {
	// Now is the wall clock.
	Now() time.Time
	// After returns a channel that receives once d has passed.
	After(d time.Duration) <-chan time.Time
}

// Rand is a source of unpredictable bytes. Read never fails and always fills p.
type Rand interface {
	io.Reader
}

// Wall returns the machine's clock.
func Wall() Clock { return wall{} }

type wall struct{}

func (wall) Now() time.Time                         { return time.Now() }
func (wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Entropy returns the machine's cryptographic random source.
func Entropy() Rand { return rand.Reader }

// Manual is a clock that moves only when told to; it is safe for concurrent use.
type Manual struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
}

type waiter struct {
	at time.Time
	ch chan time.Time
}

// NewManual returns a clock that stands at t.
func NewManual(t time.Time) *Manual { return &Manual{now: t} }

// Now implements Clock.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// After implements Clock.
func (m *Manual) After(d time.Duration) <-chan time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := make(chan time.Time, 1)
	at := m.now.Add(d)
	if d <= 0 {
		ch <- m.now
		return ch
	}
	m.waiters = append(m.waiters, waiter{at, ch})
	return ch
}

// Advance moves the clock forward and wakes whoever waited for that moment.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	rest := m.waiters[:0]
	for _, w := range m.waiters {
		if w.at.After(m.now) {
			rest = append(rest, w)
			continue
		}
		w.ch <- m.now
	}
	m.waiters = rest
}

// Seeded returns a random source that repeats itself for the same seed. It is
// for tests and simulation only: its output can be predicted.
func Seeded(seed uint64) Rand {
	var b [32]byte
	for i := range 8 {
		b[i] = byte(seed >> (8 * i))
	}
	return &seeded{src: mathrand.NewChaCha8(b)}
}

type seeded struct {
	mu  sync.Mutex
	src *mathrand.ChaCha8
}

func (s *seeded) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Read(p)
}

// Millis is t in UTC milliseconds, finer digits cut off (towards the past).
func Millis(t time.Time) int64 { return t.UnixMilli() }

// WriteFile replaces a file whole: whoever opens it sees the old content or the
// new one.
func WriteFile(fs FS, name string, data []byte) error {
	f, err := fs.Create(name+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return fs.Rename(name+".new", name)
}
