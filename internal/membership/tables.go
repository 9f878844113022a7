package membership

import (
	"context"
	"encoding/json"

	"kith/internal/identity"
	"kith/internal/state"
)

// Row is one row of the members of a segment: who, or which account, and since when;
// Since is negative when there is no such member.
type Row struct {
	Segment string // key
	Member  identity.NodeID
	Since   int64 // UTC milliseconds
}

// Recorded returns the number of the next transition, as of a snapshot: all before
// it are recorded.
func Recorded(ctx context.Context, r state.Reader) (uint64, error) {
	values, err := r.Get(ctx, [][]byte{cursorKey()})
	if err != nil || values[0] == nil {
		return 0, err
	}
	var c struct {
		Transition uint64 `json:"transition"`
	}
	if json.Unmarshal(values[0], &c) != nil {
		return 0, errFormat()
	}
	return c.Transition, nil
}

// ReadTransitions returns at most limit transitions from a number on, in their
// order.
func ReadTransitions(ctx context.Context, r state.Reader, from uint64, limit int) ([]Transition, error) {
	var out []Transition
	rng := state.Range{Low: transitionKey(from), High: state.PrefixEnd(table(tableTransition)), Limit: limit}
	for kv, err := range r.Scan(ctx, rng) {
		if err != nil {
			return nil, err
		}
		t, err := decodeTransition(kv.Key, kv.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// ServingNames returns the stored names of the segments that serve, by key.
func ServingNames(ctx context.Context, r state.Reader) (map[string]string, error) {
	names := map[string]string{}
	values, err := r.Get(ctx, [][]byte{namesKey()})
	if err == nil && values[0] != nil && json.Unmarshal(values[0], &names) != nil {
		err = errFormat()
	}
	return names, err
}

// FillSince sets Since of the rows, by the names that serve.
func FillSince(ctx context.Context, r state.Reader, names map[string]string, rows []Row) error {
	keys := make([][]byte, len(rows))
	for i := range rows {
		keys[i] = memberKey(names[rows[i].Segment], rows[i].Member)
	}
	values, err := r.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		rows[i].Since = -1
		if v == nil || names[rows[i].Segment] == "" {
			continue
		}
		since, _, ok := state.CutTime(v)
		if !ok {
			return errFormat()
		}
		rows[i].Since = since
	}
	return nil
}

// EachMember hands over the members of a segment under its stored name, by id.
func EachMember(ctx context.Context, r state.Reader, key, name string, f func(Row) error) error {
	for kv, err := range r.Scan(ctx, state.Prefix(memberPrefix(name))) {
		if err != nil {
			return err
		}
		since, _, ok := state.CutTime(kv.Value)
		if !ok || len(kv.Key) < 16 {
			return errFormat()
		}
		if err := f(Row{key, identity.NodeID(kv.Key[len(kv.Key)-16:]), since}); err != nil {
			return err
		}
	}
	return nil
}
