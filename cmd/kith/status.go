package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func statusCommand() *cobra.Command {
	var flags clientFlags
	var hash bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Print how far the server has come",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, closeClient, err := flags.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer closeClient()
			path := "/v1/status"
			if hash {
				path += "?hash=1"
			}
			var raw json.RawMessage
			if err := c.Get(cmd.Context(), path, &raw); err != nil {
				return err
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), raw)
			}
			var s struct {
				Accepted, Processed, Repeats, Lag int64
				Hash                              string `json:"state_hash"`
			}
			if err := json.Unmarshal(raw, &s); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "accepted %d, processed %d (lag %d), of them repeats %d\n", s.Accepted, s.Processed, s.Lag, s.Repeats)
			if hash {
				fmt.Fprintln(cmd.OutOrStdout(), "state_hash "+s.Hash)
			}
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&hash, "hash", false, "also compute the hash of the whole derived state")
	return cmd
}
