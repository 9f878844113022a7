package entity

import (
	"bytes"
	"encoding/binary"
	"iter"
	"maps"
	"slices"

	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// Write is one write of a row, or its deletion.
type Write struct {
	identity.Sighting        // its place in the order of events
	ReceivedAt        int64  // UTC milliseconds
	Run               string // the load that it belongs to; empty for single writes
	Position          eventlog.Position
	Delete            bool
	Attributes        []byte // clean JSON object of the attributes written; null removes one
}

// Attribute is the write of one attribute that counts.
type Attribute struct {
	identity.Sighting
	Value []byte // clean JSON; null: the attribute was removed
}

// Removed reports whether the attribute is there no more.
func (a *Attribute) Removed() bool { return string(a.Value) == "null" }

func (a *Attribute) compare(b *Attribute) int {
	if c := a.Sighting.Compare(b.Sighting); c != 0 {
		return c
	}
	return bytes.Compare(a.Value, b.Value)
}

// Row is the fold of the writes of one row. The zero value has none. A row that
// was deleted stays as what it was deleted by.
type Row struct {
	attributes map[string]Attribute // removed ones too
	deleted    *identity.Sighting   // the last deletion; it takes what was written up to it
}

// Add folds a write. Order and repeats do not matter. The error is of kind
// Corrupt.
func (r *Row) Add(w *Write) error {
	if w.Delete {
		if r.deleted == nil || w.Sighting.Compare(*r.deleted) > 0 {
			at := w.Sighting
			r.deleted = &at
			maps.DeleteFunc(r.attributes, func(_ string, a Attribute) bool { return !r.outlives(a.Sighting) })
		}
		return nil
	}
	if !r.outlives(w.Sighting) {
		return nil
	}
	var doc strictjson.Doc
	if err := doc.Parse(w.Attributes, strictjson.Limits{}); err != nil || doc.Root().Kind() != strictjson.Object {
		return errFormat("write of an entity's row")
	}
	if r.attributes == nil {
		r.attributes = make(map[string]Attribute, doc.Root().Len())
	}
	for k, v := range doc.Root().Members() {
		name, next := k.String(), Attribute{w.Sighting, v.AppendClean(nil)}
		if have, ok := r.attributes[name]; !ok || next.compare(&have) > 0 {
			r.attributes[name] = next
		}
	}
	return nil
}

// outlives reports whether a write comes after the last deletion.
func (r *Row) outlives(s identity.Sighting) bool {
	return r.deleted == nil || s.Compare(*r.deleted) > 0
}

// Decides reports whether taking a write out can change the row.
func (r *Row) Decides(w *Write) bool {
	if r.deleted != nil && *r.deleted == w.Sighting {
		return true
	}
	for _, a := range r.attributes {
		if a.Sighting == w.Sighting {
			return true
		}
	}
	return false
}

// Empty reports whether nothing was ever written.
func (r *Row) Empty() bool { return len(r.attributes) == 0 && r.deleted == nil }

// Exists reports whether the row is there: something was written after its last
// deletion.
func (r *Row) Exists() bool { return len(r.attributes) > 0 }

// Attributes yields what counts, by name, without what was removed.
func (r *Row) Attributes() iter.Seq2[string, Attribute] {
	return func(yield func(string, Attribute) bool) {
		for _, name := range slices.Sorted(maps.Keys(r.attributes)) {
			if a := r.attributes[name]; !a.Removed() && !yield(name, a) {
				return
			}
		}
	}
}

// Get returns the JSON value of an attribute, nil when there is none.
func (r *Row) Get(name string) []byte {
	if a, ok := r.attributes[name]; ok && !a.Removed() {
		return a.Value
	}
	return nil
}

// AppendJSON appends the attributes as a JSON object.
func (r *Row) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	start := len(b)
	for name, a := range r.Attributes() {
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(strictjson.AppendString(b, name), ':')
		b = append(b, a.Value...)
	}
	return append(b, '}')
}

// UpdatedAt is the time of the last write that counts, UTC milliseconds.
func (r *Row) UpdatedAt() int64 {
	var last int64
	for _, a := range r.attributes {
		last = max(last, a.Timestamp)
	}
	return last
}

const rowVersion = 1

// Encode returns the row's stored value.
func (r *Row) Encode() []byte {
	b := make([]byte, 0, 32+64*len(r.attributes))
	b = append(b, rowVersion, 0)
	if r.deleted != nil {
		b[1] = 1
		b = appendSighting(b, r.deleted)
	}
	b = binary.AppendUvarint(b, uint64(len(r.attributes)))
	for _, name := range slices.Sorted(maps.Keys(r.attributes)) {
		a := r.attributes[name]
		b = appendText(b, name)
		b = appendSighting(b, &a.Sighting)
		b = appendText(b, string(a.Value))
	}
	return b
}

func appendSighting(b []byte, s *identity.Sighting) []byte {
	b = binary.AppendVarint(b, s.Timestamp)
	b = appendText(b, s.MessageID)
	return appendText(b, s.Source)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutSighting(d *state.Decoder) identity.Sighting {
	return identity.Sighting{Timestamp: d.Varint(), MessageID: d.Text(), Source: d.Text()}
}

// DecodeRow reads a stored value; the error is of kind Corrupt.
func DecodeRow(value []byte) (*Row, error) {
	d := state.NewDecoder(value)
	version, flag, r := d.Byte(), d.Byte(), &Row{}
	if flag == 1 {
		at := cutSighting(d)
		r.deleted = &at
	}
	n := d.Count(5)
	if n > 0 {
		r.attributes = make(map[string]Attribute, n)
	}
	for ; n > 0; n-- {
		name := d.Text()
		r.attributes[name] = Attribute{cutSighting(d), append([]byte(nil), d.Bytes()...)}
	}
	if version != rowVersion || flag > 1 || !d.Done() {
		return nil, errFormat("row of an entity")
	}
	return r, nil
}
