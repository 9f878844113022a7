package local

import "sync"

// notify wakes those who wait for new records.
type notify struct {
	mu sync.Mutex
	ch chan struct{} // nil while nobody waits
}

// next returns a channel that is closed at the next wake.
func (n *notify) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

// wake wakes all who wait.
func (n *notify) wake() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}
