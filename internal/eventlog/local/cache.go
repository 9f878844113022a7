package local

import "sync"

// cache keeps the decompressed blocks that were used last, for readers that take
// a block in several steps and for many that read the same place. It is safe for
// concurrent use. Its blocks are never changed.
type cache struct {
	limit int // bytes

	mu     sync.Mutex
	bytes  int
	blocks []*block // the last used first
}

// maxCachedBlocks bounds the search for a block.
const maxCachedBlocks = 64

// get returns the block in which the offset lies, if it is here.
func (c *cache) get(offset int64) *block {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, b := range c.blocks {
		if offset >= b.base && offset < b.base+int64(b.count) {
			copy(c.blocks[1:i+1], c.blocks[:i])
			c.blocks[0] = b
			return b
		}
	}
	return nil
}

// put keeps a block and lets go of those unused for longest.
func (c *cache) put(b *block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(b.raw) > c.limit {
		return
	}
	c.blocks = append(c.blocks, nil)
	copy(c.blocks[1:], c.blocks)
	c.blocks[0] = b
	c.bytes += len(b.raw)
	for len(c.blocks) > maxCachedBlocks || c.bytes > c.limit {
		last := len(c.blocks) - 1
		c.bytes -= len(c.blocks[last].raw)
		c.blocks[last] = nil
		c.blocks = c.blocks[:last]
	}
}
