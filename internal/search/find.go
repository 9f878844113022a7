package search

import (
	"bytes"
	"context"
	"slices"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/state"
)

// Bounds of what one search reads. They keep its time the same whatever is asked.
const (
	rowsMax      = 20_000 // of one term
	firstRows    = 500    // of each of many tokens, before any is read on
	begunRows    = 4_000  // of tokens that a term begins
	expansionMax = 16     // tokens of a term that are looked for in the other nodes of a person
	checksMax    = 4_000  // single looks at whether a node has a token
	peopleMax    = 48     // nodes that are resolved to profiles, unless a page needs more
	partsMax     = 12     // of them those of which only a part of the terms fits
	fullEnough   = 5      // profiles that fit all terms, with which no errors are looked for
	HitsMax      = 200    // Hits of one query, over all its pages
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
		byNode: map[identity.NodeID]*candidate{}, known: map[identity.NodeID]*person{},
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
	want   int // profiles
	cut    bool
	more   bool // candidates were left out that fit as well

	byNode map[identity.NodeID]*candidate
	found  []*person                   // ranked once run has returned
	known  map[identity.NodeID]*person // who has been resolved; nil: nobody
}

// candidate is a node that a term was found at.
type candidate struct {
	node  identity.NodeID
	whole bool // it is the identifier that was asked for
	fits  [termsMax]fit
}

// fit is the best row of a term at a node.
type fit struct {
	quality quality
	row     Row
}

// person is a profile with what was found at its nodes.
type person struct {
	*profile.Person
	whole   bool
	fits    [termsMax]fit
	matched int
	score   float64
}

// run searches as little as will do: what fits exactly or begins so, and only when
// these are too few what has errors in it.
func (f *finder) run(ctx context.Context) error {
	if err := f.exact(ctx); err != nil {
		return err
	}
	if err := f.closed(ctx); err != nil {
		return err
	}
	if err := f.resolve(ctx); err != nil {
		return err
	}
	for edits := uint8(1); edits <= 2 && !f.enough(edits); edits++ {
		read, err := f.approximate(ctx, edits)
		if err != nil {
			return err
		}
		if !read {
			continue
		}
		if err := f.resolve(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enough reports whether more errors need not be looked for: an identifier was
// named, or some profiles fit all terms; for the second error any profile will do.
func (f *finder) enough(edits uint8) bool {
	full := 0
	for _, p := range f.found {
		if p.whole || f.named(p) {
			return true
		}
		if p.matched == len(f.plan.terms) {
			full++
		}
	}
	return full >= min(f.want, fullEnough) || edits > 1 && full > 0
}

// named reports whether all terms fit as they stand and one is an address or a
// number, which belong to few.
func (f *finder) named(p *person) bool {
	some := false
	for i := range f.plan.terms {
		if p.fits[i].quality != equal {
			return false
		}
		some = some || p.fits[i].row.Class != Word
	}
	return some
}

// exact reads the rows of what was asked for as it stands.
func (f *finder) exact(ctx context.Context) error {
	if err := f.references(ctx); err != nil {
		return err
	}
	for i, t := range f.plan.terms {
		for _, token := range t.exact {
			t.expand(token, equal)
		}
		if err := f.read(ctx, i, t.expanded, rowsMax); err != nil {
			return err
		}
		if err := f.begun(ctx, i); err != nil {
			return err
		}
	}
	return nil
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
	ranges := make([]state.Range, len(f.plan.whole.exact))
	for i, t := range f.plan.whole.exact {
		ranges[i] = state.Prefix(t.prefix())
		ranges[i].Limit = f.want
	}
	got, err := state.ScanAll(ctx, f.snap, ranges)
	if err != nil {
		return err
	}
	for _, kvs := range got {
		for _, kv := range kvs {
			row, err := DecodeRow(kv.Key, kv.Value)
			if err != nil {
				return err
			}
			c := f.candidate(row.Node)
			for i := range f.plan.terms {
				c.improve(i, equal, row)
			}
		}
	}
	return nil
}

func (t *term) expand(token Token, q quality) {
	for _, have := range t.expanded {
		if have.Token == token {
			return
		}
	}
	t.expanded = append(t.expanded, expansion{token, q})
}

func (f *finder) candidate(n identity.NodeID) *candidate {
	c, ok := f.byNode[n]
	if !ok {
		c = &candidate{node: n}
		f.byNode[n] = c
	}
	return c
}

// improve notes a row of a term unless a better one is known.
func (c *candidate) improve(term int, q quality, row Row) {
	if found := (fit{q, row}); found.better(&c.fits[term]) {
		c.fits[term] = found
	}
}

// better reports whether a row says more of a person than another: it fits better,
// or it is of a shorter value. The rest makes the choice the same whatever the
// order.
func (f *fit) better(than *fit) bool {
	if f.quality != than.quality {
		return f.quality > than.quality
	}
	if f.row.Words != than.row.Words {
		return f.row.Words < than.row.Words
	}
	a, b := f.row.encode(), than.row.encode()
	return bytes.Compare(a.Key, b.Key) < 0
}

// read reads rows of a term's tokens: some of each, then on until the bound.
func (f *finder) read(ctx context.Context, i int, tokens []expansion, most int) error {
	t := f.plan.terms[i]
	ranges := make([]state.Range, len(tokens))
	for j, e := range tokens {
		ranges[j] = state.Prefix(e.prefix())
		ranges[j].Limit = firstRows
	}
	got, err := state.ScanAll(ctx, f.snap, ranges)
	if err != nil {
		return err
	}
	for j, kvs := range got {
		last, err := f.take(i, tokens[j].quality, kvs)
		if err != nil {
			return err
		}
		most -= len(kvs)
		if len(kvs) < firstRows {
			continue
		}
		if most <= 0 {
			t.cut = true
			continue
		}
		n, err := f.readOn(ctx, i, tokens[j], last, most)
		if err != nil {
			return err
		}
		t.cut = t.cut || n == most
		most -= n
	}
	return nil
}

// readOn reads up to so many rows of a token behind a key.
func (f *finder) readOn(ctx context.Context, i int, e expansion, after []byte, most int) (int, error) {
	rng := state.Prefix(e.prefix())
	rng.Low, rng.Limit = append(after, 0), most
	n := 0
	for kv, err := range f.snap.Scan(ctx, rng) {
		if err != nil {
			return n, err
		}
		if _, err := f.take(i, e.quality, []state.KV{kv}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// take notes rows and returns the last key.
func (f *finder) take(i int, q quality, kvs []state.KV) (last []byte, err error) {
	for _, kv := range kvs {
		row, err := DecodeRow(kv.Key, kv.Value)
		if err != nil {
			return nil, err
		}
		f.candidate(row.Node).improve(i, q, row)
		last = kv.Key
	}
	f.plan.terms[i].rows += len(kvs)
	return last, nil
}

// begun reads tokens that a term begins.
func (f *finder) begun(ctx context.Context, i int) error {
	t := f.plan.terms[i]
	for _, token := range t.begins {
		rng := state.Prefix(append([]byte{byte(state.FamilySearch), byte(token.Class)}, token.Text...))
		rng.Low = append(rng.Low, 1) // behind the rows of the token itself
		rng.Limit = begunRows
		n := 0
		for kv, err := range f.snap.Scan(ctx, rng) {
			if err != nil {
				return err
			}
			row, err := DecodeRow(kv.Key, kv.Value)
			if err != nil {
				return err
			}
			n++
			f.candidate(row.Node).improve(i, begun, row)
			if len(t.expanded) < expansionMax {
				t.expand(row.Token, begun)
			}
		}
		t.rows += n
		t.cut = t.cut || n == begunRows
	}
	return nil
}

// approximate reads what is so many edits away from the terms that allow it. It
// reports whether there was anything to look for.
func (f *finder) approximate(ctx context.Context, edits uint8) (bool, error) {
	any := false
	for i, t := range f.plan.terms {
		for _, token := range t.near {
			if editsOf(token.Text) < edits {
				continue
			}
			any = true
			n := near{class: token.Class, text: []rune(token.Text), edits: edits, fixed: edits > 1}
			if err := n.walk(ctx, f.snap); err != nil {
				return any, err
			}
			f.cut = f.cut || n.cut
			if err := f.readNear(ctx, i, token.Class, n.found); err != nil {
				return any, err
			}
		}
	}
	return any, nil
}

func (f *finder) readNear(ctx context.Context, i int, class Class, found []nearby) error {
	t := f.plan.terms[i]
	slices.SortFunc(found, func(a, b nearby) int {
		if a.distance != b.distance {
			return int(a.distance) - int(b.distance)
		}
		if a.text < b.text {
			return -1
		}
		return 1
	})
	var fresh []expansion
	for _, m := range found {
		q := near1
		if m.distance > 1 {
			q = near2
		}
		before := len(t.expanded)
		t.expand(Token{class, m.text}, q)
		if len(t.expanded) > before {
			fresh = append(fresh, t.expanded[before])
		}
	}
	return f.read(ctx, i, fresh, rowsMax)
}

// page describes a part of what was found.
func (f *finder) page(ctx context.Context, offset, limit int) (Answer, error) {
	a := Answer{Exact: !f.cut && !f.more}
	for _, t := range f.plan.terms {
		a.Exact = a.Exact && !t.cut
	}
	all := f.found[:min(len(f.found), HitsMax)]
	for _, p := range all[min(offset, len(all)):min(offset+limit, len(all))] {
		described, err := f.people.Describe(ctx, f.snap, p.Person)
		if err != nil {
			return Answer{}, err
		}
		matched, err := f.matches(ctx, p)
		if err != nil {
			return Answer{}, err
		}
		a.Hits = append(a.Hits, Hit{described, matched, p.score})
	}
	a.More = offset+limit < len(all)
	return a, nil
}

// matches tells by which values a person was found.
func (f *finder) matches(ctx context.Context, p *person) ([]Match, error) {
	var out []Match
	add := func(m Match) {
		if m.Value != "" && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	for i := range f.plan.terms {
		fit := &p.fits[i]
		if fit.quality == absent {
			continue
		}
		m, err := f.match(ctx, fit.row)
		if err != nil {
			return nil, err
		}
		add(m)
	}
	return out, nil
}

// match reads the value that a row of the index comes from.
func (f *finder) match(ctx context.Context, row Row) (Match, error) {
	switch row.Field {
	case FieldNumber:
		return Match{"number", row.Name}, nil
	case FieldTrait:
		values, err := f.snap.Get(ctx, [][]byte{profile.TraitRow(row.Node, row.Name)})
		if err != nil || values[0] == nil {
			return Match{}, err
		}
		w, err := profile.DecodeWrite(values[0])
		return Match{"traits." + row.Name, textOf(w.Value)}, err
	}
	values, err := f.snap.Get(ctx, [][]byte{identity.IdentifierRow(row.Node)})
	if err != nil || values[0] == nil {
		return Match{}, err
	}
	id, err := identity.DecodeIdentifier(values[0])
	return Match{id.Type, id.Value}, err
}

// unknown reports whether an error says that no event names a node any more.
func unknown(err error) bool { return errs.Is(err, errs.NotFound) }
