package scenario

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/membership"
	"kith/internal/profile"
	"kith/internal/segment"
	"kith/internal/sys"
)

const listedMax = 1000 // members and transitions that a command shows

func membersCommand() *command {
	return &command{
		name: "members", usage: "KEY", about: "lists who is in a segment, and since when, by the moment of entry.",
		options: noOptions, least: 1, most: 1,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			if err := s.follow(ctx); err != nil {
				return "", err
			}
			list, _, err := s.keeper.Members(ctx, st.positional()[0].text(), identity.NodeID{}, listedMax)
			if err != nil {
				return refused(err)
			}
			slices.SortFunc(list, func(a, b membership.Member) int {
				return cmp.Or(cmp.Compare(a.Since, b.Since), identity.CompareNodes(a.Profile, b.Profile))
			})
			var out strings.Builder
			for _, m := range list {
				fmt.Fprintf(&out, "%s since %s\n", s.id(m.Profile), event.FormatTime(m.Since))
			}
			if len(list) == 0 {
				out.WriteString(nobody + "\n")
			}
			return out.String(), nil
		},
	}
}

func transitionsCommand() *command {
	return &command{
		name: "transitions", usage: "KEY", about: "lists who entered a segment and exited from it, with the cause, by the moment of the change.",
		options: noOptions, least: 1, most: 1,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			if err := s.follow(ctx); err != nil {
				return "", err
			}
			all, err := s.keeper.Transitions(ctx, 0, listedMax)
			if err != nil {
				return "", err
			}
			all = slices.DeleteFunc(all, func(t membership.Transition) bool { return t.Segment != st.positional()[0].text() })
			slices.SortStableFunc(all, func(a, b membership.Transition) int { return cmp.Compare(a.At, b.At) })
			var out strings.Builder
			for _, t := range all {
				what := "exited"
				if t.Entered {
					what = "entered"
				}
				fmt.Fprintf(&out, "%s %s %s by %s\n", event.FormatTime(t.At), s.id(t.Profile), what, t.Cause)
			}
			return out.String(), nil
		},
	}
}

func answersCommand() *command {
	return query("answers", "", "shows the computed traits of a person, or of an account under account:ID, and the segments that it is in.", noOptions,
		func(ctx context.Context, s *session, _ *step, ref profile.Ref) (string, error) {
			var out strings.Builder
			err := s.answers(ctx, ref, func(set *segment.Set, scope expr.Scope, a *segment.Answers) {
				for _, d := range set.Traits() {
					if v := a.Value(d.Key); d.Scope == scope && v.JSON != nil {
						fmt.Fprintf(&out, "computed %s %s\n", d.Key, v.JSON)
					}
				}
				for _, d := range set.Segments() {
					if d.Scope == scope && a.Member(d.Key).Verdict {
						fmt.Fprintf(&out, "segment %s\n", d.Key)
					}
				}
			})
			return out.String(), err
		})
}

func explainCommand() *command {
	return query("explain", "segment=KEY", "says why a person is in a segment, or not: each part of the condition with its verdict, what was found, and when that can change by itself.", []string{"segment"},
		func(ctx context.Context, s *session, st *step, ref profile.Ref) (string, error) {
			var out strings.Builder
			list := ""
			err := s.answers(ctx, ref, func(set *segment.Set, _ expr.Scope, a *segment.Answers) {
				switch d := set.Segment(st.text("segment", "")); {
				case d == nil:
				case d.List:
					list = d.Key
				default:
					explain(&out, a.Explain(d.Where), "")
				}
			})
			if err == nil && list != "" {
				err = s.explainList(ctx, &out, list, ref)
			}
			return out.String(), err
		})
}

func explain(out *strings.Builder, d *expr.Detail, indent string) {
	fmt.Fprintf(out, "%s%t %v", indent, d.Verdict, expr.Describe(d.Condition)["form"])
	for _, v := range d.Values {
		fmt.Fprintf(out, " %s", v.AppendJSON(nil))
	}
	for _, e := range d.Events {
		fmt.Fprintf(out, " %s", e.MessageID)
	}
	if d.Next != expr.Never {
		fmt.Fprintf(out, ", until %s", event.FormatTime(d.Next))
	}
	out.WriteString("\n")
	for _, c := range d.Children {
		explain(out, c, indent+"  ")
	}
}

// answers asks the definitions of today of a person, or an account.
func (s *session) answers(ctx context.Context, ref profile.Ref, f func(*segment.Set, expr.Scope, *segment.Answers)) error {
	set, err := s.documents.Set()
	if err != nil {
		return err
	}
	snap, err := s.place.State().Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	reader := s.keeper.Reader(set)
	now := sys.Millis(s.clock.Now())
	if ref.Type == "account" {
		node, err := reader.AccountNode(ref.Value)
		if err != nil {
			return err
		}
		v := reader.Account(ctx, snap, node, math.MaxInt64)
		f(set, expr.Account, set.Ask(expr.Account, v, now, time.UTC))
		return v.Err()
	}
	p, err := s.reader.Read(ctx, ref)
	if err != nil {
		return err
	}
	c, err := identity.NewClusters(snap).Of(ctx, p.ID)
	if err != nil {
		return err
	}
	v := reader.Person(ctx, snap, c.Nodes, math.MaxInt64)
	f(set, expr.Profile, set.Ask(expr.Profile, v, now, time.UTC))
	return v.Err()
}

// follow brings the members of segments up to the end of the log and to the
// moment of the clock.
func (s *session) follow(ctx context.Context) error {
	if err := s.fold(ctx); err != nil {
		return err
	}
	for {
		worked, _, err := s.keeper.Step(ctx)
		if err != nil || !worked {
			return err
		}
	}
}

// openMembers opens what keeps the members of segments, over the settings as they
// now are.
func (s *session) openMembers(ctx context.Context) (err error) {
	s.keeper, err = membership.Open(ctx, membership.Config{
		State: s.place.State(), History: s.place.History(), Log: s.place.Log(), Keys: s.keys,
		Partitions: s.place.Log().Partitions(), Clock: s.clock, Rows: entity.OwnedJSON,
		Identity:    func() *identity.Config { return s.identity },
		Definitions: func(context.Context) (membership.Documents, error) { return copyOf(&s.documents), nil },
		Projection:  func() expr.Projection { return s.fields },
		Fields: func(_ context.Context, fields []expr.Field) (expr.Projection, error) {
			for _, f := range fields {
				if !slices.Contains(s.fields, f) {
					s.fields = append(s.fields[:len(s.fields):len(s.fields)], f)
				}
			}
			return s.fields, nil
		},
	})
	return err
}
