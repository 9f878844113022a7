package search

import (
	"context"
	"slices"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/strictjson"
)

// matches tells for each hit by which values the person was found. All values are
// read together.
func (f *finder) matches(ctx context.Context, people []*person, hits []Hit) error {
	var keys [][]byte
	each := func(h int, look func(p *person, i int)) {
		for i := range f.plan.terms {
			if people[h].fits[i].quality != absent {
				look(people[h], i)
			}
		}
	}
	for h := range hits {
		each(h, func(p *person, i int) {
			if p.fits[i].field == FieldTrait {
				keys = append(keys, profile.TraitRow(p.at[i], f.names[p.fits[i].name]))
			} else {
				keys = append(keys, identity.IdentifierRow(p.at[i]))
			}
		})
	}
	values, err := f.snap.Get(ctx, keys)
	if err != nil {
		return err
	}
	n := 0
	for h := range hits {
		each(h, func(p *person, i int) {
			m, bad := f.match(p.fits[i], values[n])
			n++
			if err == nil {
				err = bad
			}
			if m.Value != "" && !slices.Contains(hits[h].Matched, m) {
				hits[h].Matched = append(hits[h].Matched, m)
			}
		})
	}
	return err
}

// match tells what a row of the index comes from; value is the stored one of that.
func (f *finder) match(of fit, value []byte) (Match, error) {
	name := f.names[of.name]
	if of.field == FieldNumber {
		return Match{"number", name}, nil
	}
	if value == nil {
		return Match{}, nil
	}
	if of.field == FieldTrait {
		w, err := profile.DecodeWrite(value)
		return Match{"traits." + name, textOf(w.Value)}, err
	}
	id, err := identity.DecodeIdentifier(value)
	return Match{id.Type, id.Value}, err
}

// unknown reports whether an error says that no event names a node any more.
func unknown(err error) bool { return errs.Is(err, errs.NotFound) }

// textOf is a stored value as text: what a text says, else its JSON.
func textOf(value []byte) string {
	var doc strictjson.Doc
	if doc.Parse(value, strictjson.Limits{}) == nil && doc.Root().Kind() == strictjson.String {
		return doc.Root().Text()
	}
	return string(value)
}
