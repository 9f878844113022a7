package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kith/internal/app"
)

func doctorCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var roles string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the machine, the settings and the data folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(&cfg, roles); err != nil {
				return err
			}
			checks := app.Examine(cmd.Context(), cfg)
			failed := false
			for _, c := range checks {
				failed = failed || c.Verdict == app.Failed
			}
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), checks); err != nil {
					return err
				}
			} else {
				t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, c := range checks {
					fmt.Fprintf(t, "%s\t%s\t%s\n", c.Verdict, c.Name, c.Detail)
				}
				if err := t.Flush(); err != nil {
					return err
				}
			}
			if failed {
				return errCheck
			}
			return nil
		},
	}
	processFlags(cmd, &cfg, &roles)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
