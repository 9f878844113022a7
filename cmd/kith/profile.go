package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kith/internal/client"
)

func profileCommand() *cobra.Command {
	var flags clientFlags
	var events int
	cmd := &cobra.Command{
		Use:     "profile TYPE:ID",
		Short:   "Print a customer's profile, found by any identifier or profile id",
		Example: "  kith profile user_id:12347\n  kith profile email:ana@shop.fr --events 20",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !strings.Contains(args[0], ":") {
				return usage(fmt.Errorf("name one profile as TYPE:ID, such as user_id:12347"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, closeClient, err := flags.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer closeClient()
			typ, value, _ := strings.Cut(args[0], ":")
			path := client.ProfilePath(typ, value)
			var p json.RawMessage
			if err := c.Get(cmd.Context(), path, &p); err != nil {
				return err
			}
			var list eventList
			if err := c.Get(cmd.Context(), fmt.Sprintf("%s/events?limit=%d", path, max(events, 1)), &list); err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), p)
			}
			return printProfile(cmd.OutOrStdout(), p, list.Data[:min(events, len(list.Data))])
		},
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&events, "events", 10, "how many of the latest events to print, at most 1000")
	return cmd
}

// eventList is a page of the timeline.
type eventList struct {
	Data []timelineEvent `json:"data"`
}

type timelineEvent struct {
	Type       string         `json:"type"`
	Event      string         `json:"event"`
	Name       string         `json:"name"`
	Timestamp  string         `json:"timestamp"`
	Traits     map[string]any `json:"traits"`
	Properties map[string]any `json:"properties"`
}

// profileView is what is printed of a profile.
type profileView struct {
	ID          string `json:"id"`
	Identifiers []struct {
		Type      string   `json:"type"`
		Value     string   `json:"value"`
		FirstSeen string   `json:"first_seen"`
		LastSeen  string   `json:"last_seen"`
		Sources   []string `json:"sources"`
	} `json:"identifiers"`
	Traits   map[string]json.RawMessage `json:"traits"`
	Segments []struct {
		Key   string `json:"key"`
		Since string `json:"since"`
	} `json:"segments"`
	Consents []struct {
		Purpose string `json:"purpose"`
		Channel string `json:"channel"`
		State   string `json:"state"`
		At      string `json:"at"`
	} `json:"consents"`
	Accounts  []string `json:"accounts"`
	FirstSeen string   `json:"first_seen"`
	LastSeen  string   `json:"last_seen"`
	Events    int64    `json:"events"`
}

func printProfile(w io.Writer, raw json.RawMessage, events []timelineEvent) error {
	var p profileView
	if err := json.Unmarshal(raw, &p); err != nil {
		return err
	}
	fmt.Fprintf(w, "Profile %s\n", p.ID)
	fmt.Fprintf(w, "%d events, first seen %s, last seen %s\n", p.Events, p.FirstSeen, p.LastSeen)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nIdentifiers")
	for _, id := range p.Identifiers {
		fmt.Fprintf(t, "  %s\t%s\tfrom %s\tsince %s\n", id.Type, id.Value, strings.Join(id.Sources, ", "), id.FirstSeen)
	}
	if len(p.Traits) > 0 {
		fmt.Fprintln(t, "\nTraits")
	}
	keys := make([]string, 0, len(p.Traits))
	for k := range p.Traits {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		fmt.Fprintf(t, "  %s\t%s\n", k, p.Traits[k])
	}
	printStandings(t, &p)
	if len(p.Accounts) > 0 {
		fmt.Fprintf(t, "\nAccounts\n  %s\n", strings.Join(p.Accounts, ", "))
	}
	if len(events) > 0 {
		fmt.Fprintln(t, "\nLatest events")
	}
	for _, e := range events {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", e.Timestamp, e.title(), e.gist())
	}
	return t.Flush()
}

// printStandings prints what the person belongs to and has agreed to.
func printStandings(w io.Writer, p *profileView) {
	if len(p.Segments) > 0 {
		fmt.Fprintln(w, "\nSegments")
	}
	for _, s := range p.Segments {
		fmt.Fprintf(w, "  %s\tsince %s\n", s.Key, s.Since)
	}
	if len(p.Consents) > 0 {
		fmt.Fprintln(w, "\nConsents")
	}
	for _, c := range p.Consents {
		fmt.Fprintf(w, "  %s\t%s\tsince %s\n", strings.TrimSpace(c.Purpose+" "+c.Channel), c.State, c.At)
	}
}

func (e *timelineEvent) title() string {
	for _, s := range []string{e.Event, strings.TrimSpace(e.Type + " " + e.Name)} {
		if s != "" {
			return s
		}
	}
	return e.Type
}

// gist is one line of what the event says: amounts and names first, lists by
// their length.
func (e *timelineEvent) gist() string {
	content := e.Properties
	if len(content) == 0 {
		content = e.Traits
	}
	keys := make([]string, 0, len(content))
	for k := range content {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var parts []string
	for _, k := range keys {
		switch v := content[k].(type) {
		case []any:
			parts = append(parts, fmt.Sprintf("%d %s", len(v), k))
		case map[string]any:
		default:
			parts = append(parts, fmt.Sprintf("%s %v", k, v))
		}
	}
	line := []rune(strings.Join(parts, ", "))
	if len(line) > 100 {
		line = append(line[:99], '…')
	}
	return string(line)
}
