package lake

import (
	"context"
	"slices"

	"github.com/parquet-go/parquet-go"

	"kith/internal/consent"
	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// holdings are the columns consents and entities of the profile that has the
// nodes.
func (w *people) holdings(ctx context.Context, nodes []identity.NodeID) (out [2]parquet.Value, err error) {
	said, err := consent.ReadPerson(ctx, w.snap, nodes)
	if err != nil {
		return out, err
	}
	rows, err := ownedRows(ctx, w.snap, nodes)
	out[0], out[1] = parquet.ByteArrayValue(consentsJSON(said)), rows
	return out, err
}

// anyOther stands for every purpose, or channel, of which nothing was said by
// name. Names have an equals sign in front.
const anyOther = "*"

// consentsJSON tells for every purpose and channel, those that were never named
// too, what counts.
func consentsJSON(p consent.Person) []byte {
	if len(p) == 0 {
		return []byte("{}")
	}
	var purposes, channels []string
	for _, n := range p {
		for k := range n {
			purposes, channels = include(purposes, k.Purpose), include(channels, k.Channel)
		}
	}
	channels = include(channels, "")
	b := []byte{'{'}
	for i := range len(purposes) + 1 {
		if i > 0 {
			b = append(b, ',')
		}
		purpose, shown := nameOf(purposes, i)
		b = append(strictjson.AppendString(b, shown), ":{"...)
		for j := range len(channels) + 1 {
			if j > 0 {
				b = append(b, ',')
			}
			channel, shown := nameOf(channels, j)
			b = append(strictjson.AppendString(b, shown), ':')
			state := ""
			if s, _ := p.State(purpose, channel); s.State != consent.Silent {
				state = s.State.String()
			}
			b = strictjson.AppendString(b, state)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// nameOf is the i-th of the names, or behind the last one a name that is none of
// them; and how it is shown.
func nameOf(names []string, i int) (name, shown string) {
	if i < len(names) {
		return names[i], "=" + names[i]
	}
	name = "\x00"
	for slices.Contains(names, name) {
		name += "\x00"
	}
	return name, anyOther
}

// ownedRows are the rows of every entity that belong to the nodes.
func ownedRows(ctx context.Context, r state.Reader, nodes []identity.NodeID) (parquet.Value, error) {
	var kinds []string
	for _, n := range nodes {
		prefix := append([]byte{byte(state.FamilyOwned)}, n[:]...)
		for kv, err := range r.Scan(ctx, state.Prefix(prefix)) {
			if err != nil {
				return parquet.Value{}, err
			}
			if kind, _, ok := state.CutText(kv.Key[len(prefix):]); ok && !entity.BuiltIn(kind) {
				kinds = include(kinds, kind)
			}
		}
	}
	b := []byte{'{'}
	for i, kind := range kinds {
		rows, err := entity.OwnedJSON(ctx, r, kind, nodes)
		if err != nil {
			return parquet.Value{}, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strictjson.AppendString(b, kind), ":["...)
		for j, row := range rows {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, row...)
		}
		b = append(b, ']')
	}
	return canonical(append(b, '}')), nil
}
