package pebble

import (
	"sync"

	"kith/internal/state/internal/txn"
)

// use counts who is inside the database, so that Close can wait for them and
// nobody enters it afterwards: a closed Pebble answers with a panic. It is no
// RWMutex, because a scan stays inside while its caller reads again, and a
// waiting writer would block that second reader forever.
type use struct {
	mu        sync.Mutex
	inside    int
	closed    bool
	idle      chan struct{} // closed by the last to leave after close
	snapshots map[*snapshot]struct{}
}

// check fails after close.
func (u *use) check() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return txn.ErrClosed()
	}
	return nil
}

// enter counts the caller in, or fails after close. It never waits.
func (u *use) enter() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return txn.ErrClosed()
	}
	u.inside++
	return nil
}

// add enters and remembers a snapshot that close has to close.
func (u *use) add(s *snapshot) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return txn.ErrClosed()
	}
	u.inside++
	if u.snapshots == nil {
		u.snapshots = map[*snapshot]struct{}{}
	}
	u.snapshots[s] = struct{}{}
	return nil
}

// forget drops a snapshot that has been closed.
func (u *use) forget(s *snapshot) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.snapshots, s)
}

func (u *use) leave() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.inside--
	if u.inside == 0 && u.idle != nil {
		close(u.idle)
	}
}

// close lets nobody in any more, waits until all have left and closes the
// snapshots. It returns false when it has been called before.
func (u *use) close() bool {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return false
	}
	u.closed = true
	if u.inside > 0 {
		u.idle = make(chan struct{})
	}
	idle := u.idle
	u.mu.Unlock()
	if idle != nil {
		<-idle
	}
	for s := range u.snapshots {
		s.release()
	}
	return true
}
