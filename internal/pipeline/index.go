package pipeline

import (
	"bytes"
	"context"
	"math"
	"slices"

	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/search"
	"kith/internal/state"
)

// The index that people are searched in is a function of identifiers, of the
// trait writes that count and of the numbers in the history. Its rows are written
// where these are, under the same locks.

// findByIdentifier indexes what a node stands for. Like the identifier's own row
// these are the same whoever writes them, and stay when nothing names the node
// any more.
func (b *batchView) findByIdentifier(n identity.NodeID, id identity.Identifier) {
	for _, row := range search.IdentifierRows(n, id) {
		b.tx.Put(row.Key, row.Value)
	}
}

// findByNumbers indexes the numbers that an event names.
func (b *batchView) findByNumbers(e *history.Entry) {
	for _, s := range e.Numbers {
		for _, row := range search.NumberRows(e.Node, s) {
			b.tx.Put(row.Key, row.Value)
		}
	}
}

// unfindNumbers takes out those numbers of a withdrawn event that no other event
// of its node names. What the batch adds is written afterwards.
func (b *batchView) unfindNumbers(ctx context.Context, e *history.Entry, gone map[history.Place]bool) error {
	if len(e.Numbers) == 0 {
		return nil
	}
	left := slices.Clone(e.Numbers)
	for have, err := range b.stages.History.Range(ctx, b.tx, everything(e)) {
		if err != nil {
			return err
		}
		if !gone[have.Place()] {
			left = slices.DeleteFunc(left, func(s string) bool { return slices.Contains(have.Numbers, s) })
		}
	}
	for _, s := range left {
		for _, row := range search.NumberRows(e.Node, s) {
			b.tx.Delete(row.Key)
		}
	}
	return nil
}

// everything asks for all that happened to an event's node.
func everything(e *history.Entry) history.Query {
	return history.Query{Node: e.Node, Strand: e.Strand, From: math.MinInt64, To: math.MaxInt64}
}

// indexTraits brings the index in line with the traits that the batch writes. A
// trait that is not searched costs nothing, one that stays as it was one read.
func (b *batchView) indexTraits(ctx context.Context) error {
	var keys [][]byte
	for k, row := range b.traits {
		if !row.account && search.IndexesTrait(traitKey(k)) {
			keys = append(keys, []byte(k))
		}
	}
	values, err := b.tx.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		var stored *profile.Write
		if v != nil {
			w, err := profile.DecodeWrite(v)
			if err != nil {
				return err
			}
			stored = &w
		}
		b.reindex(string(keys[i]), stored)
	}
	return nil
}

// traitNodeEnd is where the trait's name begins in the key of a trait's row.
const traitNodeEnd = 1 + len(identity.NodeID{})

func traitKey(row string) string { return row[traitNodeEnd:] }

// reindex replaces what the index says of a trait's stored value by what it says
// of the one that counts after the batch.
func (b *batchView) reindex(k string, stored *profile.Write) {
	row := b.traits[k]
	counts := row.last
	if !row.rebuilt && stored != nil && stored.Compare(counts) >= 0 {
		return
	}
	node, name := identity.NodeID([]byte(k[1:traitNodeEnd])), traitKey(k)
	var before, after []state.KV
	if stored != nil {
		before = search.TraitRows(node, name, stored.Value)
	}
	if counts != nil {
		after = search.TraitRows(node, name, counts.Value)
	}
	for _, row := range before {
		if find(after, row.Key) == nil {
			b.tx.Delete(row.Key)
		}
	}
	for _, row := range after {
		if have := find(before, row.Key); have == nil || !bytes.Equal(have.Value, row.Value) {
			b.tx.Put(row.Key, row.Value)
		}
	}
}

// find returns the row of a key, or nil.
func find(rows []state.KV, key []byte) *state.KV {
	i := slices.IndexFunc(rows, func(row state.KV) bool { return bytes.Equal(row.Key, key) })
	if i < 0 {
		return nil
	}
	return &rows[i]
}
