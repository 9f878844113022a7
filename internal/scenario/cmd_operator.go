package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kith/internal/decision"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/identity/settings"
)

// decisionID is the id of a decision that a file names.
func decisionID(name string) string { return "dec_" + name }

func mergeCommand() *command {
	return &command{
		name: "merge", usage: "TYPE:VALUE TYPE:VALUE [as=NAME] [reason=TEXT]",
		about: "decides that two identifiers are one person.",
		shape: recordShape, options: []string{"as", "reason"}, least: 2, most: 2, check: checkIdentifiers,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			ids, err := values(st.positional())
			if err != nil {
				return "", err
			}
			return s.decide(ctx, st, decision.Decision{Kind: decision.Merge, A: &ids[0], B: &ids[1]})
		},
	}
}

func splitCommand() *command {
	return &command{
		name: "split", usage: "TYPE:VALUE… from TYPE:VALUE… [as=NAME] [reason=TEXT]",
		about: "decides that nobody before the word from is somebody behind it.",
		shape: recordShape, options: []string{"as", "reason"}, least: 3, most: manyArgs,
		check: func(s *step) error {
			if i := fromIn(s); i < 1 || i == len(s.positional())-1 {
				return wrong("write: "+s.command.form(), "one side is empty")
			}
			return nil
		},
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			all, i := st.positional(), fromIn(st)
			left, err := values(all[:i])
			if err != nil {
				return "", err
			}
			right, err := values(all[i+1:])
			if err != nil {
				return "", err
			}
			return s.decide(ctx, st, decision.Decision{Kind: decision.Split, Left: left, Right: right})
		},
	}
}

// fromIn is where the word from stands among the arguments.
func fromIn(st *step) int {
	return slices.IndexFunc(st.positional(), func(v value) bool { return v.text() == "from" })
}

func retractCommand() *command {
	return &command{
		name: "retract", usage: "SOURCE RUN [as=NAME] [reason=TEXT]",
		about: "takes back what a run of a source brought, and whatever it will bring.",
		shape: recordShape, options: []string{"as", "reason"}, least: 2, most: 2,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			p := st.positional()
			return s.decide(ctx, st, decision.Decision{Kind: decision.Retract, Source: p[0].text(), Run: p[1].text()})
		},
	}
}

func revokeCommand() *command {
	return &command{
		name: "revoke", usage: "NAME [as=NAME] [reason=TEXT]",
		about: "revokes a decision, which may come later.",
		shape: recordShape, options: []string{"as", "reason"}, least: 1, most: 1,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			return s.decide(ctx, st, decision.Decision{Kind: decision.Revoke, Target: decisionID(st.positional()[0].text())})
		},
	}
}

func checkIdentifiers(s *step) error {
	_, err := values(s.positional())
	return err
}

func values(args []value) ([]decision.Value, error) {
	var out []decision.Value
	for _, v := range args {
		ref, err := parseRef(v.text())
		if err != nil {
			return nil, err
		}
		out = append(out, decision.Value(ref))
	}
	return out, nil
}

// decide puts a decision into the log, unless another one stands against it. Only
// what is folded counts, as it does for a server.
func (s *session) decide(ctx context.Context, st *step, d decision.Decision) (string, error) {
	d.ID, d.At = decisionID(st.text("as", fmt.Sprintf("%03d", st.number))), s.collector.ReceivedAt()
	d.Reason, d.By = st.text("reason", ""), "operator"
	rec, err := d.Record()
	if err != nil {
		return "", err
	}
	snap, err := s.place.State().Snapshot(ctx)
	if err != nil {
		return "", err
	}
	defer snap.Close()
	rulings, _ := d.Rulings(s.identity, s.keys)
	against, err := decision.Conflict(ctx, snap, rulings)
	if err != nil {
		return "", err
	}
	if len(against) > 0 {
		return refused(errs.New(errs.Conflict, "decision.stands_against", "%s stands against it", strings.Join(against, ", ")))
	}
	partition := int32(st.number % s.place.Log().Partitions())
	_, err = s.place.Log().Append(ctx, []eventlog.Entry{{Partition: partition, Data: rec.AppendTo(nil)}})
	return "", err
}

func whyCommand() *command {
	return &command{
		name: "why", usage: "TYPE:VALUE TYPE:VALUE",
		about:   "shows why two identifiers are one person, or why not.",
		options: noOptions, least: 2, most: 2, check: checkIdentifiers, run: runWhy,
	}
}

func runWhy(ctx context.Context, s *session, st *step) (string, error) {
	if err := s.fold(ctx); err != nil {
		return "", err
	}
	var nodes [2]identity.NodeID
	for i, v := range st.positional() {
		ref, err := s.ref(v)
		if err != nil {
			return "", err
		}
		id, reason := s.identity.Normalize(ref.Type, ref.Value, "")
		if reason != identity.Usable {
			return fmt.Sprintf("%s identifies nobody: %s\n", plain(quote(v.text())), reason), nil
		}
		nodes[i] = s.keys.Node(id)
	}
	snap, err := s.place.State().Snapshot(ctx)
	if err != nil {
		return "", err
	}
	defer snap.Close()
	x, err := identity.Why(ctx, snap, s.identity, nodes[0], nodes[1])
	if err != nil {
		return refused(err)
	}
	var out strings.Builder
	if x.Together {
		out.WriteString("one person\n")
		s.showProofs(&out, x, x.Path)
		return out.String(), nil
	}
	reason, detail := x.Reason()
	fmt.Fprintf(&out, "not one person: %s: %s\n", reason, detail)
	s.showProofs(&out, x, x.Rejected)
	for _, t := range x.Through {
		s.showProofs(&out, x, t.Links)
	}
	return out.String(), nil
}

func (s *session) showProofs(out *strings.Builder, x *identity.Explanation, proofs []identity.Proof) {
	for i := range proofs {
		p := &proofs[i]
		ends := []identity.Identifier{x.IDs[p.A], x.IDs[p.B]}
		s.identity.Sort(ends)
		fmt.Fprintf(out, "%s - %s %s", showIdentifier(ends[0]), showIdentifier(ends[1]), p.Verdict)
		if p.Seen {
			fmt.Fprintf(out, ", %d from %s to %s by %s", p.Count, showTime(p.First), showTime(p.Last), strings.Join(p.Sources, " "))
		}
		for _, m := range p.Samples {
			fmt.Fprintf(out, " %s", s.messageID(m.MessageID))
		}
		for _, d := range p.Decisions {
			fmt.Fprintf(out, ", %s", d)
		}
		fmt.Fprintf(out, ", %s\n", p.Rule())
	}
}

func settingsCommand() *command {
	return &command{
		name: "identity-settings", usage: "{DOCUMENT}",
		about:   "replaces the identity settings; a change folds the log again under the new ones.",
		options: noOptions, least: 1, most: 1,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			doc, err := settings.Read([]byte(st.positional()[0].json))
			if err != nil {
				return refused(err)
			}
			s.settings.document = &doc
			return "", s.wire(ctx)
		},
	}
}

// rules are the rules of identity that the file has settled.
func (s *session) rules() *identity.Config {
	cfg := identity.DefaultConfig()
	if s.settings.document != nil {
		cfg = s.settings.document.Config()
	}
	if s.settings.country != "" {
		cfg.Country = s.settings.country
	}
	return cfg
}
