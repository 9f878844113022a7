package profile

import (
	"bytes"
	"context"
	"encoding/binary"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// Write is one write of one custom trait: a top-level key of the traits of an
// identify call (of a person) or a group call (of an account).
type Write struct {
	identity.Sighting        // the event's place in the order of events
	Key               string // of the trait
	Value             []byte // clean JSON; null removes the trait until a later write
}

// Removes reports whether the write takes the trait away.
func (w *Write) Removes() bool { return string(w.Value) == "null" }

// Compare is the order of writes of one trait. The last one counts.
func (w *Write) Compare(o *Write) int {
	if c := w.Sighting.Compare(o.Sighting); c != 0 {
		return c
	}
	return bytes.Compare(w.Value, o.Value)
}

// Writes returns the trait writes of a call's traits, an object.
func Writes(traits strictjson.Value, at identity.Sighting) []Write {
	if traits.Len() == 0 {
		return nil
	}
	out := make([]Write, 0, traits.Len())
	for k, v := range traits.Members() {
		out = append(out, Write{Sighting: at, Key: k.String(), Value: v.AppendClean(nil)})
	}
	return out
}

// TraitPrefix is the key prefix of a node's traits.
func TraitPrefix(node identity.NodeID) []byte {
	return append([]byte{byte(state.FamilyTrait)}, node[:]...)
}

// TraitRow is the key of the row that holds the write that counts.
func TraitRow(node identity.NodeID, key string) []byte {
	return append(TraitPrefix(node), state.BoundName(key)...)
}

// Operand returns the write as an operand of state.OpLast: its place in the
// order of events as a stamp that sorts in byte order, then the key and value.
func (w *Write) Operand() []byte {
	stamp := state.AppendTime(make([]byte, 0, 16+len(w.MessageID)+len(w.Source)), w.Timestamp)
	stamp = state.AppendText(stamp, w.MessageID)
	stamp = append(stamp, w.Source...)
	value := binary.AppendUvarint(make([]byte, 0, 2+len(w.Key)+len(w.Value)), uint64(len(w.Key)))
	value = append(value, w.Key...)
	return state.LastOperand(stamp, append(value, w.Value...))
}

// DecodeWrite reads the stored value of a trait row.
func DecodeWrite(value []byte) (Write, error) {
	bad := errs.New(errs.Corrupt, "profile.trait_format", "a stored trait cannot be read")
	if len(value) == 0 || state.Op(value[0]) != state.OpLast {
		return Write{}, bad
	}
	stamp, content, err := state.SplitLast(value[1:])
	if err != nil {
		return Write{}, err
	}
	ts, rest, ok1 := state.CutTime(stamp)
	msg, source, ok2 := state.CutText(rest)
	if !ok1 || !ok2 {
		return Write{}, bad
	}
	d := state.NewDecoder(content)
	w := Write{Sighting: identity.Sighting{Timestamp: ts, MessageID: msg, Source: string(source)}, Key: d.Text()}
	w.Value = append([]byte(nil), d.Rest()...)
	if !d.Done() {
		return Write{}, bad
	}
	return w, nil
}

// readTraits returns the writes that count of one node.
func readTraits(ctx context.Context, r state.Reader, node identity.NodeID) ([]Write, error) {
	var out []Write
	for kv, err := range r.Scan(ctx, state.Prefix(TraitPrefix(node))) {
		if err != nil {
			return nil, err
		}
		w, err := DecodeWrite(kv.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

// ReadTraits returns the writes that count of a profile's nodes, combined. Removed
// traits stay in, as removals.
func ReadTraits(ctx context.Context, r state.Reader, nodes []identity.NodeID) (map[string]Write, error) {
	all := make([][]Write, 0, len(nodes))
	for _, n := range nodes {
		writes, err := readTraits(ctx, r, n)
		if err != nil {
			return nil, err
		}
		all = append(all, writes)
	}
	return Combine(all...), nil
}

// Combine folds the writes that count of several nodes into those of the profile
// they form: by key the last one. Removed traits stay in, as removals.
func Combine(nodes ...[]Write) map[string]Write {
	out := map[string]Write{}
	for _, writes := range nodes {
		for _, w := range writes {
			if have, ok := out[w.Key]; !ok || w.Compare(&have) > 0 {
				out[w.Key] = w
			}
		}
	}
	return out
}
