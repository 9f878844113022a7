package search

import (
	"context"
	"unicode/utf8"

	"kith/internal/state"
)

// Bounds of the reading of names that are written in one word.
const (
	closedRunes = 6
	closedRows  = 2_000
)

// closed reads words in which last and given name stand together, which are kept
// apart where they were sent apart: at each place between two characters the word
// may be two.
func (f *finder) closed(ctx context.Context) error {
	for i, t := range f.plan.terms {
		if len(t.exact) == 0 || t.exact[0].Class != Word {
			continue
		}
		w := t.exact[0].Text
		n := utf8.RuneCountInString(w)
		if first, _ := utf8.DecodeRuneInString(w); !ideographic(first) || n < 2 || n > closedRunes {
			continue
		}
		for at := range w {
			if at == 0 {
				continue
			}
			if err := f.together(ctx, i, Token{Word, w[:at]}, Token{Word, w[at:]}); err != nil {
				return err
			}
		}
	}
	return nil
}

// together notes the nodes that have both tokens, for one term.
func (f *finder) together(ctx context.Context, i int, a, b Token) error {
	got, err := state.ScanAll(ctx, f.snap, []state.Range{first(a.prefix(), closedRows), first(b.prefix(), closedRows)})
	if err != nil {
		return err
	}
	few, other := got[0], b
	if len(got[1]) < len(few) {
		few, other = got[1], a
	}
	f.plan.terms[i].cut = f.plan.terms[i].cut || len(few) == closedRows
	if len(few) == 0 {
		return nil
	}
	checks := make([]state.Range, len(few))
	for j, kv := range few {
		node, _, _, err := f.read(equal, kv)
		if err != nil {
			return err
		}
		checks[j] = first(append(other.prefix(), node[:]...), 1)
	}
	if got, err = state.ScanAll(ctx, f.snap, checks); err != nil {
		return err
	}
	for j, kvs := range got {
		if len(kvs) > 0 {
			if _, err := f.note(i, equal, few[j]); err != nil {
				return err
			}
			f.plan.terms[i].rows++
		}
	}
	return nil
}
