package state

import (
	"bytes"
	"context"
	"iter"
	"slices"
)

// Ahead reads many short ranges together and then answers scans and reads in them
// from memory. It is for a reader whose every call is a way to a server and back, and
// for code that reads one thing after another. It is not safe for concurrent use,
// and serves a snapshot only: what it has read is not read again.
type Ahead struct {
	Reader
	width int
	known map[string]stretch
}

// stretch is what is known of the keys that begin with a prefix.
type stretch struct {
	rows  []KV
	whole bool // there are no more
}

var _ BulkScanner = (*Ahead)(nil)

// NewAhead returns a reader that knows nothing yet. All prefixes that it is to load
// have so many bytes, of which not all are ff.
func NewAhead(r Reader, width int) *Ahead {
	return &Ahead{Reader: r, width: width, known: map[string]stretch{}}
}

// Load reads up to so many rows of each prefix that is not loaded yet.
func (a *Ahead) Load(ctx context.Context, prefixes [][]byte, rows int) error {
	var ranges []Range
	for _, p := range prefixes {
		if len(p) != a.width {
			panic("BUG: a prefix of another length than those that are loaded")
		}
		if _, ok := a.known[string(p)]; !ok {
			a.known[string(p)] = stretch{}
			rng := Prefix(p)
			rng.Limit = rows
			ranges = append(ranges, rng)
		}
	}
	read, err := ScanAll(ctx, a.Reader, ranges)
	if err != nil {
		clear(a.known)
		return err
	}
	for i, rng := range ranges {
		a.known[string(rng.Low)] = stretch{read[i], len(read[i]) < rows}
	}
	return nil
}

// Scan implements Reader.
func (a *Ahead) Scan(ctx context.Context, r Range) iter.Seq2[KV, error] {
	rows, ok := a.within(r)
	if !ok {
		return a.Reader.Scan(ctx, r)
	}
	return func(yield func(KV, error) bool) {
		for i := range rows {
			if r.Limit > 0 && i == r.Limit {
				return
			}
			at := i
			if r.Reverse {
				at = len(rows) - 1 - i
			}
			if !yield(rows[at], nil) {
				return
			}
		}
	}
}

// Get implements Reader.
func (a *Ahead) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	out := make([][]byte, len(keys))
	var rest [][]byte
	var places []int
	for i, k := range keys {
		known := false
		if out[i], known = a.value(k); !known {
			rest, places = append(rest, k), append(places, i)
		}
	}
	if len(rest) == 0 {
		return out, ctx.Err()
	}
	values, err := a.Reader.Get(ctx, rest)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		out[places[i]] = v
	}
	return out, nil
}

// value returns the value of a key, nil if there is none, if that is known.
func (a *Ahead) value(key []byte) (value []byte, known bool) {
	if len(key) < a.width {
		return nil, false
	}
	s, loaded := a.known[string(key[:a.width])]
	if !loaded {
		return nil, false
	}
	i, found := slices.BinarySearchFunc(s.rows, key, func(kv KV, k []byte) int { return bytes.Compare(kv.Key, k) })
	if found {
		return append([]byte{}, s.rows[i].Value...), true
	}
	return nil, s.whole || i < len(s.rows)
}

// within returns the rows of a range if all that are asked for are known.
func (a *Ahead) within(r Range) ([]KV, bool) {
	if len(r.Low) < a.width || r.High == nil {
		return nil, false
	}
	prefix := r.Low[:a.width]
	s, ok := a.known[string(prefix)]
	if !ok || bytes.Compare(r.High, PrefixEnd(prefix)) > 0 {
		return nil, false
	}
	from, _ := slices.BinarySearchFunc(s.rows, r.Low, func(kv KV, k []byte) int { return bytes.Compare(kv.Key, k) })
	to, _ := slices.BinarySearchFunc(s.rows, r.High, func(kv KV, k []byte) int { return bytes.Compare(kv.Key, k) })
	rows := s.rows[from:max(from, to)]
	enough := s.whole || to < len(s.rows) || !r.Reverse && r.Limit > 0 && len(rows) >= r.Limit
	return rows, enough
}

// ScanAll implements BulkScanner.
func (a *Ahead) ScanAll(ctx context.Context, ranges []Range) ([][]KV, error) {
	return ScanAll(ctx, a.Reader, ranges)
}
