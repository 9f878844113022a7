package identity

import (
	"bytes"
	"context"
	"encoding/binary"

	"kith/internal/errs"
	"kith/internal/state"
)

// Ruling is an operator's word on two identifiers: that they belong together, or
// that they must never be in one cluster. It is no sighting: an identifier that
// only rulings name was never seen, widens no span and leads no cluster, but the
// ruling waits for it and binds others through it.
type Ruling struct {
	Decision string // id of the decision that it is part of
	Apart    bool
	A, B     NodeID // A before B in byte order
	At       int64  // moment of the decision, UTC milliseconds
}

// NewRuling returns the ruling of a decision on two different nodes.
func NewRuling(decision string, apart bool, a, b NodeID, at int64) Ruling {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return Ruling{Decision: decision, Apart: apart, A: a, B: b, At: at}
}

// Other returns the other node of a ruling.
func (r *Ruling) Other(n NodeID) NodeID {
	if n == r.A {
		return r.B
	}
	return r.A
}

// AliasPrefix begins the decision of a ruling that no operator made but an alias
// call, under the setting that lets it.
const AliasPrefix = "alias_"

// rulingVersion begins the stored value.
const rulingVersion = 1

// RulingPrefix is the key prefix of the rulings on a node.
func RulingPrefix(node NodeID) []byte {
	return append([]byte{byte(state.FamilyRuling)}, node[:]...)
}

// Rows are the two rows of a ruling, one below each of its nodes, and their value.
func (r *Ruling) Rows() (keys [2][]byte, value []byte) {
	keys[0] = append(append(RulingPrefix(r.A), r.B[:]...), r.Decision...)
	keys[1] = append(append(RulingPrefix(r.B), r.A[:]...), r.Decision...)
	value = []byte{rulingVersion, 0}
	if r.Apart {
		value[1] = 1
	}
	return keys, binary.AppendVarint(value, r.At)
}

// DecodeRuling reads a stored row.
func DecodeRuling(key, value []byte) (Ruling, error) {
	d := state.NewDecoder(value)
	version, apart := d.Byte(), d.Byte()
	at := d.Varint()
	if len(key) <= 33 || version != rulingVersion || apart > 1 || !d.Done() {
		return Ruling{}, errs.New(errs.Corrupt, "identity.ruling_format", "a stored ruling cannot be read")
	}
	return NewRuling(string(key[33:]), apart == 1, NodeID(key[1:17]), NodeID(key[17:33]), at), nil
}

// Rulings returns the rulings on a node.
func Rulings(ctx context.Context, r state.Reader, node NodeID) ([]Ruling, error) {
	var out []Ruling
	for kv, err := range r.Scan(ctx, state.Prefix(RulingPrefix(node))) {
		if err != nil {
			return nil, err
		}
		ruling, err := DecodeRuling(kv.Key, kv.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, ruling)
	}
	return out, nil
}

// rulebook is what rulings mean for a derivation. The zero value holds none.
type rulebook struct {
	on    map[NodeID][]Ruling        // by either node
	apart map[NodeID]map[NodeID]bool // both ways
	group map[NodeID]NodeID          // parents of a forest over values of one type that are one
}

// add takes in a ruling; sameType tells whether its nodes are of one type, so
// that a merge makes them one value for limits.
func (b *rulebook) add(r Ruling, sameType bool) {
	if b.on == nil {
		b.on = map[NodeID][]Ruling{}
	}
	b.on[r.A] = append(b.on[r.A], r)
	b.on[r.B] = append(b.on[r.B], r)
	if r.Apart {
		b.part(r.A, r.B)
		b.part(r.B, r.A)
		return
	}
	if !sameType {
		return
	}
	if b.group == nil {
		b.group = map[NodeID]NodeID{}
	}
	if x, y := b.groupOf(r.A), b.groupOf(r.B); x != y {
		b.group[x] = y
	}
}

func (b *rulebook) part(a, c NodeID) {
	if b.apart == nil {
		b.apart = map[NodeID]map[NodeID]bool{}
	}
	if b.apart[a] == nil {
		b.apart[a] = map[NodeID]bool{}
	}
	b.apart[a][c] = true
}

// groupOf returns the node that stands for a value's group.
func (b *rulebook) groupOf(n NodeID) NodeID {
	for {
		up, ok := b.group[n]
		if !ok {
			return n
		}
		n = up
	}
}

// anyRulings reports whether there is a ruling at all; where there is none, nobody
// has to look for any.
func anyRulings(ctx context.Context, r state.Reader) (bool, error) {
	if over, ok := r.(*Overlay); ok && over.ruled {
		return true, nil
	}
	rng := state.Prefix([]byte{byte(state.FamilyRuling)})
	rng.Limit = 1
	for _, err := range r.Scan(ctx, rng) {
		return err == nil, err
	}
	return false, nil
}
