package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func searchCommand() *cobra.Command {
	var flags clientFlags
	var limit int
	cmd := &cobra.Command{
		Use:     "search WORDS",
		Short:   "Find customers by name, e-mail address, phone number, id or order number",
		Example: "  kith search \"garcia ana\"\n  kith search 06 12 34 56 78",
		Args: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(strings.Join(args, " ")) == "" {
				return usage(fmt.Errorf("say what to search, such as a name"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, closeClient, err := flags.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer closeClient()
			path := fmt.Sprintf("/v1/profiles?limit=%d&q=%s", limit, url.QueryEscape(strings.Join(args, " ")))
			var found json.RawMessage
			if err := c.Get(cmd.Context(), path, &found); err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), found)
			}
			return printFound(cmd.OutOrStdout(), found)
		},
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 20, "how many to print, at most 100")
	return cmd
}

func printFound(w io.Writer, raw json.RawMessage) error {
	var found struct {
		Data []struct {
			ID, Name, Email, Phone string

			LastSeen string `json:"last_seen"`
			Matched  []struct{ Field, Value string }
		}
		Next  *string
		Exact bool
	}
	if err := json.Unmarshal(raw, &found); err != nil {
		return err
	}
	if len(found.Data) == 0 {
		fmt.Fprintln(w, "Nobody found.")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range found.Data {
		var why []string
		for _, m := range p.Matched {
			why = append(why, m.Field+" "+m.Value)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\tlast seen %s\t%s\n", p.ID, p.Name, p.Email, p.Phone, p.LastSeen, strings.Join(why, ", "))
	}
	if found.Next != nil || !found.Exact {
		fmt.Fprintln(t, "There are more; say more to narrow it down.")
	}
	return t.Flush()
}
