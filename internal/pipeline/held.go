package pipeline

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

// Held is a record that could not be folded. It is kept apart with the reason,
// so that the partition goes on, and can be put back when the reason is gone.
type Held struct {
	Position eventlog.Position
	Code     string // stable code of the reason
	Detail   string
	Data     []byte // the record's bytes
}

// ID names a held record in the API: partition and offset.
func (h *Held) ID() string { return fmt.Sprintf("%d-%d", h.Position.Partition, h.Position.Offset) }

// Record reads the held bytes, as far as they can be read.
func (h *Held) Record() (record.Record, error) { return record.Decode(h.Data) }

// ParseHeldID reads an ID.
func ParseHeldID(id string) (eventlog.Position, error) {
	p, o, _ := strings.Cut(id, "-")
	partition, err1 := strconv.ParseInt(p, 10, 32)
	offset, err2 := strconv.ParseInt(o, 10, 64)
	if err1 != nil || err2 != nil || partition < 0 || offset < 0 {
		return eventlog.Position{}, errs.New(errs.NotFound, "quarantine.unknown", "no held record has that id")
	}
	return eventlog.Position{Partition: int32(partition), Offset: offset}, nil
}

func heldKey(at eventlog.Position) []byte {
	b := binary.BigEndian.AppendUint32([]byte{byte(state.FamilyQuarantine)}, uint32(at.Partition))
	return binary.BigEndian.AppendUint64(b, uint64(at.Offset))
}

const heldVersion = 1

func (h *Held) encode() []byte {
	b := []byte{heldVersion}
	b = binary.AppendUvarint(b, uint64(len(h.Code)))
	b = append(b, h.Code...)
	b = binary.AppendUvarint(b, uint64(len(h.Detail)))
	b = append(b, h.Detail...)
	return append(b, h.Data...)
}

func decodeHeld(key, value []byte) (Held, error) {
	bad := errs.New(errs.Corrupt, "quarantine.format", "a held record cannot be read")
	if len(key) != 13 {
		return Held{}, bad
	}
	d := state.NewDecoder(value)
	version := d.Byte()
	h := Held{
		Position: eventlog.Position{
			Partition: int32(binary.BigEndian.Uint32(key[1:])),
			Offset:    int64(binary.BigEndian.Uint64(key[5:])),
		},
		Code: d.Text(), Detail: d.Text(),
	}
	h.Data = append([]byte(nil), d.Rest()...)
	if version != heldVersion || !d.Done() {
		return Held{}, bad
	}
	return h, nil
}

// ListHeld returns up to limit held records after a position (nil: from the
// first), in the order of partition and offset.
func ListHeld(ctx context.Context, r state.Reader, after *eventlog.Position, limit int) ([]Held, error) {
	rng := state.Prefix([]byte{byte(state.FamilyQuarantine)})
	if after != nil {
		rng.Low = append(heldKey(*after), 0)
	}
	rng.Limit = limit
	var out []Held
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, err
		}
		h, err := decodeHeld(kv.Key, kv.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// GetHeld returns one held record, or an error of kind NotFound.
func GetHeld(ctx context.Context, r state.Reader, at eventlog.Position) (Held, error) {
	key := heldKey(at)
	values, err := r.Get(ctx, [][]byte{key})
	if err != nil {
		return Held{}, err
	}
	if values[0] == nil {
		return Held{}, errs.New(errs.NotFound, "quarantine.unknown", "no held record has that id")
	}
	return decodeHeld(key, values[0])
}
