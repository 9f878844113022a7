package main

import (
	"github.com/KimMachineGun/automemlimit/memlimit"
)

// Garbage is collected whenever the heap has doubled since, which of the heap of some
// 100 MB that a node has while it folds takes a quarter of its CPU time. A ballast, one
// large piece of it that nobody touches, takes no memory of the machine, and has a small
// heap grow by as much more before it is collected, while it makes little difference to
// a large one.
const (
	ballastBytes = 256 << 20
	ballastShare = 8 // one in so many of the bytes that the process may have, if that is less
)

// heapShare is the part of the memory of a container from which on the heap is collected
// sooner. The rest is for caches beside the heap, and for the processes of queries.
const heapShare = 0.7

// tuneMemory fits the collecting of garbage to the memory that there is, and returns a
// ballast that is one for as long as it is kept. GOMEMLIMIT, where somebody has set it,
// counts instead of what the container may have. It is for what serves and measures: the
// process of a query has bounds of its own, which a ballast would use up.
func tuneMemory() (ballast []byte) {
	_, _ = memlimit.Set(memlimit.WithRatio(heapShare)) // where it cannot be read there is no bound
	memory, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil {
		return nil
	}
	return make([]byte, min(ballastBytes, memory/ballastShare))
}
