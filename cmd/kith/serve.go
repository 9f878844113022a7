package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/signin"
)

func serveCommand() *cobra.Command {
	cfg := app.DefaultConfig()
	var roles string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the whole product on a data folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(&cfg, roles); err != nil {
				return err
			}
			return serve(cmd.Context(), cfg, cmd.OutOrStdout(), func(context.Context, *app.App) error { return nil })
		},
	}
	processFlags(cmd, &cfg, &roles)
	return cmd
}

// serve runs the product until ctx ends, which is how a signal stops it: then it
// drains and succeeds. ready runs beside it once it listens.
func serve(ctx context.Context, cfg app.Config, out io.Writer, ready func(context.Context, *app.App) error) error {
	defer runtime.KeepAlive(tuneMemory())
	a, err := app.Open(ctx, cfg)
	if err != nil {
		return err
	}
	for _, line := range a.Notices() {
		fmt.Fprintln(os.Stderr, "kith: "+line)
	}
	return a.Serve(ctx, func(ctx context.Context) error {
		fmt.Fprintln(out, "kith listening on "+a.URL())
		link, err := a.SignInLink(ctx)
		if err != nil {
			fmt.Fprintf(os.Stderr, "kith: no link to sign in can be made now: %v; kith open makes one later\n", err)
		}
		if err == nil && link != "" {
			fmt.Fprintf(os.Stderr, "kith: open %s (works once, within %d minutes)\n", link, int(signin.CodeTime.Minutes()))
		}
		return ready(ctx, a)
	})
}
