package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/client"
	"kith/internal/errs"
	"kith/internal/signin"
)

func openCommand() *cobra.Command {
	var url, data string
	var browser bool
	cmd := &cobra.Command{
		Use:     "open",
		Aliases: []string{"ui"},
		Short:   "Print a link that signs a browser in to the interface, once",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token := os.Getenv("KITH_ADMIN_TOKEN")
			c := client.New(url, token)
			if url == "" {
				var ok bool
				if c, ok = client.Running(cmd.Context(), data, token); !ok {
					return errs.New(errs.Unavailable, "open.no_server", "no kith runs on the folder %s; start kith serve, or name its address with --url", data)
				}
			}
			var made struct{ Path string }
			if err := c.Post(cmd.Context(), "/v1/session/codes", struct{}{}, &made); err != nil {
				return err
			}
			link := signin.Link(c.Address(), made.Path)
			fmt.Fprintln(cmd.OutOrStdout(), link)
			if browser {
				return openBrowser(link)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&url, "url", env("KITH_URL", ""), "the server's address; else that of the process on the data folder (KITH_URL)")
	f.StringVar(&data, "data", env("KITH_DATA", app.DefaultConfig().Data), "data folder (KITH_DATA)")
	f.BoolVar(&browser, "browser", false, "also open it in the browser of this machine")
	return cmd
}

// openBrowser hands a link to the desktop.
func openBrowser(link string) error {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	err := exec.Command(name, link).Start()
	return errs.Wrap(err, errs.Unavailable, "open.browser", "the browser cannot be started; open the link yourself")
}
