package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/strictjson"
)

func entityCommand() *command {
	return &command{
		name: "entity", usage: "KEY [key=ATTRIBUTE] [attribute=NAME] [identifier_type=TYPE] [remove=BOOL]",
		about:   "declares an entity, as its document does; attribute and identifier_type are its relation.",
		options: []string{"key", "attribute", "identifier_type", "remove"}, least: 1, most: 1,
		run: runEntity,
	}
}

func runEntity(ctx context.Context, s *session, st *step) (string, error) {
	d := entity.Definition{
		Entity: st.positional()[0].text(), Key: st.text("key", "id"), Attribute: st.text("attribute", ""), Type: st.text("identifier_type", "user_id"),
	}
	remove, err := yes(st, "remove", false)
	if err != nil {
		return "", err
	}
	if delete(s.settings.entities, d.Entity); !remove {
		s.settings.entities[d.Entity] = d
	}
	return "", s.wire(ctx)
}

// definitions are the entities that were declared, by key.
func (s *preferences) definitions() *entity.Config {
	out := &entity.Config{}
	for _, d := range s.entities {
		out.Definitions = append(out.Definitions, d)
	}
	slices.SortFunc(out.Definitions, func(a, b entity.Definition) int { return strings.Compare(a.Entity, b.Entity) })
	return out
}

func rowCommand() *command {
	return &command{
		name: "row", usage: "ENTITY {ATTRIBUTES} [at=MOMENT] [id=TEXT] [source=NAME] [run=TEXT] [delete=KEY]",
		about: "writes a row of an entity, as the API does; with delete= and {} it deletes one.",
		shape: recordShape, options: []string{"at", "id", "source", "run", "delete"}, least: 2, most: 2,
		check: checkRow, run: runRow,
	}
}

func checkRow(s *step) error {
	if at, ok := s.option("at"); ok {
		if _, err := parseMoment(at.text(), start); err != nil {
			return err
		}
	}
	if raw := s.positional()[1].json; raw == "" || raw[0] != '{' {
		return wrong("write: "+s.command.form(), "%.40q is no object", raw)
	}
	return nil
}

func runRow(ctx context.Context, s *session, st *step) (string, error) {
	p := st.positional()
	now := s.collector.ReceivedAt()
	stamp := event.Stamp{
		Source: st.text("source", "api"), MessageID: st.text("id", fmt.Sprintf("r%03d", st.number)), ReceivedAt: now, Timestamp: now,
	}
	if v, ok := st.option("at"); ok {
		t, err := parseMoment(v.text(), s.clock.Now())
		if err != nil {
			return "", err
		}
		stamp.Timestamp = t.UnixMilli()
	}
	body := entity.Body{Entity: p[0].text(), Run: st.text("run", ""), Attributes: []byte(p[1].json)}
	key := st.text("delete", "")
	if key != "" {
		body.Delete, body.Key = true, key
	} else {
		d := s.entities.Definition(body.Entity)
		if d == nil {
			return "", wrong("declare it with entity", "there is no entity %.40q", body.Entity)
		}
		var doc strictjson.Doc
		if err := doc.Parse(body.Attributes, strictjson.Limits{}); err != nil {
			return "", err
		}
		var ok bool
		if key, ok = entity.KeyOf(doc.Root().Get(d.Key)); !ok {
			return "", wrong("give it "+d.Key, "the row has no key")
		}
	}
	rec := record.Record{Kind: record.Row, Stamp: stamp, Body: body.AppendTo(nil)}
	return "", s.append(ctx, entity.Identifier(body.Entity, key), &rec)
}

func rowsCommand() *command {
	return &command{
		name: "rows", usage: "ENTITY [of=TYPE:VALUE]",
		about:   "shows the rows of an entity with whose they are, or those of one person.",
		options: []string{"of"}, least: 1, most: 1,
		check: func(s *step) error {
			if v, ok := s.option("of"); ok {
				_, err := parseRef(v.text())
				return err
			}
			return nil
		},
		run: runRows,
	}
}

func runRows(ctx context.Context, s *session, st *step) (string, error) {
	if err := s.fold(ctx); err != nil {
		return "", err
	}
	name := st.positional()[0].text()
	snap, err := s.place.State().Snapshot(ctx)
	if err != nil {
		return "", err
	}
	defer snap.Close()
	var rows []entity.Named
	if v, ok := st.option("of"); ok {
		ref, err := s.ref(v)
		if err != nil {
			return "", err
		}
		node, err := s.reader.Node(profile.Ref(ref))
		if err != nil {
			return refused(err)
		}
		person, err := s.reader.Person(ctx, snap, node)
		if err != nil {
			return refused(err)
		}
		if rows, err = entity.Owned(ctx, snap, name, person.Nodes); err != nil {
			return "", err
		}
	} else if rows, _, err = entity.List(ctx, snap, name, "", pageMax); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&out, "%s %s", plain(quote(r.Key)), json.RawMessage(r.Row.AppendJSON(nil)))
		if d := s.entities.Definition(name); d != nil {
			if id, ok := d.Owner(r.Row, s.identity); ok {
				out.WriteString(" of " + showIdentifier(id))
			}
		}
		out.WriteByte('\n')
	}
	if len(rows) == 0 {
		return "no rows\n", nil
	}
	return out.String(), nil
}
