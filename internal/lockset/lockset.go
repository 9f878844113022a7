// Package lockset says which locks a batch holds, which it lacks, and when it had
// better have all of them: few locks of nodes let others fold beside it, many would
// meet those of others anyway.
package lockset

import (
	"slices"

	"kith/internal/state"
)

// crowded is how many locks of nodes a batch asks for before it asks for all of
// them at once.
const crowded = state.NodeLocks / 4

// Nodes are all locks of nodes.
func Nodes() []state.Lock {
	out := make([]state.Lock, state.NodeLocks)
	for i := range out {
		out[i] = state.Lock(i)
	}
	return out
}

// Widen adds locks to others, ascending. Where that makes many locks of nodes it
// makes all of them.
func Widen(locks, more []state.Lock) []state.Lock {
	locks = slices.Concat(locks, more)
	slices.Sort(locks)
	locks = slices.Compact(locks)
	n, _ := slices.BinarySearch(locks, state.NodeLocks) // those of nodes come first
	if n > crowded && n < state.NodeLocks {
		return append(Nodes(), locks[n:]...)
	}
	return locks
}

// Needed is the error of who has to begin again under more locks.
type Needed struct{ Locks []state.Lock }

// Error implements error.
func (*Needed) Error() string { return "more locks are needed" }

// Set is the locks that a transaction holds.
type Set struct {
	held  map[state.Lock]bool
	nodes int // of them, locks of nodes
}

// Of returns the set of locks, some of which may be given more than once.
func Of(locks []state.Lock) *Set {
	s := &Set{held: make(map[state.Lock]bool, len(locks))}
	for _, l := range locks {
		if !s.held[l] && l < state.NodeLocks {
			s.nodes++
		}
		s.held[l] = true
	}
	return s
}

// Whole reports whether the set holds the locks of all nodes, so that nobody else
// holds any.
func (s *Set) Whole() bool { return s.nodes == state.NodeLocks }

// Any reports whether the set holds the lock of some node, so that nobody else holds
// all of them.
func (s *Set) Any() bool { return s.nodes > 0 }

// Need returns a Needed error of those locks that the set lacks, or nil.
func (s *Set) Need(locks ...state.Lock) error {
	f := s.Footprint()
	f.most = len(locks)
	for _, l := range locks {
		if err := f.Add(l); err != nil {
			return err
		}
	}
	return f.Err()
}

// NeedWhole is Need of the locks of all nodes.
func (s *Set) NeedWhole() error {
	if s.Whole() {
		return nil
	}
	return &Needed{Nodes()}
}

// Footprint gathers the locks of nodes that work turns out to rest on and that a set
// lacks.
type Footprint struct {
	set     *Set
	missing []state.Lock
	most    int // of missing, before all are asked for
}

// Footprint returns one that has gathered nothing.
func (s *Set) Footprint() *Footprint { return &Footprint{set: s, most: crowded - s.nodes} }

// Add gathers a lock. It fails at once with what is needed when so many are lacking
// that all of them are.
func (f *Footprint) Add(l state.Lock) error {
	if f.set.held[l] || slices.Contains(f.missing, l) {
		return nil
	}
	if f.missing = append(f.missing, l); len(f.missing) > f.most {
		return &Needed{Nodes()}
	}
	return nil
}

// Err returns a Needed error of what is lacking, or nil.
func (f *Footprint) Err() error {
	if len(f.missing) == 0 {
		return nil
	}
	return &Needed{f.missing}
}
