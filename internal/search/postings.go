package search

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"kith/internal/state"
)

// expansion is a token that a term stands for and how well it does.
type expansion struct {
	Token
	quality quality
	rows    int    // that were read
	last    []byte // the key of the last of them, when there may be more; else nil
}

// expand adds a token to a term and reports whether it is a new one.
func (t *term) expand(token Token, q quality) bool {
	for i := range t.expanded {
		if t.expanded[i].Token == token {
			return false
		}
	}
	t.expanded = append(t.expanded, expansion{Token: token, quality: q})
	return true
}

// open returns the expansions of which not all rows were read.
func (t *term) open() []*expansion {
	var out []*expansion
	for i := range t.expanded {
		if t.expanded[i].last != nil {
			out = append(out, &t.expanded[i])
		}
	}
	return out
}

// whole reports whether all rows of a term were read.
func (t *term) whole() bool { return !t.cut && len(t.open()) == 0 }

// exact reads the rows of what was asked for as it stands, and of what it begins.
// The rows of a common word are read to the end only when all words are common;
// else it is enough to look whether the nodes of a rare one have it.
func (f *finder) exact(ctx context.Context) error {
	var all []*expansion
	var of []int
	for i, t := range f.plan.terms {
		for _, token := range t.exact {
			t.expand(token, equal)
		}
		for j := range t.expanded {
			all, of = append(all, &t.expanded[j]), append(of, i)
		}
	}
	if err := f.begin(ctx, all, of, firstRows); err != nil {
		return err
	}
	for i := range f.plan.terms {
		if err := f.begun(ctx, i); err != nil {
			return err
		}
	}
	return f.converge(ctx)
}

// converge reads rows of common words on, all in step, until so many nodes have all
// words that no more are needed, or one of the words is read to its end. Rows of a
// word are in the order of nodes, so what has been read of each covers the same
// nodes. Then the nodes of that one word are looked at for the others.
func (f *finder) converge(ctx context.Context) error {
	left := rowsMax
	for left > 0 && len(f.plan.terms) > 1 && f.rarest(-1) < 0 && !f.hopeless() && f.full() < peopleMax {
		for i, t := range f.plan.terms {
			open := t.open()
			for _, e := range open {
				if err := f.readOn(ctx, i, e, max(stepRows/len(open), nearRows)); err != nil {
					return err
				}
			}
		}
		left -= stepRows
	}
	for i := range f.plan.terms {
		if err := f.settle(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// hopeless reports whether a term was found nowhere, so that no node has them all.
func (f *finder) hopeless() bool {
	return slices.ContainsFunc(f.plan.terms, func(t *term) bool { return t.rows == 0 })
}

// full counts the nodes that have all terms.
func (f *finder) full() int {
	n := 0
	for i := range f.nodes {
		all := true
		for j := range f.plan.terms {
			all = all && f.nodes[i].fits[j].quality != absent
		}
		if all {
			n++
		}
	}
	return n
}

// begin reads the first rows of expansions, each one of the term of that number.
func (f *finder) begin(ctx context.Context, all []*expansion, of []int, most int) error {
	ranges := make([]state.Range, len(all))
	for j, e := range all {
		ranges[j] = first(e.prefix(), most)
	}
	got, err := state.ScanAll(ctx, f.snap, ranges)
	if err != nil {
		return err
	}
	for j, kvs := range got {
		for _, kv := range kvs {
			if _, err := f.note(of[j], all[j].quality, kv); err != nil {
				return err
			}
		}
		all[j].rows = len(kvs)
		f.plan.terms[of[j]].rows += len(kvs)
		if len(kvs) == most {
			all[j].last = kvs[most-1].Key
		}
	}
	return nil
}

// readOn reads up to so many further rows of a term's expansion.
func (f *finder) readOn(ctx context.Context, i int, e *expansion, most int) error {
	rng := first(e.prefix(), most)
	rng.Low = append(bytes.Clone(e.last), 0)
	n := 0
	var last []byte
	for kv, err := range f.snap.Scan(ctx, rng) {
		if err != nil {
			return err
		}
		if _, err := f.note(i, e.quality, kv); err != nil {
			return err
		}
		last = append(last[:0], kv.Key...)
		n++
	}
	f.plan.terms[i].rows += n
	e.rows += n
	e.last = nil
	if n == most {
		e.last = last
	}
	return nil
}

// begun reads tokens that a term begins.
func (f *finder) begun(ctx context.Context, i int) error {
	t := f.plan.terms[i]
	for _, token := range t.begins {
		rng := first(append([]byte{byte(state.FamilySearch), byte(token.Class)}, token.Text...), begunRows)
		rng.Low = append(bytes.Clone(rng.Low), 1) // behind the rows of the token itself
		n := 0
		for kv, err := range f.snap.Scan(ctx, rng) {
			if err != nil {
				return err
			}
			text, err := f.note(i, begun, kv)
			if err != nil {
				return err
			}
			n++
			if len(t.expanded) < spreadMax {
				t.expand(Token{token.Class, string(text)}, begun)
			}
		}
		t.rows += n
		t.cut = t.cut || n == begunRows
	}
	return nil
}

// rarest is the number of the term with the fewest rows, all of them read, other
// than the one given; -1 when there is none.
func (f *finder) rarest(but int) int {
	best := -1
	for i, t := range f.plan.terms {
		if i != but && t.rows > 0 && t.whole() && (best < 0 || t.rows < f.plan.terms[best].rows) {
			best = i
		}
	}
	return best
}

// settle looks whether nodes of the rarest term have those tokens of another of
// which not all rows were read.
func (f *finder) settle(ctx context.Context, i int) error {
	open := f.plan.terms[i].open()
	if len(open) == 0 {
		return nil
	}
	by := f.rarest(i)
	if by < 0 {
		f.cut = true
		return nil
	}
	var ranges []state.Range
	var qualities []quality
	for n := range f.nodes {
		c := &f.nodes[n]
		if c.fits[by].quality == absent || c.fits[i].quality != absent {
			continue
		}
		for _, e := range open {
			if len(ranges) == checksMax {
				f.cut = true
				break
			}
			ranges = append(ranges, first(append(e.prefix(), c.node[:]...), 1))
			qualities = append(qualities, e.quality)
		}
	}
	got, err := state.ScanAll(ctx, f.snap, ranges)
	if err != nil {
		return err
	}
	for j, kvs := range got {
		for _, kv := range kvs {
			if _, err := f.note(i, qualities[j], kv); err != nil {
				return err
			}
		}
	}
	return nil
}

// approximate reads what is so many edits away from the terms that allow it, or
// only from those that were found nowhere. It reports whether anything was new.
func (f *finder) approximate(ctx context.Context, edits uint8, missing bool) (bool, error) {
	some := false
	for i, t := range f.plan.terms {
		if missing && t.typed {
			continue
		}
		found, err := f.near(ctx, t, edits)
		if err != nil {
			return some, err
		}
		fresh, err := f.readNear(ctx, i, found)
		if err != nil {
			return some, err
		}
		some = some || fresh
	}
	if !some {
		return false, nil
	}
	return true, f.converge(ctx)
}

// near finds the tokens that a term may have been meant to be, the nearest first.
func (f *finder) near(ctx context.Context, t *term, edits uint8) ([]expansion, error) {
	var found []expansion
	for _, token := range t.near {
		if editsOf(token.Text) < edits {
			continue
		}
		n := near{class: token.Class, text: []rune(token.Text), edits: edits, fixed: edits > 1}
		if err := n.walk(ctx, f.snap); err != nil {
			return nil, err
		}
		f.cut = f.cut || n.cut
		for _, m := range n.found {
			q := near1
			if m.distance > 1 {
				q = near2
			}
			found = append(found, expansion{Token: Token{token.Class, m.text}, quality: q})
		}
	}
	slices.SortFunc(found, func(a, b expansion) int {
		return cmp.Or(cmp.Compare(b.quality, a.quality), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Text, b.Text))
	})
	return found, nil
}

// readNear reads the first rows of tokens with errors in them and reports whether
// any token was new.
func (f *finder) readNear(ctx context.Context, i int, found []expansion) (bool, error) {
	t := f.plan.terms[i]
	from := len(t.expanded)
	for _, e := range found {
		t.expand(e.Token, e.quality)
	}
	var fresh []*expansion
	var of []int
	for j := from; j < len(t.expanded); j++ {
		fresh, of = append(fresh, &t.expanded[j]), append(of, i)
	}
	return len(fresh) > 0, f.begin(ctx, fresh, of, nearRows)
}
