package strictjson

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// fewKeys is up to how many keys an object is searched by comparing. With it a
// key costs at most that many comparisons, whatever an attacker chooses.
const fewKeys = 32

// keyTable finds equal keys of a large object: open addressing over a hash
// with a secret seed, so nobody can choose keys that collide. The seed decides
// only where an entry lies, never what is found.
type keyTable struct {
	slots  []uint64 // upper half of the hash, and the key's node; 0 is free, node 0 being the root
	a, b   []byte   // decoded keys
	seed   maphash.Seed
	seeded bool
}

// checkKeys records what is wrong with the keys of the closed object at obj.
func (d *Doc) checkKeys(nodes []node, obj uint32) {
	count := int(nodes[obj].meta >> countShift)
	if d.limits.Keys > 0 && count > d.limits.Keys {
		k := obj + 1
		for range d.limits.Keys {
			k = nodes[k+1].next
		}
		d.violate(nodes[k].start, tooManyKeys)
	}
	if count > fewKeys {
		d.checkManyKeys(nodes, obj, count)
		return
	}
	// A 256-bit Bloom filter with one hash spares nearly all comparisons.
	var seen [4]uint64
	for k := obj + 1; count > 0; count-- {
		key := &nodes[k]
		if key.meta&flagEscaped != 0 {
			d.checkManyKeys(nodes, obj, int(nodes[obj].meta>>countShift))
			return
		}
		h := spread(d.data[key.start+1 : key.end-1])
		word, bit := &seen[h>>6&3], uint64(1)<<(h&63)
		if *word&bit != 0 && d.keyBefore(nodes, obj, k) {
			d.violate(key.start, duplicateKey)
			return
		}
		*word |= bit
		k = nodes[k+1].next
	}
}

// spread makes eight bits of a key: cheap, and no defence against anything.
func spread(s []byte) uint64 {
	var a, b uint64
	switch n := len(s); {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(s)), uint64(binary.LittleEndian.Uint32(s[n-4:]))
	case n > 0:
		a, b = uint64(s[0])<<8|uint64(s[n/2]), uint64(s[n-1])
	}
	const odd = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: Knuth's multiplicative hashing
	return (a ^ bits.RotateLeft64(b, 29) ^ uint64(len(s))) * odd >> 56
}

// keyBefore reports whether a key of the object before the one at k, all
// without escapes, has the same bytes.
func (d *Doc) keyBefore(nodes []node, obj, k uint32) bool {
	name := d.data[nodes[k].start:nodes[k].end]
	for o := obj + 1; o < k; o = nodes[o+1].next {
		if string(d.data[nodes[o].start:nodes[o].end]) == string(name) {
			return true
		}
	}
	return false
}

// checkManyKeys records the first repeated key of an object by hashing.
func (d *Doc) checkManyKeys(nodes []node, obj uint32, count int) {
	t := &d.keys
	t.reset(count)
	mask := uint64(len(t.slots) - 1)
	for k := obj + 1; count > 0; count-- {
		name := d.keyBytes(&nodes[k], &t.a)
		h := maphash.Bytes(t.seed, name)
		for slot := h & mask; ; slot = (slot + 1) & mask {
			s := t.slots[slot]
			if s == 0 {
				t.slots[slot] = h&^0xffffffff | uint64(k)
				break
			}
			if s>>32 == h>>32 && string(d.keyBytes(&nodes[uint32(s)], &t.b)) == string(name) {
				d.violate(nodes[k].start, duplicateKey)
				return
			}
		}
		k = nodes[k+1].next
	}
}

// keyBytes returns a key's decoded bytes, in buf when they need decoding.
func (d *Doc) keyBytes(key *node, buf *[]byte) []byte {
	raw := d.data[key.start+1 : key.end-1]
	if key.meta&flagEscaped == 0 {
		return raw
	}
	*buf = decode((*buf)[:0], raw)
	return *buf
}

// reset makes the table empty and large enough to stay at most half full.
func (t *keyTable) reset(count int) {
	if !t.seeded {
		t.seed, t.seeded = maphash.MakeSeed(), true
	}
	size := 1 << bits.Len(uint(2*count-1))
	if cap(t.slots) < size {
		t.slots = make([]uint64, size)
		return
	}
	t.slots = t.slots[:size]
	clear(t.slots)
}
