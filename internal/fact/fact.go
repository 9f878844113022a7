// Package fact defines the ordered stream of what the engine did: which event
// was folded, for which node and profile as they were believed then, and which
// event was withdrawn again. Everything downstream (destinations, analytics, the
// live view) is a cursor on this stream. Facts are recorded once and never
// derived anew.
package fact

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"iter"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/state"
)

// Kind tells what happened.
type Kind uint8

// The kinds. The numbers are stored.
const (
	EventFolded    Kind = 1  // an event entered the state
	ConsentSaid    Kind = 11 // something was said of purposes at a node
	ConsentUnsaid  Kind = 12 // and is taken out of the state again
	RowChanged     Kind = 13 // a row of an entity changed that belongs, or belonged, to a node
	EventWithdrawn Kind = 2  // an event left it: another copy of its message is the event, or it was retracted
	NodeMoved      Kind = 3  // a node belongs to another profile than before
)

// Fact is one thing that happened to one record.
type Fact struct {
	Kind    Kind
	Record  eventlog.Position // a withdrawn one may lie in another partition than its fact
	Node    identity.NodeID   // zero: the event has none
	Profile identity.NodeID   // as it was believed then; zero likewise
	// From, of NodeMoved alone, is the profile that the node belonged to before; zero
	// when it had not been seen. Profile is zero when it is no longer seen. Record is
	// what moved it.
	From identity.NodeID
	// Call, of EventFolded, is a hash of the event's type and, of a track, its name,
	// for who follows some calls only; see CallOf. Of RowChanged it is one of the
	// entity, see CallOfRows; 0 where that was not recorded.
	Call uint32
	// Type, Name (as in the history) and Timestamp (UTC milliseconds), of EventFolded
	// alone, lead to the event's entry in the history of its node; in facts of older
	// versions Type is unknown.
	Type      event.Type
	Name      string
	Timestamp int64
}

// CallOfRows is the hash of an entity that facts of its rows carry. It is never 0.
// Those of built-in entities are odd, all others even.
func CallOfRows(entity string, builtIn bool) uint32 {
	h := CallOf(event.Unknown, entity)
	if builtIn {
		return h | 1
	}
	return max(h&^1, 2)
}

// CallOf is the hash of a call's type and name that facts carry. It is never 0,
// and two calls may share one.
func CallOf(t event.Type, name string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(append([]byte{byte(t)}, name...)) // never fails
	return max(h.Sum32(), 1)
}

// Block is the facts of one batch: they become visible together. Sequence
// numbers of a partition start at 0 and have no gaps.
type Block struct {
	Partition int32
	First     uint64 // sequence number of Facts[0]
	At        int64  // moment of the commit, UTC milliseconds
	Facts     []Fact
}

func prefix(partition int32) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(state.FamilyFact)}, uint32(partition))
}

const version = 4

// Put writes a block in the batch's transaction. An empty one writes nothing.
func Put(tx state.Tx, b Block) {
	if len(b.Facts) > 0 {
		tx.Put(key(b.Partition, b.First), encode(b))
	}
}

func key(partition int32, first uint64) []byte {
	return binary.BigEndian.AppendUint64(prefix(partition), first)
}

func encode(b Block) []byte {
	v := make([]byte, 0, 16+40*len(b.Facts))
	v = append(v, version)
	v = binary.AppendVarint(v, b.At)
	v = binary.AppendUvarint(v, uint64(len(b.Facts)))
	for _, f := range b.Facts {
		v = append(v, byte(f.Kind))
		v = binary.AppendUvarint(v, uint64(f.Record.Partition))
		v = binary.AppendUvarint(v, uint64(f.Record.Offset))
		v = append(v, f.Node[:]...)
		v = append(v, f.Profile[:]...)
		if f.Kind == NodeMoved {
			v = append(v, f.From[:]...)
		}
		if f.Kind == EventFolded || f.Kind == RowChanged {
			v = binary.BigEndian.AppendUint32(v, f.Call)
		}
		if f.Kind == EventFolded {
			v = append(v, byte(f.Type))
			v = binary.AppendUvarint(v, uint64(len(f.Name)))
			v = append(v, f.Name...)
			v = binary.AppendVarint(v, f.Timestamp)
		}
	}
	return v
}

func errFormat() error {
	return errs.New(errs.Corrupt, "fact.format", "a stored block of facts cannot be read")
}

func decode(partition int32, k, v []byte) (Block, error) {
	if len(k) != 13 {
		return Block{}, errFormat()
	}
	d := state.NewDecoder(v)
	form := d.Byte()
	if form == 0 || form > version { // 1 is 2 without moves, 2 is 3 without calls, 3 is 4 without those of rows and without times
		return Block{}, errFormat()
	}
	b := Block{Partition: partition, First: binary.BigEndian.Uint64(k[5:]), At: d.Varint()}
	for n := d.Count(35); n > 0; n-- {
		f := Fact{
			Kind:   Kind(d.Byte()),
			Record: eventlog.Position{Partition: int32(d.Uvarint()), Offset: int64(d.Uvarint())},
			Node:   identity.NodeID(d.Take(16)), Profile: identity.NodeID(d.Take(16)),
		}
		if f.Kind == NodeMoved {
			f.From = identity.NodeID(d.Take(16))
		}
		if f.Kind == EventFolded && form >= 3 || f.Kind == RowChanged && form >= 4 {
			f.Call = binary.BigEndian.Uint32(d.Take(4))
		}
		if f.Kind == EventFolded && form >= 4 {
			f.Type, f.Name, f.Timestamp = event.Type(d.Byte()), string(d.Bytes()), d.Varint()
		}
		b.Facts = append(b.Facts, f)
	}
	if !d.Done() {
		return Block{}, errFormat()
	}
	return b, nil
}

// Read yields the blocks of a partition that hold facts from the sequence number
// on, in order. The first one may begin before it.
func Read(ctx context.Context, r state.Reader, partition int32, from uint64) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		low := prefix(partition)
		end := state.PrefixEnd(low)
		start := key(partition, from)
		// The block that holds from begins at or before it.
		for kv, err := range r.Scan(ctx, state.Range{Low: low, High: append(start, 0), Reverse: true, Limit: 1}) {
			if err != nil {
				yield(Block{}, err)
				return
			}
			start = append([]byte(nil), kv.Key...)
		}
		for kv, err := range r.Scan(ctx, state.Range{Low: start, High: end}) {
			if err != nil {
				yield(Block{}, err)
				return
			}
			b, err := decode(partition, kv.Key, kv.Value)
			if err == nil && b.First+uint64(len(b.Facts)) <= from {
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
