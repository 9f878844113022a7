// Package held keeps the records that could not be folded, each apart with the reason,
// so that its partition goes on and it can be put back when the reason is gone.
package held

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/record"
	"kith/internal/state"
)

// Entry is a record that could not be folded, with the reason.
type Entry struct {
	Position eventlog.Position
	Code     string // stable code of the reason
	Detail   string
	Data     []byte // the record's bytes
}

// ID names a held record in the API: partition and offset.
func (h *Entry) ID() string { return fmt.Sprintf("%d-%d", h.Position.Partition, h.Position.Offset) }

// Record reads the held bytes, as far as they can be read.
func (h *Entry) Record() (record.Record, error) { return record.Decode(h.Data) }

// ParseID reads an ID.
func ParseID(id string) (eventlog.Position, error) {
	p, o, _ := strings.Cut(id, "-")
	partition, err1 := strconv.ParseInt(p, 10, 32)
	offset, err2 := strconv.ParseInt(o, 10, 64)
	if err1 != nil || err2 != nil || partition < 0 || offset < 0 {
		return eventlog.Position{}, errs.New(errs.NotFound, "quarantine.unknown", "no held record has that id")
	}
	return eventlog.Position{Partition: int32(partition), Offset: offset}, nil
}

// Key is the key of a held record's row.
func Key(at eventlog.Position) []byte {
	b := binary.BigEndian.AppendUint32([]byte{byte(state.FamilyQuarantine)}, uint32(at.Partition))
	return binary.BigEndian.AppendUint64(b, uint64(at.Offset))
}

const format = 1

// Encode returns the row's value.
func (h *Entry) Encode() []byte {
	b := []byte{format}
	b = binary.AppendUvarint(b, uint64(len(h.Code)))
	b = append(b, h.Code...)
	b = binary.AppendUvarint(b, uint64(len(h.Detail)))
	b = append(b, h.Detail...)
	return append(b, h.Data...)
}

// Decode reads a row; the error is of kind Corrupt.
func Decode(key, value []byte) (Entry, error) {
	bad := errs.New(errs.Corrupt, "quarantine.format", "a held record cannot be read")
	if len(key) != 13 {
		return Entry{}, bad
	}
	d := state.NewDecoder(value)
	version := d.Byte()
	h := Entry{
		Position: eventlog.Position{
			Partition: int32(binary.BigEndian.Uint32(key[1:])),
			Offset:    int64(binary.BigEndian.Uint64(key[5:])),
		},
		Code: d.Text(), Detail: d.Text(),
	}
	h.Data = append([]byte(nil), d.Rest()...)
	if version != format || !d.Done() {
		return Entry{}, bad
	}
	return h, nil
}

// Of is the range of the records of a partition that are held.
func Of(partition int32) state.Range {
	return state.Prefix(Key(eventlog.Position{Partition: partition})[:5])
}

// List returns up to limit held records after a position (nil: from the
// first), in the order of partition and offset.
func List(ctx context.Context, r state.Reader, after *eventlog.Position, limit int) ([]Entry, error) {
	rng := state.Prefix([]byte{byte(state.FamilyQuarantine)})
	if after != nil {
		rng.Low = append(Key(*after), 0)
	}
	rng.Limit = limit
	var out []Entry
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, err
		}
		h, err := Decode(kv.Key, kv.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// Get returns one held record, or an error of kind NotFound.
func Get(ctx context.Context, r state.Reader, at eventlog.Position) (Entry, error) {
	key := Key(at)
	values, err := r.Get(ctx, [][]byte{key})
	if err != nil {
		return Entry{}, err
	}
	if values[0] == nil {
		return Entry{}, errs.New(errs.NotFound, "quarantine.unknown", "no held record has that id")
	}
	return Decode(key, values[0])
}
