package cold

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"kith/internal/state"
)

// reader reads both as one.
type reader struct {
	hot     state.Reader
	backend Backend
	keep    bool // what was read stays as it is

	mu     sync.Mutex
	known  bool // the ledger is
	ledger *ledger
	nodes  map[nodeID]standing
}

// nodesKept bounds what a reader remembers of where rows lie.
const nodesKept = 10_000

// standings returns the ledger, nil if nothing was moved at all, and whether rows of
// the nodes were.
func (r *reader) standings(ctx context.Context, nodes ...nodeID) (*ledger, map[nodeID]standing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[nodeID]standing{}
	if r.keep && r.known && r.ledger == nil {
		return nil, out, nil
	}
	keys, asked := [][]byte{ledgerKey()}, []nodeID{}
	for _, n := range nodes {
		if s, ok := r.nodes[n]; ok {
			out[n] = s
		} else if _, twice := out[n]; !twice {
			out[n] = standing{}
			keys, asked = append(keys, nodeKey(n)), append(asked, n)
		}
	}
	if r.keep && r.known && len(asked) == 0 {
		return r.ledger, out, nil
	}
	values, err := r.hot.Get(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	l, err := decodeLedger(values[0])
	if err != nil {
		return nil, nil, err
	}
	for i, n := range asked {
		if out[n], err = decodeNode(values[i+1]); err != nil {
			return nil, nil, err
		}
	}
	if r.keep {
		r.remember(l, out)
	}
	return l, out, nil
}

func (r *reader) remember(l *ledger, nodes map[nodeID]standing) {
	r.known, r.ledger = true, l
	if r.nodes == nil || len(r.nodes) > nodesKept {
		r.nodes = map[nodeID]standing{}
	}
	maps.Copy(r.nodes, nodes)
}

// Get implements state.Reader. The state is read before what says where rows lie: a
// row that is moved between the two is found in either.
func (r *reader) Get(ctx context.Context, keys [][]byte) ([][]byte, error) {
	values, err := r.hot.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	var missing []int
	var nodes []nodeID
	for i, k := range keys {
		switch node, _, _, ok := placed(k); {
		case isFact(k) && values[i] == nil:
			missing, nodes = append(missing, i), append(nodes, node)
		case !ok:
		case values[i] == nil:
			missing, nodes = append(missing, i), append(nodes, node)
		case isTombstone(values[i]):
			values[i] = nil
		}
	}
	if len(missing) == 0 {
		return values, nil
	}
	l, standing, err := r.standings(ctx, nodes...)
	if err != nil || l == nil {
		return values, err
	}
	var asked []int
	for j, i := range missing {
		if isFact(keys[i]) {
			if partition, sequence := numbered(keys[i]); sequence < l.bound(partition) {
				asked = append(asked, i)
			}
			continue
		}
		_, at, _, _ := placed(keys[i])
		if s := standing[nodes[j]]; s.moved && at <= s.last && s.calls&callOf(keys[i]) != 0 {
			asked = append(asked, i)
		}
	}
	return values, r.getCold(ctx, l, keys, asked, values)
}

// getCold gets the values of some of the keys from the backend.
func (r *reader) getCold(ctx context.Context, l *ledger, keys [][]byte, asked []int, values [][]byte) error {
	const usual = slack // versions of a key
	ranges := make([]state.Range, len(asked))
	for j, i := range asked {
		ranges[j] = state.Range{Low: keys[i], High: append(bytes.Clone(keys[i]), 0), Limit: usual}
	}
	if len(ranges) == 0 {
		return nil
	}
	read, err := r.backend.Scan(ctx, l.generation, ranges)
	if err != nil {
		return err
	}
	for j, i := range asked {
		if len(read[j]) < usual {
			if rows, _ := l.rows(read[j], usual); len(rows) > 0 {
				values[i] = append([]byte{}, rows[0].Value...)
			}
			continue
		}
		ranges[j].Limit = 0
		for kv, err := range r.cold(ctx, l, ranges[j]) {
			if err != nil {
				return err
			}
			values[i] = append([]byte{}, kv.Value...)
		}
	}
	return nil
}

// Scan implements state.Reader.
func (r *reader) Scan(ctx context.Context, rng state.Range) iter.Seq2[state.KV, error] {
	parts := cut(rng)
	if len(parts) == 1 && parts[0].side == inState {
		return r.hot.Scan(ctx, rng)
	}
	return chain(ctx, parts, rng.Limit, func(s side) scan {
		switch s {
		case inBoth:
			return r.history
		case asFacts:
			return r.facts
		}
		return r.hot.Scan
	})
}

// side is how the rows of a part are read.
type side uint8

const (
	inState   side = iota
	inBackend      // as it has been moved
	inBoth         // the history
	asFacts        // of either, by partition
)

// part is a range that is read in one way.
type part struct {
	state.Range
	side side
}

type scan = func(context.Context, state.Range) iter.Seq2[state.KV, error]

// chain yields the rows of parts one behind the other, up to a limit unless that is 0.
func chain(ctx context.Context, parts []part, limit int, how func(side) scan) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		left := limit
		for _, p := range parts {
			one := p.Range
			one.Limit = left
			for kv, err := range how(p.side)(ctx, one) {
				if !yield(kv, err) || err != nil {
					return
				}
				if limit > 0 {
					if left--; left == 0 {
						return
					}
				}
			}
		}
	}
}

// cut cuts a range at the families that are not read as they lie, in the direction of
// the range. The rows that say where rows lie are left out of what is wider.
func cut(rng state.Range) []part {
	var out []part
	low := rng.Low
	for _, f := range [...]state.Family{state.FamilyFact, state.FamilyHistory, state.FamilyCold} {
		begin, end := []byte{byte(f)}, []byte{byte(f) + 1}
		if bytes.Compare(low, end) >= 0 || rng.High != nil && bytes.Compare(rng.High, begin) <= 0 {
			continue
		}
		inside := bytes.Compare(low, begin) >= 0
		if f == state.FamilyCold && inside {
			continue
		}
		if !inside {
			out = append(out, part{Range: state.Range{Low: low, High: begin}})
			low = begin
		}
		high := end
		if rng.High != nil && bytes.Compare(rng.High, end) < 0 {
			high = rng.High
		}
		switch f {
		case state.FamilyFact:
			out = append(out, part{state.Range{Low: low, High: high}, asFacts})
		case state.FamilyHistory:
			out = append(out, part{state.Range{Low: low, High: high}, inBoth})
		}
		low = high
	}
	if rng.High == nil || bytes.Compare(low, rng.High) < 0 || len(out) == 0 {
		out = append(out, part{Range: state.Range{Low: low, High: rng.High}})
	}
	for i := range out {
		out[i].Reverse = rng.Reverse
	}
	if rng.Reverse {
		slices.Reverse(out)
	}
	return out
}

// history scans a range within the history.
func (r *reader) history(ctx context.Context, rng state.Range) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		node, one := within(rng)
		var nodes []nodeID
		if one {
			nodes = append(nodes, node)
		}
		l, standings, err := r.standings(ctx, nodes...)
		if err != nil {
			yield(state.KV{}, err)
			return
		}
		if l == nil || one && !standings[node].reaches(rng) {
			r.hot.Scan(ctx, rng)(yield)
			return
		}
		r.merged(ctx, l, rng)(yield)
	}
}

// within tells whether a range has keys of one node only.
func within(rng state.Range) (node nodeID, ok bool) {
	if !isHistory(rng.Low) || rng.High == nil {
		return node, false
	}
	return nodeID(rng.Low[1:nodeEnd]), bytes.Compare(rng.High, state.PrefixEnd(rng.Low[:nodeEnd])) <= 0
}

// reaches tells whether moved rows of the node may be in a range of it: not if it is of
// a call of which none were, or begins behind all of them in time.
func (s standing) reaches(rng state.Range) bool {
	if !s.moved {
		return false
	}
	if len(rng.Low) >= nameAt && s.calls&callOf(rng.Low) == 0 && bytes.Compare(rng.High, state.PrefixEnd(rng.Low[:nameAt])) <= 0 {
		return false
	}
	_, from, end, ok := placed(rng.Low)
	beyond := ok && from > s.last && bytes.Compare(rng.High, state.PrefixEnd(rng.Low[:end])) <= 0
	return !beyond
}

// merged scans both, in the order of keys. What the state says of a key counts.
func (r *reader) merged(ctx context.Context, l *ledger, rng state.Range) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		nextHot, stopHot := iter.Pull2(pages(ctx, r.hot, rng))
		defer stopHot()
		nextCold, stopCold := iter.Pull2(r.cold(ctx, l, rng))
		defer stopCold()
		hot, more, err := head(nextHot)
		var cold state.KV
		var moreCold bool
		if err == nil {
			cold, moreCold, err = head(nextCold)
		}
		for n := 0; err == nil && (more || moreCold); {
			order := compare(hot, more, cold, moreCold, rng.Reverse)
			kv := hot
			if order > 0 {
				kv = cold
			}
			if order > 0 || !isTombstone(kv.Value) {
				if n++; !yield(kv, nil) || n == rng.Limit {
					return
				}
			}
			if order <= 0 {
				hot, more, err = head(nextHot)
			}
			if order >= 0 && err == nil {
				cold, moreCold, err = head(nextCold)
			}
		}
		if err != nil {
			yield(state.KV{}, err)
		}
	}
}

func head(next func() (state.KV, error, bool)) (kv state.KV, more bool, err error) {
	kv, err, more = next()
	return kv, more && err == nil, err
}

// compare orders two heads; one that is not there comes last.
func compare(a state.KV, moreA bool, b state.KV, moreB, reverse bool) int {
	switch {
	case !moreB:
		return -1
	case !moreA:
		return 1
	case reverse:
		return bytes.Compare(b.Key, a.Key)
	}
	return bytes.Compare(a.Key, b.Key)
}

// slack is how many rows more than asked for are read at once: some may not count.
const slack = 16

// pages scans a range of which some rows will not count, a little more than its Limit
// at a time.
func pages(ctx context.Context, r state.Reader, rng state.Range) iter.Seq2[state.KV, error] {
	if rng.Limit == 0 {
		return r.Scan(ctx, rng)
	}
	return func(yield func(state.KV, error) bool) {
		rng.Limit += slack
		for {
			n := 0
			var last []byte
			for kv, err := range r.Scan(ctx, rng) {
				if n++; n == rng.Limit {
					last = bytes.Clone(kv.Key)
				}
				if !yield(kv, err) || err != nil {
					return
				}
			}
			if last == nil {
				return
			}
			rng = behind(rng, last)
		}
	}
}

// behind is what is left of a range behind a key.
func behind(rng state.Range, key []byte) state.Range {
	if rng.Reverse {
		rng.High = key
	} else {
		rng.Low = append(key, 0)
	}
	return rng
}

// Rows of a page of the backend. A block has the facts of a whole batch, which may be
// some hundred kilobytes.
const (
	pageFirst   = 256
	pageMost    = 8192
	pageBytes   = 4 << 20 // about, once it is known how large rows are
	blocksFirst = 4
)

// grown is how many rows the page behind one has.
func grown(size int, page []Version) int {
	bytes := 0
	for _, v := range page {
		bytes += len(v.Key) + len(v.Value)
	}
	fit := pageBytes * len(page) / max(bytes, 1)
	return max(blocksFirst, min(4*size, fit, pageMost))
}

// cold scans the rows of the backend that count.
func (r *reader) cold(ctx context.Context, l *ledger, rng state.Range) iter.Seq2[state.KV, error] {
	return func(yield func(state.KV, error) bool) {
		size := pageFirst
		if len(rng.Low) > 0 && state.Family(rng.Low[0]) == state.FamilyFact {
			size = blocksFirst
		}
		if rng.Limit > 0 {
			size = min(size, rng.Limit+slack)
		}
		for {
			rng.Limit = size
			read, err := r.backend.Scan(ctx, l.generation, []state.Range{rng})
			if err != nil {
				yield(state.KV{}, err)
				return
			}
			if err := r.stir(ctx); err != nil {
				yield(state.KV{}, err)
				return
			}
			rows, whole := l.rows(read[0], size)
			for _, kv := range rows {
				if !yield(kv, nil) {
					return
				}
			}
			if whole == nil {
				return
			}
			if len(whole) == 0 {
				size *= 4 // one key has more versions than the page
				continue
			}
			rng = behind(rng, bytes.Clone(whole))
			size = grown(size, read[0])
		}
	}
}

// stir has a transaction do something, as servers end one that does nothing for long
// while the backend is read page by page.
func (r *reader) stir(ctx context.Context) error {
	if r.keep {
		return nil
	}
	_, err := r.hot.Get(ctx, [][]byte{ledgerKey()})
	return err
}

// rows returns the rows that versions come to, which are a page of up to size of
// them. whole is the last key of which all versions are known, empty if that is none;
// nil means that there are no more.
func (l *ledger) rows(versions []Version, size int) (rows []state.KV, whole []byte) {
	more := len(versions) >= size
	if more {
		whole = []byte{}
	}
	for i := 0; i < len(versions); {
		j := i + 1
		for j < len(versions) && bytes.Equal(versions[j].Key, versions[i].Key) {
			j++
		}
		if more && j == len(versions) {
			break // others of the key may follow
		}
		if v := l.latest(versions[i:j]); v != nil && !v.Gone {
			rows = append(rows, state.KV{Key: v.Key, Value: v.Value})
		}
		if more {
			whole = versions[i].Key
		}
		i = j
	}
	return rows, whole
}

// latest returns the version of a key that counts, or nil.
func (l *ledger) latest(versions []Version) (out *Version) {
	var term int
	var number uint64
	for i := range versions {
		t, n := l.rank(versions[i].Attempt)
		if t > term || t == term && n > number {
			out, term, number = &versions[i], t, n
		}
	}
	return out
}
