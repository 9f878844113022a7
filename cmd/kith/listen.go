package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"kith/internal/client"
	"kith/internal/errs"
)

func listenCommand() *cobra.Command {
	var flags clientFlags
	var from string
	filter := map[string]*string{}
	cmd := &cobra.Command{
		Use:     "listen",
		Short:   "Print events as they arrive, and what becomes of them",
		Example: "  kith listen --source web --type track\n  kith listen --user-id 12347 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.server(cmd)
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, value := range filter {
				if *value != "" {
					query.Set(name, *value)
				}
			}
			path := "/v1/live/events"
			if len(query) > 0 {
				path += "?" + query.Encode()
			}
			return c.Stream(cmd.Context(), path, from, func(m client.Message) error {
				return printMessage(cmd.OutOrStdout(), m, flags.json)
			})
		},
	}
	flags.add(cmd)
	for _, f := range [...][3]string{
		{"type", "type", "only calls of this type: identify, track, page, screen, group, alias"}, {"name", "name", "only events, pages or screens of this name"},
		{"source", "source", "only what this source sent"}, {"user-id", "user_id", "only what names this user"},
		{"identifier", "identifier", "only what names this identifier, as TYPE:VALUE"},
	} {
		filter[f[1]] = cmd.Flags().String(f[0], "", f[2])
	}
	cmd.Flags().StringVar(&from, "from", "", "go on behind the message with this id, as --json prints it")
	return cmd
}

// server finds a running server; what listens cannot open the folder itself.
func (f *clientFlags) server(cmd *cobra.Command) (*client.Client, error) {
	token := os.Getenv("KITH_ADMIN_TOKEN")
	if f.url != "" {
		return client.New(f.url, token), nil
	}
	if c, ok := client.Running(cmd.Context(), f.data, token); ok {
		return c, nil
	}
	return nil, errs.New(errs.Unavailable, "listen.no_server", "no server runs on %s; start one with `kith serve` or name one with --url", f.data)
}

// printMessage prints a message of the stream: as one line of JSON, or as a line
// for a person, who is not told of an event twice.
func printMessage(w io.Writer, m client.Message, asJSON bool) error {
	if m.Event == "" {
		return nil
	}
	if asJSON {
		line, err := json.Marshal(struct {
			Event string          `json:"event"`
			ID    string          `json:"id"`
			Data  json.RawMessage `json:"data"`
		}{m.Event, m.ID, m.Data})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", line)
		return err
	}
	var v struct {
		Lost                                        int64
		Outcome, Position, Source, Type, Name, Code string

		timelineEvent
		MessageID  string `json:"message_id"`
		ReceivedAt string `json:"received_at"`
		ProfileID  string `json:"profile_id"`
	}
	if err := json.Unmarshal(m.Data, &v); err != nil {
		return err
	}
	var err error
	switch {
	case m.Event == "lost":
		_, err = fmt.Fprintf(w, "… %d records were left out\n", v.Lost)
	case m.Event == "event":
		e := v.timelineEvent
		e.Type, e.Name = v.Type, v.Name
		_, err = fmt.Fprintf(w, "%s  %-10s  %-24s  %s  %s\n", v.ReceivedAt, v.Source, e.title(), v.ProfileID, e.gist())
	case v.Outcome != "folded":
		_, err = fmt.Fprintf(w, "%s  %-10s  %s %s %s %s  at %s\n", v.ReceivedAt, v.Source, v.Outcome, v.Type, v.MessageID, v.Code, v.Position)
	}
	return err
}
