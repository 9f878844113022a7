package scenario

import (
	"context"
	"fmt"
	"strings"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
)

func uploadCommand() *command {
	return &command{
		name: "upload", usage: "KEY add|remove|replace [TYPE:VALUE…] [at=MOMENT] [id=TEXT] [source=NAME] [run=TEXT]",
		about: "uploads members of a segment that is a list, as the API does.",
		shape: recordShape, options: []string{"at", "id", "source", "run"}, least: 2, most: 1000,
		check: checkUpload, run: runUpload,
	}
}

func checkUpload(s *step) error {
	if at, ok := s.option("at"); ok {
		if _, err := parseMoment(at.text(), start); err != nil {
			return err
		}
	}
	u := entity.Upload{Mode: s.positional()[1].text()}
	if u.Check(func(string) string { return "" }) != nil {
		return wrong("write: "+s.command.form(), "an upload does not %.40q", u.Mode)
	}
	for _, p := range s.positional()[2:] {
		if _, err := parseRef(p.text()); err != nil {
			return err
		}
	}
	return nil
}

func runUpload(ctx context.Context, s *session, st *step) (string, error) {
	p := st.positional()
	key, mode, run, id := p[0].text(), p[1].text(), st.text("run", ""), st.text("id", fmt.Sprintf("u%03d", st.number))
	now := s.collector.ReceivedAt()
	stamp := event.Stamp{Source: st.text("source", "api"), ReceivedAt: now, Timestamp: now}
	if v, ok := st.option("at"); ok {
		t, err := parseMoment(v.text(), s.clock.Now())
		if err != nil {
			return "", err
		}
		stamp.Timestamp = t.UnixMilli()
	}
	write := func(id string, body entity.Body) error {
		stamp.MessageID = id
		rec := record.Record{Kind: record.Row, Stamp: stamp, Body: body.AppendTo(nil)}
		return s.append(ctx, entity.Identifier(body.Entity, entity.Replaced), &rec)
	}
	for i, one := range p[2:] {
		ref, err := parseRef(one.text())
		if err != nil {
			return "", err
		}
		if err := write(fmt.Sprintf("%s-%09d", id, i), entity.ListBody(key, run, ref.Type, ref.Value, mode == entity.ModeRemove)); err != nil {
			return "", err
		}
	}
	if mode != entity.ModeReplace {
		return "", nil
	}
	return "", write(id, entity.ReplaceBody(key, run))
}

// explainList says what uploads said last of a person's identifiers.
func (s *session) explainList(ctx context.Context, out *strings.Builder, segment string, ref profile.Ref) error {
	snap, err := s.place.State().Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	node, err := s.reader.Node(ref)
	if err != nil {
		return err
	}
	c, err := identity.NewClusters(snap).Of(ctx, node)
	if err != nil {
		return err
	}
	namings, err := entity.Namings(ctx, snap, segment, c.Nodes)
	if err != nil {
		return err
	}
	for i := range namings {
		n := &namings[i]
		said := "added"
		if n.Write.Delete {
			said = "removed"
		}
		fmt.Fprintf(out, "%t list %s %s by %s %s", n.In(), n.Key, said, n.Write.Source, n.Write.MessageID)
		if n.Write.Run != "" {
			out.WriteString(" of run " + n.Write.Run)
		}
		if n.Replaced != nil {
			out.WriteString(", replaced by " + n.Replaced.MessageID)
		}
		out.WriteByte('\n')
	}
	if len(namings) == 0 {
		out.WriteString("false list\n")
	}
	return nil
}
