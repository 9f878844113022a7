package pipeline

import (
	"encoding/binary"

	"kith/internal/errs"
	"kith/internal/state"
)

// Cursor is how far a partition of the log is folded, with counters that commit
// together with it. Counters hold for what has been folded so far; they are the
// same for any order once everything is.
type Cursor struct {
	Partition  int32
	Next       int64  // offset of the first record that is not folded
	Repeats    int64  // copies that are not the event of their message
	Held       int64  // records kept apart now
	Rejected   int64  // messages that the collector refused and the log keeps; held, but never accepted
	Homeless   int64  // events without a usable identifier
	FactsNext  uint64 // sequence number of the next fact
	ReceivedAt int64  // latest moment of receipt among the folded, UTC milliseconds
	Epoch      uint64 // how often the state was made anew; no commit of an earlier one fits a cursor of a later one

	stored []byte
}

func cursorKey(partition int32) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(state.FamilyCursor)}, uint32(partition))
}

const cursorVersion, cursorVersionEpoch = 1, 2

func (c *Cursor) encode() []byte {
	b := []byte{cursorVersion}
	if c.Epoch > 0 {
		b = binary.AppendUvarint([]byte{cursorVersionEpoch}, c.Epoch)
	}
	b = binary.AppendVarint(b, c.Next)
	b = binary.AppendVarint(b, c.Repeats)
	b = binary.AppendVarint(b, c.Held)
	b = binary.AppendVarint(b, c.Rejected)
	b = binary.AppendVarint(b, c.Homeless)
	b = binary.AppendUvarint(b, c.FactsNext)
	return binary.AppendVarint(b, c.ReceivedAt)
}

func decodeCursor(partition int32, stored []byte) (Cursor, error) {
	c := Cursor{Partition: partition, stored: stored}
	if stored == nil {
		return c, nil
	}
	d := state.NewDecoder(stored)
	version := d.Byte()
	if version == cursorVersionEpoch {
		c.Epoch, version = d.Uvarint(), cursorVersion
	}
	c.Next, c.Repeats, c.Held = d.Varint(), d.Varint(), d.Varint()
	c.Rejected, c.Homeless = d.Varint(), d.Varint()
	c.FactsNext, c.ReceivedAt = d.Uvarint(), d.Varint()
	if version != cursorVersion || !d.Done() {
		return c, errs.New(errs.Corrupt, "pipeline.cursor_format", "the stored cursor of partition %d cannot be read", partition)
	}
	return c, nil
}
