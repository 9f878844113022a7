package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kith/internal/client"
)

func traceCommand() *cobra.Command {
	var flags clientFlags
	var position string
	cmd := &cobra.Command{
		Use:     "trace SOURCE MESSAGE_ID",
		Short:   "Print what happened to a message, from its acceptance to the profile",
		Example: "  kith trace web ajs-1a6064a677b3c16a\n  kith trace web ajs-1a6064a677b3c16a --position 0-4711",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(fmt.Errorf("name the source's key and the messageId"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, closeClient, err := flags.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer closeClient()
			path := client.EventPath(args[0], args[1])
			if position != "" {
				path += "?position=" + url.QueryEscape(position)
			}
			var raw json.RawMessage
			if err := c.Get(cmd.Context(), path, &raw); err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			return printTrace(cmd.OutOrStdout(), raw)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&position, "position", "", "tell of the one record at PARTITION-OFFSET, such as a repeat")
	return cmd
}

// traceView is what is printed of a trace.
type traceView struct {
	Records []struct {
		Position, Outcome, Summary, Type, Timestamp, Observation, Code, Detail, Admission string

		EventPosition string `json:"event_position"`
		LastCopyAt    string `json:"last_copy_at"`
		ReceivedAt    string `json:"received_at"`
		NodeID        string `json:"node_id"`
		ProfileID     string `json:"profile_id"`
		Notes         []string
		Identifiers   []struct{ Type, Value string }
		Dropped       []struct{ Type, Reason string }
	}
	Complete bool
}

func printTrace(w io.Writer, raw json.RawMessage) error {
	var v traceView
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "  %s\t%s\n", name, value)
		}
	}
	for _, r := range v.Records {
		fmt.Fprintf(t, "%s: %s\n", strings.ToUpper(r.Outcome[:1])+r.Outcome[1:], r.Summary)
		line("position", r.Position)
		if r.EventPosition != r.Position {
			line("the event", r.EventPosition)
		}
		line("call", r.Type)
		line("received", r.ReceivedAt)
		line("happened", r.Timestamp)
		line("last copy", r.LastCopyAt)
		for _, n := range r.Notes {
			line("note", n)
		}
		line("admission", r.Admission)
		for _, id := range r.Identifiers {
			line("identifier", id.Type+" "+id.Value)
		}
		for _, d := range r.Dropped {
			line("dropped", strings.TrimSpace(d.Type+" "+d.Reason))
		}
		line("seen in", r.Observation)
		line("node", r.NodeID)
		line("profile now", r.ProfileID)
		line("reason", r.Code)
		line("", r.Detail)
	}
	if !v.Complete {
		fmt.Fprintln(t, "There are more records kept apart than were looked through.")
	}
	return t.Flush()
}
