package decision

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"slices"

	"kith/internal/errs"
	"kith/internal/state"
)

// Rank orders the copies of one decision: the least is the decision.
type Rank struct {
	Received int64 // UTC milliseconds
	Sum      [16]byte
}

// Less reports whether a comes before b.
func (a Rank) Less(b Rank) bool {
	return cmp.Or(cmp.Compare(a.Received, b.Received), bytes.Compare(a.Sum[:], b.Sum[:])) < 0
}

// Revocation is who took a decision back.
type Revocation struct {
	ID     string // of the decision that revokes
	At     int64  // UTC milliseconds
	By     string
	Reason string
}

// Row is what the state knows of one decision.
type Row struct {
	ID          string
	Told        bool // false: only its revocation has come so far
	Rank        Rank
	Decision    Decision
	Revocations []Revocation // by time and id
}

// Stands reports whether the decision is in force.
func (r *Row) Stands() bool { return r.Told && len(r.Revocations) == 0 }

// Tell takes in a copy of the decision; it reports whether this copy is the
// decision now.
func (r *Row) Tell(d Decision, rank Rank) bool {
	if r.Told && !rank.Less(r.Rank) {
		return false
	}
	r.Told, r.Decision, r.Rank = true, d, rank
	return true
}

// Revoke takes in a revocation.
func (r *Row) Revoke(v Revocation) {
	r.Unrevoke(v.ID)
	i, _ := slices.BinarySearchFunc(r.Revocations, v, func(a, b Revocation) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID))
	})
	r.Revocations = slices.Insert(r.Revocations, i, v)
}

// Unrevoke takes a revocation out.
func (r *Row) Unrevoke(id string) {
	r.Revocations = slices.DeleteFunc(r.Revocations, func(v Revocation) bool { return v.ID == id })
}

// Empty reports whether nothing is known of the decision.
func (r *Row) Empty() bool { return !r.Told && len(r.Revocations) == 0 }

const rowVersion = 1

// Encode returns the stored value.
func (r *Row) Encode() ([]byte, error) {
	b := []byte{rowVersion, 0}
	if r.Told {
		b[1] = 1
		body, err := json.Marshal(&r.Decision)
		if err != nil {
			return nil, errs.Wrap(err, errs.Internal, "decision.encode", "a decision could not be written down")
		}
		b = binary.AppendVarint(b, r.Rank.Received)
		b = append(b, r.Rank.Sum[:]...)
		b = binary.AppendVarint(b, r.Decision.At)
		b = appendText(b, string(body))
	}
	b = binary.AppendUvarint(b, uint64(len(r.Revocations)))
	for _, v := range r.Revocations {
		b = binary.AppendVarint(b, v.At)
		for _, text := range [...]string{v.ID, v.By, v.Reason} {
			b = appendText(b, text)
		}
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// DecodeRow reads a row; a nil value is that of a decision of which nothing is
// known.
func DecodeRow(key, value []byte) (Row, error) {
	bad := errs.New(errs.Corrupt, "decision.row_format", "a stored decision cannot be read")
	if len(key) < 2 {
		return Row{}, bad
	}
	r := Row{ID: string(key[1:])}
	if value == nil {
		return r, nil
	}
	d := state.NewDecoder(value)
	version, told := d.Byte(), d.Byte()
	if told == 1 {
		r.Told = true
		r.Rank = Rank{Received: d.Varint(), Sum: [16]byte(d.Take(16))}
		at := d.Varint()
		var err error
		if r.Decision, err = parse(r.ID, at, d.Bytes()); err != nil {
			return Row{}, bad
		}
	}
	for n := d.Count(4); n > 0; n-- {
		r.Revocations = append(r.Revocations, Revocation{At: d.Varint(), ID: d.Text(), By: d.Text(), Reason: d.Text()})
	}
	if version != rowVersion || told > 1 || !d.Done() {
		return Row{}, bad
	}
	return r, nil
}

// Get returns what the state knows of a decision; an unknown one gives kind
// NotFound.
func Get(ctx context.Context, r state.Reader, id string) (Row, error) {
	if id == "" || len(id) > IDBytes {
		return Row{}, errUnknown()
	}
	values, err := r.Get(ctx, [][]byte{Key(id)})
	if err != nil {
		return Row{}, err
	}
	row, err := DecodeRow(Key(id), values[0])
	if err == nil && row.Empty() {
		return Row{}, errUnknown()
	}
	return row, err
}

func errUnknown() error {
	return errs.New(errs.NotFound, "decision.not_found", "there is no decision of that id")
}

// List returns at most limit decisions before the one of an id (empty: from the
// latest on), latest first as ids sort, and whether more follow. keep says which
// ones are wanted.
func List(ctx context.Context, r state.Reader, before string, limit int, keep func(*Row) bool) (rows []Row, more bool, err error) {
	rng := state.Prefix([]byte{byte(state.FamilyDecision)})
	rng.Reverse = true
	if before != "" {
		rng.High = Key(before)
	}
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, false, err
		}
		row, err := DecodeRow(append([]byte(nil), kv.Key...), kv.Value)
		if err != nil {
			return nil, false, err
		}
		if !keep(&row) {
			continue
		}
		if len(rows) == limit {
			return rows, true, nil
		}
		rows = append(rows, row)
	}
	return rows, false, nil
}
