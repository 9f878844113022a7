// Package keyed keeps the history index as rows of the state, so that it is
// written in the batch's own transaction on every state engine.
//
// A row's key is family H, node, strand, type, name, time, message id, source,
// moment of receipt;
// FORMAT.md of the state package gives the bytes.
package keyed

import (
	"context"
	"encoding/binary"
	"iter"
	"math"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
)

// Index implements history.Index. The zero value is ready.
type Index struct{}

var _ history.Index = Index{}

const version = 1

// The optional parts of a value.
const (
	partTraits  = 1
	partAccount = 2
	partNumber  = 3 // one for each number
	partFields  = 4
	partMember  = 5
)

func prefix(node identity.NodeID, strand byte) []byte {
	b := make([]byte, 0, 96)
	b = append(b, byte(state.FamilyHistory))
	b = append(b, node[:]...)
	return append(b, strand)
}

func key(e *history.Entry) []byte {
	b := prefix(e.Node, e.Strand)
	b = append(b, byte(e.Type))
	b = state.AppendText(b, state.BoundName(e.Name))
	b = state.AppendTime(b, e.Timestamp)
	b = state.AppendText(b, e.MessageID)
	b = state.AppendText(b, e.Source)
	return state.AppendTime(b, e.ReceivedAt)
}

func value(e *history.Entry) []byte {
	b := make([]byte, 0, 48+len(e.Traits)+len(e.Fields))
	b = append(b, version)
	b = binary.AppendUvarint(b, uint64(e.Position.Partition))
	b = binary.AppendUvarint(b, uint64(e.Position.Offset))
	b = binary.AppendUvarint(b, uint64(e.Flags))
	b = append(b, e.Observation[:]...)
	if len(e.Traits) > 0 {
		b = append(b, partTraits)
		b = binary.AppendUvarint(b, uint64(len(e.Traits)))
		b = append(b, e.Traits...)
	}
	if !e.Account.IsZero() {
		b = append(b, partAccount, 16)
		b = append(b, e.Account[:]...)
	}
	if len(e.Fields) > 0 {
		b = append(b, partFields)
		b = binary.AppendUvarint(b, uint64(len(e.Fields)))
		b = append(b, e.Fields...)
	}
	if !e.Member.IsZero() {
		b = append(b, partMember, 16)
		b = append(b, e.Member[:]...)
	}
	for _, s := range e.Numbers {
		b = append(b, partNumber)
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func errFormat() error {
	return errs.New(errs.Corrupt, "history.format", "a stored history row cannot be read")
}

func decode(k, v []byte) (*history.Entry, error) {
	if len(k) < 19 || k[0] != byte(state.FamilyHistory) {
		return nil, errFormat()
	}
	e := &history.Entry{Node: identity.NodeID(k[1:17]), Strand: k[17], Type: event.Type(k[18])}
	name, rest, ok1 := state.CutText(k[19:])
	ts, rest, ok2 := state.CutTime(rest)
	msg, rest, ok3 := state.CutText(rest)
	source, rest, ok4 := state.CutText(rest)
	received, rest, ok5 := state.CutTime(rest)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || len(rest) > 0 {
		return nil, errFormat()
	}
	e.Name, e.Timestamp, e.MessageID, e.Source, e.ReceivedAt = name, ts, msg, source, received
	d := state.NewDecoder(v)
	if d.Byte() != version {
		return nil, errFormat()
	}
	e.Position = eventlog.Position{Partition: int32(d.Uvarint()), Offset: int64(d.Uvarint())}
	e.Flags = event.Flags(d.Uvarint())
	e.Observation = identity.ObservationKey(d.Take(16))
	for d.More() {
		part, content := d.Byte(), d.Bytes()
		switch {
		case part == partTraits:
			e.Traits = append([]byte(nil), content...)
		case part == partAccount && len(content) == 16:
			e.Account = identity.NodeID(content)
		case part == partMember && len(content) == 16:
			e.Member = identity.NodeID(content)
		case part == partFields:
			e.Fields = append([]byte(nil), content...)
		case part == partNumber:
			e.Numbers = append(e.Numbers, string(content))
		}
	}
	if !d.Done() {
		return nil, errFormat()
	}
	return e, nil
}

// Append implements history.Index.
func (Index) Append(tx state.Tx, e *history.Entry) { tx.Put(key(e), value(e)) }

// Remove implements history.Index.
func (Index) Remove(tx state.Tx, e *history.Entry) { tx.Delete(key(e)) }

// Get implements history.Index.
func (x Index) Get(ctx context.Context, r state.Reader, name *history.Entry) (*history.Entry, error) {
	found, err := x.GetAll(ctx, r, []*history.Entry{name})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// GetAll implements history.Index.
func (Index) GetAll(ctx context.Context, r state.Reader, names []*history.Entry) ([]*history.Entry, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, keys := make([]*history.Entry, len(names)), make([][]byte, len(names))
	for i, name := range names {
		keys[i] = key(name)
	}
	values, err := r.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		if v == nil {
			continue
		}
		if out[i], err = decode(keys[i], v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Range implements history.Index.
func (x Index) Range(ctx context.Context, r state.Reader, q history.Query) iter.Seq2[*history.Entry, error] {
	return func(yield func(*history.Entry, error) bool) {
		left := q.Limit
		if q.Type == event.Unknown && q.From == math.MinInt64 && q.To == math.MaxInt64 && !q.Reverse {
			everything(ctx, r, q, yield)
			return
		}
		if q.Type != event.Unknown && !q.AnyName {
			x.one(ctx, r, q, history.Call{Type: q.Type, Name: q.Name}, &left, yield)
			return
		}
		for c, err := range x.Calls(ctx, r, q.Node, q.Strand, q.Type) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !x.one(ctx, r, q, c, &left, yield) {
				return
			}
		}
	}
}

// everything yields all entries of a node in one scan.
func everything(ctx context.Context, r state.Reader, q history.Query, yield func(*history.Entry, error) bool) {
	rng := state.Prefix(prefix(q.Node, q.Strand))
	rng.Limit = q.Limit
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			yield(nil, err)
			return
		}
		e, err := decode(kv.Key, kv.Value)
		if !yield(e, err) || err != nil {
			return
		}
	}
}

// rangeOf is where the entries of one (type, name) lie.
func rangeOf(q history.Query, c history.Call) state.Range {
	base := append(prefix(q.Node, q.Strand), byte(c.Type))
	base = state.AppendText(base, state.BoundName(c.Name))
	rng := state.Range{
		Low:     state.AppendTime(append([]byte(nil), base...), q.From),
		High:    state.PrefixEnd(base),
		Reverse: q.Reverse,
		Limit:   q.Limit,
	}
	if q.To < math.MaxInt64 {
		rng.High = state.AppendTime(append([]byte(nil), base...), q.To+1)
	}
	return rng
}

// RangeAll implements history.Index.
func (Index) RangeAll(ctx context.Context, r state.Reader, queries []history.Query) ([][]*history.Entry, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	ranges := make([]state.Range, len(queries))
	for i, q := range queries {
		ranges[i] = rangeOf(q, history.Call{Type: q.Type, Name: q.Name})
	}
	rows, err := state.ScanAll(ctx, r, ranges)
	if err != nil {
		return nil, err
	}
	out := make([][]*history.Entry, len(queries))
	for i := range rows {
		for _, kv := range rows[i] {
			e, err := decode(kv.Key, kv.Value)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], e)
		}
	}
	return out, nil
}

// one yields the entries of one (type, name) and reports whether to go on.
func (Index) one(ctx context.Context, r state.Reader, q history.Query, c history.Call, left *int, yield func(*history.Entry, error) bool) bool {
	rng := rangeOf(q, c)
	rng.Limit = *left
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			yield(nil, err)
			return false
		}
		e, err := decode(kv.Key, kv.Value)
		if !yield(e, err) || err != nil {
			return false
		}
		if q.Limit > 0 {
			if *left--; *left == 0 {
				return false
			}
		}
	}
	return true
}

// Calls implements history.Index. It skips from name to name: one short scan for
// each.
func (Index) Calls(ctx context.Context, r state.Reader, node identity.NodeID, strand byte, only event.Type) iter.Seq2[history.Call, error] {
	return func(yield func(history.Call, error) bool) {
		base := prefix(node, strand)
		if only != event.Unknown {
			base = append(base, byte(only))
		}
		end := state.PrefixEnd(base)
		for low := base; ; {
			c, next, err := firstCall(ctx, r, low, end)
			if err != nil {
				yield(history.Call{}, err)
				return
			}
			if next == nil || !yield(c, nil) {
				return
			}
			low = next
		}
	}
}

// firstCall returns the first (type, name) at or after low and the key at which
// the next one can start; a nil key means that there is none.
func firstCall(ctx context.Context, r state.Reader, low, end []byte) (history.Call, []byte, error) {
	for kv, err := range r.Scan(ctx, state.Range{Low: low, High: end, Limit: 1}) {
		if err != nil {
			return history.Call{}, nil, err
		}
		if len(kv.Key) < 19 {
			return history.Call{}, nil, errFormat()
		}
		name, rest, ok := state.CutText(kv.Key[19:])
		if !ok {
			return history.Call{}, nil, errFormat()
		}
		next := state.PrefixEnd(kv.Key[:len(kv.Key)-len(rest)])
		return history.Call{Type: event.Type(kv.Key[18]), Name: name}, next, nil
	}
	return history.Call{}, nil, nil
}
