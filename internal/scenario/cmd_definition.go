package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"kith/internal/expr"
	"kith/internal/membership"
	"kith/internal/resource/form"
	"kith/internal/segment"
)

func segmentCommand() *command {
	return definitionCommand("segment", "makes a segment what the document says, as the API does; with remove= and {} it is removed.",
		func(set *segment.Set, o *form.Object, key string) { set.ReadSegment(o, key, expr.Options{}) })
}

func computedCommand() *command {
	return definitionCommand("computed", "makes a computed trait what the document says, as the API does; with remove= and {} it is removed.",
		func(set *segment.Set, o *form.Object, key string) { set.ReadTrait(o, key, expr.Options{}) })
}

// definitionCommand saves a document of a kind after the check that it has to pass.
func definitionCommand(name, about string, check func(*segment.Set, *form.Object, string)) *command {
	return &command{
		name: name, usage: "KEY {DOCUMENT} [remove=BOOL]", about: about, options: []string{"remove"}, least: 2, most: 2,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			remove, err := yes(st, "remove", false)
			if err != nil {
				return "", err
			}
			key, docs := st.positional()[0].text(), s.documents
			into := map[string]map[string]json.RawMessage{"segment": docs.Segments, "computed": docs.Traits}[name]
			if remove {
				delete(into, key)
				return "", nil
			}
			set, err := docs.Set()
			if err != nil {
				return "", err
			}
			text := []byte(st.positional()[1].json)
			if err := form.Read(text, func(o *form.Object) { check(set, o, key) }); err != nil {
				return showRefused(err)
			}
			into[key] = text
			return "", nil
		},
	}
}

// showRefused shows each place of a document that is not accepted.
func showRefused(err error) (string, error) {
	var r *form.Refused
	if !errors.As(err, &r) {
		return refused(err)
	}
	var out strings.Builder
	for _, f := range r.Fields {
		out.WriteString(f.Pointer + " " + f.Code + ": " + f.Detail + "\n")
	}
	return out.String(), nil
}

// copyOf is the documents as they are now.
func copyOf(d *membership.Documents) membership.Documents {
	out := membership.Documents{Traits: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}}
	for k, v := range d.Traits {
		out.Traits[k] = v
	}
	for k, v := range d.Segments {
		out.Segments[k] = v
	}
	return out
}
