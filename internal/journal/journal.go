// Package journal keeps what became of profiles: which were merged, split or
// renamed, when, and because of which record. It is what was believed at the time,
// recorded once and never derived anew; it is no part of the state hash.
package journal

import (
	"context"
	"encoding/binary"
	"slices"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/state"
)

// Kind tells what became of a profile.
type Kind uint8

// The kinds. The numbers are stored.
const (
	Merged  Kind = 1 // all of From went into To, where others were already
	Split   Kind = 2 // a part of From became To
	Renamed Kind = 3 // all of From is To now, and nobody else
	Moved   Kind = 4 // a part of From went into To, where others were already
)

// String returns the kind's name in answers.
func (k Kind) String() string {
	switch k {
	case Merged:
		return "merged"
	case Split:
		return "split"
	case Renamed:
		return "renamed"
	case Moved:
		return "moved"
	}
	return "unknown"
}

// NodesMax bounds the nodes that an entry names.
const NodesMax = 20

// Entry is one thing that became of two profiles. It is filed under both.
type Entry struct {
	Kind     Kind
	From, To identity.NodeID
	Nodes    []identity.NodeID // that went, the first NodesMax, ascending
	Count    int               // of all that went
	Cause    eventlog.Position // of the record because of which they went

	At        int64  // moment of the commit, UTC milliseconds
	Partition int32  // with Sequence: names the entry below its profile
	Sequence  uint64 // that of the fact of the first node
}

// Move is a node that went from one profile to another in a batch, as the facts tell
// it.
type Move struct {
	Node, From, To identity.NodeID
	Cause          eventlog.Position
	Sequence       uint64
}

// Of makes entries of the moves of a batch. A node without a profile before or
// after is no matter of the journal.
func Of(rev *identity.Revision, moves []Move) []Entry {
	type way struct{ from, to identity.NodeID }
	at := map[way]int{}
	var out []Entry
	for _, m := range moves {
		if m.From.IsZero() || m.To.IsZero() {
			continue
		}
		i, known := at[way{m.From, m.To}]
		if !known {
			i = len(out)
			at[way{m.From, m.To}] = i
			out = append(out, Entry{Kind: kind(rev, m), From: m.From, To: m.To, Cause: m.Cause, Sequence: m.Sequence})
		}
		out[i].Count++
		out[i].Nodes = append(out[i].Nodes, m.Node)
	}
	for i := range out {
		identity.SortNodes(out[i].Nodes)
		out[i].Nodes = out[i].Nodes[:min(len(out[i].Nodes), NodesMax)]
	}
	return out
}

// kind compares the clusters around a node before and after.
func kind(rev *identity.Revision, m Move) Kind {
	whole := !slices.ContainsFunc(rev.Before[m.Node].Nodes, func(n identity.NodeID) bool {
		return rev.Seen[n] && rev.After[n].Leader != m.To
	})
	others := slices.ContainsFunc(rev.After[m.Node].Nodes, func(n identity.NodeID) bool {
		return rev.Seen[n] && rev.Known(n) && rev.Before[n].Leader != m.From
	})
	switch {
	case whole && others:
		return Merged
	case whole:
		return Renamed
	case others:
		return Moved
	}
	return Split
}

const version = 1

func prefix(profile identity.NodeID) []byte {
	return append([]byte{byte(state.FamilyJournal)}, profile[:]...)
}

func (e *Entry) key(profile identity.NodeID) []byte {
	b := state.AppendTime(prefix(profile), e.At)
	b = binary.BigEndian.AppendUint32(b, uint32(e.Partition))
	return binary.BigEndian.AppendUint64(b, e.Sequence)
}

func (e *Entry) encode() []byte {
	b := append(make([]byte, 0, 64+16*len(e.Nodes)), version, byte(e.Kind))
	b = append(append(b, e.From[:]...), e.To[:]...)
	b = binary.AppendUvarint(b, uint64(e.Cause.Partition))
	b = binary.AppendUvarint(b, uint64(e.Cause.Offset))
	b = binary.AppendUvarint(b, uint64(e.Count))
	b = binary.AppendUvarint(b, uint64(len(e.Nodes)))
	for _, n := range e.Nodes {
		b = append(b, n[:]...)
	}
	return b
}

// Put writes entries in the transaction of their batch, which holds the partition.
func Put(tx state.Tx, partition int32, at int64, entries []Entry) {
	for i := range entries {
		e := &entries[i]
		e.Partition, e.At = partition, at
		v := e.encode()
		tx.Put(e.key(e.From), v)
		tx.Put(e.key(e.To), v)
	}
}

func decode(key, value []byte) (Entry, error) {
	d := state.NewDecoder(value)
	v := d.Byte()
	e := Entry{
		Kind: Kind(d.Byte()), From: identity.NodeID(d.Take(16)), To: identity.NodeID(d.Take(16)),
		Cause: eventlog.Position{Partition: int32(d.Uvarint()), Offset: int64(d.Uvarint())}, Count: int(d.Uvarint()),
	}
	for n := d.Count(16); n > 0; n-- {
		e.Nodes = append(e.Nodes, identity.NodeID(d.Take(16)))
	}
	if len(key) != 1+16+8+4+8 || v != version || !d.Done() {
		return e, errs.New(errs.Corrupt, "journal.format", "a stored entry of the journal cannot be read")
	}
	at, rest, _ := state.CutTime(key[17:])
	e.At, e.Partition, e.Sequence = at, int32(binary.BigEndian.Uint32(rest)), binary.BigEndian.Uint64(rest[4:])
	return e, nil
}

// CheckRow tells whether a row of the family of the journal can be read; the error
// is of kind Corrupt.
func CheckRow(key, value []byte) error {
	_, err := decode(key, value)
	return err
}

// After reports whether e comes after f in the order of the journal.
func (e *Entry) After(f *Entry) bool { return e.compare(f) > 0 }

func (e *Entry) compare(f *Entry) int {
	return slices.Compare(e.key(identity.NodeID{}), f.key(identity.NodeID{}))
}

// Read returns the newest entries of several profiles together, which for one
// person are those of all its nodes: each may have led it once. With before only
// those that come before that entry.
func Read(ctx context.Context, r state.Reader, profiles []identity.NodeID, before *Entry, limit int) ([]Entry, error) {
	var out []Entry
	for _, p := range profiles {
		rng := state.Prefix(prefix(p))
		rng.Reverse, rng.Limit = true, limit
		if before != nil {
			rng.High = before.key(p)
		}
		for kv, err := range r.Scan(ctx, rng) {
			if err != nil {
				return nil, err
			}
			e, err := decode(kv.Key, kv.Value)
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return b.compare(&a) })
	out = slices.CompactFunc(out, func(a, b Entry) bool { return a.compare(&b) == 0 })
	return out[:min(len(out), limit)], nil
}
