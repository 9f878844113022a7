package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kith/internal/app"
)

func restoreCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var keys keyFlags
	var at string
	var asJSON, newIDs bool
	cmd := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Make a workspace of a backup in an empty data folder",
		Long: `Make a workspace of a backup in an empty data folder.

BACKUP is the folder of a backup, or one with several, of which the newest is
taken. With --at only what was received at or before that moment is kept, under
the settings of the backup. The folder is empty until the workspace is whole.
Start a server with the KITH_ID_KEY that the data was made with.`,
		Example: "  kith restore /backups --identity key.txt --data /var/lib/kith\n  kith restore /backups/20260725T101500.123Z --identity key.txt --at 2026-07-24T00:00:00Z",
		Args:    one("name one backup, or a folder with backups"),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := keys.keys()
			if err != nil {
				return err
			}
			p := watch("restoring", byteUnit)
			defer p.stop()
			r := app.Restoring{From: args[0], Keys: k, OtherIDs: newIDs, Progress: p.set}
			if at != "" {
				t, err := time.Parse(time.RFC3339Nano, at)
				if err != nil {
					return usage(fmt.Errorf("--at must be a moment such as 2026-07-24T09:30:00Z"))
				}
				ms := t.UnixMilli()
				r.Until = &ms
			}
			cfg.IDKey, cfg.Version = os.Getenv("KITH_ID_KEY"), currentVersion().Version
			cfg.LogURL, cfg.StateURL = os.Getenv("KITH_LOG"), os.Getenv("KITH_STATE")
			out, err := app.Restore(cmd.Context(), cfg, r)
			p.stop()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), out)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d records of the backup of %s", out.Data, out.Restored.Records, out.Manifest.CreatedAt)
			if at != "" {
				fmt.Fprintf(cmd.OutOrStdout(), ", without %d later ones", out.Restored.Later)
			}
			fmt.Fprintln(cmd.OutOrStdout())
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&cfg.Data, "data", env("KITH_DATA", cfg.Data), "data folder, empty or not there yet (KITH_DATA)")
	fs.StringVar(&at, "at", "", "keep what was received at or before this moment (RFC 3339)")
	fs.StringVar(&keys.identity, "identity", "", "file with the age identity that opens the backup")
	fs.BoolVar(&keys.plain, "plain", false, "restore a backup that is not encrypted")
	fs.BoolVar(&newIDs, "new-ids", false, "accept another KITH_ID_KEY than the data was made with: every profile gets another id")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
