package identity

import (
	"context"
	"iter"
	"slices"

	"kith/internal/state"
)

// Overlay is a reader with rows laid over it, so that a derivation sees what a
// transaction is going to write, which the transaction itself does not show. It
// is for the rows of nodes: identifiers, observations, references to these and
// rulings. It is not safe for concurrent use.
type Overlay struct {
	base  state.Reader
	rows  map[string][]byte // nil: the row is deleted
	below map[string][]string
	fresh map[NodeID]bool
	ruled bool // a ruling is laid over
}

// overlayPrefix is the length of the prefixes that are mostly scanned: family and
// node. A range lies below one of them, or above all.
const overlayPrefix = 1 + len(NodeID{})

// NewOverlay returns an overlay without rows.
func NewOverlay(base state.Reader) *Overlay {
	return &Overlay{base: base, rows: map[string][]byte{}, below: map[string][]string{}, fresh: map[NodeID]bool{}}
}

// Put lays a row over what is stored; nil deletes it. Key and value must not
// change afterwards.
func (o *Overlay) Put(key, value []byte) {
	k := string(key)
	if _, known := o.rows[k]; !known && len(key) >= overlayPrefix {
		o.below[k[:overlayPrefix]] = append(o.below[k[:overlayPrefix]], k)
	}
	o.rows[k] = value
	o.ruled = o.ruled || value != nil && state.Family(key[0]) == state.FamilyRuling
}

// Fresh says that the store has no identifier, no observation and no reference
// of a node, so that nobody needs to look.
func (o *Overlay) Fresh(node NodeID) { o.fresh[node] = true }

// absent reports whether the store is known to have nothing below a prefix.
func (o *Overlay) absent(key []byte) bool {
	return len(key) >= overlayPrefix && state.Family(key[0]) != state.FamilyRuling &&
		state.Family(key[0]) != state.FamilyCluster && o.fresh[NodeID(key[1:overlayPrefix])]
}

// Get implements state.Reader.
func (o *Overlay) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	out := make([][]byte, len(keys))
	var ask [][]byte
	var at []int
	for i, k := range keys {
		if v, laid := o.rows[string(k)]; laid {
			out[i] = v
		} else if !o.absent(k) {
			ask, at = append(ask, k), append(at, i)
		}
	}
	if len(ask) == 0 {
		return out, nil
	}
	values, err := o.base.Get(ctx, ask)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		out[at[i]] = v
	}
	return out, nil
}

// Scan implements state.Reader, ascending only.
func (o *Overlay) Scan(ctx context.Context, r state.Range) iter.Seq2[state.KV, error] {
	if r.Reverse {
		panic("BUG: an overlay is not read backwards")
	}
	return func(yield func(state.KV, error) bool) {
		n := 0
		o.merge(ctx, state.Range{Low: r.Low, High: r.High}, func(kv state.KV, err error) bool {
			n++
			return yield(kv, err) && n != r.Limit
		})
	}
}

// laid returns the keys in a range that have rows laid over, ascending.
func (o *Overlay) laid(r state.Range) []string {
	var out []string
	inside := func(k string) {
		if k >= string(r.Low) && (r.High == nil || k < string(r.High)) {
			out = append(out, k)
		}
	}
	if len(r.Low) >= overlayPrefix {
		for _, k := range o.below[string(r.Low[:overlayPrefix])] {
			inside(k)
		}
	} else {
		for k := range o.rows {
			inside(k)
		}
	}
	slices.Sort(out)
	return out
}

// merge yields stored rows and those laid over them in one order.
func (o *Overlay) merge(ctx context.Context, r state.Range, yield func(state.KV, error) bool) {
	laid := o.laid(r)
	if !o.absent(r.Low) {
		for kv, err := range o.base.Scan(ctx, r) {
			if err != nil {
				yield(kv, err)
				return
			}
			for len(laid) > 0 && laid[0] < string(kv.Key) {
				if !o.give(laid[0], yield) {
					return
				}
				laid = laid[1:]
			}
			if len(laid) > 0 && laid[0] == string(kv.Key) {
				continue // it is replaced, and given before the next one
			}
			if !yield(kv, nil) {
				return
			}
		}
	}
	for _, k := range laid {
		if !o.give(k, yield) {
			return
		}
	}
}

// give hands over a row that is laid over and not deleted.
func (o *Overlay) give(k string, yield func(state.KV, error) bool) bool {
	v := o.rows[k]
	return v == nil || yield(state.KV{Key: []byte(k), Value: v}, nil)
}
