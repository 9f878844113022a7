package main

import (
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kith/internal/app"
)

func checkCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read everything in a data folder and name what is damaged",
		Long: `Read everything in a data folder that no server runs on, hold it against its
checksums and formats, and name each damaged place. Nothing is changed. The
command ends with 5 when something is damaged.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.IDKey = os.Getenv("KITH_ID_KEY")
			p := watch("checking", byteUnit)
			defer p.stop()
			out, err := app.CheckFolder(cmd.Context(), cfg, p.add)
			p.stop()
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), out)
			} else {
				err = printChecked(cmd, &out)
			}
			if err == nil && out.Found > 0 {
				err = errCheck
			}
			return err
		},
	}
	cmd.Flags().StringVar(&cfg.Data, "data", env("KITH_DATA", cfg.Data), "data folder (KITH_DATA)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printChecked(cmd *cobra.Command, out *app.Checked) error {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, d := range out.Damaged {
		at := "somewhere"
		if d.Offset != nil {
			at = "byte " + strconv.FormatInt(*d.Offset, 10)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", d.File, at, d.Detail)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	verdict := "nothing is damaged"
	switch {
	case out.Found > int64(len(out.Damaged)):
		verdict = fmt.Sprintf("%d places are damaged, of which these are the first", out.Found)
	case out.Found > 0:
		verdict = fmt.Sprintf("places that are damaged: %d", out.Found)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; read %s, %d records and %d rows\n", out.Data, verdict, bytesText(out.Bytes), out.Records, out.Rows)
	fmt.Fprintf(cmd.OutOrStdout(), "clusters %s\n", out.Clusters)
	return nil
}
