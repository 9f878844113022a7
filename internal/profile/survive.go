package profile

import (
	"bytes"
	"context"
	"math"
	"slices"

	"kith/event"
	"kith/internal/decimal"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// unionMax is how many values a union has at most: the first ones, ascending.
const unionMax = 1000

// Survive returns the write that counts of all writes of one trait, given in any
// order, under a policy. ok is false when none does. Of a union it is the last one
// that said anything, with all values.
func Survive(p identity.Survivorship, writes []Write) (w Write, ok bool) {
	sorted := slices.Clone(writes)
	slices.SortFunc(sorted, func(a, b Write) int { return a.Compare(&b) })
	sorted = slices.CompactFunc(sorted, func(a, b Write) bool { return a.Compare(&b) == 0 })
	if p.Policy == identity.KeepSource {
		return bySource(p.Sources, sorted)
	}
	said := slices.DeleteFunc(slices.Clone(sorted), func(w Write) bool { return w.Removes() })
	if len(said) == 0 {
		return w, false
	}
	switch p.Policy {
	case identity.KeepFirst:
		return said[0], true
	case identity.KeepGreatest:
		return extreme(said, 1)
	case identity.KeepLeast:
		return extreme(said, -1)
	case identity.KeepMostFrequent:
		return mostFrequent(said), true
	case identity.KeepUnion:
		return union(said), true
	}
	last := sorted[len(sorted)-1]
	return last, !last.Removes()
}

// bySource: of each source its last write counts.
func bySource(sources []string, sorted []Write) (best Write, ok bool) {
	last := map[string]Write{}
	for _, w := range sorted {
		last[w.Source] = w
	}
	rank := func(source string) int {
		if i := slices.Index(sources, source); i >= 0 {
			return i
		}
		return len(sources)
	}
	for source, w := range last {
		if w.Removes() {
			continue
		}
		if r, have := rank(source), rank(best.Source); !ok || r < have || r == have && w.Compare(&best) > 0 {
			best, ok = w, true
		}
	}
	return best, ok
}

// parsed is a value in the form in which it is compared.
type parsed struct {
	kind   strictjson.Kind
	number decimal.Decimal
	text   string // of everything but numbers
}

func parse(value []byte) (out parsed, ok bool) {
	var doc strictjson.Doc
	if doc.Parse(value, strictjson.Limits{}) != nil {
		return out, false
	}
	return parsedOf(doc.Root()), true
}

func parsedOf(v strictjson.Value) parsed {
	out := parsed{kind: v.Kind()}
	switch v.Kind() {
	case strictjson.Number:
		n, err := decimal.Parse(v.Raw())
		if err == nil {
			out.number = n
			return out
		}
		out.kind, out.text = strictjson.Null, string(v.Raw()) // too large to be one
	case strictjson.String:
		out.text = v.Text()
	default:
		out.text = string(v.AppendClean(nil))
	}
	return out
}

// compare puts numbers by size before strings by code point, and all else behind.
func (a parsed) compare(b parsed) int {
	class := func(p parsed) int {
		return slices.Index([]strictjson.Kind{strictjson.Number, strictjson.String}, p.kind) & 3
	}
	switch ca, cb := class(a), class(b); {
	case ca != cb:
		return ca - cb
	case ca == 0:
		return a.number.Cmp(b.number)
	}
	return bytes.Compare([]byte(a.text), []byte(b.text))
}

// extreme is the greatest (sign 1) or least (-1) number, or string where there is no
// number; of equals the first one.
func extreme(said []Write, sign int) (best Write, ok bool) {
	var top parsed
	for _, w := range said {
		v, fine := parse(w.Value)
		if !fine || v.kind != strictjson.Number && v.kind != strictjson.String {
			continue
		}
		c := 1
		switch {
		case !ok:
		case v.kind != top.kind:
			if v.kind != strictjson.Number {
				c = -1
			}
		default:
			c = sign * v.compare(top)
		}
		if c > 0 {
			best, top, ok = w, v, true
		}
	}
	return best, ok
}

// mostFrequent is the last write of the value that was written most often.
func mostFrequent(said []Write) Write {
	count := map[parsed]int{}
	best, most := said[0], 0
	for _, w := range said {
		if v, ok := parse(w.Value); ok {
			count[v]++
		}
	}
	for _, w := range said { // in order, so that of equals the one written last stays
		if v, ok := parse(w.Value); ok && count[v] >= most {
			best, most = w, count[v]
		}
	}
	return best
}

// union is the last write with all different values as its value; those of lists
// count by their elements.
func union(said []Write) Write {
	texts := map[parsed][]byte{}
	add := func(v strictjson.Value) {
		if p := parsedOf(v); v.Kind() != strictjson.Null && texts[p] == nil {
			texts[p] = v.AppendClean(nil)
		}
	}
	for _, w := range said {
		var doc strictjson.Doc
		if doc.Parse(w.Value, strictjson.Limits{}) != nil {
			continue
		}
		if doc.Root().Kind() != strictjson.Array {
			add(doc.Root())
			continue
		}
		for v := range doc.Root().Elements() {
			add(v)
		}
	}
	values := make([]parsed, 0, len(texts))
	for p := range texts {
		values = append(values, p)
	}
	slices.SortFunc(values, parsed.compare)
	b := []byte{'['}
	for i, p := range values[:min(len(values), unionMax)] {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, texts[p]...)
	}
	out := said[len(said)-1]
	out.Value = append(b, ']')
	return out
}

// Override puts into the last writes of a person's traits those that count under the
// policies, of everything that was said of these traits.
func Override(cfg *identity.Config, traits map[string]Write, said []Write) {
	byKey := map[string][]Write{}
	for _, w := range said {
		if _, ok := cfg.Survivorship[w.Key]; ok {
			byKey[w.Key] = append(byKey[w.Key], w)
		}
	}
	for key, writes := range byKey {
		if w, ok := Survive(cfg.Survivorship[key], writes); ok {
			traits[key] = w
		} else {
			delete(traits, key)
		}
	}
}

// Said returns all writes of the traits of a person's nodes that have a policy, up to
// a moment (UTC milliseconds).
func Said(ctx context.Context, s state.Reader, index history.Index, cfg *identity.Config, nodes []identity.NodeID, upTo int64) (said []Write, err error) {
	if len(cfg.Survivorship) == 0 {
		return nil, nil
	}
	for _, n := range nodes {
		q := history.Query{Node: n, Type: event.Identify, AnyName: true, From: math.MinInt64, To: upTo}
		for e, err := range index.Range(ctx, s, q) {
			if err != nil {
				return nil, err
			}
			writes, err := EntryWrites(e)
			if err != nil {
				return nil, err
			}
			for _, w := range writes {
				if _, ok := cfg.Survivorship[w.Key]; ok {
					said = append(said, w)
				}
			}
		}
	}
	return said, nil
}

// survive is Override by what the nodes have in the history, where any of the traits
// has a policy.
func survive(ctx context.Context, s state.Reader, index history.Index, cfg *identity.Config, nodes []identity.NodeID, traits map[string]Write) error {
	for key := range cfg.Survivorship {
		if _, ok := traits[key]; !ok {
			continue
		}
		said, err := Said(ctx, s, index, cfg, nodes, math.MaxInt64)
		if err == nil {
			Override(cfg, traits, said)
		}
		return err
	}
	return nil
}

// ReadPersonTraits is ReadTraits of a person under the policies.
func ReadPersonTraits(ctx context.Context, s state.Reader, index history.Index, cfg *identity.Config, nodes []identity.NodeID) (map[string]Write, error) {
	traits, err := ReadTraits(ctx, s, nodes)
	if err == nil {
		err = survive(ctx, s, index, cfg, nodes, traits)
	}
	return traits, err
}
