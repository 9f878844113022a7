package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/client"
	"kith/internal/errs"
)

func identityCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "identity", Short: "Explain and decide who is one person"}
	for _, sub := range []func() *cobra.Command{
		whyCommand, mergeCommand, splitCommand, retractCommand, revokeCommand, decisionsCommand, identitySettingsCommand, tryCommand,
	} {
		cmd.AddCommand(sub())
	}
	return cmd
}

// asking is a command that asks a server and prints the answer, as JSON or as print
// does.
func asking(use, short, example string, n int, ask func(context.Context, *client.Client, []string) (json.RawMessage, error), print func(io.Writer, json.RawMessage) error) *cobra.Command {
	var flags clientFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example,
		Args: func(_ *cobra.Command, args []string) error {
			if n >= 0 && len(args) != n {
				return usage(fmt.Errorf("the command takes %d arguments: %s", n, use))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, closeClient, err := flags.connect(cmd.Context())
			if err != nil {
				return err
			}
			raw, err := ask(cmd.Context(), c, args)
			if err := errors.Join(err, closeClient()); err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			return print(cmd.OutOrStdout(), raw)
		},
	}
	flags.add(cmd)
	return cmd
}

// idArg is an identifier of a command line.
func idArg(s string) (map[string]string, error) {
	typ, value, ok := strings.Cut(s, ":")
	if !ok || typ == "" || value == "" {
		return nil, usage(errors.New("name an identifier as TYPE:VALUE, such as user_id:u1"))
	}
	return map[string]string{"type": typ, "value": value}, nil
}

func idArgs(list []string) ([]map[string]string, error) {
	var out []map[string]string
	for _, s := range list {
		id, err := idArg(s)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

func whyCommand() *cobra.Command {
	return asking("why A B", "Explain why two identifiers are one person, or why not", "  kith identity why user_id:u1 email:ana@example.com", 2,
		func(ctx context.Context, c *client.Client, args []string) (raw json.RawMessage, err error) {
			if _, err = idArgs(args); err != nil {
				return nil, err
			}
			err = c.Get(ctx, "/v1/identity/why?a="+url.QueryEscape(args[0])+"&b="+url.QueryEscape(args[1]), &raw)
			return raw, err
		}, printWhy)
}

type whyID struct{ Type, Value string }

func (i whyID) String() string { return i.Type + ":" + i.Value }

type whyLink struct {
	A, B          whyID
	Verdict, Kind string
	Detail        string
	Sources       []string
	FirstSeen     string `json:"first_seen"`
	LastSeen      string `json:"last_seen"`
	Count         int64
	Decisions     []string
	Messages      []struct {
		MessageID string `json:"message_id"`
	}
}

func printWhy(w io.Writer, raw json.RawMessage) error {
	var v struct {
		Together bool
		Path     []whyLink
		WhyNot   *struct {
			Reason, Detail string
			Rejected       []whyLink
			Through        []struct{ Links []whyLink }
		} `json:"why_not"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if v.Together {
		fmt.Fprintln(w, "one person")
		for i := range v.Path {
			v.Path[i].print(w)
		}
		return nil
	}
	fmt.Fprintf(w, "not one person: %s\n", v.WhyNot.Detail)
	for i := range v.WhyNot.Rejected {
		v.WhyNot.Rejected[i].print(w)
	}
	for _, t := range v.WhyNot.Through {
		for i := range t.Links {
			t.Links[i].print(w)
		}
	}
	return nil
}

func (l *whyLink) print(w io.Writer) {
	fmt.Fprintf(w, "  %s - %s  %s", l.A, l.B, l.Kind)
	if l.Verdict != "accepted" {
		fmt.Fprintf(w, ", rejected: %s", l.Verdict)
	}
	if l.Count > 0 {
		fmt.Fprintf(w, ", %d times from %s to %s by %s", l.Count, l.FirstSeen, l.LastSeen, strings.Join(l.Sources, ", "))
	}
	if len(l.Messages) > 0 {
		fmt.Fprintf(w, ", first in message %s", l.Messages[0].MessageID)
	}
	if len(l.Decisions) > 0 {
		fmt.Fprintf(w, ", decided in %s", strings.Join(l.Decisions, ", "))
	}
	fmt.Fprintln(w)
}

func mergeCommand() *cobra.Command {
	var reason string
	cmd := asking("merge A B", "Decide that two identifiers are one person", "  kith identity merge user_id:u1 user_id:u2 --reason \"phoned in\"", 2,
		func(ctx context.Context, c *client.Client, args []string) (raw json.RawMessage, err error) {
			ids, err := idArgs(args)
			if err != nil {
				return nil, err
			}
			err = c.Post(ctx, "/v1/identity/merge", map[string]any{"a": ids[0], "b": ids[1], "reason": reason}, &raw)
			return raw, err
		}, printDecided)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever reads the decision later")
	return cmd
}

func splitCommand() *cobra.Command {
	var reason string
	var left, right []string
	cmd := asking("split --left A --right B", "Decide that some identifiers are nobody of some others, whatever is seen later",
		"  kith identity split --left user_id:u1 --right email:family@example.com --reason \"a shared mailbox\"", 0,
		func(ctx context.Context, c *client.Client, _ []string) (raw json.RawMessage, err error) {
			l, err := idArgs(left)
			if err != nil {
				return nil, err
			}
			r, err := idArgs(right)
			if err != nil {
				return nil, err
			}
			err = c.Post(ctx, "/v1/identity/split", map[string]any{"left": l, "right": r, "reason": reason}, &raw)
			return raw, err
		}, printDecided)
	cmd.Flags().StringArrayVar(&left, "left", nil, "an identifier of one side; may be given several times")
	cmd.Flags().StringArrayVar(&right, "right", nil, "an identifier of the other side; may be given several times")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever reads the decision later")
	return cmd
}

func printDecided(w io.Writer, raw json.RawMessage) error {
	var v struct {
		ID string `json:"decision_id"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, v.ID)
	return err
}

func retractCommand() *cobra.Command {
	var reason string
	cmd := asking("retract SOURCE RUN", "Take back what a run of a source brought, as if it had never come", "  kith identity retract crm job_01a2 --reason \"the shop's own number\"", 2,
		func(ctx context.Context, c *client.Client, args []string) (raw json.RawMessage, err error) {
			if err = c.Post(ctx, "/v1/identity/retract", map[string]any{"source": args[0], "run": args[1], "reason": reason}, &raw); err != nil {
				return nil, err
			}
			return awaitJob(ctx, c, "retracting", raw)
		}, func(w io.Writer, raw json.RawMessage) error {
			var v struct {
				Result struct {
					ID       string `json:"decision_id"`
					Messages int64
				}
			}
			if err := json.Unmarshal(raw, &v); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w, "%s  %d messages\n", v.Result.ID, v.Result.Messages)
			return err
		})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever reads the decision later")
	return cmd
}

// awaitJob waits until a job has ended, with its progress on standard error. A job
// that failed is an error.
func awaitJob(ctx context.Context, c *client.Client, what string, raw json.RawMessage) (json.RawMessage, error) {
	p := watch(what, recordUnit)
	defer p.stop()
	for {
		var job struct {
			ID, State       string
			Total, Accepted int64
			Error           *struct{ Code, Detail string }
		}
		if err := json.Unmarshal(raw, &job); err != nil {
			return nil, err
		}
		p.reach(what, job.Accepted, job.Total)
		switch job.State {
		case "done":
			return raw, nil
		case "failed", "cancelled":
			if job.Error == nil {
				return nil, errs.New(errs.Conflict, "job.cancelled", "the job was cancelled")
			}
			return nil, errs.New(errs.Conflict, job.Error.Code, "%s", job.Error.Detail)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		raw = nil
		if err := c.Get(ctx, "/v1/jobs/"+url.PathEscape(job.ID), &raw); err != nil {
			return nil, err
		}
	}
}

func revokeCommand() *cobra.Command {
	var reason string
	cmd := asking("revoke DECISION", "Revoke a decision", "  kith identity revoke dec_01a201dea8edef65a5fb34fb64369478", 1,
		func(ctx context.Context, c *client.Client, args []string) (raw json.RawMessage, err error) {
			path := "/v1/identity/decisions/" + url.PathEscape(args[0])
			if err = c.Delete(ctx, path+"?reason="+url.QueryEscape(reason)); err != nil {
				return nil, err
			}
			err = c.Get(ctx, path, &raw)
			return raw, err
		}, func(w io.Writer, raw json.RawMessage) error { return printDecisions(w, wrapped(raw)) })
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever reads the decision later")
	return cmd
}

// wrapped is one thing in the form of a list.
func wrapped(raw json.RawMessage) json.RawMessage {
	return append(append([]byte(`{"data":[`), raw...), `]}`...)
}

func decisionsCommand() *cobra.Command {
	return asking("decisions", "List what operators have decided, latest first", "  kith identity decisions --json", 0,
		func(ctx context.Context, c *client.Client, _ []string) (raw json.RawMessage, err error) {
			err = c.Get(ctx, "/v1/identity/decisions?limit=1000", &raw)
			return raw, err
		}, printDecisions)
}

func printDecisions(w io.Writer, raw json.RawMessage) error {
	var list struct {
		Data []struct {
			ID, Kind, At, State string
			By, Reason          *string
			A, B                whyID
			Left, Right         []whyID
			Source, Run         string
		}
		Next *string
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range list.Data {
		about := fmt.Sprintf("%s = %s", d.A, d.B)
		switch d.Kind {
		case "split":
			about = fmt.Sprintf("%v | %v", d.Left, d.Right)
		case "retract":
			about = d.Source + " " + d.Run
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.At, d.State, d.Kind, about, textOf(d.By), textOf(d.Reason))
	}
	if list.Next != nil {
		fmt.Fprintln(t, "there are more; --json tells next")
	}
	return t.Flush()
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func identitySettingsCommand() *cobra.Command {
	var file string
	cmd := asking("settings", "Print the identity settings, or replace them with those of a file", "  kith identity settings --json\n  kith identity settings --put identity.yaml", 0,
		func(ctx context.Context, c *client.Client, _ []string) (raw json.RawMessage, err error) {
			if file == "" {
				err = c.Get(ctx, "/v1/settings/identity", &raw)
				return raw, err
			}
			doc, err := document(file)
			if err != nil {
				return nil, err
			}
			if err = c.Put(ctx, "/v1/settings/identity", doc, &raw); err != nil {
				return nil, err
			}
			return awaitJob(ctx, c, "resolving", raw)
		}, printIndented)
	cmd.Flags().StringVar(&file, "put", "", "a document in YAML or JSON; - is standard input")
	return cmd
}

func tryCommand() *cobra.Command {
	return asking("try FILE", "Say what other identity settings would change, without changing anything", "  kith identity try identity.yaml", 1,
		func(ctx context.Context, c *client.Client, args []string) (raw json.RawMessage, err error) {
			doc, err := document(args[0])
			if err != nil {
				return nil, err
			}
			if err = c.Post(ctx, "/v1/identity/try", doc, &raw); err != nil {
				return nil, err
			}
			if raw, err = awaitJob(ctx, c, "trying", raw); err != nil {
				return nil, err
			}
			var job struct{ Result json.RawMessage }
			return job.Result, errors.Join(json.Unmarshal(raw, &job), nil)
		}, printTried)
}

func printTried(w io.Writer, raw json.RawMessage) error {
	type count struct{ Profiles, Count int }
	var v struct {
		Profiles                                      struct{ Before, After int }
		Merged, Split, Renamed, Quarantined, Released count
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	fmt.Fprintf(w, "profiles      %d, now %d\n", v.Profiles.After, v.Profiles.Before)
	fmt.Fprintf(w, "would merge   %d\nwould split   %d\nanother id    %d\n", v.Merged.Profiles, v.Split.Profiles, v.Renamed.Profiles)
	_, err := fmt.Fprintf(w, "quarantined   %d identifiers more, %d fewer\n", v.Quarantined.Count, v.Released.Count)
	return err
}

// document reads a document in YAML or JSON.
func document(name string) (json.RawMessage, error) {
	data, err := readAll(name)
	if err != nil {
		return nil, usage(err)
	}
	doc, err := app.DocumentJSON(data)
	if err != nil {
		return nil, usage(err)
	}
	return doc, nil
}

func readAll(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

func printIndented(w io.Writer, raw json.RawMessage) error {
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, out.String())
	return err
}
