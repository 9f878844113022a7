package collect

import (
	"math/bits"
	"sync"
)

// Buffers come in powers of two between these; larger ones are made for one use.
const (
	minBuffer = 4 << 10
	maxBuffer = MaxBody
)

// buffer is a piece of pooled memory; its capacity never changes.
type buffer struct {
	b []byte
}

func (b *buffer) size() int64 { return int64(cap(b.b)) }

// buffers pools buffers by size. A request pays its budget for the whole buffer,
// so that what is reserved is what is used.
type buffers struct {
	pools [11]sync.Pool // of *buffer with capacity minBuffer<<i
}

// sizeFor returns the capacity of the buffer that get returns for n bytes.
func sizeFor(n int) int {
	if n > maxBuffer {
		return n
	}
	return 1 << bits.Len(uint(max(n, minBuffer)-1))
}

func (p *buffers) class(size int) *sync.Pool { return &p.pools[bits.Len(uint(size/minBuffer))-1] }

// get returns an empty buffer with room for n bytes.
func (p *buffers) get(n int) *buffer {
	size := sizeFor(n)
	if size <= maxBuffer {
		if b, ok := p.class(size).Get().(*buffer); ok {
			return b
		}
	}
	return &buffer{make([]byte, 0, size)}
}

func (p *buffers) put(b *buffer) {
	if cap(b.b) > maxBuffer {
		return
	}
	b.b = b.b[:0]
	p.class(cap(b.b)).Put(b)
}
