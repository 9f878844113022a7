package search

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/state"
)

// Bounds of what one search reads. They keep its time the same whatever is asked.
const (
	rowsMax    = 20_000 // of the tokens of one term
	stepRows   = 2_000  // of them in one step
	firstRows  = 500    // of each token that is asked for as it stands, before any is read on
	nearRows   = 64     // of each token with an error in it, before any is read on
	begunRows  = 2_000  // of tokens that a term begins
	spreadMax  = 16     // tokens of a term that are looked for at the other nodes of a person
	checksMax  = 4_000  // single looks at whether a node has a token, of one kind
	peopleMax  = 32     // nodes that are resolved to profiles, unless a page needs more
	partsMax   = 8      // of them those of which only a part of the terms fits
	fullEnough = 5      // profiles that fit all terms, with which no errors are looked for
	HitsMax    = 200    // Hits of one query, over all its pages
)

// Searcher answers queries. It is safe for concurrent use.
type Searcher struct {
	State    state.Store
	Profiles *profile.Reader
}

// Hit is one profile that was found.
type Hit struct {
	Profile profile.Profile // without its accounts
	Matched []Match         // one for each term that fits, in the order of the query
	Score   float64         // 0 to 1, greater is better; 1 is an identifier as a whole
}

// Match is a value by which a profile was found.
type Match struct {
	Field string // the type of an identifier, traits. and the name of a trait, or number
	Value string // as it is stored
}

// Answer is a page of hits, best first.
type Answer struct {
	Hits []Hit
	More bool // there are further ones
	// Exact is false when there was more to read than one search reads, so that
	// others may fit as well as those that were found.
	Exact bool
}

// Find returns the profiles that fit a query, from the offset on.
func (s *Searcher) Find(ctx context.Context, q string, offset, limit int) (Answer, error) {
	snap, err := s.State.Snapshot(ctx)
	if err != nil {
		return Answer{}, err
	}
	defer snap.Close()
	f := finder{
		snap: snap, people: s.Profiles, plan: parse(q, s.Profiles.Config, s.Profiles.Keys), want: offset + limit,
		places: map[identity.NodeID]int32{}, named: map[string]uint16{}, known: map[identity.NodeID]*person{},
	}
	if err := f.run(ctx); err != nil {
		return Answer{}, err
	}
	return f.page(ctx, offset, limit)
}

// finder is one search.
type finder struct {
	snap   state.Snapshot
	people *profile.Reader
	plan   plan
	want   int  // profiles
	cut    bool // there was more to read
	more   bool // candidates were left out that fit as well

	nodes  []candidate
	places map[identity.NodeID]int32 // in nodes
	names  []string                  // of traits and numbers that were found
	named  map[string]uint16         // their places in names

	found []*person // ranked once run has returned
	known map[identity.NodeID]*person
}

// candidate is a node at which something was found.
type candidate struct {
	node  identity.NodeID
	whole bool // it is the identifier that was asked for
	fits  [termsMax]fit
}

// fit is the best row of a term at a node, in few bytes: there are many.
type fit struct {
	quality quality
	class   Class
	field   Field
	words   uint8
	name    uint16 // place in names
}

// better reports whether a row says more of a person than another: it fits better,
// or it is of a shorter value; a word rather of a trait, anything else rather of an
// identifier. Of two that say as much the one that was read first stays; rows are
// read in the same order every time.
func (f fit) better(than fit) bool {
	field := cmp.Compare(than.field, f.field)
	if f.class == Word {
		field = -field
	}
	return cmp.Or(cmp.Compare(f.quality, than.quality), cmp.Compare(than.words, f.words), field) > 0
}

// person is a profile with what was found at its nodes.
type person struct {
	*profile.Person
	whole   bool
	fits    [termsMax]fit
	at      [termsMax]identity.NodeID // of the fits
	matched int
	score   float64
}

// run searches as little as will do: what fits exactly or begins so, and only when
// these are too few what has errors in it.
func (f *finder) run(ctx context.Context) error {
	for _, search := range []func(context.Context) error{f.references, f.exact, f.closed, f.resolve} {
		if err := search(ctx); err != nil {
			return err
		}
	}
	for _, t := range f.plan.terms {
		t.typed = t.rows > 0
	}
	for _, round := range [...]struct {
		edits   uint8
		missing bool
	}{{1, true}, {1, false}, {2, true}, {2, false}} {
		if f.enough(round.edits, round.missing) {
			break
		}
		some, err := f.approximate(ctx, round.edits, round.missing)
		if err != nil {
			return err
		}
		if some {
			if err := f.resolve(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// enough reports whether more errors need not be looked for: an identifier was
// named, or some profiles fit all terms. Once errors are found, any profile will
// do.
func (f *finder) enough(edits uint8, missing bool) bool {
	full := 0
	for _, p := range f.found {
		if p.whole || f.exactly(p) {
			return true
		}
		if p.matched == len(f.plan.terms) {
			full++
		}
	}
	if edits == 1 && missing {
		return full >= min(f.want, fullEnough)
	}
	return full >= min(f.want, fullEnough) || full > 0 && (edits > 1 || f.mistyped())
}

// mistyped reports whether a term was found nowhere as it stands.
func (f *finder) mistyped() bool {
	return slices.ContainsFunc(f.plan.terms, func(t *term) bool { return !t.typed })
}

// exactly reports whether all terms fit as they stand and one is an address or a
// number, which belong to few.
func (f *finder) exactly(p *person) bool {
	some := false
	for i := range f.plan.terms {
		if p.fits[i].quality != equal {
			return false
		}
		some = some || p.fits[i].class != Word
	}
	return some
}

// references finds the nodes of identifiers that the whole query is.
func (f *finder) references(ctx context.Context) error {
	keys := make([][]byte, len(f.plan.refs))
	for i, n := range f.plan.refs {
		keys[i] = identity.IdentifierRow(n)
	}
	values, err := f.snap.Get(ctx, keys)
	if err != nil {
		return err
	}
	for i, v := range values {
		if v != nil {
			f.candidate(f.plan.refs[i]).whole = true
		}
	}
	if f.plan.whole == nil {
		return nil
	}
	var ranges []state.Range
	for _, t := range f.plan.whole.exact {
		ranges = append(ranges, first(t.prefix(), firstRows))
	}
	got, err := state.ScanAll(ctx, f.snap, ranges)
	if err != nil {
		return err
	}
	for _, kvs := range got {
		for _, kv := range kvs {
			for i := range f.plan.terms {
				if _, err := f.note(i, equal, kv); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// first is the range of so many keys that begin with a prefix.
func first(prefix []byte, most int) state.Range {
	r := state.Prefix(prefix)
	r.Limit = most
	return r
}

// candidate is the one of a node. It stays valid until the next one is made.
func (f *finder) candidate(n identity.NodeID) *candidate {
	i, ok := f.places[n]
	if !ok {
		i = int32(len(f.nodes))
		f.places[n] = i
		f.nodes = append(f.nodes, candidate{node: n})
	}
	return &f.nodes[i]
}

// note takes in a row of the index for a term and returns its token.
func (f *finder) note(i int, q quality, kv state.KV) (token []byte, err error) {
	node, got, token, err := f.read(q, kv)
	if err != nil {
		return nil, err
	}
	if c := f.candidate(node); got.better(c.fits[i]) {
		c.fits[i] = got
	}
	return token, nil
}

// read reads a row without keeping any of its bytes.
func (f *finder) read(q quality, kv state.KV) (node identity.NodeID, got fit, token []byte, err error) {
	end := bytes.IndexByte(kv.Key[min(2, len(kv.Key)):], 0) + 2
	if end < 3 || len(kv.Key) < end+18 || len(kv.Value) != 1 {
		return node, got, nil, errs.New(errs.Corrupt, "search.row_format", "a stored row of the search index cannot be read")
	}
	copy(node[:], kv.Key[end+1:])
	name := kv.Key[end+18:]
	place, ok := f.named[string(name)]
	if !ok && len(f.names) < 1<<16-1 {
		place = uint16(len(f.names))
		f.names = append(f.names, string(name))
		f.named[string(name)] = place
	}
	return node, fit{q, Class(kv.Key[1]), Field(kv.Key[end+17]), kv.Value[0], place}, kv.Key[2:end], nil
}

// page describes a part of what was found.
func (f *finder) page(ctx context.Context, offset, limit int) (Answer, error) {
	all := f.found[:min(len(f.found), HitsMax)]
	a := Answer{Exact: !f.cut && !f.more, More: offset+limit < len(all)}
	for _, t := range f.plan.terms {
		a.Exact = a.Exact && !t.cut
	}
	for _, p := range all[min(offset, len(all)):min(offset+limit, len(all))] {
		described, err := f.people.Describe(ctx, f.snap, p.Person)
		if err != nil {
			return Answer{}, err
		}
		a.Hits = append(a.Hits, Hit{Profile: described, Score: p.score})
	}
	return a, f.matches(ctx, all[min(offset, len(all)):], a.Hits)
}
