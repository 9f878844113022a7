package main

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kith/internal/app"
	"kith/internal/client"
)

// clientFlags are the flags of a command that asks a server.
type clientFlags struct {
	url, data string
	json      bool
}

func (f *clientFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.url, "url", env("KITH_URL", ""), "the server's address; else that of the process on the data folder, else the folder itself (KITH_URL)")
	fs.StringVar(&f.data, "data", env("KITH_DATA", app.DefaultConfig().Data), "data folder (KITH_DATA)")
	fs.BoolVar(&f.json, "json", false, "print JSON")
}

// connect finds the server: the address given, else the process that runs on the
// data folder, else the folder opened by this command. close must be called.
func (f *clientFlags) connect(ctx context.Context) (c *client.Client, close func() error, err error) {
	none := func() error { return nil }
	token := os.Getenv("KITH_ADMIN_TOKEN")
	if f.url != "" {
		return client.New(f.url, token), none, nil
	}
	if c, ok := client.Running(ctx, f.data, token); ok {
		return c, none, nil
	}
	cfg := app.DefaultConfig()
	cfg.Data, cfg.AdminToken, cfg.IDKey = f.data, token, os.Getenv("KITH_ID_KEY")
	cfg.SQLWorker = sqlWorker()
	if err := enginesFromEnvironment(&cfg); err != nil {
		return nil, nil, err
	}
	return app.Offline(ctx, cfg)
}

// printJSON writes v as indented JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
