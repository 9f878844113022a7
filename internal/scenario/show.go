package scenario

import (
	"context"
	"fmt"
	"strings"

	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
)

// refused shows an error that the product would answer; a defect stays an error.
func refused(err error) (string, error) {
	switch errs.KindOf(err) {
	case errs.Invalid, errs.NotFound, errs.Conflict, errs.Denied, errs.Exhausted:
		if err != nil {
			return err.Error() + "\n", nil
		}
	}
	return "", err
}

// query is a command that asks about a profile.
func query(name, usage, about string, options []string, run func(context.Context, *session, *step, profile.Ref) (string, error)) *command {
	return &command{
		name: name, usage: strings.TrimSpace("TYPE:VALUE " + usage), about: about, options: options, least: 1, most: 1,
		check: func(s *step) error { _, err := parseRef(s.positional()[0].text()); return err },
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			if err := s.fold(ctx); err != nil {
				return "", err
			}
			ref, err := s.ref(st.positional()[0])
			if err != nil {
				return "", err
			}
			out, err := run(ctx, s, st, ref)
			if err != nil {
				return refused(err)
			}
			return out, nil
		},
	}
}

// parseRef reads type:value.
func parseRef(text string) (profile.Ref, error) {
	typ, val, ok := strings.Cut(text, ":")
	if !ok || typ == "" || val == "" {
		return profile.Ref{}, wrong(`name the person as user_id:u1, email:ana@shop.fr or id:<id1>; quote the whole if it holds spaces`, "%.40q names no identifier", text)
	}
	return profile.Ref{Type: typ, Value: val}, nil
}

// ref reads an argument that names a profile.
func (s *session) ref(v value) (profile.Ref, error) {
	ref, err := parseRef(v.text())
	if err != nil {
		return ref, err
	}
	ref.Value, err = s.mask.real(ref.Value)
	return ref, err
}

// id shows a profile's or node's id.
func (s *session) id(n identity.NodeID) string { return s.mask.name("id", n.String()) }

// showIdentifier writes type:value, quoted as a whole where it is not plain.
func showIdentifier(id identity.Identifier) string {
	return plain(quote(id.Type + ":" + id.Value))
}

// messageID shows a message's id: as it was sent, or numbered when the collector
// made it, which gives it the form of a UUID.
func (s *session) messageID(id string) string {
	if _, made := identity.ParseNodeID(id); made && !s.known[id] {
		return s.mask.name("message", id)
	}
	return plain(quote(id))
}

func showIdentifiers(ids []profile.Identifier) string {
	var out []string
	for _, id := range ids {
		out = append(out, showIdentifier(id.Identifier))
	}
	return strings.Join(out, " ")
}

func span(first, last int64) string {
	if first == last {
		return showTime(first)
	}
	return fmt.Sprintf("%s to %s", showTime(first), showTime(last))
}
