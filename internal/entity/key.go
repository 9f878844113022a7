package entity

import (
	"context"
	"encoding/binary"
	"iter"

	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/state"
)

// RowPrefix is the key prefix of the rows of an entity.
func RowPrefix(entity string) []byte {
	return state.AppendText([]byte{byte(state.FamilyEntity)}, entity)
}

// RowKey is the key of a row.
func RowKey(entity, key string) []byte { return append(RowPrefix(entity), key...) }

// CutRowKey takes the key of a row apart.
func CutRowKey(k []byte) (entity, key string, ok bool) {
	if len(k) == 0 || k[0] != byte(state.FamilyEntity) {
		return "", "", false
	}
	entity, rest, ok := state.CutText(k[1:])
	return entity, string(rest), ok
}

// OwnedPrefix is the key prefix of the rows of an entity that belong to a node.
func OwnedPrefix(owner identity.NodeID, entity string) []byte {
	return state.AppendText(append([]byte{byte(state.FamilyOwned)}, owner[:]...), entity)
}

// OwnedKey is the key of the reference from an owner to a row; its value is the
// identifier that the owner's node stands for.
func OwnedKey(owner identity.NodeID, entity, key string) []byte {
	return append(OwnedPrefix(owner, entity), key...)
}

func writePrefix(entity, key string) []byte {
	return state.AppendText(state.AppendText([]byte{byte(state.FamilyEntityWrite)}, entity), key)
}

// WriteKey is the key of a write of a row.
func WriteKey(entity, key string, w *Write) []byte {
	b := state.AppendTime(writePrefix(entity, key), w.Timestamp)
	b = state.AppendText(b, w.MessageID)
	b = state.AppendText(b, w.Source)
	return state.AppendTime(b, w.ReceivedAt)
}

const writeVersion = 1

// Encode returns the stored value of a write.
func (w *Write) Encode() []byte {
	b := make([]byte, 0, 24+len(w.Run)+len(w.Attributes))
	b = append(b, writeVersion, 0)
	if w.Delete {
		b[1] = 1
	}
	b = binary.AppendUvarint(b, uint64(w.Position.Partition))
	b = binary.AppendUvarint(b, uint64(w.Position.Offset))
	b = appendText(b, w.Run)
	return append(b, w.Attributes...)
}

// DecodeWrite reads a stored write; the error is of kind Corrupt.
func DecodeWrite(k, v []byte) (entity, key string, w *Write, err error) {
	bad := errFormat("write of an entity's row")
	if len(k) == 0 || k[0] != byte(state.FamilyEntityWrite) {
		return "", "", nil, bad
	}
	entity, rest, ok1 := state.CutText(k[1:])
	key, rest, ok2 := state.CutText(rest)
	at, rest, ok3 := state.CutTime(rest)
	id, rest, ok4 := state.CutText(rest)
	source, rest, ok5 := state.CutText(rest)
	received, rest, ok6 := state.CutTime(rest)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || len(rest) > 0 {
		return "", "", nil, bad
	}
	w = &Write{Sighting: identity.Sighting{Timestamp: at, MessageID: id, Source: source}, ReceivedAt: received}
	d := state.NewDecoder(v)
	version, flag := d.Byte(), d.Byte()
	w.Delete = flag == 1
	w.Position = eventlog.Position{Partition: int32(d.Uvarint()), Offset: int64(d.Uvarint())}
	w.Run = d.Text()
	w.Attributes = append([]byte(nil), d.Rest()...)
	if version != writeVersion || flag > 1 || !d.Done() {
		return "", "", nil, bad
	}
	return entity, key, w, nil
}

// Writes yields the writes of a row in the order of events.
func Writes(ctx context.Context, r state.Reader, entity, key string) iter.Seq2[*Write, error] {
	return func(yield func(*Write, error) bool) {
		for kv, err := range r.Scan(ctx, state.Prefix(writePrefix(entity, key))) {
			if err != nil {
				yield(nil, err)
				return
			}
			_, _, w, err := DecodeWrite(append([]byte(nil), kv.Key...), kv.Value)
			if !yield(w, err) || err != nil {
				return
			}
		}
	}
}

// Named is a row and its key.
type Named struct {
	Key string
	Row *Row
}

// Get returns a row, nil when there is none.
func Get(ctx context.Context, r state.Reader, entity, key string) (*Row, error) {
	values, err := r.Get(ctx, [][]byte{RowKey(entity, key)})
	if err != nil || values[0] == nil {
		return nil, err
	}
	row, err := DecodeRow(values[0])
	if err != nil || !row.Exists() {
		return nil, err
	}
	return row, nil
}

// List returns at most limit rows of an entity whose keys come after the given
// one, in ascending order, and whether more follow.
func List(ctx context.Context, r state.Reader, entity, after string, limit int) (rows []Named, more bool, err error) {
	rng := state.Prefix(RowPrefix(entity))
	if after != "" {
		rng.Low = append(RowKey(entity, after), 0)
	}
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, false, err
		}
		_, key, ok := CutRowKey(kv.Key)
		row, err := DecodeRow(kv.Value)
		if err != nil || !ok {
			return nil, false, errFormat("row of an entity")
		}
		if !row.Exists() {
			continue
		}
		if len(rows) == limit {
			return rows, true, nil
		}
		rows = append(rows, Named{key, row})
	}
	return rows, false, nil
}

// Owned returns the rows of an entity that belong to any of the nodes, by key.
func Owned(ctx context.Context, r state.Reader, entity string, nodes []identity.NodeID) ([]Named, error) {
	var keys [][]byte
	var out []Named
	for _, n := range nodes {
		prefix := OwnedPrefix(n, entity)
		for kv, err := range r.Scan(ctx, state.Prefix(prefix)) {
			if err != nil {
				return nil, err
			}
			key := string(kv.Key[len(prefix):])
			out = append(out, Named{Key: key})
			keys = append(keys, RowKey(entity, key))
		}
	}
	values, err := r.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		if v == nil {
			return nil, errFormat("row of an entity")
		}
		if out[i].Row, err = DecodeRow(v); err != nil {
			return nil, err
		}
	}
	sortNamed(out)
	return out, nil
}

// OwnedJSON is Owned with each row as a JSON object of its attributes.
func OwnedJSON(ctx context.Context, r state.Reader, entity string, nodes []identity.NodeID) ([][]byte, error) {
	rows, err := Owned(ctx, r, entity, nodes)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(rows))
	for i := range rows {
		out[i] = rows[i].Row.AppendJSON(nil)
	}
	return out, nil
}

// CheckRow tells whether a row of the families of entities can be read; the error
// is of kind Corrupt.
func CheckRow(k, v []byte) error {
	switch state.Family(k[0]) {
	case state.FamilyEntity:
		if _, _, ok := CutRowKey(k); !ok {
			return errFormat("row of an entity")
		}
		_, err := DecodeRow(v)
		return err
	case state.FamilyEntityWrite:
		_, _, _, err := DecodeWrite(k, v)
		return err
	}
	if len(k) < 17 {
		return errFormat("reference to a row of an entity")
	}
	if _, _, ok := state.CutText(k[17:]); !ok {
		return errFormat("reference to a row of an entity")
	}
	_, err := identity.DecodeIdentifier(v)
	return err
}
